"""The handle of a model that is a file or a folder and no version: loaded as safely."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from mlops_lab.errors import InvalidInput, LabError, NotFound
from mlops_lab.handles.model_card import file_card, file_line
from mlops_lab.names import other_spelling
from mlops_lab.registry.package import (
    FACTS,
    PackageFacts,
    facts_of_file,
    load_file,
    load_model,
    read_example,
    read_facts,
)
from mlops_lab.registry.predicting import predict
from mlops_lab.registry.signature import Signature

__all__ = ["ModelFile", "is_model_path", "model_file"]

_SUFFIXES: Final = (".skops", ".pkl", ".pickle")


class ModelFile:
    """A ``.skops`` file, or a folder with ``model.json``, that is no version of a model.

    Nothing is known of its origin. Its types and its structure are checked as those of a version;
    that its bytes are what somebody meant, nobody says. Not for use by several threads at once.
    """

    __slots__ = ("_model", "_path")

    def __init__(self, path: Path) -> None:
        self._path = path
        self._model: Any = None

    @property
    def path(self) -> Path:
        """The file or the folder."""
        return self._path

    @property
    def facts(self) -> PackageFacts:
        """What its ``model.json`` says; for a bare file what can be seen without loading it."""
        if self._path.is_dir():
            return read_facts(self._path)
        return facts_of_file(self._path)

    @property
    def signature(self) -> Signature | None:
        """What it takes and gives, if that was kept."""
        return self.facts.signature

    @property
    def example(self) -> Any:
        """The input example that it was kept with; None without one."""
        return read_example(self._path) if self._path.is_dir() else None

    def load(self, *, allow_unsafe: bool = False) -> Any:
        """Load the model itself.

        Parameters
        ----------
        allow_unsafe
            Load a pickle too, which runs whatever is in it.

        Raises
        ------
        InvalidInput
            It is a pickle and that was not allowed, or holds types that no file may bring.
        Corrupt
            It is damaged, or its structure could crash the process.
        """
        loads = load_model if self._path.is_dir() else load_file
        return loads(self._path, allow_unsafe=allow_unsafe)

    def predict(self, data: Any) -> Any:
        """Predict, after the input was compared with the signature; see `Model.predict`."""
        return predict(self._kept(), data, self.signature)

    def predict_proba(self, data: Any) -> Any:
        """Say how probable each class is; see `Model.predict_proba`."""
        return predict(self._kept(), data, self.signature, chances=True)

    def _kept(self) -> Any:
        if self._model is None:
            self._model = self.load()
        return self._model

    def __repr__(self) -> str:
        try:
            facts = self.facts
        except (LabError, OSError) as error:
            return f"<ModelFile {str(self._path)!r} cannot be read: {error}>"
        return file_line(self._path.name, facts)

    def _repr_html_(self) -> str | None:
        try:
            return file_card(self._path.name, self.facts)
        except (LabError, OSError):
            return None  # the text says why


def is_model_path(text: str) -> bool:
    """Say whether a text is meant as a path to a model, not as a reference."""
    return "/" in text or "\\" in text or text.lower().endswith(_SUFFIXES)


def model_file(path: Path) -> ModelFile:
    """Give the handle of a model file or folder.

    Raises
    ------
    NotFound
        There is none.
    InvalidInput
        It is something else.
    """
    if path.is_dir():
        if not (path / FACTS).is_file():
            raise InvalidInput(f"{str(path)!r} is a folder without {FACTS}: no model.")
    elif not path.is_file():
        told = other_spelling(path.as_posix())
        raise NotFound(f"There is no model {str(path)!r} (seen from {Path.cwd()}).{told}")
    return ModelFile(path)
