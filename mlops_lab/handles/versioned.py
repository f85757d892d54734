"""What the handles of datasets and models have in common: a reference, the version it names."""

from __future__ import annotations

from abc import ABC, abstractmethod
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Protocol, TypeVar

from mlops_lab.errors import LabError, NotFound
from mlops_lab.handles.habits import Answering
from mlops_lab.names import parse_reference
from mlops_lab.project import Project

if TYPE_CHECKING:
    from mlops_lab.lineage import Direction, Graph

__all__ = ["Versioned"]


class _Record(Protocol):
    """What the store knows of any version."""

    @property
    def version(self) -> int: ...
    @property
    def ref(self) -> str: ...
    @property
    def node(self) -> str: ...
    @property
    def digest(self) -> str: ...
    @property
    def size_bytes(self) -> int: ...
    @property
    def created_at(self) -> datetime: ...
    @property
    def run_id(self) -> str | None: ...
    @property
    def aliases(self) -> tuple[str, ...]: ...


RecordT = TypeVar("RecordT", bound=_Record)
RecordT_co = TypeVar("RecordT_co", bound=_Record, covariant=True)


class _Manager(Protocol[RecordT_co]):
    """Where versions are found by reference."""

    def get(self, ref: str, /) -> RecordT_co: ...
    def find(self, ref: str, /) -> RecordT_co | None: ...


class Versioned(Answering, ABC, Generic[RecordT]):
    """A thing with versions, or one of them, by reference: ``name``, ``name@3``, ``name@alias``.

    Whatever is asked of it is read from the project at that moment.
    """

    __slots__ = ("_project", "_ref")

    _what: ClassVar[str]

    def __init__(self, project: Project, ref: str) -> None:
        self._project = project
        self._ref = str(parse_reference(ref, self._what))

    @property
    @abstractmethod
    def _manager(self) -> _Manager[RecordT]:
        """The project's manager of these."""

    @staticmethod
    @abstractmethod
    def _line(record: RecordT) -> str:
        """The version in one line."""

    # ------------------------------------------------------------------ what it is

    @property
    def ref(self) -> str:
        """How it was named: with a version, an alias, or neither."""
        return self._ref

    @property
    def name(self) -> str:
        """The name, without version or alias."""
        return self._ref.partition("@")[0]

    @property
    def exists(self) -> bool:
        """Whether there is such a version (yet)."""
        return self._manager.find(self._ref) is not None

    @property
    def record(self) -> RecordT:
        """All that the store knows of the version, as of now.

        Raises
        ------
        NotFound
            There is none; the message has the line that would make it.
        """
        return self._manager.get(self._ref)

    @property
    def version(self) -> int:
        """Its number."""
        return self.record.version

    @property
    def digest(self) -> str:
        """The content id of its files: equal content has an equal one."""
        return self.record.digest

    @property
    def size_bytes(self) -> int:
        """The bytes of its files together."""
        return self.record.size_bytes

    @property
    def created_at(self) -> datetime:
        """When it was made, UTC."""
        return self.record.created_at

    @property
    def run_id(self) -> str | None:
        """The run that made it; ``lab.run(id)`` gives its handle."""
        return self.record.run_id

    @property
    def aliases(self) -> tuple[str, ...]:
        """What it is called now, such as ``champion``."""
        return self.record.aliases

    def lineage(self, *, direction: Direction = "both", depth: int = 6) -> Graph:
        """Show what it was made from, and what was made from it.

        Parameters
        ----------
        direction
            ``up`` to what it was made from, ``down`` to what was made from it, or both.
        depth
            How many edges to follow.
        """
        return self._project.lineage.graph(self.record.node, direction=direction, depth=depth)

    # ------------------------------------------------------------------ showing

    @property
    def _key(self) -> tuple[object, ...]:
        return type(self), self._ref, self._project.key

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Versioned) and other._key == self._key

    def __hash__(self) -> int:
        return hash(self._key)

    def __reduce__(self) -> tuple[Any, ...]:
        # For processes that work in parallel.
        return _open, (type(self), str(self._project.root), self._ref)

    def __repr__(self) -> str:
        what = f"{type(self).__name__} {self._ref}"
        try:
            return self._line(self.record)
        except NotFound as error:
            return f"<{what}: {error}>"
        except LabError as error:  # a debugger and a log want a text, whatever became of the store
            return f"<{what} cannot be read: {error}>"


def _open(kind: type[Versioned[Any]], root: str, ref: str) -> Versioned[Any]:
    return kind(Project.open(root), ref)
