"""Suites: a named set of checks on a dataset, written in ``suites/NAME.yaml``."""

from __future__ import annotations

import json
import logging
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final

from blake3 import blake3
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from mlops_lab.data.checks import Check, kinds
from mlops_lab.document import MAX_BYTES, Document, Place, read_document
from mlops_lab.errors import InvalidInput, NotFound
from mlops_lab.expressions import nearest
from mlops_lab.faults import Fault, refuse
from mlops_lab.shapes import unknown_key

__all__ = [
    "FOLDER",
    "Suite",
    "find_suite",
    "list_suites",
    "parse_suite",
    "read_suite",
    "suites_for",
]

_log = logging.getLogger("mlops_lab")

FOLDER = "suites"
"""Where a project keeps them."""

_SPELT: Final = re.compile(r"\\[xuU\r\n]")
"""What YAML's double quotes know that could spell a part of a name."""


@dataclass(frozen=True, slots=True)
class Suite:
    """A suite without faults.

    Parameters
    ----------
    name
        Its ``name``, else the file's stem.
    dataset
        The dataset at whose commits it runs; default one of the suite's own name.
    key
        The columns that tell rows apart, shown with each row that broke a check.
    checks
        In the order of the file.
    digest
        The content id of what it says; comments and layout do not count.
    """

    name: str
    dataset: str
    key: tuple[str, ...]
    checks: tuple[Check, ...]
    digest: str


def _line(name: str) -> str:
    if not name.isprintable():
        raise ValueError("one line without control characters")
    return _nfc(name)


def _nfc(name: str) -> str:
    """A name in the form in which datasets are kept: files on some machines have it otherwise."""
    return unicodedata.normalize("NFC", name)


_Name = Annotated[str, Field(min_length=1, max_length=200), AfterValidator(_line)]


