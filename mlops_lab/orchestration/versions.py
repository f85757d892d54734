"""Versions of datasets and models as pipelines need them: pinned, handed on, found again."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from mlops_lab.errors import NotFound
from mlops_lab.faults import Fault, refuse
from mlops_lab.orchestration.items import Item
from mlops_lab.orchestration.sources import Kind, VersionInput, VersionOutput
from mlops_lab.orchestration.spec import PipelineSpec
from mlops_lab.store import Store

if TYPE_CHECKING:
    from mlops_lab.data.manager import DatasetManager
    from mlops_lab.data.records import VersionRecord
    from mlops_lab.data.suite_run import SuiteReport
    from mlops_lab.registry.manager import ModelManager
    from mlops_lab.registry.records import ModelVersion

__all__ = ["Versions"]

_BELOW = """
with recursive below(id) as (
    select $run union select r.run_id from lab.run r join below b on r.parent = b.id)
select id from below
"""


class Versions:
    """The datasets and models of one project, for its pipelines. Thread-safe.

    Parameters
    ----------
    store
        Where runs note what they were given.
    datasets, models
        Give the managers: loading them takes time that most runs need not spend.
    """

    def __init__(
        self,
        store: Store,
        datasets: Callable[[], DatasetManager],
        models: Callable[[], ModelManager],
    ) -> None:
        self._store = store
        self._datasets = datasets
        self._models = models

    @property
    def datasets(self) -> DatasetManager:
        """Which data there is."""
        return self._datasets()

    @property
    def models(self) -> ModelManager:
        """The registry."""
        return self._models()

    # --- before anything runs ---------------------------------------------------------------

    def refuse_missing(self, spec: PipelineSpec) -> None:
        """Refuse a pipeline with an input that names a version which does not exist, or with a
        promotion that no policy can allow.

        An input whose version an earlier step is going to make is fine.

        Raises
        ------
        InvalidInput
            With ``file:line:column: sentence`` for every such input.
        """
        if spec.promote is not None:
            # Hours of steps must not end at a policy that cannot be read.
            self.models.alias_to_give(spec.promote.alias)
        to_be_made = {
            (output.kind, output.name)
            for step in spec.steps
            for output in step.outputs.values()
            if isinstance(output, VersionOutput)
        }
        faults = []
        for step in spec.steps:
            for source in step.inputs.values():
                if not isinstance(source, VersionInput):
                    continue
                if source.at is None and (source.kind, source.name) in to_be_made:
                    continue
                try:
                    self._get(source.kind, source.ref)
                except NotFound as error:
                    faults.append(Fault(spec.file, source.mark, error.message))
        refuse(faults)

    def now(self, source: VersionInput) -> str | None:
        """The version that a reference names at this moment, as ``name@3``."""
        try:
            return self._get(source.kind, source.ref).ref
        except NotFound:
            return None

    # --- inputs -----------------------------------------------------------------------------

    def pin(self, kind: Kind, ref: str) -> Item:
        """The version that a reference names now, at a path whose bytes are made sure of.

        Raises
        ------
        NotFound, Corrupt
            There is none, or its bytes are not what was kept.
        """
        return self.item(kind, self._get(kind, ref))

    def item(self, kind: Kind, version: VersionRecord | ModelVersion) -> Item:
        """A version at its path."""
        manager = self._datasets() if kind == "dataset" else self._models()
        return Item(
            kind=kind,
            path=manager.path(version.ref),
            digest=version.digest,
            size_bytes=version.size_bytes,
            name=version.name,
            version=version.version,
            figures=_figures(version),
            made_by=version.run_id,
        )

    def given(self, run_id: str, item: Item, role: str) -> None:
        """Note that a run was given a version, under a name."""
        if item.kind == "file":
            return
        line: dict[str, Any] = {"e": "input", "r": run_id, "t": time.time_ns() // 1000}
        line |= {item.kind: item.name, "version": item.version, "digest": item.digest, "role": role}
        self._store.append(line)

    # --- outputs ----------------------------------------------------------------------------

    def made(self, run_id: str, output: VersionOutput) -> Item | None:
        """The version that a run, or a run below it, has made of a name; the last, if several.

        The same content as an older version's is that version, and was made by both.
        """
        runs = [str(one) for (one,) in self._store.query(_BELOW, {"run": run_id})]
        if output.kind == "dataset":
            made = self._datasets().made_by(runs, output.name)
            return self.item("dataset", made[-1]) if made else None
        registered = [
            (logged.created_at, max(numbers))
            for run in runs
            for logged in self._models().logged(run)
            if (numbers := [number for name, number in logged.registered if name == output.name])
        ]
        if not registered:
            return None
        return self.pin("model", f"{output.name}@{max(registered)[1]}")

    def blocked_by(self, item: Item) -> list[str]:
        """The suites that block a dataset's version."""
        if item.kind != "dataset":
            return []
        checks = self._datasets().get(item.ref).checks
        return [one.suite for one in checks if one.state == "blocked"]

    # --- gates ------------------------------------------------------------------------------

    def check_data(self, item: Item, suite: str) -> SuiteReport:
        """What a suite says of a version, which is noted with it, or of a file."""
        if item.kind == "dataset":
            return self._datasets().check(item.ref, suite)
        from mlops_lab.data.suite import find_suite, read_suite
        from mlops_lab.data.suite_run import run_suite

        found = read_suite(find_suite(self._store.root, suite))
        return run_suite(item.path, found, tmp=self._store.tmp)

    def holder(self, model: str, alias: str) -> ModelVersion | None:
        """The version that has an alias now."""
        return self._models().find(f"{model}@{alias}")

    def _get(self, kind: Kind, ref: str) -> VersionRecord | ModelVersion:
        return self._datasets().get(ref) if kind == "dataset" else self._models().get(ref)


def _figures(version: VersionRecord | ModelVersion) -> Mapping[str, float]:
    """What a gate may ask of a version, beside its size: a dataset's rows, a model's latency."""
    found: dict[str, float] = {"size_bytes": float(version.size_bytes)}
    rows = getattr(version, "rows", None)
    if rows is not None:
        found["rows"] = float(rows)
    facts = getattr(version, "facts", None)
    latency = facts.get("latency_ms") if isinstance(facts, Mapping) else None
    if isinstance(latency, Mapping):
        for word, value in latency.items():
            if isinstance(value, int | float):
                found[f"latency_{word}_ms"] = float(value)
    return found
