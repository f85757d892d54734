"""Execute one notebook with params, and say in our own words how it ended."""

from __future__ import annotations

import contextvars
import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from mlops_lab.errors import InvalidInput
from mlops_lab.orchestration.engines.kernel import KernelGone, StepKernel
from mlops_lab.orchestration.engines.session import Session, Stopped
from mlops_lab.orchestration.notebook import NotebookFacts, read_cells, without_iri_grammar

__all__ = ["CellFailure", "check_kernel", "run_notebook"]


@dataclass(frozen=True, slots=True)
class CellFailure:
    """Why a notebook did not come to its end.

    Parameters
    ----------
    name
        The exception's class in the notebook; ``DeadKernel`` when its process died.
    message
        The exception's text.
    cell_id, cell_index
        The cell, and its position among the executed ones, from 1; None before the first.
    source
        The cell's first line.
    traceback
        As the kernel wrote it, without colours.
    """

    name: str
    message: str
    cell_id: str | None = None
    cell_index: int | None = None
    source: str | None = None
    traceback: str | None = None


def run_notebook(
    facts: NotebookFacts,
    parameters: Mapping[str, Any],
    output: Path,
    session: Session,
    *,
    start_timeout_s: float = 120,
) -> CellFailure | None:
    """Execute a notebook to its end, and write it with its outputs, whatever happens.

    Parameters
    ----------
    facts
        The notebook.
    parameters
        Injected below its parameters cell.
    output
        Where the executed notebook goes; also written every few seconds on the way.
    session
        Folder, environment, listener and control.
    start_timeout_s
        How long the kernel may take to start, in seconds.

    Returns
    -------
    CellFailure or None
        None when every cell ended well. A stop by ``session.control`` is a failure with the name
        ``KeyboardInterrupt`` or ``Stopped``.
    """
    # A context of its own keeps jupyter_core's event loop out of the caller's.
    work = partial(_run, facts, parameters, output, session, start_timeout_s)
    return contextvars.Context().run(work)


def _run(
    facts: NotebookFacts,
    parameters: Mapping[str, Any],
    output: Path,
    session: Session,
    start_timeout_s: float,
) -> CellFailure | None:
    from jupyter_core.utils import ensure_event_loop

    session.save_as = output
    kernel = StepKernel(facts.kernel_name or "python3", session, start_timeout_s=start_timeout_s)
    loop = ensure_event_loop()
    try:
        if session.warm:
            _import_papermill()  # while what the kernel is forked from does its own imports
        loop.run_until_complete(_start(kernel))
        return _execute(facts, parameters, kernel, session)
    except _Unreadable as error:
        return _failure(session, "UnreadableNotebook", str(error))
    except KernelGone as error:
        return _failure(session, "KernelStart", f"{error}{_last_words(session)}")
    except Stopped:
        return _failure(session, "Stopped", "stopped before the next cell")
    finally:
        loop.run_until_complete(kernel.end())
        loop.close()
        if session.executed is not None:
            _write(session.executed, output)


class _Unreadable(Exception):
    """The notebook was changed or deleted since it was checked."""


async def _start(kernel: StepKernel) -> None:
    from jupyter_client.kernelspec import NoSuchKernel

    try:
        await kernel.start()
    except (OSError, NoSuchKernel) as error:
        # Its spec, its program or the notebook's folder is gone.
        raise KernelGone(f"the kernel cannot be started: {error}") from error


def _import_papermill() -> None:
    with without_iri_grammar():
        import papermill.execute  # noqa: F401


def _execute(
    facts: NotebookFacts, parameters: Mapping[str, Any], kernel: StepKernel, session: Session
) -> CellFailure | None:
    _import_papermill()  # here at the latest, while a new kernel's process does its own imports
    from nbclient.exceptions import CellTimeoutError, DeadKernelError
    from papermill.exceptions import PapermillExecutionError
    from papermill.execute import execute_notebook

    from mlops_lab.orchestration.engines import engine

    engine.register()
    # Our own messages say what papermill's and nbclient's would, and where.
    logging.getLogger("papermill").setLevel(logging.CRITICAL)
    try:
        notebook = _load(facts)
    except (OSError, ValueError, LookupError, AttributeError) as error:
        raise _Unreadable(f"{facts.path.name} cannot be read: {error}") from error
    try:
        execute_notebook(
            notebook,
            None,
            parameters=dict(parameters),
            engine_name=engine.NAME,
            kernel_name=kernel.manager.kernel_name,
            progress_bar=False,
            # Output that is still on its way when a cell ends gets longer than nbclient's 4 s:
            # on a busy machine a large figure takes that.
            iopub_timeout=60,
            session=session,
            kernel=kernel,
        )
    except PapermillExecutionError as error:
        return _failure(session, error.ename, error.evalue, "\n".join(error.traceback))
    except DeadKernelError:
        words = "was killed" if session.control.killed else "died"
        return _failure(session, "DeadKernel", f"the kernel {words}{_last_words(session)}")
    except CellTimeoutError as error:
        return _failure(session, "CellTimeout", str(error))
    return None


def check_kernel(facts: NotebookFacts) -> None:
    """Refuse a notebook whose kernel is not installed, or cannot be given params.

    Raises
    ------
    InvalidInput
        With the kernels that are installed.
    """
    from jupyter_client.kernelspec import KernelSpecManager, NoSuchKernel

    manager = KernelSpecManager()
    name = facts.kernel_name or "python3"
    try:
        manager.get_kernel_spec(name)
    except NoSuchKernel as error:
        installed = ", ".join(sorted(manager.find_kernel_specs()))
        raise InvalidInput(
            f"{facts.path.name} asks for the kernel {name!r}; installed: {installed}."
        ) from error
    if facts.language != "python":
        from papermill.exceptions import PapermillException
        from papermill.translators import papermill_translators

        try:
            papermill_translators.find_translator(name, facts.language)
        except PapermillException as error:
            raise InvalidInput(
                f"{facts.path.name} is in {facts.language}, where papermill can set no params."
            ) from error


def _load(facts: NotebookFacts) -> Any:
    """The notebook as papermill wants it, with a kernel even when the file names none."""
    import nbformat
    from papermill.iorw import load_notebook_node

    if facts.path.suffix == ".ipynb":
        notebook = nbformat.read(facts.path, as_version=4)  # type: ignore[no-untyped-call]
    else:
        notebook = read_cells(facts.path)
    spec = notebook["metadata"].setdefault("kernelspec", {})
    spec.setdefault("name", facts.kernel_name or "python3")
    spec.setdefault("display_name", spec["name"])
    spec.setdefault("language", facts.language)
    return load_notebook_node(notebook)


def _write(notebook: Any, path: Path) -> None:
    from mlops_lab.orchestration.engines.engine import write_notebook

    write_notebook(notebook, path)


def _failure(session: Session, name: str, message: str, traceback: str = "") -> CellFailure:
    cell = session.current
    return CellFailure(
        name=name,
        message=message,
        cell_id=cell.id if cell else None,
        cell_index=cell.index if cell else None,
        source=cell.source if cell else None,
        traceback=re.sub(r"\x1b\[[0-9;]*m", "", traceback) or None,
    )


def _last_words(session: Session) -> str:
    """The end of what the kernel's process printed itself: a crash says why only there."""
    if session.log is None:
        return ""
    try:
        text = session.log.read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""
    lines = [line for line in text.splitlines()[-3:] if line.strip()]
    return f": {' / '.join(lines)[-500:]}" if lines else ""
