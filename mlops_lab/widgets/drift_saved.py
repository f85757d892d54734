"""What of an evaluation goes into a saved notebook: enough to read, never too much."""

from __future__ import annotations

from typing import Any, Final

from mlops_lab.widgets.saved import MOST_BYTES, size_of

__all__ = ["NOT_DRAWN", "saved_evaluation"]

NOT_DRAWN: Final = ("effect_low", "effect_high", "statistics")
"""What a picture has no room for; the certificate of a brushed range is asked for."""
_LINES: Final = ("wasserstein", "psi", "missing", "p_value", "median")
_WHOLE: Final = 3
"""Features whose distributions are kept before others are kept at all."""
_MOST_QUALITY: Final = 200
_MOST_ALERTS: Final = 60
_ROOM: Final = 12_000
"""For what is saved beside the evaluation: alerts, the monitor's file, the selection."""


def saved_evaluation(
    evaluation: dict[str, Any], *, first: str | None = None, most_bytes: int = MOST_BYTES
) -> dict[str, Any]:
    """Keep an evaluation within its bounds.

    The first features of the ranking stay as they are; then each keeps its states and effects while
    there is room; then, in the same order, more of them get their counts and other statistics back.
    A note says what is missing.

    Parameters
    ----------
    evaluation
        As the wire has it.
    first
        The feature that is looked at: it comes before all others.
    most_bytes
        Of the JSON.
    """
    room = most_bytes - _ROOM
    columns = sorted(evaluation["columns"], key=lambda one: _rank(one, first))
    if size_of(evaluation) <= room:
        return evaluation
    frame = _frame({**evaluation, "columns": []}, room)
    room -= size_of(frame)
    kept: dict[str, dict[str, Any]] = {}
    for place, column in enumerate(columns):
        slim = column if place < _WHOLE else _slim(column)
        size = size_of(slim) + 1
        if size > room:
            continue
        kept[column["name"]] = slim
        room -= size
    for column in columns[_WHOLE:]:
        if column["name"] in kept:
            more = size_of(column) - size_of(kept[column["name"]])
            if more <= room:
                kept[column["name"]] = column
                room -= more
    whole = sum(one["counts"] is not None for one in kept.values())
    # In the order in which they were: only the ranking is by impact.
    named = [kept[one["name"]] for one in evaluation["columns"] if one["name"] in kept]
    return {
        **frame,
        "columns": named,
        "notes": [_note(len(columns), len(named), whole), *frame["notes"]],
    }


def _rank(column: dict[str, Any], first: str | None) -> tuple[bool, float, float]:
    impact = column["impact"]
    effects = [value for value in column["effect"] if isinstance(value, int | float)]
    return (
        column["name"] != first,
        -(impact if isinstance(impact, int | float) else 0.0),
        -max(effects, default=0.0),
    )


def _slim(column: dict[str, Any]) -> dict[str, Any]:
    """States and effects alone."""
    bins = column["bins"]
    empty: dict[str, list[Any]] = {"edges": []} if bins["kind"] == "number" else {"values": []}
    return {
        **{name: value for name, value in column.items() if name not in NOT_DRAWN},
        **{name: [] for name in _LINES},
        "effect": [_short(value) for value in column["effect"]],
        "outside": None,
        "naturals": [],
        "bins": {**bins, **empty},
        "reference_counts": [],
        "counts": None,
    }


def _short(value: Any) -> Any:
    return float(f"{value:.2g}") if isinstance(value, float) else value


def _frame(evaluation: dict[str, Any], room: int) -> dict[str, Any]:
    """All but the columns: counts of scores go first, then explanations of old incidents."""
    performance = evaluation["performance"]
    cuts = [
        {
            "quality": evaluation["quality"][-_MOST_QUALITY:],
            "alerts": evaluation["alerts"][:_MOST_ALERTS],
        },
        {"performance": performance and {**performance, "counts": None, "segments": []}},
        {"alerts": [{**one, "sections": []} for one in evaluation["alerts"][:_MOST_ALERTS]]},
        {"performance": None},
    ]
    for cut in cuts:
        if size_of(evaluation) <= room // 2:
            break
        evaluation = {**evaluation, **cut}
    return evaluation


def _note(all_: int, kept: int, whole: int) -> str:
    if kept == all_:
        return (
            f"The saved notebook holds the distributions of {whole} of {all_} features: run the "
            "cell again for the others."
        )
    return (
        f"The saved notebook holds {kept} of {all_} features, {whole} with their distributions: "
        "run the cell again for the others."
    )
