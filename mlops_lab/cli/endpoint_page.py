"""How endpoints look in a terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from mlops_lab.cli.output import age, number, print_table, size

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

__all__ = ["print_endpoint", "print_endpoints", "state_glyph"]

# Shape and colour, never colour alone.
_STATES: Final[Mapping[str, tuple[str, str]]] = {
    "serving": ("●", "green"),
    "ready": ("●", "green"),
    "starting": ("◌", "blue"),
    "draining": ("◌", "dim"),
    "degraded": ("!", "yellow"),
    "crashed": ("✗", "red"),
    "failed": ("✗", "red"),
    "stopped": ("■", "dim"),
}
_FIGURE: Final = {"justify": "right", "min_width": 6}
_DECISIONS: Final = 10


def state_glyph(state: str) -> Text:
    """The mark of a state."""
    from rich.text import Text

    mark, style = _STATES.get(state, ("?", "dim"))
    return Text(mark, style=style)


def print_endpoints(target: Console, rows: Sequence[Mapping[str, Any]]) -> None:
    """A line for each endpoint."""
    print_table(
        target,
        [
            "",
            ("endpoint", {"min_width": 8}),
            ("serves", {"min_width": 16}),
            "tries",
            ("req/s", _FIGURE),
            ("p50 ms", _FIGURE),
            ("p99 ms", _FIGURE),
            ("errors", _FIGURE),
            ("since", {"min_width": 6}),
        ],
        [
            (
                state_glyph(row["state"]),
                row["name"],
                f"{row['model']}@{row['version']}",
                _tried(row["rollout"]),
                *_live(row["live"]),
                age(_moment(row["since"])),
            )
            for row in rows
        ],
    )
    for row in rows:
        if row["state"] not in ("serving", "stopped") and row["sentence"]:
            target.print(f"{row['name']}: {row['sentence']}", markup=False)


def print_endpoint(target: Console, page: Mapping[str, Any]) -> None:
    """Everything about one endpoint."""
    from rich.text import Text

    row, status = page["endpoint"], page["status"] or {}
    head = Text.assemble(state_glyph(row["state"]), "  ", (row["name"], "bold"), "  ", row["state"])
    target.print(head)
    if row["sentence"]:
        target.print(f"   {row['sentence']}", markup=False)
    facts = [
        f"follows {row['follows']}" if row["follows"] else f"{row['model']}@{row['version']}",
        f"{row['workers']} worker{'s' * (row['workers'] != 1)}",
        *([f"{row['host']}:{row['port']}, with a token"] if row["port"] else []),
        *([str(status["url"])] if status.get("url") and row["state"] != "stopped" else []),
    ]
    target.print(f"   {' · '.join(facts)}", markup=False, style="dim", soft_wrap=True)
    _print_rollout(target, row["rollout"])
    target.print()
    print_table(
        target,
        [
            "",
            ("revision", {"min_width": 16}),
            ("role", {"min_width": 7}),
            ("traffic", _FIGURE),
            ("req/s", _FIGURE),
            ("p50 ms", _FIGURE),
            ("p99 ms", _FIGURE),
            ("errors", _FIGURE),
            ("memory", {**_FIGURE, "min_width": 8}),
            ("since", {"min_width": 6}),
            "by",
        ],
        [
            (
                state_glyph(one["state"]),
                f"{one['model']}@{one['version']}",
                one["role"] or one["state"],
                f"{one['share']:g} %",
                *_live(one if "rps" in one else None),
                _memory(one.get("workers")),
                age(_moment(one["since"])),
                one["by"],
            )
            for one in page["revisions"]
        ],
    )
    for one in page["revisions"]:
        said = one.get("sentence") or (one.get("why") if one["role"] == "stable" else None)
        if said:
            target.print(f" {one['model']}@{one['version']}: {said}", markup=False, style="dim")
    target.print()
    target.print("what was decided", style="dim")
    for event in page["history"][:_DECISIONS]:
        at = event["at"][:16].replace("T", " ")
        target.print(f" {at}  {event['by']}: {event['sentence']}", markup=False)
        if event["reason"]:
            target.print(f"{'':19}{event['reason']}", markup=False, style="dim")
    if len(page["history"]) > _DECISIONS:
        left = len(page["history"]) - _DECISIONS
        target.print(f"and {left:,} more: mlops-lab audit show --kind endpoint", style="dim")


def _print_rollout(target: Console, rollout: Mapping[str, Any] | None) -> None:
    if rollout is None:
        return
    candidate, base = rollout["candidate"], rollout["base"]
    kind = "A/B test" if rollout["kind"] == "ab" else rollout["kind"]
    target.print()
    target.print(
        f"{kind} of {candidate['model']}@{candidate['version']} against "
        f"{base['model']}@{base['version']}: {rollout['share']:g} %",
        markup=False,
    )
    for step in rollout["ramp"]:
        when = step["at"][:16].replace("T", " ")
        target.print(f" {step['share']:g} % at {when} UTC", markup=False, style="dim")
    evidence = rollout["evidence"] or {}
    for metric in evidence.get("metrics") or ():
        target.print(f" {metric.get('title')}. {metric.get('sentence')}", markup=False)
    if evidence.get("sentence"):
        target.print(f" {evidence['sentence']}", markup=False)


def _tried(rollout: Mapping[str, Any] | None) -> str | None:
    if rollout is None:
        return None
    candidate = rollout["candidate"]
    kind = "A/B" if rollout["kind"] == "ab" else rollout["kind"]
    return f"{candidate['model']}@{candidate['version']} {kind} {rollout['share']:g} %"


def _live(figures: Mapping[str, Any] | None) -> tuple[str | None, ...]:
    if figures is None:
        return (None, None, None, None)
    return (
        number(figures.get("rps")),
        number(figures.get("p50_ms")),
        number(figures.get("p99_ms")),
        f"{figures.get('errors') or 0:,}",
    )


def _memory(workers: Sequence[Mapping[str, Any]] | None) -> str | None:
    held = sum(int(one.get("rss") or 0) for one in workers or ())
    return size(held) if held else None


def _moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
