"""Monitors as they are written, checked: ``monitors/NAME.yaml``."""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal, TypeVar, get_args

from pydantic import ValidationError

from mlops_lab.document import Document, Place, read_document
from mlops_lab.errors import InvalidInput, NotFound
from mlops_lab.expressions import nearest
from mlops_lab.faults import Fault, refuse
from mlops_lab.monitoring.channels import Channel, channel_of
from mlops_lab.monitoring.model import DomainModel, MonitorModel
from mlops_lab.monitoring.schedule import Schedule, zone_of
from mlops_lab.monitoring.settings import Policy, policy_of
from mlops_lab.names import name_of, parse_reference
from mlops_lab.serving.records import Role
from mlops_lab.shapes import seconds, shape_faults
from mlops_lab.wording import listed

__all__ = [
    "FOLDER",
    "MonitorSpec",
    "ReferenceSpec",
    "find_monitor",
    "list_monitors",
    "load_spec",
    "name_in",
    "read_spec",
    "read_text",
    "stated_name",
]

FOLDER: Final = "monitors"
"""Where a project keeps them."""

WHAT: Final = "A monitor"

_DATASET: Final = "dataset:"
_ENDPOINT: Final = "endpoint:"
_ROLLING: Final = re.compile(r"rolling\s+(\d+(?:\.\d+)?)([dhw])")
_DAYS: Final = {"h": 1 / 24, "d": 1.0, "w": 7.0}
_LONGEST_DAYS: Final = 3_660.0

T = TypeVar("T")

_HABITS: Final = {
    **dict.fromkeys(("dataset", "data", "current_data", "production", "source"), "current"),
    **dict.fromkeys(("reference_data", "baseline", "train", "training"), "reference"),
    **dict.fromkeys(("timestamp", "time_column", "timestamp_column", "date"), "time"),
    **dict.fromkeys(("chunk", "chunk_period", "period", "granularity", "window"), "by"),
    **dict.fromkeys(("threshold", "thresholds", "alert"), "policy"),
    **dict.fromkeys(("webhook", "notify", "notifications", "alerts", "slack", "email"), "channels"),
    **dict.fromkeys(("cron", "every", "interval"), "schedule"),
    **dict.fromkeys(("y_true", "ground_truth"), "target"),
    **dict.fromkeys(("y_pred", "predictions"), "prediction"),
    **dict.fromkeys(("y_pred_proba", "prediction_probas", "probability"), "score"),
    **dict.fromkeys(("features", "column_names", "feature_column_names"), "columns"),
}
"""What other tools call a monitor's keys."""


@dataclass(frozen=True, slots=True)
class ReferenceSpec:
    """What a monitor compares with.

    Parameters
    ----------
    kind
        ``fixed``: the dataset `ref`; ``rolling``: the `days` before each chunk; ``training``: what
        the model was trained on.
    """

    kind: Literal["fixed", "rolling", "training"]
    ref: str | None = None
    days: float = 28.0

    def __str__(self) -> str:
        if self.kind == "fixed":
            return f"{_DATASET}{self.ref}"
        return "training" if self.kind == "training" else f"rolling {self.days:g}d"


@dataclass(frozen=True, slots=True)
class MonitorSpec:
    """A monitor without faults.

    Parameters
    ----------
    name
        Its ``name``, else the file's stem.
    path, file
        Of the YAML file: absolute, and as people name it.
    current
        The dataset reference that is watched; of an endpoint's answers ``endpoint:delay``, or
        ``endpoint:delay@canary``.
    reference
        What it is compared with.
    model
        Whose training data, importance and promotions count, as ``flight-delay@champion``.
    settings
        What goes to the evaluation as it is written: columns, chunks, policy …
    schedule
        When it is due; None is never by itself.
    channels
        Who is told.
    """

    name: str
    path: Path
    file: str
    current: str
    reference: ReferenceSpec
    model: str | None
    settings: Mapping[str, Any]
    schedule: Schedule | None
    channels: tuple[Channel, ...]

    @property
    def policy(self) -> Policy:
        """When something is an alarm."""
        policy: Policy = self.settings["policy"]
        return policy

    @property
    def endpoint(self) -> tuple[str, str] | None:
        """The endpoint whose answers are watched, and as what they were given; else None."""
        if not self.current.startswith(_ENDPOINT):
            return None
        name, _, role = self.current.removeprefix(_ENDPOINT).partition("@")
        return name, role or "stable"

    @property
    def watched(self) -> str:
        """What is watched, as the file says it."""
        return self.current if self.endpoint else f"{_DATASET}{self.current}"

    @property
    def cut(self) -> str | None:
        """How it is cut, in a word: ``week``, ``5,000 rows``, ``20 parts``; None is by the data."""
        if self.settings["size"] is not None:
            return f"{self.settings['size']:,} rows"
        if self.settings["count"] is not None:
            return f"{self.settings['count']} parts"
        by: str | None = self.settings["by"]
        return by


