"""Models that are kept while others are at work in the same store."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any

import pytest

from mlops_lab.governance import Identity
from mlops_lab.project import Project


def test_a_model_is_kept_though_others_keep_the_index_locked(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_id = project.runs.start(name="fit", by=Identity("mara"))
    folder = tmp_path / "saved"
    folder.mkdir()
    (folder / "model.skops").write_text("weights")
    (folder / "model.json").write_text(json.dumps({"flavor": "sklearn", "unsafe": False}))
    assert project.runs.get(run_id).name == "fit"  # there is an index
    done: list[Any] = []
    insists = threading.Event()
    fold = project.store.fold

    def watched(**how: Any) -> Any:
        if how.get("force"):
            insists.set()
        return fold(**how)

    def keep() -> None:
        try:
            done.append(project.models.log_package(run_id, "model", folder))
        except Exception as error:
            done.append(error)

    monkeypatch.setattr(project.store, "fold", watched)
    thread = threading.Thread(target=keep)
    with project.store._freshness._mutex:  # as another thread does that folds
        thread.start()
        while thread.is_alive() and not insists.wait(0.01):
            pass
    thread.join()

    (kept,) = done
    assert not isinstance(kept, Exception), kept
    assert project.models.logged(run_id) == [kept]
