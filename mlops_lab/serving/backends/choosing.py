"""Which backend runs a model, and why: a sentence that status and people get to read."""

from __future__ import annotations

import logging
import tempfile
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

from mlops_lab.errors import InvalidInput, LabError
from mlops_lab.registry.package import read_facts
from mlops_lab.serving.backends.backend import Backend
from mlops_lab.serving.backends.forms import find_form, make_form, missing_libraries
from mlops_lab.serving.backends.onnx import OnnxBackend
from mlops_lab.serving.backends.parity import ParityReport
from mlops_lab.serving.backends.sklearn import SklearnBackend
from mlops_lab.wording import listed

__all__ = ["AUTO", "Chosen", "choose", "prepare"]

_log = logging.getLogger("mlops_lab")

AUTO: Final = "auto"
_NAMES: Final = (AUTO, OnnxBackend.name, SklearnBackend.name)
_PLAIN: Final = "scikit-learn runs the model as it was saved"
_PICKLE: Final = "nothing is made of a pickle"


@dataclass(frozen=True, slots=True)
class Chosen:
    """A loaded backend, and why it was this one.

    Attributes
    ----------
    backend
        Ready to predict.
    why
        A sentence.
    report
        The verdict on the converted form; None when none was asked for or could be made.
    """

    backend: Backend
    why: str
    report: ParityReport | None = None


def choose(
    folder: Path,
    wanted: str = AUTO,
    *,
    rows: Any = None,
    source: str = "rows that were given",
    cache_dir: Path | None = None,
    allow_unsafe: bool = False,
) -> Chosen:
    """Load a packed model with the fastest backend that answers as the model does.

    What `prepare` has made is loaded at once; otherwise it is made here, which takes seconds.

    Parameters
    ----------
    folder
        The model's package; the caller has verified its bytes.
    wanted
        ``auto``, or a backend's name.
    rows
        Real rows to compare backends on, as the model takes them: a frame or an array. None: what
        was prepared, else the package's input example.
    source
        Where the rows came from, in words.
    cache_dir
        Where converted forms and their reports are kept by the package's content; None: nowhere.
    allow_unsafe
        Load a pickle too, which runs whatever is in it.

    Raises
    ------
    InvalidInput
        There is no such backend, or it cannot run this model.
    Corrupt
        The package is damaged.
    """
    if wanted not in _NAMES:
        raise InvalidInput(f"There is no backend {wanted!r}; there are: {', '.join(_NAMES)}.")
    if wanted == SklearnBackend.name:
        plain = SklearnBackend.load(folder, allow_unsafe=allow_unsafe)
        return Chosen(plain, f"{_PLAIN}, as was asked for.")
    if read_facts(folder).unsafe:
        return Chosen(
            SklearnBackend.load(folder, allow_unsafe=allow_unsafe), f"{_PLAIN}: {_PICKLE}."
        )
    if cache_dir is not None:
        return _of_form(folder, wanted, _form(folder, cache_dir, rows, source))
    with tempfile.TemporaryDirectory(prefix="mlops-lab-") as made:
        return _of_form(folder, wanted, _form(folder, Path(made), rows, source))


def prepare(
    folder: Path, *, rows: Any = None, source: str = "rows that were given", cache_dir: Path
) -> ParityReport | str:
    """Convert a packed model and prove the form, so that `choose` finds it made.

    Parameters
    ----------
    folder, rows, source, cache_dir
        As of `choose`.

    Returns
    -------
    ParityReport or str
        The verdict; or a sentence: why there can be none.
    """
    found = _form(folder, cache_dir, rows, source)
    return found if isinstance(found, str) else found[1]


def _form(folder: Path, cache_dir: Path, rows: Any, source: str) -> tuple[Path, ParityReport] | str:
    """The form of a model and the verdict on it; or why there can be none."""
    if read_facts(folder).unsafe:
        return _PICKLE
    if find_spec("onnxruntime") is None:
        return "the extra serve is not installed: pip install 'mlops-lab[serve]'"
    found = find_form(folder, cache_dir)
    if found is not None and rows is None:
        return found
    missing = missing_libraries()
    if missing:
        return f"{listed(missing)} is not installed: pip install 'mlops-lab[serve]'"
    try:
        return make_form(folder, cache_dir, rows, source)
    except OSError as error:
        # A disk that is full or read-only is no reason not to answer.
        _log.warning("MLOps Lab: no ONNX form of %s was made: %s", folder.name, error)
        return f"no ONNX form could be kept ({error.strerror or error})"


def _of_form(folder: Path, wanted: str, found: tuple[Path, ParityReport] | str) -> Chosen:
    report: ParityReport | None = None
    if isinstance(found, str):
        why = f"{_PLAIN}: {found}."
    else:
        form, report = found
        if report.passed:
            try:
                return Chosen(OnnxBackend.load(form, package=folder), report.why, report)
            except LabError as error:
                why = f"{_PLAIN}. Its ONNX form was not loaded: {error}"
        else:
            why = f"{_PLAIN}. {report.why}"
    if wanted == OnnxBackend.name:
        raise InvalidInput(f"The backend onnx was asked for and cannot be had: {why}")
    return Chosen(SklearnBackend.load(folder), why, report)
