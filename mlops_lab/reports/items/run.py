"""A run: how it stands, its metrics and their curves, what it was given, what it has kept."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from mlops_lab.handles.card import duration, size_text
from mlops_lab.handles.run import Run
from mlops_lab.reports.html import Html
from mlops_lab.reports.kind import ItemKind
from mlops_lab.reports.media import shows, write_file
from mlops_lab.reports.table import Cells
from mlops_lab.reports.views import write_curves
from mlops_lab.reports.writer import Writer, state_word, time_html
from mlops_lab.tracking.records import ArtifactRecord, MetricSummary, RunRecord
from mlops_lab.widgets.curves import read_curves

__all__ = ["KIND", "write_artifacts", "write_head", "write_metrics", "write_params"]

MOST_SHOWN_BYTES: Final = 2_500_000
"""Of the artifacts of a run together; further ones are only named."""

_KINDS: Final = {"training": "run", "step": "step of a pipeline run", "pipeline": "pipeline run"}
_OWN: Final = ("mlops/", "source/")
"""What the program keeps by itself: told elsewhere in the report."""


class RunItem(ItemKind):
    """One run, in full."""

    name = "a run"
    gives = "a run (lab.run(…)), several of them, a pipeline run"
    rank = 20

    def takes(self, thing: Any) -> bool:
        """The handles of runs."""
        return isinstance(thing, Run)

    def write(self, thing: Run, out: Writer) -> None:
        """Write what the run view shows."""
        record = thing.record
        write_head(thing, record, out)
        write_metrics(thing, record, out)
        write_params(thing, out)
        write_artifacts(thing, out, level=3)
        _write_environment(thing, out)

    def told(self, thing: Run) -> str:
        """By its id, which needs no look at the store."""
        return f"run {thing.id[:8]}"


def write_head(run: Run, record: RunRecord, out: Writer) -> None:
    """Write what a run is and how it stands."""
    out.heading(record.name, glyph=record.outcome or record.status)
    source = record.source
    origin = source.get("pipeline") or source.get("notebook") or source.get("program")
    out.facts(
        [
            ("state", _state(record)),
            ("kind", _KINDS.get(record.kind, f"{record.kind} run")),
            ("experiment", record.experiment),
            ("started", time_html(record.started_at)),
            ("took", duration(record.duration_s)),
            ("by", record.author),
            ("from", origin),
            ("input", ", ".join(_inputs(run)) or None),
            ("id", record.id[:8]),
        ]
    )
    why = record.reason or _error(record)
    if why and record.status == "failed":
        out.notice(why, "failed")
    elif why:
        out.sentence(why)
    shown = {key: value for key, value in run.tags.items() if not key.startswith("mlops.")}
    out.facts([(key, value) for key, value in shown.items()])
    for note in run.notes:
        out.quote(note.text, note.author)


def write_metrics(run: Run, record: RunRecord, out: Writer) -> None:
    """Write the metrics as a table, and the curves of those that were logged along the way."""
    found = run._project.runs.metrics(run.id)
    shown = [metric for metric in found if not metric.key.startswith("system/")]
    if not shown:
        return
    out.heading("Metrics", 3)
    state = {"error": None, "x": "step", "log_scale": [], **read_curves(run._project, run.id)}
    if any(len(one["values"]) > 1 for one in state["series"]):
        write_curves(state, out)
    out.table(_metrics(shown), tools=len(shown) > 8)
    if any(metric.guessed for metric in shown):
        out.told("? a guess from the metric's name, not a goal that the project declares.")


def write_params(run: Run, out: Writer) -> None:
    """Write the params as they were last."""
    records = list(run.params.records.values())
    if not records:
        return
    out.heading("Params", 3)
    rows = [(one.key, f"{one.value}{' (changed)' if one.changed else ''}") for one in records]
    out.table(Cells(("param", "value"), rows), tools=len(rows) > 8)


def write_artifacts(run: Run, out: Writer, *, level: int) -> None:
    """Write what can be shown of a run's files, and name the rest.

    An executed notebook shows most of them again, so it is folded away.

    Parameters
    ----------
    run
        The run.
    level
        Of the heading.
    """
    records = [one.record for one in run.artifacts.values()]
    kept = [one for one in records if not one.path.startswith(_OWN)]
    shown, named = _divided(kept)
    if not shown and not named:
        return
    out.heading("Artifacts", level)
    for record in sorted(shown, key=_is_notebook):
        if _is_notebook(record):
            with out.fold(f"Notebook {record.path}"):
                _write_artifact(run, record, out)
        else:
            out.heading(record.path, level + 1)
            _write_artifact(run, record, out)
    if named:
        rows = [(one.path, one.kind, one.media, _size(one)) for one in named]
        out.table(Cells(("also kept", "kind", "type", "size"), rows), tools=len(rows) > 8)


def _write_artifact(run: Run, record: ArtifactRecord, out: Writer) -> None:
    with out.guarded(f"{record.path} cannot be shown"):
        write_file(run.artifacts[record.path].file, record.media, record.path, out)


def _divided(
    records: Sequence[ArtifactRecord],
) -> tuple[list[ArtifactRecord], list[ArtifactRecord]]:
    """What is shown, and what is only named because it is no reading, or together too much."""
    shown, named, used = [], [], 0
    for one in sorted(records, key=lambda record: record.path):
        # Of a table only the first rows are in the page, whatever its size.
        cost = min(one.size, 120_000) if _is_table(one) else 4 * one.size // 3
        fits = used + cost <= MOST_SHOWN_BYTES and shows(one.media, one.size)
        if fits and one.kind != "model" and not one.path.startswith("models/"):
            shown.append(one)
            used += cost
        else:
            named.append(one)
    return shown, named


def _is_notebook(record: ArtifactRecord) -> bool:
    return record.path.endswith(".ipynb")


def _is_table(record: ArtifactRecord) -> bool:
    return record.media in ("application/vnd.apache.parquet", "text/csv")


def _size(record: ArtifactRecord) -> Html:
    return Html(size_text(record.size), float(record.size))


def _metrics(metrics: Sequence[MetricSummary]) -> Cells:
    rows = [
        (
            f"{one.key} {'↑' if one.goal == 'max' else '↓'}{'?' if one.guessed else ''}",
            one.last,
            one.best,
            one.best_step if one.n > 1 else None,
            one.n,
        )
        for one in metrics
    ]
    return Cells(("metric", "last", "best", "at step", "points"), rows)


def _inputs(run: Run) -> list[str]:
    """The versions of data and models that it was given."""
    found = run._project.datasets.inputs(run.id)
    return list(
        dict.fromkeys(
            one.name if one.version is None else f"{one.name}@{one.version}" for one in found
        )
    )


def _write_environment(run: Run, out: Writer) -> None:
    found = run.environment
    if not found:
        return
    git = found.get("git") or {}
    packages = found.get("packages") or {}
    with out.fold("Environment"):
        out.facts(
            [
                ("python", found.get("python")),
                ("platform", found.get("platform")),
                ("git commit", str(git.get("commit") or "")[:12] or None),
                ("uncommitted changes", "yes" if git.get("dirty") else None),
                ("packages", len(packages) or None),
            ]
        )
        if packages:
            # In a line: nobody reads them, and a table of them takes pages of paper.
            out.told(", ".join(f"{name} {version}" for name, version in sorted(packages.items())))


def _state(record: RunRecord) -> Html:
    status, outcome = record.status, record.outcome
    if outcome is None:
        return state_word(status)
    return Html(f"{state_word(outcome).markup}, {status}")


def _error(record: RunRecord) -> str | None:
    if not record.error:
        return None
    return f"{record.error.get('name')}: {record.error.get('message')}"


KIND = RunItem()
