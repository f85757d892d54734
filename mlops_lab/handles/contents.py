"""What a run holds, as mappings that are worth looking at and say what is near a wrong name."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar, Generic, TypeVar

from mlops_lab.errors import InvalidInput, NotFound
from mlops_lab.handles.card import artifact_table, metric_table, param_table
from mlops_lab.store import Objects
from mlops_lab.tracking.records import ArtifactRecord, MetricSummary, ParamRecord

__all__ = ["Artifact", "Artifacts", "Metrics", "Params"]

R = TypeVar("R")
V = TypeVar("V", covariant=True)


class _Named(Mapping[str, V], Generic[R, V]):
    """Records of a run by name, which say what is near a wrong one."""

    _noun: ClassVar[str]

    def __init__(self, records: Mapping[str, R]) -> None:
        self._records = records

    def _value(self, record: R) -> V:
        raise NotImplementedError

    def __getitem__(self, key: str) -> V:
        if key not in self._records:
            raise _missing(self._noun, key, self._records)
        return self._value(self._records[key])

    def __iter__(self) -> Iterator[str]:
        return iter(self._records)

    def __len__(self) -> int:
        return len(self._records)

    def __contains__(self, key: object) -> bool:
        return key in self._records

    def get(self, key: str, default: Any = None) -> Any:
        """Give what has this name, or the default."""
        return self[key] if key in self._records else default


class Params(_Named[ParamRecord, Any]):
    """The params of a run by name, as the Python values that were logged last.

    Attributes
    ----------
    records
        The same with type, time and cell.
    """

    _noun = "param"

    def __init__(self, records: Iterable[ParamRecord]) -> None:
        self.records = {record.key: record for record in records}
        super().__init__(self.records)

    def _value(self, record: ParamRecord) -> Any:
        match record.type:
            case "null":
                return None
            case "bool":
                return record.value == "True"
            case "int" | "float" | "list" | "dict":
                return json.loads(record.value)
        return record.value

    def __repr__(self) -> str:
        return repr(dict(self))

    def _repr_html_(self) -> str:
        return param_table(list(self.records.values()))


class Metrics(_Named[MetricSummary, MetricSummary]):
    """The metrics of a run by name, each with ``last``, ``best``, ``min``, ``max``, ``n`` …"""

    _noun = "metric"

    def __init__(self, records: Iterable[MetricSummary]) -> None:
        super().__init__({record.key: record for record in records})

    def _value(self, record: MetricSummary) -> MetricSummary:
        return record

    def __repr__(self) -> str:
        shown = ", ".join(f"{key}={metric.last:.6g}" for key, metric in self._records.items())
        return f"<Metrics {shown or 'none yet'}>"

    def _repr_html_(self) -> str:
        return metric_table(list(self._records.values()))


class Artifact:
    """A file of a run; its bytes never change.

    Attributes
    ----------
    record
        Path, media type, size and content id.
    """

    __slots__ = ("_file", "record")

    def __init__(self, record: ArtifactRecord, file: Path) -> None:
        self.record = record
        self._file = file

    @property
    def path(self) -> str:
        """Its path in the run."""
        return self.record.path

    @property
    def size_bytes(self) -> int:
        """Its size in bytes."""
        return self.record.size

    @property
    def media_type(self) -> str:
        """What it is, as told when it was logged."""
        return self.record.media

    @property
    def file(self) -> Path:
        """The file of the store that its bytes are in, to be read and not written."""
        self._require()
        return self._file

    def read_bytes(self) -> bytes:
        """Give its bytes."""
        self._require()
        return self._file.read_bytes()

    def read_text(self) -> str:
        """Give its text, read as UTF-8."""
        self._require()
        return self._file.read_text(encoding="utf-8", errors="replace")

    def json(self) -> Any:
        """Give what its JSON says."""
        return json.loads(self.read_text())

    def df(self) -> Any:
        """Give the table in it as a pandas frame: Parquet or CSV."""
        import pandas as pd

        self._require()
        if self.record.media == "application/vnd.apache.parquet":
            return pd.read_parquet(self._file)
        if self.record.media in ("text/csv", "text/tab-separated-values"):
            return pd.read_csv(self._file, sep="," if self.record.media == "text/csv" else "\t")
        raise InvalidInput(f"{self.path} is no table: it is {self.record.media}.")

    def save(self, target: str | Path) -> Path:
        """Write a copy to a file, or under its own name into a folder, and give its path."""
        to = Path(target)
        to = to / Path(self.path).name if to.is_dir() else to
        to.write_bytes(self.read_bytes())
        return to

    def _require(self) -> None:
        if not self._file.exists():
            raise NotFound(
                f"The bytes of {self.path} are not in the store any more: {self._file} was "
                "deleted. `mlops-lab store verify` says what else is missing."
            )

    def __repr__(self) -> str:
        return f"<Artifact {self.path} · {self.record.media} · {self.record.size:,} bytes>"


class Artifacts(_Named[ArtifactRecord, Artifact]):
    """The files of a run by path."""

    _noun = "artifact"

    def __init__(self, objects: Objects, records: Iterable[ArtifactRecord]) -> None:
        super().__init__({record.path: record for record in records})
        self._objects = objects

    def _value(self, record: ArtifactRecord) -> Artifact:
        return Artifact(record, self._objects.path(record.digest))

    def __repr__(self) -> str:
        return f"<Artifacts {', '.join(self._records) or 'none yet'}>"

    def _repr_html_(self) -> str:
        return artifact_table(list(self._records.values()))


def _missing(noun: str, key: object, known: Mapping[str, Any]) -> NotFound:
    near = difflib.get_close_matches(str(key), known, 1)
    hint = f" Did you mean {_quoted(near[0])}?" if near else ""
    names = ", ".join(map(_quoted, list(known)[:10])) or "none yet"
    more = f" and {len(known) - 10:,} more" if len(known) > 10 else ""
    return NotFound(f"The run has no {noun} {_quoted(key)}.{hint} It has: {names}{more}.")


def _quoted(name: object) -> str:
    text = repr(name)
    return text if len(text) <= 80 else f"{text[:79]}…"
