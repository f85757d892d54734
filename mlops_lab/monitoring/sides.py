"""What a monitor compares: its data, what a model was trained on, and what the model lives on."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from mlops_lab.errors import InvalidInput, LabError
from mlops_lab.monitoring.importance import measure_importance
from mlops_lab.monitoring.records import ChunkRecord, Event
from mlops_lab.monitoring.spec import MonitorSpec
from mlops_lab.monitoring.trained import Trained
from mlops_lab.names import parse_reference

if TYPE_CHECKING:
    from mlops_lab.compute import Source
    from mlops_lab.data.manager import DatasetManager
    from mlops_lab.data.records import VersionRecord
    from mlops_lab.monitoring.settings import Keep
    from mlops_lab.registry.manager import ModelManager
    from mlops_lab.registry.records import ModelVersion
    from mlops_lab.serving.predictions.watching import Watched
    from mlops_lab.tracking import RunManager

__all__ = ["Importances", "Sides", "find_sides", "model_events", "rank_columns", "training_data"]

ROLE: Final = "reference"
"""The role of the input that says what a model's answers are to be compared with."""

_CHAMPION: Final = "champion"


@dataclass(frozen=True, slots=True)
class Sides:
    """The two sides of a monitor, found.

    Parameters
    ----------
    current, reference
        Dataset versions, or what an endpoint answered. Of a rolling reference both are one.
    versions
        What each version of the model was trained on, by its number as text; those of which nobody
        knows it are not in it.
    model
        The version that the monitor names now.
    """

    current: VersionRecord | Watched
    reference: VersionRecord | Watched
    versions: Mapping[str, VersionRecord]
    model: ModelVersion | None

    def notes(self, answered: Collection[str | None]) -> tuple[str, ...]:
        """Say what of those versions that answered could not be found; it stops nothing."""
        if self.model is None or not isinstance(self.versions, Trained):
            return ()
        missed = self.versions.unknown(answered)
        if not missed:
            return ()
        return (
            f"What {self.model.name} {', '.join(missed)} was trained on is not known: rows that it "
            f"answered are compared with the data of {self.model.ref}.",
        )


@dataclass(frozen=True, slots=True)
class Importances:
    """What the model's columns are worth to it; None is unknown, and the note says why."""

    values: Mapping[str, float] | None
    note: str | None = None


def find_sides(
    spec: MonitorSpec,
    datasets: DatasetManager,
    models: ModelManager,
    runs: RunManager,
    watched: Watched | None = None,
) -> Sides:
    """Find what a monitor compares, as it is now.

    Parameters
    ----------
    watched
        What the endpoint that it watches has answered.

    Raises
    ------
    NotFound
        There is no such dataset or model.
    InvalidInput
        Nobody said what the model was trained on: the message has the line to write.
    """
    current = datasets.get(spec.current) if watched is None else watched
    model = None if spec.model is None else models.get(spec.model)
    if spec.reference.kind == "rolling":
        return Sides(current, current, {}, model)
    if spec.reference.kind == "fixed":
        assert spec.reference.ref is not None
        return Sides(current, datasets.get(spec.reference.ref), {}, model)
    assert model is not None, "a file without faults names the model of `training`"
    reference = training_data(model, datasets, runs)
    if spec.settings["version"] is None:
        return Sides(current, reference, {}, model)
    known = Trained(
        (model, reference),
        models.versions(model.name),
        lambda version: training_data(version, datasets, runs),
    )
    return Sides(current, reference, known, model)


def training_data(
    version: ModelVersion, datasets: DatasetManager, runs: RunManager
) -> VersionRecord:
    """The data that a model version is to be compared with.

    The input that its run, or another step of the same pipeline run, has in the role
    ``reference``; else the one dataset that these runs made, or else used, which has all columns of
    the model.

    Raises
    ------
    InvalidInput
        There is none, or several that could be meant.
    """
    near = [] if version.run_id is None else runs.family(version.run_id)
    found: dict[tuple[str, int | None], None] = {}
    given = datasets.inputs_of(near)
    for run_id in near:
        for one in given.get(run_id, []):
            if one.kind == "dataset" and one.role == ROLE:
                return datasets.get(f"{one.name}@{one.version}")
            if one.kind == "dataset" and one.version is not None:
                found[one.name, one.version] = None
    used = (datasets.find(f"{name}@{number}") for name, number in found)
    wanted = _columns_of(version)
    fitting: list[VersionRecord] = []
    # Made first: of what a run kept of its rows, scores of weeks not seen are worth most.
    for several in (datasets.made_by(near), used):
        fitting = [
            one
            for one in several
            if one is not None and wanted and wanted <= _columns(one, datasets)
        ]
        if fitting:
            break
    if len(fitting) == 1:
        return fitting[0]
    which = ", ".join(one.ref for one in fitting)
    why = f"{which} could be meant" if fitting else "nobody said"
    raise InvalidInput(
        f"What {version.ref} was trained on is not known ({why}). Say it where the model is made: "
        f'run.use("NAME@VERSION", role="{ROLE}"), or lab.dataset("NAME").commit(frame) of the rows '
        "with their scores; or write reference: dataset:NAME in the monitor."
    )


