"""What papermill's entry point names: a door that papermill may load at any time.

Papermill loads every registered engine while it is itself being imported. If the entry point named
`StepEngine`, whose module imports papermill, whoever imported that module first would find it half
made; and each `import papermill` would pay for ours.
"""

from __future__ import annotations

from typing import Any

__all__ = ["LazyStepEngine"]


class LazyStepEngine:
    """Papermill's engine ``mlops-lab``, imported when a notebook is executed with it."""

    @classmethod
    def execute_notebook(cls, *arguments: Any, **options: Any) -> Any:
        """Execute as :class:`mlops_lab.orchestration.engines.engine.StepEngine` does."""
        return _engine().execute_notebook(*arguments, **options)

    @classmethod
    def nb_kernel_name(cls, *arguments: Any, **options: Any) -> Any:
        """Say which kernel a notebook asks for; papermill wants to know before it executes."""
        return _engine().nb_kernel_name(*arguments, **options)

    @classmethod
    def nb_language(cls, *arguments: Any, **options: Any) -> Any:
        """Say which language a notebook is in."""
        return _engine().nb_language(*arguments, **options)


def _engine() -> Any:
    from mlops_lab.orchestration.engines.engine import StepEngine

    return StepEngine
