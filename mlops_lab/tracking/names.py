"""The names of a run in expressions, and how each stands in SQL over the index."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final, TypeAlias

from mlops_lab.errors import InvalidInput
from mlops_lab.expressions import Expression, Kind, Name, names, nearest, quote_part
from mlops_lab.expressions.nodes import Compare, In, Node, Text
from mlops_lab.tracking.goals import Direction, goal_of_metric
from mlops_lab.tracking.records import STATUSES

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

__all__ = ["ATTRIBUTES", "Known", "RunNames", "explain_nothing", "read_known"]

Known: TypeAlias = dict[str, list[str]]
"""The project's own names: keys of metrics, params and tags, the most used first."""

# What a run is asked for without a prefix: a closed list, so that a typing error is an error.
ATTRIBUTES: Final[Mapping[str, tuple[Kind, str]]] = {
    "name": (Kind.TEXT, "r.name"),
    "experiment": (Kind.TEXT, "r.experiment"),
    "status": (Kind.TEXT, "r.status"),
    "outcome": (Kind.TEXT, "r.outcome"),
    "kind": (Kind.TEXT, "r.kind"),
    "parent": (Kind.TEXT, "r.parent"),
    "started": (Kind.TIME, "epoch_us(r.started_at)::double"),
    "ended": (Kind.TIME, "epoch_us(r.ended_at)::double"),
    "duration": (
        Kind.DURATION,
        "(coalesce(epoch_us(r.ended_at), $now_us) - epoch_us(r.started_at))::double",
    ),
    "author": (Kind.TEXT, "r.author"),
    "id": (Kind.TEXT, "r.run_id"),
    "notebook": (Kind.TEXT, "(r.source->>'notebook')"),
}
# The words of these are a closed list too; another one finds nothing, and a hint says so.
_WORDS: Final[Mapping[str, tuple[str, ...]]] = {
    "status": STATUSES,
    "outcome": ("passed", "rejected", "waiting"),
    "kind": (
        "training", "pipeline", "step", "sweep", "monitor", "batch", "report", "transfer",
        "reproduce",
    ),
}  # fmt: skip

_PREFIXES: Final = ("metrics", "params", "tags")
# After these a value stands more often than a name.
_A_VALUE: Final = re.compile(r"(=|\blike|\bin\s*\([^()]*)$", re.IGNORECASE)

_SUMMARY: Final = "(select run, $column as number from lab.metric_summary where key = $key)"
# In a list without child runs a pipeline's run stands for its steps, as its row shows them.
_STEPS_SUMMARY: Final = """(select run, $column as number from lab.metric_summary where key = $key
    union all
    select pipeline.run, arg_max($column, step.started_at)
    from lab.metric_summary m join lab.run step on step.run = m.run
      join lab.run pipeline on pipeline.run_id = step.parent
    where m.key = $key and step.kind = 'step' and step.lifecycle = 'active'
      and not exists (from lab.metric_summary own where own.run = pipeline.run)
      and not exists (from lab.tag t where t.run = step.run and t.key = 'mlops.champion')
    group by pipeline.run)"""
_COLUMNS: Final = {
    "last": "last.value",
    "min": "lowest.value",
    "max": "highest.value",
    "mean": "case when n_finite > 0 then total / n_finite end",
}
_PARAM: Final = """(select run, last(value order by t, writer, off) as text,
    last(number order by t, writer, off) as number
    from lab.param where key = $key group by run)"""
_TAG: Final = """(select run, text, case when isfinite(n) then n end as number from (
    select *, try_cast(text as double) as n from (
        select run, last(case when not deleted then value end order by t, writer, off) as text
        from lab.tag where key = $key group by run)))"""
_KNOWN: Final = """
select 'metrics', key, count(*) as n from lab.metric_summary group by key union all
select 'params', key, count(*) from lab.param group by key union all
select 'tags', key, count(*) from lab.tag where not starts_with(key, 'mlops.') group by key
order by n desc, key
"""


