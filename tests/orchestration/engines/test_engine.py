"""Our engine inside papermill itself, and the kernel's life around it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from mlops_lab.orchestration.engines.control import KernelControl
from mlops_lab.orchestration.engines.run import run_notebook
from mlops_lab.orchestration.engines.session import Session
from mlops_lab.orchestration.notebook import inspect_notebook


def write(path: Path, *cells: str) -> Path:
    path.write_text(
        json.dumps(
            {
                "nbformat": 4,
                "nbformat_minor": 5,
                "metadata": {
                    "kernelspec": {"name": "python3", "display_name": "p", "language": "python"}
                },
                "cells": [
                    {
                        "cell_type": "code",
                        "id": f"cell-{index}",
                        "metadata": {},
                        "outputs": [],
                        "execution_count": None,
                        "source": source,
                    }
                    for index, source in enumerate(cells)
                ],
            }
        )
    )
    return path


def session_in(folder: Path) -> Session:
    sockets = folder / "k"
    sockets.mkdir()
    return Session(folder, dict(os.environ), sockets=sockets, log=folder / "kernel.log")


@pytest.mark.parametrize("first", ["papermill", "mlops_lab.orchestration.engines.engine"])
def test_papermill_finds_the_engine_whoever_is_imported_first(first: str) -> None:
    code = (
        f"import {first}\n"
        "from papermill.engines import papermill_engines\n"
        "print(papermill_engines.get_engine('mlops-lab').__name__)"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (said.stdout, said.stderr) == ("LazyStepEngine\n", "")


def test_papermill_runs_with_the_engine_and_kernels_learn_their_cell(tmp_path: Path) -> None:
    source = write(
        tmp_path / "n.ipynb", "print(get_ipython().kernel.get_parent('shell')['metadata'])"
    )
    target = tmp_path / "o.ipynb"

    # A process of its own: here a test before may have registered the engine itself.
    command = [sys.executable, "-m", "papermill", str(source), str(target)]
    said = subprocess.run(
        [*command, "--engine", "mlops-lab", "--no-progress-bar"],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )

    assert said.returncode == 0, said.stderr
    [cell] = json.loads(target.read_text())["cells"]
    assert cell["id"] == "cell-0"
    assert "".join(cell["outputs"][0]["text"]) == "{'cellId': 'cell-0'}\n"


def test_atexit_functions_of_the_kernel_run(tmp_path: Path) -> None:
    source = write(
        tmp_path / "n.ipynb",
        "import atexit, time\n"
        "atexit.register(lambda: (time.sleep(1.2), open('left', 'w').write('yes')))",
    )

    assert run_notebook(inspect_notebook(source), {}, tmp_path / "o", session_in(tmp_path)) is None

    assert (tmp_path / "left").read_text() == "yes"


def test_a_long_notebook_is_saved_on_the_way_but_rarely(tmp_path: Path, monkeypatch) -> None:
    from mlops_lab.orchestration.engines import engine

    source = write(
        tmp_path / "n.ipynb",
        *["print('x' * 1000)"] * 30,
        # It speaks until it finds itself saved: how soon that is depends on the machine.
        "import pathlib, time\nsaved, end = pathlib.Path('o'), time.monotonic() + 60\n"
        "while not (saved.exists() and 'xxx' in saved.read_text()):\n"
        "    assert time.monotonic() < end\n    print('late')\n    time.sleep(0.2)",
    )
    writes: list[float] = []
    real = engine.write_notebook
    monkeypatch.setattr(engine, "write_notebook", lambda *args: (writes.append(1), real(*args))[1])

    began = time.monotonic()
    failure = run_notebook(inspect_notebook(source), {}, tmp_path / "o", session_in(tmp_path))
    took = time.monotonic() - began

    assert failure is None
    executed = json.loads((tmp_path / "o").read_text())
    assert "late" in "".join(executed["cells"][-1]["outputs"][0]["text"])
    # once in 5 s and at the end; papermill itself would write 62 times
    assert len(writes) <= took / 5 + 2


def test_a_notebook_that_is_gone_is_a_failure(tmp_path: Path) -> None:
    source = write(tmp_path / "n.ipynb", "1")
    facts = inspect_notebook(source)
    source.unlink()

    failure = run_notebook(facts, {}, tmp_path / "o", session_in(tmp_path))

    assert failure is not None
    assert failure.name == "UnreadableNotebook"
    assert "n.ipynb cannot be read" in failure.message
    assert not (tmp_path / "o").exists()


def test_a_kernel_whose_program_is_gone_is_a_failure(tmp_path: Path, monkeypatch) -> None:
    spec = tmp_path / "kernels" / "ghost" / "kernel.json"
    spec.parent.mkdir(parents=True)
    spec.write_text('{"argv": ["/no/such/python"], "display_name": "g", "language": "python"}')
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path))
    source = write(tmp_path / "n.ipynb", "1")
    source.write_text(source.read_text().replace('"python3"', '"ghost"'))

    failure = run_notebook(inspect_notebook(source), {}, tmp_path / "o", session_in(tmp_path))

    assert failure is not None
    assert failure.name == "KernelStart"
    assert "/no/such/python" in failure.message


def test_a_kernel_that_cannot_start_is_a_failure_with_its_last_words(tmp_path: Path) -> None:
    source = write(tmp_path / "n.ipynb", "1")
    session = session_in(tmp_path)
    session.environment = dict(os.environ, PYTHONPATH=str(tmp_path))
    (tmp_path / "ipykernel_launcher.py").write_text("raise SystemExit('broken install')")

    failure = run_notebook(inspect_notebook(source), {}, tmp_path / "o", session)

    assert failure is not None
    assert failure.name == "KernelStart"
    assert "broken install" in failure.message
    assert failure.cell_index is None


def test_a_stop_before_the_start_starts_no_kernel(tmp_path: Path) -> None:
    source = write(tmp_path / "n.ipynb", "1")
    session = session_in(tmp_path)
    session.control.interrupt()

    failure = run_notebook(inspect_notebook(source), {}, tmp_path / "o", session)

    assert failure is not None
    assert failure.name == "Stopped"
    assert not (tmp_path / "o").exists()


def test_a_cell_that_swallows_the_interrupt_is_the_last_one(tmp_path: Path) -> None:
    source = write(
        tmp_path / "n.ipynb",
        "import time\nopen('started', 'w')\n"
        "try:\n    time.sleep(60)\nexcept KeyboardInterrupt:\n    print('no')",
        "open('after', 'w')",
    )
    session = session_in(tmp_path)

    class Interrupt:
        def cell_started(self, cell: object) -> None:
            threading.Timer(2, session.control.interrupt).start()

        def cell_finished(self, cell: object, seconds: float, failed: bool) -> None:
            pass

    session.listener = Interrupt()

    failure = run_notebook(inspect_notebook(source), {}, tmp_path / "o", session)

    assert failure is not None
    assert failure.name == "Stopped"
    assert not (tmp_path / "after").exists()
    statuses = [
        cell["metadata"]["papermill"]["status"]
        for cell in json.loads((tmp_path / "o").read_text())["cells"]
    ]
    assert statuses == ["completed", "pending"]


def test_a_control_without_kernel_sends_nothing_and_remembers(monkeypatch) -> None:
    sent: list[tuple[int, int]] = []
    monkeypatch.setattr(os, "killpg", lambda group, number: sent.append((group, number)))
    control = KernelControl()

    control.interrupt()
    assert sent == []
    control.attach(1234)
    assert sent == [(1234, 2)]
    control.detach()
    control.kill()
    assert sent == [(1234, 2)]
    assert control.stopping
    assert control.killed


def test_the_callers_event_loop_is_left_alone(tmp_path: Path) -> None:
    import asyncio

    source = write(tmp_path / "n.ipynb", "1")

    async def inside() -> None:
        pass

    run_notebook(inspect_notebook(source), {}, tmp_path / "o", session_in(tmp_path))
    asyncio.run(inside())


def test_papermill_is_imported_without_compiling_grammars() -> None:
    code = (
        "import sys\n"
        "from mlops_lab.orchestration.notebook import without_iri_grammar\n"
        "with without_iri_grammar():\n"
        "    import papermill.execute\n"
        "assert 'lark' not in sys.modules\n"
        "import rfc3987_syntax, jsonschema\n"
    )
    # As people have it: for tests the grammars are out of the way everywhere.
    outside = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120, env=outside)
