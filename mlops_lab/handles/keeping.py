"""Keeping a model with a run: packed in a folder on the way, proven, and then kept."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlops_lab.registry.package import save_model
from mlops_lab.store.snapshot import workplace
from mlops_lab.tracking.lines import artifact_path

if TYPE_CHECKING:
    from mlops_lab.project import Project
    from mlops_lab.registry.records import LoggedModel

__all__ = ["keep_model"]


def keep_model(
    project: Project,
    run_id: str,
    model: Any,
    name: str,
    *,
    example: Any,
    unsafe: bool,
) -> LoggedModel:
    """Keep a model as artifacts of a run; see `mlops_lab.handles.run.Run.log_model`."""
    name = artifact_path(name)
    with workplace(project.store.tmp) as folder:
        facts = save_model(model, folder, example=example, unsafe=unsafe)
        return project.models.log_package(run_id, name, folder, latency_ms=facts.latency_ms)
