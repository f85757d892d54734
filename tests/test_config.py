"""Settings: argument > environment > mlops.toml > default."""

import logging
from pathlib import Path

import pytest

from mlops_lab.config import load_settings
from mlops_lab.errors import InvalidInput


def write(root: Path, text: str) -> Path:
    (root / "mlops.toml").write_text(text, encoding="utf-8")
    return root


def test_missing_file_means_defaults(tmp_path: Path) -> None:
    settings = load_settings(tmp_path, {})
    assert settings.goals == {}
    assert settings.tracking.environment
    assert settings.project.name is None


def test_file_overrules_default(tmp_path: Path) -> None:
    write(tmp_path, '[project]\nname = "Größe"\n[goals]\nauc = "max"\n"val/loss" = "min"\n')
    settings = load_settings(tmp_path, {})
    assert settings.project.name == "Größe"
    assert settings.goals == {"auc": "max", "val/loss": "min"}


def test_environment_overrules_file(tmp_path: Path) -> None:
    write(tmp_path, "[tracking]\ndiff_kb = 5\nenvironment = true\n")
    found = load_settings(
        tmp_path, {"MLOPS_LAB_TRACKING_DIFF_KB": "9", "MLOPS_LAB_TRACKING_ENVIRONMENT": "false"}
    )
    assert found.tracking.diff_kb == 9
    assert not found.tracking.environment


def test_environment_finds_a_goal_in_the_case_of_the_file(tmp_path: Path) -> None:
    write(tmp_path, '[goals]\nAUC = "min"\n')
    assert load_settings(tmp_path, {"MLOPS_LAB_GOALS_AUC": "max"}).goals == {"AUC": "max"}


def test_variables_that_say_where_things_are_are_no_settings(tmp_path: Path) -> None:
    environ = {"MLOPS_LAB_PROJECT": "/x", "MLOPS_LAB_RUN": "y", "MLOPS_LAB_ROOT": "/z"}
    assert load_settings(tmp_path, environ) == load_settings(tmp_path, {})


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('[goals]\nauc = "up"\n', ("goals.auc", "'up'", "mlops.toml")),
        ("[tracking]\ndiff_kb = -1\n", ("tracking.diff_kb", "-1")),
        ("goals = 3\n", ("goals", "3")),
        ("[goals\n", ("not valid TOML", "line 1")),
    ],
)
def test_wrong_value_names_file_and_key(tmp_path: Path, text: str, words: tuple[str, ...]) -> None:
    with pytest.raises(InvalidInput) as error:
        load_settings(write(tmp_path, text), {})
    for word in words:
        assert word in str(error.value)


def test_wrong_variable_is_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="MLOPS_LAB_TRACKING_DIFF_KB"):
        load_settings(tmp_path, {"MLOPS_LAB_TRACKING_DIFF_KB": "many"})


def test_unknown_key_is_said_with_the_nearest_and_refuses_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    write(tmp_path, "[tracking]\nnotebok = false\n[endpoints]\nchampion = 1\n")
    with caplog.at_level(logging.WARNING):
        load_settings(tmp_path, {})
    assert "notebok" in caplog.text
    assert "Did you mean notebook?" in caplog.text
    assert "champion" not in caplog.text
