"""A model as a folder: its file, what is known of it, an example of its input, what it needs.

    model.skops | model.pkl    the model
    model.json                 flavor, versions, types, signature, size, whether it is safe
    input_example.json         the first rows of the example
    requirements.txt           the packages and versions that it was made with

Saving proves itself: the file is loaded again as anybody would, and must predict the same on the
example. Loading takes nothing on trust but the bytes, whose hash the caller has verified.
"""

from __future__ import annotations

import json
import platform
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Final

from mlops_lab.errors import Corrupt, InvalidInput, NotFound
from mlops_lab.registry import example as examples
from mlops_lab.registry.allow import allowed
from mlops_lab.registry.flavors import FLAVORS, Flavor, flavor_for, flavor_of_file
from mlops_lab.registry.proof import (
    answer,
    checked_example,
    latency,
    prove,
    refuse_unfitted,
)
from mlops_lab.registry.signature import Signature, infer

__all__ = [
    "EXAMPLE",
    "FACTS",
    "REQUIREMENTS",
    "PackageFacts",
    "facts_of_file",
    "load_file",
    "load_model",
    "read_example",
    "read_facts",
    "save_model",
]

FACTS: Final = "model.json"
EXAMPLE: Final = "input_example.json"
REQUIREMENTS: Final = "requirements.txt"

_FORMAT: Final = 1
_FACTS_BYTES: Final = 64 * 2**20


@dataclass(frozen=True, slots=True)
class PackageFacts:
    """What is known of a packed model: the content of ``model.json``.

    Attributes
    ----------
    flavor
        ``sklearn`` or ``pickle``.
    unsafe
        Whether loading it runs code that it brings along.
    file
        The model's file in the folder.
    size_bytes
        That file's size.
    estimator
        The class of the model: ``Pipeline``.
    types
        The full names of the types in it; empty when only running it would tell.
    versions
        The versions it was made with: python, scikit-learn, skops, numpy …
    signature
        What it takes and gives; None when it was saved without an example.
    latency_ms
        ``p50`` and ``p95`` of predicting the example's first row alone, and how many ``calls``;
        None of a model that was read. It is measured, so it differs each time, and does not stand
        in ``model.json``: the same model fitted twice has the same content.
    example
        Whether there is an input example.
    allow_list
        The version of the reviewed list that it was saved by; None when it is unsafe.
    """

    flavor: str
    unsafe: bool
    file: str
    size_bytes: int
    estimator: str
    types: tuple[str, ...] = ()
    versions: Mapping[str, str] = field(default_factory=dict)
    signature: Signature | None = None
    latency_ms: Mapping[str, float] | None = None
    example: bool = False
    allow_list: int | None = None

    def to_json(self) -> dict[str, Any]:
        """Give them as JSON, the content of ``model.json``."""
        return {
            "format": _FORMAT,
            "flavor": self.flavor,
            "unsafe": self.unsafe,
            "file": self.file,
            "size_bytes": self.size_bytes,
            "estimator": self.estimator,
            "types": list(self.types),
            "versions": dict(self.versions),
            "signature": None if self.signature is None else self.signature.to_json(),
            "example": self.example,
            "allow_list": self.allow_list,
        }

    @classmethod
    def from_json(cls, data: Any) -> PackageFacts:
        """Read what `to_json` gave.

        Raises
        ------
        Corrupt
            It is something else.
        """
        try:
            flavor = FLAVORS[data["flavor"]]
            signature = data.get("signature")
            return cls(
                flavor=flavor.name,
                # Never what the file says of itself.
                unsafe=flavor.unsafe,
                file=flavor.file,
                size_bytes=int(data["size_bytes"]),
                estimator=str(data.get("estimator", "")),
                types=tuple(map(str, data.get("types") or ())),
                versions={str(k): str(v) for k, v in (data.get("versions") or {}).items()},
                signature=None if signature is None else Signature.from_json(signature),
                example=bool(data.get("example", False)),
                allow_list=data.get("allow_list"),
            )
        except (AttributeError, KeyError, OverflowError, TypeError, ValueError) as error:
            known = ", ".join(sorted(FLAVORS))
            raise Corrupt(
                f"{FACTS} does not describe a model of a flavor known here ({known}): {error!r}."
            ) from None


