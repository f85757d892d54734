"""Models, versions and moves of aliases as the rows of tables."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from mlops_lab.handles.card import age, size_text
from mlops_lab.handles.held import Held
from mlops_lab.handles.model_card import format_mark, judgement_mark
from mlops_lab.handles.table import Grid
from mlops_lab.registry.records import AliasMove, ModelRecord, ModelVersion

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["Models", "Moves", "Versions"]

H = TypeVar("H")


class Versions(Held[ModelVersion, H]):
    """The versions of a model, newest first."""

    noun = "versions"

    def pick(self, rows: Sequence[H], indices: Sequence[int]) -> Versions[H]:
        """Give only these rows."""
        return Versions([self._records[index] for index in indices], self._handle)

    def arrow(self) -> pa.Table:
        """Give everything as columns, each metric one."""
        import pyarrow

        names = (
            *("name", "version", "flavor", "unsafe", "size_bytes", "created_at", "author", "note"),
            *("run_id", "digest"),
        )
        columns: dict[str, Any] = {
            name: [getattr(one, name) for one in self._records] for name in names
        }
        columns["aliases"] = [list(one.aliases) for one in self._records]
        columns["outcome"] = [
            one.judgement.outcome if one.judgement else None for one in self._records
        ]
        metrics = [one.facts.get("metrics") or {} for one in self._records]
        for key in dict.fromkeys(key for one in metrics for key in one):
            columns[f"metrics.{key}"] = [_last(one.get(key)) for one in metrics]
        return pyarrow.table(columns)

    def grid(self, rows: Sequence[H]) -> Grid:
        """Give these rows as they are shown."""
        return Grid(
            ("version", "aliases", "gates", "format", "size", "registered", "by", "note"),
            tuple(
                (
                    one.version,
                    ", ".join(one.aliases) or None,
                    judgement_mark(one.judgement),
                    format_mark(one.flavor, one.unsafe),
                    size_text(one.size_bytes),
                    age(one.created_at),
                    one.author,
                    one.note or None,
                )
                for one in self.records_of(rows)
            ),
        )


class Models(Held[ModelRecord, H]):
    """The models of a project."""

    noun = "models"
    empty = 'run.log_model(model, register="NAME") makes the first one.'

    def pick(self, rows: Sequence[H], indices: Sequence[int]) -> Models[H]:
        """Give only these rows."""
        return Models([self._records[index] for index in indices], self._handle)

    def arrow(self) -> pa.Table:
        """Give everything as columns."""
        import pyarrow

        names = ("name", "description", "versions", "latest", "waiting", "updated_at")
        columns: dict[str, Any] = {
            name: [getattr(one, name) for one in self._records] for name in names
        }
        columns["aliases"] = [
            [f"{alias}@{version}" for alias, version in one.aliases.items()]
            for one in self._records
        ]
        return pyarrow.table(columns)

    def grid(self, rows: Sequence[H]) -> Grid:
        """Give these rows as they are shown."""
        return Grid(
            ("name", "versions", "latest", "aliases", "waiting", "updated", "description"),
            tuple(
                (
                    one.name,
                    one.versions,
                    one.latest,
                    ", ".join(f"{alias} {version}" for alias, version in one.aliases.items())
                    or None,
                    one.waiting or None,
                    age(one.updated_at),
                    one.description or None,
                )
                for one in self.records_of(rows)
            ),
        )


class Moves(Held[AliasMove, AliasMove]):
    """Who had an alias when, newest first."""

    noun = "moves"
    empty = "Nobody has had this alias yet."

    def __init__(
        self,
        records: Sequence[AliasMove],
        handle: Callable[[AliasMove], AliasMove] = lambda move: move,
    ) -> None:
        super().__init__(records, handle)

    def pick(self, rows: Sequence[AliasMove], indices: Sequence[int]) -> Moves:
        """Give only these rows."""
        return Moves([self._records[index] for index in indices])

    def arrow(self) -> pa.Table:
        """Give everything as columns."""
        import pyarrow

        names = ("alias", "version", "since", "until", "by", "how", "reason", "digest", "run_id")
        return pyarrow.table(
            {name: [getattr(one, name) for one in self._records] for name in names}
        )

    def grid(self, rows: Sequence[AliasMove]) -> Grid:
        """Give these rows as they are shown."""
        return Grid(
            ("alias", "version", "since", "until", "how", "by", "reason"),
            tuple(
                (
                    one.alias,
                    one.version,
                    f"{one.since:%Y-%m-%d %H:%M}",
                    "now" if one.until is None else f"{one.until:%Y-%m-%d %H:%M}",
                    one.how,
                    one.by,
                    one.reason or None,
                )
                for one in self.records_of(rows)
            ),
        )


def _last(found: Any) -> float | None:
    last = found.get("last") if isinstance(found, dict) else found
    return float(last) if isinstance(last, int | float) else None
