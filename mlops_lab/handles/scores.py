"""What a model said of a table: where it is, and how it came to be."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlops_lab.handles.dataset import Dataset
from mlops_lab.wording import counted

if TYPE_CHECKING:
    from mlops_lab.project import Project
    from mlops_lab.serving.batch import Scored

__all__ = ["Scores"]


class Scores:
    """A table that a model has scored. Immutable; safe to use from several threads."""

    __slots__ = ("_project", "_scored")

    def __init__(self, project: Project, scored: Scored) -> None:
        self._project = project
        self._scored = scored

    @property
    def rows(self) -> int:
        """How many rows there are."""
        return self._scored.rows

    @property
    def run_id(self) -> str:
        """The run that did it, of kind ``batch``; ``lab.run(id)`` gives its handle."""
        return self._scored.run_id

    @property
    def model(self) -> str:
        """The version that answered: ``flight-delay@5``."""
        return self._scored.model

    @property
    def dataset(self) -> Dataset | None:
        """The dataset's version that it became; None of a file."""
        ref = self._scored.dataset
        return None if ref is None else Dataset(self._project, ref)

    @property
    def path(self) -> Path:
        """The Parquet file."""
        if self._scored.path is not None:
            return self._scored.path
        assert self._scored.dataset is not None
        return self._project.datasets.path(self._scored.dataset)

    @property
    def backend(self) -> str:
        """What ran the model: ``sklearn`` or ``onnx``."""
        return self._scored.backend

    @property
    def why(self) -> str:
        """Why that, as a sentence."""
        return self._scored.why

    def df(self) -> Any:
        """Read it as a pandas frame."""
        import pandas as pd

        return pd.read_parquet(self.path)

    def __repr__(self) -> str:
        where = self._scored.dataset or str(self._scored.path)
        rows = counted(self._scored.rows, "row")
        return f"<Scores {where}: {rows} by {self.model} in {self._scored.duration_s:.1f} s>"