def save_model(
    model: object, folder: Path, *, example: object = None, unsafe: bool = False
) -> PackageFacts:
    """Write a model and what is known of it into a folder, and prove that it comes back.

    Parameters
    ----------
    model
        A fitted estimator or pipeline; with ``unsafe`` any object that can be pickled.
    folder
        Where to write; made when it is missing. Files of the same names are replaced.
    example
        Input as it will be given to ``predict``: a frame, an array, texts; some rows suffice. From
        it come the signature, the latency, and the proof that the loaded model predicts the same.
    unsafe
        Keep it as a pickle. It is stored as unsafe, loaded only by ``allow_unsafe=True``, and not
        promoted by the default policy.

    Raises
    ------
    InvalidInput
        The model was never fitted, has parts that cannot be kept, does not take its own example, or
        is another model after it was loaded again; nothing is left in the folder.
    """
    flavor = flavor_for(model, unsafe=unsafe)
    if example is not None:
        example = checked_example(example)
    elif not flavor.unsafe:
        refuse_unfitted(model)
    before = None if example is None else answer(model, example)
    packed = flavor.pack(model)
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / flavor.file
    file.write_bytes(packed.data)
    try:
        prove(flavor, file, example, before)
    except BaseException:
        file.unlink(missing_ok=True)
        raise
    versions = _versions(flavor.packages())
    facts = PackageFacts(
        flavor=flavor.name,
        unsafe=flavor.unsafe,
        file=flavor.file,
        size_bytes=len(packed.data),
        estimator=type(model).__name__,
        types=packed.types,
        versions={"python": platform.python_version(), **versions},
        signature=None if example is None else infer(example, before),
        latency_ms=None if example is None else latency(model, example),
        example=example is not None,
        allow_list=None if flavor.unsafe else allowed().version,
    )
    if example is not None:
        _write(folder / EXAMPLE, examples.to_json(example))
    requirements = "".join(f"{name}=={found}\n" for name, found in versions.items())
    (folder / REQUIREMENTS).write_text(requirements, "utf-8")
    _write(folder / FACTS, facts.to_json())
    return facts


def load_model(folder: Path, *, allow_unsafe: bool = False) -> Any:
    """Load the model of a folder that `save_model` wrote; the caller has verified the bytes.

    Parameters
    ----------
    folder
        The folder.
    allow_unsafe
        Load a pickle too, which runs whatever is in it.

    Raises
    ------
    NotFound
        The folder or a file in it is missing.
    InvalidInput
        The model is unsafe and that was not allowed, holds types that no file may bring, or was
        made with another major version.
    Corrupt
        A file is damaged, or its structure could crash the process.
    """
    facts = read_facts(folder)
    return _load(FLAVORS[facts.flavor], folder / facts.file, allow_unsafe)


def load_file(file: Path, *, allow_unsafe: bool = False) -> Any:
    """Load a bare ``.skops`` (or, if allowed, ``.pkl``) file as safely as a packed model.

    Raises
    ------
    NotFound, InvalidInput, Corrupt
        As `load_model`.
    """
    return _load(_flavor_of(file), file, allow_unsafe)


def facts_of_file(file: Path) -> PackageFacts:
    """Say what can be seen of a bare model file without building anything.

    Raises
    ------
    InvalidInput
        It is no model file.
    Corrupt
        It is damaged.
    """
    flavor = _flavor_of(file)
    types, estimator = flavor.look(file)
    return PackageFacts(
        flavor=flavor.name,
        unsafe=flavor.unsafe,
        file=file.name,
        size_bytes=file.stat().st_size,
        estimator=estimator,
        types=types,
    )


def read_facts(folder: Path) -> PackageFacts:
    """Read ``model.json`` of a folder.

    Raises
    ------
    NotFound
        It is missing.
    Corrupt
        It is no JSON, or describes no model.
    """
    return PackageFacts.from_json(_read(folder / FACTS))


def read_example(folder: Path) -> Any:
    """Give the input example as the model was given it; None when there is none.

    Raises
    ------
    Corrupt
        It cannot be read.
    """
    if not (folder / EXAMPLE).is_file():
        return None
    return examples.from_json(_read(folder / EXAMPLE))


def _flavor_of(file: Path) -> Flavor:
    flavor = flavor_of_file(file.suffix)
    if flavor is None:
        raise InvalidInput(
            f"{file.name!r} is no model file: models are .skops files, folders with {FACTS}, or "
            "(unsafe) .pkl files."
        )
    return flavor


def _load(flavor: Flavor, file: Path, allow_unsafe: bool) -> Any:
    if not file.is_file():
        raise NotFound(f"There is no model file {str(file)!r}.")
    if flavor.unsafe and not allow_unsafe:
        raise InvalidInput(
            f"{file.name} is a {flavor.name}: loading it runs whatever code is in it, with your "
            "rights. If you trust who made it: load(allow_unsafe=True)."
        )
    return flavor.load(file)


@cache
def _versions(packages: tuple[str, ...]) -> Mapping[str, str]:
    """What is imported stays as it is, whatever is installed meanwhile."""
    found = {}
    for name in packages:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def _write(file: Path, data: Any) -> None:
    text = json.dumps(data, indent=1, ensure_ascii=False, sort_keys=False, allow_nan=False)
    file.write_bytes(text.encode("utf-8", "replace"))


def _read(file: Path) -> Any:
    try:
        if file.stat().st_size > _FACTS_BYTES:
            raise Corrupt(f"{file.name} has more than {_FACTS_BYTES:,} bytes.")
        data = file.read_bytes()
    except FileNotFoundError:
        raise NotFound(f"There is no {file.name} in {str(file.parent)!r}.") from None
    if not data:
        raise Corrupt(f"{file.name} is empty.")
    try:
        return json.loads(data)
    except (ValueError, RecursionError) as error:
        raise Corrupt(f"{file.name} is no JSON: {error}.") from None