class _SuiteModel(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    name: _Name | None = Field(default=None, description="text of 1 to 200 characters")
    dataset: _Name | None = Field(default=None, description="a dataset's name")
    key: str | list[str] | None = Field(default=None, description="a column, or a list of them")
    checks: list[dict[str, Any]] = Field(
        min_length=1, description="a list, each as '- {check: not_null, column: …}'"
    )


def read_suite(path: Path | str, *, file: str | None = None) -> Suite:
    """Read a suite's file.

    Parameters
    ----------
    path
        The YAML file.
    file
        How faults name it; default the path as given.

    Raises
    ------
    InvalidInput
        With a line ``file:line:column: sentence`` for every fault.
    NotFound
        There is no such file.
    """
    path = Path(path)
    if path.exists() and not path.is_file():
        raise InvalidInput(f"The suite {file or path} cannot be read: it is no file.")
    try:
        document = read_document(path, file=file)
    except FileNotFoundError as error:
        raise NotFound(f"There is no suite {file or path}.") from error
    except OSError as error:
        raise InvalidInput(f"The suite {path} cannot be read: {error.strerror}.") from error
    suite, faults = parse_suite(document, path.stem)
    refuse(faults)
    assert suite is not None
    return suite


def list_suites(root: Path) -> list[Path]:
    """The files of a project's suites, by name."""
    folder = root / FOLDER
    return sorted([*folder.glob("*.yaml"), *folder.glob("*.yml")]) if folder.is_dir() else []


def find_suite(root: Path, name: str) -> Path:
    """The file of a project's suite: by its file's stem, else by the name inside.

    Raises
    ------
    NotFound
        There is none; the message names those that there are.
    """
    paths = list_suites(root)
    name = _nfc(name)
    for path in paths:
        if _nfc(path.stem) == name:
            return path
    for path in paths:
        said = _said(path) if path.is_file() else {}
        if said.get("name") == name:
            return path
    known = [path.stem for path in paths]
    near = nearest(name, known)
    hint = (
        f" Did you mean {near}?"
        if near
        else (
            f" There are {', '.join(known)}."
            if known
            else f" A suite is a file {FOLDER}/{name}.yaml; `mlops-lab data infer` drafts one."
        )
    )
    raise NotFound(f"There is no suite {name!r}.{hint}")


def suites_for(root: Path, dataset: str) -> list[Suite]:
    """A project's suites for a dataset, by the names of their files.

    One that cannot be read is refused where it would have looked at this dataset: data must not
    pass because a file was mistyped. Others are not read further than to see that they are others.

    Parameters
    ----------
    dataset
        Its name as it is kept.

    Raises
    ------
    InvalidInput, NotFound
        One for this dataset has faults, or is a link to nothing.
    """
    found = []
    for path in list_suites(root):
        if not _may_be_for(path, dataset):
            continue
        try:
            suite = read_suite(path, file=path.relative_to(root).as_posix())
        except (InvalidInput, NotFound):
            said = _said(path) if path.is_file() else {}
            if dataset in (_nfc(path.stem), said.get("name"), said.get("dataset")):
                raise
            _log.warning("MLOps Lab: %s has faults and was left out.", path.name)
            continue
        if suite.dataset == dataset:
            found.append(suite)
    return found


def _may_be_for(path: Path, dataset: str) -> bool:
    """Whether a file could speak of a dataset: a look at its text, which is no YAML yet."""
    if _nfc(path.stem) == dataset:
        return True
    if not path.is_file():  # a pipe would be waited for
        return False
    try:
        with path.open("rb") as stream:
            text = stream.read(MAX_BYTES).decode(errors="replace")
    except OSError as error:
        _log.warning("MLOps Lab: %s was left out: %s.", path.name, error.strerror)
        return False
    return dataset in _nfc(text) or _SPELT.search(text) is not None


def _said(path: Path) -> dict[str, Any]:
    """The names in a file, faults or not."""
    try:
        value = read_document(path).value
    except OSError:
        return {}
    names = value.items() if isinstance(value, dict) else ()
    return {str(key): _nfc(one) for key, one in names if isinstance(one, str)}


def parse_suite(document: Document, stem: str) -> tuple[Suite | None, list[Fault]]:
    """The suite that a document says, or all that is wrong with it.

    Parameters
    ----------
    document
        As it was read.
    stem
        The suite's name where the document has none.
    """
    if document.faults:
        return None, list(document.faults)
    if document.value is None:
        return None, [document.fault((), "The file is empty: a suite needs checks.")]
    if not isinstance(document.value, dict):
        return None, [document.fault((), "A suite is a map with checks, not a list or text.")]
    faults: list[Fault] = []
    model: _SuiteModel | None = None
    try:
        model = _SuiteModel.model_validate(document.value)
    except ValidationError as error:
        faults += _shape_faults(document, error, (), "a suite", _SuiteModel)
    checks = _checks(document, faults)
    if faults or model is None:
        return None, sorted(faults, key=lambda fault: fault.mark)
    name = model.name or _nfc(stem)
    key = (model.key,) if isinstance(model.key, str) else tuple(model.key or ())
    said = {
        "name": name,
        "dataset": model.dataset or name,
        "key": key,
        "checks": [one.model_dump(mode="json") | {"check": one.kind} for one in checks],
    }
    text = json.dumps(said, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    digest = f"b3-{blake3(text.encode()).hexdigest()}"
    return Suite(name, model.dataset or name, key, tuple(checks), digest), []


def _checks(document: Document, faults: list[Fault]) -> list[Check]:
    written = document.value.get("checks")
    found: list[Check] = []
    for index, one in enumerate(written if isinstance(written, list) else ()):
        if isinstance(one, dict):
            check = _check(document, index, one, faults)
            if check is not None:
                found.append(check)
    return found


def _check(
    document: Document, index: int, written: dict[str, Any], faults: list[Fault]
) -> Check | None:
    place: Place = ("checks", index)
    known = kinds()
    word = written.get("check")
    if "check" not in written:
        near = next((key for key in written if nearest(str(key), ["check"])), None)
        if near is not None:
            message = f"{near!r} is not known here: every check says which with check."
            faults.append(document.fault((*place, near), message, key=True, suggestion="check"))
            return None
        message = f"Check {index + 1} has no check: write one of {', '.join(sorted(known))}."
        faults.append(document.fault(place, message))
        return None
    if not isinstance(word, str) or word not in known:
        message = f"{word!r} is no check: there are {', '.join(sorted(known))}."
        near = nearest(str(word), known)
        faults.append(document.fault((*place, "check"), message, suggestion=near))
        return None
    rest = {key: value for key, value in written.items() if key != "check"}
    try:
        check = known[word].model_validate(rest)
    except ValidationError as error:
        faults += _shape_faults(document, error, place, f"check {word}", known[word])
        return None
    wrong = [document.fault((*place, field), message) for field, message in check.faults()]
    faults += wrong
    return None if wrong else check


def _shape_faults(
    document: Document,
    error: ValidationError,
    place: Place,
    owner: str,
    model: type[BaseModel],
) -> list[Fault]:
    """What pydantic found, in our words; one fault for each place."""
    found: dict[Place, Fault] = {}
    fields = [*(("check",) if place else ()), *model.model_fields]
    errors = error.errors(include_url=False)
    unknown = [str(one["loc"][0]) for one in errors if one["type"] == "extra_forbidden"]
    for one in errors:
        field = str(one["loc"][0])
        if one["type"] == "extra_forbidden":
            where = (*place, field)
            found[where] = unknown_key(document, where, fields, owner)
        elif one["type"] == "missing":
            if any(nearest(word, [field]) for word in unknown):
                continue  # it is there, misspelt
            message = f"{owner[0].upper()}{owner[1:]} has no {field}."
            found[(*place, field)] = document.fault(place, message)
        elif (*place, field) not in found:
            what = model.model_fields[field].description or "something else"
            where, value = _nearest_place(document, place, one["loc"])
            inside = f" {where[-1] + 1}" if isinstance(where[-1], int) else ""
            message = f"{field}{inside} is {_shown(value)}; {field} must be {what}."
            found[(*place, field)] = document.fault(where, message)
    return list(found.values())


def _nearest_place(document: Document, place: Place, loc: Sequence[int | str]) -> tuple[Place, Any]:
    """The deepest place of an error that stands in the file, and the value there.

    pydantic adds the names of types to its places.
    """
    value: Any = document.value
    for part in place:
        value = value[part]
    found = list(place)
    for part in loc:
        try:
            value = value[part]
        except (KeyError, TypeError, IndexError):
            continue
        found.append(part)
    return tuple(found), value


def _shown(value: Any) -> str:
    if value is None:
        return "empty"
    if isinstance(value, dict):
        return "a map" if value else "an empty map"
    if isinstance(value, list):
        return "a list" if value else "an empty list"
    text = repr(value)
    return text if len(text) <= 60 else text[:59] + "…"
