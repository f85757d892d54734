"""MLOps Lab inside Jupyter Server: REST for the browser, and events when something changed."""

from __future__ import annotations

from typing import Any

__all__ = ["extension_points"]


def extension_points() -> list[dict[str, Any]]:
    """Say what Jupyter Server is to load: our one application."""
    # Here, not above: the parts below the handlers are used and tested without a server.
    from mlops_lab.server.extension import MlopsLabApp

    return [{"module": "mlops_lab.server", "app": MlopsLabApp}]
