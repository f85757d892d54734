"""The rows that a form is proved on come from the data of the version's own run."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from mlops_lab.project import Project
from mlops_lab.registry.package import save_model
from mlops_lab.registry.records import ModelVersion
from mlops_lab.serving.backends.preparing import prepare_version, real_rows


@pytest.fixture
def project(tmp_path: Path, new_project: Callable[[Path], Project]) -> Iterator[Project]:
    opened = new_project(tmp_path / "project")
    yield opened
    opened.close()


def registered(
    project: Project, folder: Path, model: Any, frame: Any, data: Any, **options: Any
) -> ModelVersion:
    """A version whose run has written a dataset."""
    run = project.runs.start(name="fit")
    if data is not None:
        project.datasets.commit("seen", data, run_id=run)
    save_model(model, folder, example=frame, **options)
    logged = project.models.log_package(run, "model", folder)
    project.runs.end(run)
    return project.models.register("late", logged_model=logged.id)


def test_rows_are_drawn_from_what_its_run_wrote(
    tmp_path: Path, project: Project, model: Any, frame: pd.DataFrame
) -> None:
    version = registered(project, tmp_path / "packed", model, frame, frame.assign(late=True))
    rows = real_rows(project.models, project.root, version)
    assert rows is not None
    assert rows.source == "dataset seen@1"
    assert list(rows.frame) == list(frame)
    assert len(rows.frame) == len(frame)
    assert rows.frame["weight"].isna().sum() == frame["weight"].isna().sum()


def test_data_without_the_columns_are_no_rows(
    tmp_path: Path, project: Project, model: Any, frame: pd.DataFrame
) -> None:
    version = registered(project, tmp_path / "packed", model, frame, frame[["hour"]])
    assert real_rows(project.models, project.root, version) is None


def test_a_pickle_is_not_looked_into(
    tmp_path: Path, project: Project, model: Any, frame: pd.DataFrame
) -> None:
    version = registered(project, tmp_path / "packed", model, frame, None, unsafe=True)
    assert "pickle" in str(prepare_version(project.models, project.root, version))
