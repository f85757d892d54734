"""What people type who know other tools, and what they are told."""

import copy
import re
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pytest

import mlops_lab as lab
from mlops_lab.handles import habits

OWNERS = {
    "MODULE": lab,
    "RUN": lab.Run,
    "DATASET": lab.Dataset,
    "MODEL": lab.Model,
    "TABLE": lab.Table,
    "EVALUATION": lab.Evaluation,
    "MONITOR": lab.Monitor,
}


@pytest.mark.parametrize("table", OWNERS)
def test_answers_are_for_names_that_do_not_exist(table: str) -> None:
    assert not set(getattr(habits, table)) & set(dir(OWNERS[table]))


@pytest.mark.parametrize("table", OWNERS)
def test_answers_name_what_exists(table: str) -> None:
    for typed, line in getattr(habits, table).items():
        for name in re.findall(r"lab\.(\w+)", line):
            assert hasattr(lab, name), (typed, line)
        first = re.match(r"(\w+)(?=\(|$|,| and)", line)
        if first and first[1] not in ("nothing", "a", "len"):
            assert hasattr(OWNERS[table], first[1]), (typed, line)


def test_name_of_another_tool_is_answered_with_the_line(project) -> None:
    with pytest.raises(AttributeError, match=r"no attribute 'load_model'\. Use lab\.model\("):
        lab.load_model  # noqa: B018
    with pytest.raises(AttributeError, match=r"'load'\. Use df\(\)\."):
        lab.dataset("flights").load  # noqa: B018
    with pytest.raises(AttributeError, match=r"'stage'\. Use aliases\."):
        lab.model("late").stage  # noqa: B018
    with pytest.raises(AttributeError, match=r"'to_pandas'\. Use df\(\)\."):
        lab.runs().to_pandas  # noqa: B018
    with pytest.raises(AttributeError, match=r"'finish'\. Use end\(\)\."):
        lab.start_run("a").finish  # noqa: B018
    with pytest.raises(AttributeError, match=r"'detect_drift'\. Use lab\.drift\(reference, curr"):
        lab.detect_drift  # noqa: B018
    with pytest.raises(AttributeError, match=r"'webhook'\. Use path: all of it stands in that"):
        lab.monitor("delay").webhook  # noqa: B018
    table = pa.table({"x": [1.0] * 200})
    with pytest.raises(AttributeError, match=r"'save_html'\. Use lab\.report\(\[…\], \"drift"):
        lab.drift(table, table, progress=False).save_html  # noqa: B018


def test_misspelt_name_hears_the_nearest(project) -> None:
    with pytest.raises(AttributeError, match="Did you mean start_run"):
        lab.strat_run  # noqa: B018
    with pytest.raises(AttributeError, match="Did you mean columns"):
        lab.dataset("flights").colums  # noqa: B018


def test_handles_still_say_what_they_have(project) -> None:
    handle = lab.dataset("flights")
    assert not hasattr(lab, "load_model")
    assert not hasattr(handle, "load")
    assert not hasattr(handle, "_repr_png_")
    assert copy.copy(handle) == handle


def test_error_inside_of_a_property_is_not_mistaken_for_a_missing_name() -> None:
    class Odd(habits.Answering):
        @property
        def value(self) -> int:
            return None.real  # type: ignore[attr-defined]

    with pytest.raises(AttributeError, match="'NoneType' object has no attribute 'real'"):
        Odd().value  # noqa: B018


def test_version_is_that_of_the_package() -> None:
    from importlib.metadata import version

    assert lab.__version__ == version("mlops-lab")
    assert "__version__" in dir(lab)


def test_python_adds_no_guess_of_its_own(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", "import mlops_lab as lab; lab.load_model"],
        capture_output=True,
        text=True,
        cwd=tmp_path,
    )
    assert done.stderr.rstrip().endswith('Use lab.model("NAME@champion").load().')
