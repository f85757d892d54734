"""How two versions differ: files, schema, statistics, and with a key the rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Any, Final

from mlops_lab.data.records import VersionRecord

if TYPE_CHECKING:
    from mlops_lab.compute import ProfileDiff, RowDiff

__all__ = ["DatasetDiff", "FilesDiff", "diff_files"]

_LISTED: Final = 20
_FONT: Final = (
    "font-family:var(--jp-ui-font-family, system-ui, sans-serif);"
    "font-size:var(--jp-ui-font-size1, 13px);color:inherit"
)
_MUTED: Final = "color:var(--jp-ui-font-color2, #5f6368)"


@dataclass(frozen=True, slots=True)
class FilesDiff:
    """The files that came, went and changed, by their paths in the versions."""

    added: tuple[str, ...]
    removed: tuple[str, ...]
    changed: tuple[str, ...]
    same: int

    def to_json(self) -> dict[str, Any]:
        """As REST sends it."""
        return {
            "added": list(self.added),
            "removed": list(self.removed),
            "changed": list(self.changed),
            "same": self.same,
        }


def diff_files(before: Mapping[str, str], after: Mapping[str, str]) -> FilesDiff:
    """Compare two folders by path and content id.

    >>> diff_files({"a": "1", "b": "2"}, {"b": "3", "c": "4"})
    FilesDiff(added=('c',), removed=('a',), changed=('b',), same=0)
    """
    both = [path for path in after if path in before]
    return FilesDiff(
        added=tuple(path for path in after if path not in before),
        removed=tuple(path for path in before if path not in after),
        changed=tuple(path for path in both if before[path] != after[path]),
        same=sum(before[path] == after[path] for path in both),
    )


@dataclass(frozen=True, slots=True)
class DatasetDiff:
    """The difference of two versions.

    Attributes
    ----------
    before, after
        The versions.
    files
        Of folders; None when both are single files.
    profile
        Schema and statistics of tables; None when one of them is no table.
    keyed
        The rows, when a key was given.
    """

    before: VersionRecord
    after: VersionRecord
    files: FilesDiff | None
    profile: ProfileDiff | None
    keyed: RowDiff | None

    @property
    def is_empty(self) -> bool:
        """Whether both have the same content."""
        return self.before.digest == self.after.digest

    def to_json(self) -> dict[str, Any]:
        """As REST sends it."""
        empty = {"schema": {"added": [], "removed": [], "changed": []}, "columns": []}
        rows = {"before": self.before.rows, "after": self.after.rows}
        told = {**empty, "rows": rows} if self.profile is None else self.profile.to_json()
        return {
            "before": self.before.version,
            "after": self.after.version,
            **told,
            "keyed": None if self.keyed is None else self.keyed.to_json(),
            "files": None if self.files is None else self.files.to_json(),
        }

    def __repr__(self) -> str:
        return "\n".join([self._title(), *(f"  {line}" for line in self._lines())])

    def _repr_html_(self) -> str:
        lines = "".join(f"<div><bdi>{escape(line)}</bdi></div>" for line in self._lines())
        return (
            f'<div style="{_FONT}"><div style="{_MUTED}">{escape(self._title())}</div>{lines}</div>'
        )

    def _title(self) -> str:
        return f"{self.before.ref} → {self.after.ref}"

    def _lines(self) -> list[str]:
        if self.is_empty:
            return ["the same content"]
        lines: list[str] = []
        if self.files is not None:
            for word in ("added", "removed", "changed"):
                paths: Sequence[str] = getattr(self.files, word)
                if paths:
                    lines.append(f"files {word}: {_some(paths)}")
        if self.profile is not None:
            lines += _profile_lines(self.profile)
        if self.keyed is not None:
            one = self.keyed
            lines.append(
                f"rows by {', '.join(one.key)}: {one.added:,} added, {one.removed:,} removed, "
                f"{one.changed:,} changed, {one.same:,} the same"
            )
            if one.columns:
                most = sorted(one.columns.items(), key=lambda item: -item[1])
                lines.append("changed in " + _some([f"{name} ({n:,})" for name, n in most]))
        return lines or ["other bytes, and nothing worth saying changed in schema and statistics"]


def _profile_lines(diff: ProfileDiff) -> list[str]:
    lines = []
    if diff.rows_before != diff.rows_after:
        lines.append(f"rows {diff.rows_before:,} → {diff.rows_after:,}")
    if diff.added:
        lines.append(f"columns added: {_some(diff.added)}")
    if diff.removed:
        lines.append(f"columns removed: {_some(diff.removed)}")
    changed = [one for one in diff.columns if one.changes]
    lines += [f"{one.name}: {'; '.join(one.changes)}" for one in changed[:_LISTED]]
    if len(changed) > _LISTED:
        lines.append(f"and {len(changed) - _LISTED} more columns changed")
    return lines


def _some(words: Sequence[str]) -> str:
    more = f" and {len(words) - _LISTED:,} more" if len(words) > _LISTED else ""
    return ", ".join(words[:_LISTED]) + more