def rank_columns(
    spec: MonitorSpec,
    sides: Sides,
    reference: Source,
    models: ModelManager,
    keep: Keep,
) -> Importances:
    """What each column is worth to the model: as the monitor says, else measured on the reference
    once and kept.
    """
    if spec.settings["importance"] is not None:
        return Importances(spec.settings["importance"])
    target = spec.settings["target"]
    if sides.model is None or target is None:
        return Importances(None)
    from mlops_lab.registry.package import load_model
    from mlops_lab.registry.signature import Signature

    ref = sides.model.ref
    try:
        stated = sides.model.facts.get("signature")
        found = measure_importance(
            lambda: load_model(models.path(ref)),
            Signature.from_json(stated) if isinstance(stated, Mapping) else None,
            reference,
            target,
            positive=spec.settings["positive"],
            keep=keep,
            digests=(sides.model.digest, sides.reference.digest),
        )
    except LabError as error:
        return Importances(None, f"Columns are not ranked by importance: {error.message}")
    return Importances(found.values)


def model_events(
    spec: MonitorSpec,
    models: ModelManager,
    chunks: Sequence[ChunkRecord],
) -> tuple[Event, ...]:
    """What happened to the model meanwhile: its promotions, and challengers that were refused.

    A promotion stands at the first chunk that its version answered; where rows do not say that, at
    the chunk of its time.
    """
    if spec.model is None or not chunks:
        return ()
    reference = parse_reference(spec.model, "A model")
    if not models.exists(reference.name):
        return ()
    events = []
    for move in models.history(reference.name, reference.alias or _CHAMPION):
        if move.version is None:
            continue
        number = str(move.version)
        chunk = _chunk_of(move.since, number, chunks)
        if chunk is None:
            continue
        reason = f": {move.reason.strip().rstrip('.')}" if move.reason else ""
        events.append(
            Event(
                at=move.since,
                chunk=chunk,
                kind="promotion",
                label=number,
                sentence=f"{reference.name} {number} became {move.alias}{reason}.",
                node=f"model:{reference.name}@{number}",
            )
        )
    for version in models.versions(reference.name):
        judged = version.judgement
        if judged is None or judged.outcome != "rejected":
            continue
        chunk = _chunk_of(judged.at, None, chunks)
        if chunk is not None:
            why = judged.sentences[0] if judged.sentences else "its gates did not pass"
            events.append(
                Event(
                    at=judged.at,
                    chunk=chunk,
                    kind="refused",
                    label=str(version.version),
                    sentence=f"{version.name} {version.version} was refused: {why}.",
                    node=version.node,
                )
            )
    return tuple(sorted(events, key=lambda event: event.at))


def _chunk_of(at: datetime, version: str | None, chunks: Sequence[ChunkRecord]) -> str | None:
    if version is not None and any(one.version is not None for one in chunks):
        return next((one.key for one in chunks if one.version == version), None)
    for one in chunks:
        if one.from_ is not None and one.until is not None and one.from_ <= at < one.until:
            return one.key
    return None


def _columns_of(version: ModelVersion) -> set[str]:
    stated: Any = version.facts.get("signature")
    inputs = stated.get("inputs") if isinstance(stated, Mapping) else None
    fields = inputs if isinstance(inputs, list) else []
    return {str(one["name"]) for one in fields if isinstance(one, Mapping) and "name" in one}


def _columns(data: VersionRecord, datasets: DatasetManager) -> set[str]:
    profile = datasets.profile(data)
    return set() if profile is None else set(profile.names)