class RunNames:
    """Names of runs as SQL; each metric, param or tag becomes one joined table.

    Parameters
    ----------
    goals
        Which direction is better.
    known
        Reads the project's own names; asked only for the sake of an error.
    steps
        Whether a run without metrics of its own, such as a pipeline's, has those of its steps.
    """

    def __init__(
        self, goals: Mapping[str, Direction], known: Callable[[], Known], *, steps: bool = False
    ) -> None:
        self._summary = _STEPS_SUMMARY if steps else _SUMMARY
        self._goals = goals
        self._known = known
        self._tables: dict[tuple[str, str], str] = {}
        self.reading = ""
        self.joins: list[str] = []
        self.keys: dict[str, str] = {}

    def kind(self, name: Name) -> Kind:
        """Give the kind of a name, or refuse it."""
        if name.function is not None:
            return Kind.NUMBER
        head = name.parts[0].lower()
        if len(name.parts) == 1 and head in ATTRIBUTES:
            return ATTRIBUTES[head][0]
        if len(name.parts) > 1 and head in _PREFIXES:
            return Kind.NUMBER if head == "metrics" else Kind.LOOSE
        raise self._unknown(name)

    def number(self, name: Name) -> str:
        """Give the SQL of a name's double."""
        return self._attribute(name) or f"{self._table(name)}.number"

    def text(self, name: Name) -> str:
        """Give the SQL of a name's text."""
        return self._attribute(name) or f"{self._table(name)}.text"

    def _attribute(self, name: Name) -> str | None:
        if name.function is not None or len(name.parts) > 1:
            return None
        return ATTRIBUTES[name.parts[0].lower()][1]

    def _table(self, name: Name) -> str:
        noun, key = _wanted(name)
        table = self._tables.get((noun, key))
        if table is None:
            table = self._tables[noun, key] = f"n{len(self._tables)}"
            self.keys[f"{table}_key"] = key
            sql = self._source(noun, key).replace("$key", f"${table}_key")
            self.joins.append(f"left join {sql} {table} on {table}.run = r.run")
        return table

    def _source(self, noun: str, key: str) -> str:
        if noun == "params":
            return _PARAM
        if noun == "tags":
            return _TAG
        if noun == "best":
            noun = goal_of_metric(key, self._goals).direction
        return self._summary.replace("$column", _COLUMNS[noun])

    def _unknown(self, name: Name) -> InvalidInput:
        head = name.parts[0].lower()
        if head in _PREFIXES:
            message = f"After {head} stands a dot and a name."
            keys = self._known()[head]
            guess = f"{head}.{quote_part(keys[0])}" if keys else None
        else:
            forms = ", ".join((*ATTRIBUTES, "params.x", "tags.x", "metrics.x", "best(x)"))
            message = f"There is no name {name.dotted}; there are {forms}."
            guess = self._guess(name)
            if _A_VALUE.search(self.reading[: name.start].rstrip()):
                message = f"There is no name {name.dotted}; text stands in quotes: '{name.dotted}'."
        return InvalidInput.at(
            self.reading, name.start, message, length=name.length, suggestion=guess
        )

    def _guess(self, name: Name) -> str | None:
        """Find what was meant: an attribute, or a metric, param or tag of the project."""
        if len(name.parts) > 1:
            prefix = nearest(name.parts[0], _PREFIXES)
            if prefix:
                return f"{prefix}.{'.'.join(map(quote_part, name.parts[1:]))}"
        known = self._known()
        meant = {word: word for word in ATTRIBUTES}
        for noun in _PREFIXES:
            for key in known[noun]:
                meant.setdefault(
                    key, _best(key) if noun == "metrics" else f"{noun}.{quote_part(key)}"
                )
        word = ".".join(name.parts)
        found = word if word in meant else nearest(word, meant)
        return meant[found] if found else None


def _best(key: str) -> str:
    plain = not set("`)") & set(key) and key == key.strip()
    return f"best({key})" if plain else f"best(`{key.replace('`', '``')}`)"


def _wanted(name: Name) -> tuple[str, str]:
    """Give what a name asks for, and of which key: ``("params", "lr")``, ``("best", "auc")``."""
    if name.function is not None:
        return name.function, name.parts[0]
    head = name.parts[0].lower()
    return ("last" if head == "metrics" else head), ".".join(name.parts[1:])


def read_known(connection: DuckDBPyConnection) -> Known:
    """Read the keys that runs of the project have."""
    found: Known = {noun: [] for noun in _PREFIXES}
    for noun, key, _ in connection.execute(_KNOWN).fetchall():
        found[noun].append(key)
    return found


def explain_nothing(expression: Expression, known: Known) -> str | None:
    """Say why a condition may have found nothing: a name or a word that no run has."""
    for name in names(expression):
        hint = _missing_key(name, known)
        if hint:
            return hint
    return _unknown_word(expression.root)


def _unknown_word(node: Node) -> str | None:
    """Find a status, outcome or kind that there is not: ``status = 'done'``."""
    match node:
        case Compare(left=Name(parts=(word,), function=None), right=Text(value=text)):
            texts = [text]
        case In(operand=Name(parts=(word,), function=None), options=options):
            texts = [option.value for option in options if isinstance(option, Text)]
        case _:
            found = (_unknown_word(child) for child in node.children())
            return next((hint for hint in found if hint), None)
    words = _WORDS.get(word.lower(), ())
    for text in texts:
        if words and text not in words:
            near = nearest(text, words)
            also = f" Did you mean {near}?" if near else ""
            return f"There is no {word.lower()} {text}; there are {', '.join(words)}.{also}"
    return None


def _missing_key(name: Name, known: Known) -> str | None:
    """Say that no run has the metric, param or tag of a name, and which is near; None: some has."""
    if name.function is None and len(name.parts) == 1:
        return None
    noun, key = _wanted(name)
    noun = noun if noun in _PREFIXES else "metrics"
    if key in known[noun] or key.startswith("mlops."):
        return None
    near = nearest(key, known[noun])
    also = f" Did you mean {near}?" if near else ""
    return f"No run has a {noun.removesuffix('s')} {key}.{also}"
