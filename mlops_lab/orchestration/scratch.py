"""Folders of a run on its way: outputs before they are kept, and a kernel's sockets.

``.mlops/scratch/<run>/<step>-<try>/`` holds one try. What a killed executor left there is cleared
by the next run, after the notebook it had saved so far was kept.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from mlops_lab.orchestration.sources import OutputFile
from mlops_lab.orchestration.spec import Step
from mlops_lab.store import Store
from mlops_lab.tracking import RunManager

__all__ = [
    "NOTEBOOK_MEDIA",
    "Scratch",
    "drop_outputs",
    "recover",
    "scratch_root",
    "sockets_folder",
]

NOTEBOOK_MEDIA = "application/x-ipynb+json"
NOTEBOOK = "notebook.ipynb"
RUN_FILE = "run"
OUTPUTS = "outputs"

SOCKET_LIMIT = 107
"""Longest path of a socket in bytes, on Linux; 103 on macOS, hence the reserve below."""


def scratch_root(store_dir: Path) -> Path:
    """Where the runs of a store have their scratch folders."""
    return store_dir / "scratch"


class Scratch:
    """The folder of one try of one step.

    Parameters
    ----------
    folder
        Made empty.
    run_id
        The try's run: written down, so that what is left behind can be kept with it.
    """

    def __init__(self, folder: Path, run_id: str) -> None:
        self.folder = folder
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        (folder / RUN_FILE).write_text(run_id)
        self.notebook = folder / NOTEBOOK
        self.log = folder / "kernel.log"

    def output_paths(self, step: Step) -> dict[str, Path]:
        """A path for each output that is a file, in a folder that exists."""
        paths = {
            name: self.folder / OUTPUTS / output.path
            for name, output in step.outputs.items()
            if isinstance(output, OutputFile)
        }
        for path in paths.values():
            path.parent.mkdir(parents=True, exist_ok=True)
        return paths


@contextmanager
def sockets_folder(near: Path) -> Iterator[Path]:
    """A folder of this user's own whose path is short enough for a kernel's sockets.

    ``near`` if that is short, so that what a killed process leaves is cleared with it.
    """
    folder = near / "k"
    if len(os.fsencode(folder)) + len("/k-5") > SOCKET_LIMIT - 7:
        folder = Path(tempfile.mkdtemp(prefix="mlops-"))
    else:
        folder.mkdir(mode=0o700, parents=True)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def drop_outputs(run_folder: Path) -> None:
    """Remove the outputs of a run that failed, which nobody will take; its notebooks stay.

    They may be what filled the disk: without them there is room to write down how the run ended.
    """
    for folder in run_folder.glob(f"*/{OUTPUTS}"):
        shutil.rmtree(folder, ignore_errors=True)


def recover(store: Store, runs: RunManager) -> None:
    """Keep the notebooks of executors that were killed, and clear their folders.

    Only what belongs to a run that is known to be over is touched: a reader that misses the lock
    may not have heard yet of one that has just begun.
    """
    root = scratch_root(store.dir)
    try:
        found = {entry.name for entry in os.scandir(root) if entry.is_dir()}
    except FileNotFoundError:
        return
    if not found:
        return
    over = [record.id for record in runs.get_many(sorted(found)) if not record.is_open]
    for name in over:
        with suppress(FileNotFoundError):  # somebody else is clearing up as well
            for folder in sorted((root / name).iterdir()):
                _keep(folder, runs)
        shutil.rmtree(root / name, ignore_errors=True)


def _keep(folder: Path, runs: RunManager) -> None:
    notebook = folder / NOTEBOOK
    step, _, _ = folder.name.rpartition("-")
    # Without the file it was killed before it began.
    if notebook.exists() and (folder / RUN_FILE).exists():
        run_id = (folder / RUN_FILE).read_text()
        path = f"notebook/{step}.ipynb"
        runs.put_artifact(run_id, path, notebook, media=NOTEBOOK_MEDIA, kind="notebook")
