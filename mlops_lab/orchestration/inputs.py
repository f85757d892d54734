"""What a step is given: each input at a path, with the version it was pinned to."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING

from mlops_lab.orchestration.items import Item, digest_of_path
from mlops_lab.orchestration.sources import InputFile, StepOutput, VersionInput
from mlops_lab.orchestration.spec import Step
from mlops_lab.store import Store

if TYPE_CHECKING:
    from mlops_lab.orchestration.versions import Versions

__all__ = ["InputTaker"]


class InputTaker:
    """Takes the inputs of steps, at the moment at which they start. Used by one thread.

    Parameters
    ----------
    store
        Where runs note what they were given.
    versions
        The project's datasets and models.
    kept
        What earlier steps have made, by step and output.
    """

    def __init__(
        self,
        store: Store,
        versions: Versions,
        kept: Mapping[tuple[str, str], Item],
    ) -> None:
        self.store = store
        self.versions = versions
        self.kept = kept

    def take(
        self,
        step: Step,
        run_id: str,
        *,
        swapped: Mapping[str, Item] | None = None,
        hashed: bool = False,
    ) -> dict[str, Item]:
        """The inputs of a step by name, noted as given to its run.

        Parameters
        ----------
        run_id
            The run of this try.
        swapped
            Given instead of what the step says.
        hashed
            Whether files that are no versions are read for their content ids.

        Raises
        ------
        LabError
            A version is not there, or not what it was; or a file cannot be read.
        """
        taken: dict[str, Item] = {}
        for name, source in step.inputs.items():
            if swapped and name in swapped:
                item = swapped[name]
            elif isinstance(source, StepOutput):
                item = self.kept[source.step, source.output]
            elif isinstance(source, VersionInput):
                item = self.versions.pin(source.kind, source.ref)
            else:
                item = self._file(source, hashed)
            self._note(run_id, name, item)
            taken[name] = item
        return taken

    def _file(self, source: InputFile, hashed: bool) -> Item:
        digest = digest_of_path(self.store, source.path) if hashed else None
        return Item("file", source.path, digest)

    def _note(self, run_id: str, name: str, item: Item) -> None:
        if item.kind != "file":
            self.versions.given(run_id, item, name)
        elif item.made_by is not None:
            now = time.time_ns() // 1000
            self.store.append(
                {
                    "e": "feed",
                    "r": run_id,
                    "t": now,
                    "from": item.made_by,
                    "role": name,
                    "digest": item.digest,
                }
            )
