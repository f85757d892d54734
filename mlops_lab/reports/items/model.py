"""A model version: what the gates said, its metrics beside the champion's, its card."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from mlops_lab.handles.card import short_number, size_text
from mlops_lab.handles.model import Model
from mlops_lab.handles.model_card import UNSAFE
from mlops_lab.registry.browse import Browser
from mlops_lab.reports.html import Html, text
from mlops_lab.reports.kind import ItemKind
from mlops_lab.reports.lineage import write_graph
from mlops_lab.reports.markdown import without_front
from mlops_lab.reports.table import Cells
from mlops_lab.reports.writer import Writer, state_word, time_html

__all__ = ["KIND", "difference"]

_BETTER = {"max": 1.0, "min": -1.0}


class ModelItem(ItemKind):
    """One version of a registered model."""

    name = "a model version"
    gives = "a model (lab.model(…)), a dataset (lab.dataset(…))"
    rank = 20

    def takes(self, thing: Any) -> bool:
        """The handles of models."""
        return isinstance(thing, Model)

    def write(self, thing: Model, out: Writer) -> None:
        """Write the judgement and the comparison, then the card."""
        project = thing._project
        record = thing.record  # a version that moves on meanwhile is one version here
        browser = Browser(
            project.models, project.settings.goals, project.identity, project.pipelines.gates
        )
        page = browser.version_page(record.ref)
        goals = browser.model_page(record.name)["goals"]
        judged = page["judgement"]
        out.heading(f"{record.name} {record.version}", glyph=judged["outcome"] if judged else None)
        if record.unsafe:
            out.notice(f"{UNSAFE[:1].upper()}{UNSAFE[1:]}.", "failed")
        _write_facts(thing, page, out)
        _write_gates(page, out)
        _write_metrics(record.version, page, goals, out)
        _write_promotions(page, out)
        write_graph(project, record.node, f"{record.name} {record.version}", out, whole=True)
        out.heading("Card", 3)
        out.markdown(without_front(thing.card()), below=3)

    def told(self, thing: Model) -> str:
        """By its reference."""
        return f"model {thing.ref}"


def _write_facts(thing: Model, page: Mapping[str, Any], out: Writer) -> None:
    record = thing.record
    chips = "".join(
        f'<span class="jp-MlopsLab-report-alias">{text(alias)}</span>' for alias in record.aliases
    )
    inputs = ", ".join(f"{one['dataset']}@{one['version']}" for one in page["inputs"])
    latency = page["latency_ms"] or {}
    run = page["run"] or {}
    out.facts(
        [
            ("alias", Html(chips) if chips else None),
            ("registered", time_html(record.created_at)),
            ("by", record.author),
            ("run", run.get("name") or (record.run_id or "")[:8]),
            ("data", inputs),
            ("format", record.flavor),
            ("size", size_text(record.size_bytes)),
            ("one row", f"{latency['p50']:.3g} ms" if latency.get("p50") else None),
            ("content", record.digest[3:11]),
        ]
    )
    if record.note:
        out.quote(record.note)
    out.facts([(key, value) for key, value in record.tags.items()])


def _write_gates(page: Mapping[str, Any], out: Writer) -> None:
    judged = page["judgement"]
    if judged is None:
        out.sentence("No pipeline has judged it: nothing but its own run vouches for it.")
        return
    told = f"{judged['passed']} of {judged['total']} gates passed."
    out.heading("Gates", 3)
    out.sentence(told, state=judged["outcome"])
    if page["gates"]:
        rows = [
            (
                Html(state_word(gate["state"]).markup, gate["state"]),
                gate["sentence"],
                gate["expression"],
            )
            for gate in page["gates"]
        ]
        out.table(Cells(("state", "sentence", "gate"), rows), tools=False)
    else:
        out.lines(judged["sentences"])


def _write_metrics(
    version: int, page: Mapping[str, Any], goals: Mapping[str, str], out: Writer
) -> None:
    metrics = page["metrics"]
    if not metrics:
        return
    champion = page["champion"]
    out.heading("Metrics", 3)
    if champion is None:
        rows = [(f"{key} {_arrow(goals.get(key))}", value) for key, value in metrics.items()]
        out.table(Cells(("metric", f"version {version}"), rows), tools=False)
        return
    was = champion["metrics"]
    compared = [
        (
            f"{key} {_arrow(goals.get(key))}",
            value,
            was.get(key),
            difference(value, was.get(key), goals.get(key)),
        )
        for key, value in metrics.items()
    ]
    head = ("metric", f"version {version}", f"champion then: {champion['version']}", "difference")
    out.table(Cells(head, compared), tools=False)
    out.told("Both were judged in the same step, on the same rows.")


def _write_promotions(page: Mapping[str, Any], out: Writer) -> None:
    """Write what its aliases' policies say of it, and who has approved it."""
    told = [one for one in page["promotions"] if one["lines"]]
    if not told and not page["approvals"]:
        return
    out.heading("Policy", 3)
    for one in told:
        out.sentence(f"To become {one['alias']}:")
        states = {"failed": "rejected"}
        out.lines(
            [line["sentence"] for line in one["lines"]],
            [states.get(str(line["state"]), str(line["state"])) for line in one["lines"]],
        )
    for approval in page["approvals"]:
        out.quote(approval["comment"], f"{approval['by']}, {approval['role']}, {approval['at']}")


def _arrow(goal: str | None) -> str:
    return {"max": "↑", "min": "↓"}.get(str(goal), "")


def difference(value: Any, was: Any, goal: str | None) -> Html | None:
    """A difference with its sign, and whether it is for the better."""
    if not isinstance(value, int | float) or not isinstance(was, int | float):
        return None
    change = float(value) - float(was)
    if change == 0:
        return Html("=", 0.0)
    if not math.isfinite(change):
        return None
    better = change * _BETTER.get(str(goal), 0)
    tone = "better" if better > 0 else "worse" if better < 0 else "same"
    mark = "▲" if change > 0 else "▼"
    shown = short_number(abs(change)).removeprefix("0")
    sign = "+" if change > 0 else "−"
    return Html(f'<span class="jp-mod-{tone}">{mark} {sign}{text(shown)}</span>', change)


KIND = ModelItem()