def list_monitors(root: Path) -> list[Path]:
    """The files of a project's monitors, by name; hidden ones are of editors that save."""
    folder = root / FOLDER
    if not folder.is_dir():
        return []
    return sorted(
        path
        for path in folder.iterdir()
        if path.suffix in (".yaml", ".yml") and not path.name.startswith(".")
    )


def read_text(path: Path, most: int) -> str:
    """The text of a monitor's file, up to so many characters; what cannot be read is empty."""
    try:
        _refuse_others(path)
        with path.open(encoding="utf-8", errors="replace") as stream:
            return stream.read(most)
    except OSError:
        return ""


def _refuse_others(path: Path) -> None:
    """A pipe would be waited for; a link out of the project would show what is not of it."""
    if not path.is_file():
        raise OSError(0, "it is no file")
    project = os.path.realpath(path.parent.parent)
    if path.is_symlink() and not Path(os.path.realpath(path)).is_relative_to(project):
        raise OSError(0, "it is a link that leads out of the project")


def read_spec(
    path: Path, *, file: str | None = None
) -> tuple[MonitorSpec | None, list[Fault], Mapping[str, Any]]:
    """Read and check a monitor's file without raising for what is wrong with it.

    Parameters
    ----------
    path
        The YAML file.
    file
        How faults name it; default the path as given.

    Returns
    -------
    spec
        None when something is wrong.
    faults
        All that is wrong, in the order of the file.
    said
        What could be read of it, for whoever shows a faulty file: its plain texts by key.
    """
    path = path.absolute()
    named = file or str(path)
    try:
        _refuse_others(path)
        document = read_document(path, file=named)
    except OSError as error:
        nothing = read_document(path, file=named, text="")
        return None, [nothing.fault((), f"The file cannot be read: {error.strerror}.")], {}
    value = document.value if isinstance(document.value, dict) else {}
    said = {str(key): one for key, one in value.items() if isinstance(one, str)}
    if document.faults:
        return None, list(document.faults), said
    if document.value is None:
        return None, [document.fault((), "The file is empty: a monitor needs current.")], said
    if not isinstance(document.value, dict):
        message = "A monitor is a map with current and reference, not a list or text."
        return None, [document.fault((), message)], said
    try:
        model = MonitorModel.model_validate(document.value)
    except ValidationError as error:
        return None, shape_faults(document, error, MonitorModel, "a monitor", habits=_HABITS), said
    checker = _Checker(document, model)
    spec = checker.build(path)
    return spec, sorted(checker.faults, key=lambda fault: fault.mark), said


def load_spec(path: Path, *, file: str | None = None) -> MonitorSpec:
    """Read and check a monitor's file.

    Raises
    ------
    InvalidInput
        With a line ``file:line:column: sentence`` for every fault.
    """
    spec, faults, _ = read_spec(path, file=file)
    refuse(faults)
    if spec is None:  # read_spec gives a spec whenever nothing is wrong
        raise AssertionError("no monitor and no fault")
    return spec


def find_monitor(root: Path, name: str) -> Path:
    """The file of a project's monitor: by its file's stem, else by the name inside.

    Raises
    ------
    NotFound
        There is none; the message has the nearest, or says how one is made.
    """
    paths = list_monitors(root)
    wanted = unicodedata.normalize("NFC", name)
    known: dict[str, Path] = {}
    for path in paths:
        known.setdefault(stated_name(path), path)
    if wanted in known:
        return known[wanted]
    for path in paths:
        if unicodedata.normalize("NFC", path.stem) == wanted or path == root / name:
            return path
    near = nearest(wanted, known)
    hint = (
        f" Did you mean {near}?"
        if near
        else f" There are {', '.join(list(known)[:20])}."
        if known
        else f" A monitor is a file {FOLDER}/NAME.yaml; the drift view's Copy monitor YAML has one."
    )
    raise NotFound(f"There is no monitor {name!r}.{hint}")


