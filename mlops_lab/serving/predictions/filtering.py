"""Which rows of a log are asked for, as SQL; what people typed is bound."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from mlops_lab.compute.engine import quote
from mlops_lab.expressions import Kind, Name, Parameters, parse, quote_part, to_sql, unknown_name

__all__ = ["Filter"]

_NUMBERS: Final = re.compile(r"(TINY|SMALL|BIG|HUGE|U\w+)?INT(EGER)?|BIGINT|DOUBLE|FLOAT|DECIMAL.*")
_NEVER: Final = "false"


@dataclass(frozen=True, slots=True)
class Filter:
    """What of a log is asked for.

    Attributes
    ----------
    since, until
        In µs, UTC: from the first on, and before the second.
    role, version, revision, rollout
        Of who answered.
    status
        The HTTP status.
    search
        A text that stands, whatever its case, in any text of a row or in its id.
    where
        A condition over the columns, as ``late = 1 and carrier = 'EV'``.
    """

    since: int | None = None
    until: int | None = None
    role: str | None = None
    version: int | None = None
    revision: str | None = None
    rollout: str | None = None
    status: int | None = None
    search: str | None = None
    where: str | None = None

    def sql(self, columns: Sequence[tuple[str, str]]) -> tuple[str, Mapping[str, Any]]:
        """A condition over a relation of these columns, and the values to bind.

        Raises
        ------
        InvalidInput
            The condition has faults; the message points at its character.
        """
        names = dict(columns)
        parts: list[str] = []
        values: dict[str, Any] = {}
        if self.since is not None:
            parts.append("t >= make_timestamptz($since::bigint)")
            values["since"] = self.since
        if self.until is not None:
            parts.append("t < make_timestamptz($until::bigint)")
            values["until"] = self.until
        for name in ("role", "version", "revision", "rollout", "status"):
            value = getattr(self, name)
            if value is not None:
                parts.append(f"{name} = ${name}" if name in names else _NEVER)
                values[name] = value
        if self.search:
            parts.append(_search(columns))
            values["search"] = self.search.lower()
        if self.where:
            bound = Parameters()
            sql, _ = to_sql(parse(self.where), _Columns(self.where, names), parameters=bound)
            parts.append(f"({sql})")
            values |= bound.values
        return " and ".join(parts) or "true", values


def _search(columns: Sequence[tuple[str, str]]) -> str:
    texts = [quote(name) for name, kind in columns if kind == "VARCHAR"]
    return " or ".join(f"contains(lower({one}), $search)" for one in texts).join("()")


class _Columns:
    """The columns of a log as names of an expression."""

    def __init__(self, text: str, columns: Mapping[str, str]) -> None:
        self._text = text
        self._columns = {name.lower(): (name, kind) for name, kind in columns.items()}

    def kind(self, name: Name) -> Kind:
        """Give the kind of a name, or refuse it."""
        _, kind = self._found(name)
        if kind.startswith("TIMESTAMP"):
            return Kind.TIME
        return Kind.NUMBER if _NUMBERS.fullmatch(kind) or kind == "BOOLEAN" else Kind.TEXT

    def number(self, name: Name) -> str:
        """Give the SQL of a name's double; times are in microseconds."""
        column, kind = self._found(name)
        if kind.startswith("TIMESTAMP"):
            return f"epoch_us({quote(column)})::double"
        return f"{quote(column)}::double"

    def text(self, name: Name) -> str:
        """Give the SQL of a name's text."""
        return f"{quote(self._found(name)[0])}::varchar"

    def _found(self, name: Name) -> tuple[str, str]:
        found = self._columns.get(".".join(name.parts).lower()) if name.function is None else None
        if found is None:
            known = [quote_part(one) for one, _ in self._columns.values()]
            raise unknown_name(self._text, name, known)
        return found
