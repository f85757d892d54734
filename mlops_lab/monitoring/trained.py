"""What the versions of a model were trained on: looked up when one has answered."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from mlops_lab.errors import InvalidInput, NotFound
from mlops_lab.store import Store

if TYPE_CHECKING:
    from mlops_lab.compute import Source
    from mlops_lab.data.records import VersionRecord
    from mlops_lab.registry.records import ModelVersion

__all__ = ["Trained", "TrainedSources"]


class Trained(Mapping[str, "VersionRecord"]):
    """What the versions of a model were trained on, each looked up when it is asked for.

    Of many versions few have answered, and to find one's data takes several questions.
    """

    def __init__(
        self,
        found: tuple[ModelVersion, VersionRecord],
        versions: Iterable[ModelVersion],
        find: Callable[[ModelVersion], VersionRecord],
    ) -> None:
        self._versions = {str(one.version): one for one in versions}
        self._find = find
        self._found: dict[str, VersionRecord | None] = {str(found[0].version): found[1]}

    def __getitem__(self, number: str) -> VersionRecord:
        if number not in self._found:
            try:
                self._found[number] = self._find(self._versions[number])
            except (InvalidInput, NotFound):
                self._found[number] = None
        found = self._found[number]
        if found is None:
            raise KeyError(number)
        return found

    def __iter__(self) -> Iterator[str]:
        return (number for number in self._versions if number in self)

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def unknown(self, numbers: Collection[str | None]) -> list[str]:
        """Which of these versions there are, and nobody knows of what; the first first."""
        return [one for one in reversed(self._versions) if one in numbers and one not in self]


class TrainedSources(Mapping[str, "Source"]):
    """The rows of what each version of a model was trained on, found when they are asked for."""

    def __init__(
        self,
        versions: Mapping[str, VersionRecord],
        source: Callable[[VersionRecord], Source],
        store: Store,
    ) -> None:
        self._versions = versions
        self._source = source
        self._store = store

    def __getitem__(self, number: str) -> Source:
        with self._store.read():  # several questions: the index is opened once for all of them
            found = self._versions[number]
        return self._source(found)

    def __contains__(self, number: object) -> bool:
        with self._store.read():
            return number in self._versions

    def __iter__(self) -> Iterator[str]:
        return iter(self._versions)

    def __len__(self) -> int:
        return len(self._versions)