def stated_name(path: Path) -> str:
    """What a file calls its monitor: its ``name`` where that can be one, else the file's stem."""
    try:
        _refuse_others(path)
        value = read_document(path).value
    except OSError:
        value = None
    return name_in(value if isinstance(value, dict) else {}, path)


def name_in(said: Mapping[str, Any], path: Path) -> str:
    """As `stated_name`, of what was read of the file."""
    try:
        return name_of(said["name"], WHAT)
    except (KeyError, InvalidInput):
        stem = path.stem.encode("utf-8", "replace").decode()  # names of files are bytes
        return unicodedata.normalize("NFC", stem)


class _Checker:
    """What the parts of one file say together. Used once."""

    def __init__(self, document: Document, model: MonitorModel) -> None:
        self._document = document
        self._model = model
        self._logged = False  # an endpoint's log has a time, a version and an answer by itself
        self.faults: list[Fault] = []

    def build(self, path: Path) -> MonitorSpec | None:
        """The monitor, or None when something is wrong."""
        model = self._model
        name = self._read(("name",), lambda: name_of(model.name or path.stem, WHAT), path.stem)
        current = self._read(("current",), self._current, "")
        reference = self._read(("reference",), self._reference, ReferenceSpec("rolling"))
        champion = self._read(("model",), self._champion, None)
        zone = self._read(("timezone",), lambda: zone_of(model.timezone).key, "UTC")
        schedule = self._read(("schedule",), lambda: self._schedule(zone), None)
        policy = self._read(("policy",), self._policy, Policy())
        channels = self._channels()
        self._together()
        if self.faults:
            return None
        return MonitorSpec(
            name=name,
            path=path,
            file=self._document.file,
            current=current,
            reference=reference,
            model=champion,
            settings=self._settings(policy, reference),
            schedule=schedule,
            channels=tuple(channels),
        )

    def _read(self, place: Place, read: Callable[[], T], instead: T) -> T:
        """What a part says; a refusal is a fault at its place."""
        try:
            return read()
        except InvalidInput as error:
            there = place[0] in self._document.value
            self._fault(place if there else (), error.message)
            return instead

    def _fault(self, place: Place, message: str, *, key: bool = False) -> None:
        self.faults.append(self._document.fault(place, message, key=key))

    # ------------------------------------------------------------------ parts

    def _current(self) -> str:
        written = self._model.current
        if not written.startswith(_ENDPOINT):
            return _dataset_ref(written, "current", f"{_DATASET}flights, or {_ENDPOINT}delay")
        self._logged = True
        name, sign, role = written.removeprefix(_ENDPOINT).partition("@")
        if sign and role not in get_args(Role):
            raise InvalidInput(
                f"current is {written!r}; an endpoint answers as {listed(get_args(Role))}: "
                f"{_ENDPOINT}{name}@canary."
            )
        return f"{_ENDPOINT}{name_of(name, 'An endpoint')}{sign}{role}"

    def _reference(self) -> ReferenceSpec:
        written = self._model.reference
        if written is None:
            if self._model.model is not None:
                return ReferenceSpec("training")
            raise InvalidInput(
                "A monitor has no reference: write reference: dataset:NAME, or rolling 28d, or "
                "model: NAME@champion for what that was trained on."
            )
        if written == "training":
            if self._model.model is None:
                raise InvalidInput(
                    "training needs a model: write model: NAME@champion as well, or "
                    "reference: dataset:NAME."
                )
            return ReferenceSpec("training")
        if rolling := _ROLLING.fullmatch(written):
            days = float(rolling[1]) * _DAYS[rolling[2]]
            if not 0 < days <= _LONGEST_DAYS:
                raise InvalidInput(f"rolling takes from one hour to ten years; got {written!r}.")
            if self._model.time is None and not self._logged:
                raise InvalidInput("rolling needs a time: write time: COLUMN as well.")
            return ReferenceSpec("rolling", days=days)
        if not written.startswith(_DATASET):
            raise InvalidInput(
                f"reference is {written!r}; it must be dataset:NAME, training, or rolling 28d."
            )
        return ReferenceSpec("fixed", _dataset_ref(written, "reference"))

    def _champion(self) -> str | None:
        written = self._model.model
        return None if written is None else str(parse_reference(written, "A model"))

    def _schedule(self, zone: str) -> Schedule | None:
        written = self._model.schedule
        return None if written is None else Schedule.of(written, zone)

    def _policy(self) -> Policy:
        numbers = dict(self._model.policy)
        performance, domain = self._model.performance, self._model.domain
        if performance is not None:
            for word, level in (("gap", "gap_warn"), ("auc", "auc_warn")):
                self._also(numbers, level, getattr(performance, word), f"performance.{word}")
        if isinstance(domain, DomainModel):
            self._also(numbers, "domain_share", domain.share, "domain.share")
        # Whoever moves the warning past the usual alert means both.
        for level in ("gap", "auc"):
            warn, alert = numbers.get(f"{level}_warn"), f"{level}_alert"
            if isinstance(warn, float | int) and alert not in numbers:
                numbers[alert] = max(float(warn), getattr(Policy(), alert))
        return policy_of(numbers)

    def _also(self, numbers: dict[str, Any], name: str, value: float | None, place: str) -> None:
        if value is None:
            return
        if name in numbers:
            raise InvalidInput(f"{place} and policy.{name} say the same thing: write one of them.")
        numbers[name] = value

    def _channels(self) -> list[Channel]:
        found: list[Channel] = []
        for index, entry in enumerate(self._model.channels):
            made = channel_of(self._document, ("channels", index), entry)
            if isinstance(made, list):
                self.faults += made
            else:
                found.append(made)
        return found

    def _together(self) -> None:
        model = self._model
        ways = [word for word in ("by", "size", "count") if getattr(model, word) is not None]
        if len(ways) > 1:
            message = f"{' and '.join(ways)} cut in two ways: write one of them."
            self._fault((ways[1],), message, key=True)
        if model.by not in (None, "all") and model.time is None and not self._logged:
            self._fault(("by",), f"by {model.by} needs a time: write time: COLUMN as well.")
        if self._logged:
            return
        if model.target is None:
            for word in ("labels", "performance", "fairness"):
                if getattr(model, word) is not None:
                    message = f"{word} needs the truth: write target: COLUMN as well."
                    self._fault((word,), message, key=True)
        elif model.score is None and model.prediction is None:
            message = "target needs what is judged: write score: COLUMN or prediction: COLUMN."
            self._fault(("target",), message, key=True)

    def _settings(self, policy: Policy, reference: ReferenceSpec) -> dict[str, Any]:
        """What the evaluation is asked, by the names of its own settings."""
        model = self._model
        domain: bool | tuple[str, ...]
        if isinstance(model.domain, DomainModel):
            domain = tuple(model.domain.columns) if model.domain.columns else True
        else:
            domain = model.domain
        return {
            "time": model.time,
            "by": model.by,
            "size": model.size,
            "count": model.count,
            "timezone": model.timezone,
            "columns": tuple(model.columns) if model.columns else None,
            "kinds": dict(model.kinds),
            "units": dict(model.units),
            "segment": model.segment,
            "target": model.target,
            "prediction": model.prediction,
            "score": model.score,
            "positive": model.positive,
            "version": model.version,
            "reference_kind": reference.kind,
            "rolling_days": reference.days,
            "domain": domain,
            "policy": policy,
            "labels_after": seconds(model.labels.after) if model.labels else None,
            "fairness": tuple(model.fairness.by) if model.fairness else (),
            "importance": model.importance,
            "classifier": model.classifier,
            "mode": model.mode,
        }


def _dataset_ref(written: str, word: str, such: str = f"{_DATASET}flights") -> str:
    if not written.startswith(_DATASET):
        raise InvalidInput(f"{word} is {written!r}; it must be {_DATASET}NAME, as {such}.")
    return str(parse_reference(written.removeprefix(_DATASET), "A dataset"))
