"""scikit-learn models through skops: no code in the file, types by our list, structure checked."""

from __future__ import annotations

import io
import logging
import re
import warnings
from functools import cache
from pathlib import Path
from typing import Any, BinaryIO, Final
from zipfile import ZipFile

from mlops_lab.errors import Corrupt, InvalidInput, LabError
from mlops_lab.registry import archive, bounds
from mlops_lab.registry.allow import Refusal, Seen, allowed, audit
from mlops_lab.registry.flavors.flavor import Packed

__all__ = ["SklearnFlavor"]

_log = logging.getLogger("mlops_lab")

_SHOWN: Final = 4


class SklearnFlavor:
    """Estimators of scikit-learn, and pipelines of them, as a compressed skops file."""

    name = "sklearn"
    file = "model.skops"
    unsafe = False

    def takes(self, model: object) -> bool:
        """Take what calls itself an estimator."""
        from sklearn.base import BaseEstimator

        return isinstance(model, BaseEstimator)

    def pack(self, model: object) -> Packed:
        """Make a skops file in which every type is on our list."""
        import skops.io
        from skops.io.exceptions import UnsupportedTypeException

        _say_unreviewed()
        try:
            raw = skops.io.dumps(model)
        except (UnsupportedTypeException, TypeError, ValueError, RecursionError) as error:
            said = str(error)[:300].rstrip(".")
            if isinstance(error, RecursionError):
                said = "it holds itself, or is nested without end"
            raise InvalidInput(
                f"skops cannot keep this {type(model).__name__}: {said}. To keep it as a pickle, "
                "which runs code when it is loaded: log_model(…, unsafe=True)."
            ) from error
        with ZipFile(io.BytesIO(raw)) as unpacked:
            schema = archive.read_schema(unpacked, "The model")
            archive.name_fully(schema)
            seen = audit(schema)
            if seen.refusals:
                raise InvalidInput(_not_listed(seen.refusals))
            return Packed(archive.pack(unpacked, schema), seen.types)

    def load(self, file: Path) -> Any:
        """Look at the archive, the types and the arrays, then build, then check the structure."""
        with file.open("rb") as source:
            return _load(source, file.name)

    def look(self, file: Path) -> tuple[tuple[str, ...], str]:
        """Name the types in a file, and the model's own class, without building anything."""
        with file.open("rb") as source, archive.opened(source, file.name) as unpacked:
            seen = audit(archive.read_schema(unpacked, file.name))
        return seen.types, seen.root.rpartition(".")[2]

    def packages(self) -> tuple[str, ...]:
        """Name what a process needs to load it."""
        return ("scikit-learn", "skops", "numpy", "scipy", "pandas")


def _load(source: BinaryIO, what: str) -> Any:
    import skops.io

    try:
        with archive.opened(source, what) as unpacked:
            seen = audit(archive.read_schema(unpacked, what))
            _refuse(seen, what)
            shapes = archive.check_arrays(unpacked, seen.files, what)
            bounds.check_trees(seen.trees, shapes, what)
        source.seek(0)
        with warnings.catch_warnings():
            # Which version it was fitted with is said once, by us, with what to do about it.
            warnings.filterwarnings("ignore", message="Trying to unpickle estimator")
            types = list(seen.types)
            del seen  # as large as the file
            model = skops.io.load(source, trusted=types)
    except LabError:
        raise
    except (MemoryError, RecursionError) as error:
        raise Corrupt(f"{what} asks for more than this machine has: {error!r}.") from None
    except Exception as error:
        # Whatever a library raises about what it is given: numpy has kinds of its own.
        # The types and arrays are sound, but they do not fit together, or not this scikit-learn.
        raise Corrupt(
            f"{what} does not fit the installed scikit-learn, or was changed: "
            f"{type(error).__name__}: {str(error)[:300]}"
        ) from error
    bounds.check(model, what)
    return model


def _refuse(seen: Seen, what: str) -> None:
    """Refuse types that no file may bring, and files of another scikit-learn."""
    import sklearn

    _say_unreviewed()
    if seen.refusals:
        first = seen.refusals[0]
        more = len(seen.refusals) - 1
        raise InvalidInput(
            f"{what} is not loaded: it holds {_plain(first.type)}{_place(first)}, which {first.why}"
            f"{f', and {more} more such' if more else ''}. Nothing of it was built. Who made the "
            "model can say what that is; only a pickle that you asked for by allow_unsafe=True may "
            "hold it.",
            types=[refusal.type for refusal in seen.refusals],
        )
    here = _minor(sklearn.__version__)
    for version in seen.versions:
        there = _minor(version)
        if there is None or here is None or there[0] != here[0]:
            raise InvalidInput(
                f"{what} was made with scikit-learn {_plain(version)}, here is "
                f"{sklearn.__version__}: models do not move between major versions. "
                f"pip install scikit-learn=={_plain(version)}, or train it again."
            )
        if there != here:
            _log.warning(
                "MLOps Lab: %s was made with scikit-learn %s, here is %s: predictions may differ. "
                "pip install scikit-learn==%s has it as it was.",
                what,
                version,
                sklearn.__version__,
                version,
            )


@cache
def _say_unreviewed() -> None:
    """Say once that this scikit-learn is none that the list was made for."""
    import sklearn

    first, last = allowed().scikit_learn
    here = _minor(sklearn.__version__)
    if here is None or not (_minor(first) or here) <= here <= (_minor(last) or here):
        _log.warning(
            "MLOps Lab: the types that models may hold were reviewed for scikit-learn %s to %s; "
            "here is %s. What the list does not know is refused.",
            first,
            last,
            sklearn.__version__,
        )


def _not_listed(refusals: tuple[Refusal, ...]) -> str:
    names = dict.fromkeys(refusal.type for refusal in refusals)
    shown = ", ".join(
        f"{_plain(name)}{_place(next(r for r in refusals if r.type == name))}"
        for name in list(names)[:_SHOWN]
    )
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    called = any("calling" in refusal.why for refusal in refusals)
    advice = (
        "Functions, methods and classes of your own cannot be told from harmful ones. Use "
        "scikit-learn's parts"
        if called or any(name.startswith("__main__.") for name in names)
        else f"They are not on the list of types reviewed for scikit-learn "
        f"{'–'.join(allowed().scikit_learn)}. Leave them out"
    )
    return (
        f"The model cannot be kept safely because of {shown}{more}. {advice} (of a search, log "
        "best_estimator_), or keep it as a pickle, which runs code when it is loaded, is shown in "
        "red and is not promoted by the default policy: log_model(…, unsafe=True)."
    )


def _place(refusal: Refusal) -> str:
    return f" at {_plain(refusal.where)}" if refusal.where else ""


def _plain(text: str) -> str:
    """Make what a file says fit for a terminal and a page."""
    shown = text if len(text) <= 120 else f"{text[:119]}…"
    return "".join(c if c.isprintable() else "�" for c in shown)


def _minor(version: str) -> tuple[int, int] | None:
    found = re.match(r"(\d+)\.(\d+)", version)
    return None if found is None else (int(found[1]), int(found[2]))
