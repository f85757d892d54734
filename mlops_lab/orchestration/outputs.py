"""What a step has made: files are kept in the store, versions are found there."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from mlops_lab.orchestration.engines.run import CellFailure
from mlops_lab.orchestration.items import Item
from mlops_lab.orchestration.sources import VersionOutput
from mlops_lab.orchestration.spec import Step
from mlops_lab.store import Store
from mlops_lab.tracking import RunManager

if TYPE_CHECKING:
    from mlops_lab.orchestration.versions import Versions

__all__ = ["OutputKeeper"]

_HOW = {
    "dataset": ("committed no version of the dataset {name}", "lab.dataset({variable}).commit(…)"),
    "model": ("registered no version of the model {name}", "run.log_model(…, register={variable})"),
}


class OutputKeeper:
    """Keeps the outputs of steps that have come to their end. Used by one thread.

    Parameters
    ----------
    store, runs
        Where files go.
    versions
        Where versions are found.
    """

    def __init__(self, store: Store, runs: RunManager, versions: Versions) -> None:
        self.store = store
        self.runs = runs
        self.versions = versions

    def keep(
        self, step: Step, run_id: str, paths: Mapping[str, Path]
    ) -> dict[str, Item] | CellFailure:
        """The outputs by name, or why the step has failed after all.

        Parameters
        ----------
        run_id
            The run of this try.
        paths
            Where the notebook was to write the outputs that are files.
        """
        found: dict[str, Item] = {}
        for name, output in step.outputs.items():
            if isinstance(output, VersionOutput):
                made = self.versions.made(run_id, output)
                problem = _not_made(name, output) if made is None else self._blocked(name, made)
                if made is None or problem is not None:
                    return CellFailure("MissingOutput", problem or "")
                found[name] = made
            elif not paths[name].is_file():
                return CellFailure("MissingOutput", _not_written(name, paths[name]))
        for name, path in paths.items():
            record = self.runs.put_artifact(
                run_id, f"outputs/{name}{path.suffix}", path, kind=_artifact_kind(path)
            )
            found[name] = Item(
                "file",
                # Under its own name: readers go by the suffix, which objects do not have.
                self.store.objects.view(record.digest, path.name),
                record.digest,
                record.size,
                figures={"size_bytes": float(record.size)},
                made_by=run_id,
            )
        return {name: found[name] for name in step.outputs}

    def _blocked(self, name: str, made: Item) -> str | None:
        suites = self.versions.blocked_by(made)
        if not suites:
            return None
        return (
            f"output {name}: {made.label} was committed and is blocked by its checks "
            f"(suite {', '.join(suites)})"
        )


def _artifact_kind(path: Path) -> str:
    return "table" if path.suffix in (".parquet", ".csv") else "file"


def _not_written(name: str, path: Path) -> str:
    if path.is_dir():
        return f"output {name} is a folder; an output is one file"
    return f"the notebook did not write its output {name}: {path.name}"


def _not_made(name: str, output: VersionOutput) -> str:
    said, line = _HOW[output.kind]
    told = said.format(name=output.name)
    return f"output {name}: the notebook {told}; {line.format(variable=name)} does"
