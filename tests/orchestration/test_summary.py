from __future__ import annotations

from dataclasses import replace
from xml.etree import ElementTree as xml

import pytest

from mlops_lab.orchestration.results import (
    GateRecord,
    PipelineResult,
    Promotion,
    StepError,
    StepResult,
)
from mlops_lab.orchestration.summary import junit, markdown


@pytest.fixture
def result() -> PipelineResult:
    error = StepError(
        "ValueError", "bad <b>|`x`\x00", 3, "c3", "f()", "Traceback\n  ```\nValueError: \x1b"
    )
    steps = {
        "prepare": StepResult("prepare", "finished", "n.ipynb", "ab" * 16, metrics={"rows": 5.0}),
        "train": StepResult("train", "failed", "n.ipynb", "cd" * 16, error=error, attempts=2),
        "judge": StepResult("judge", "skipped", "n.ipynb"),
    }
    gates = (
        GateRecord(0, "metric", "judge.auc >= 0.6", "passed", "auc 0.7 is at least 0.6"),
        GateRecord(1, "metric", "judge.auc <= 0.65", "rejected", "auc 0.7 is above 0.65"),
    )
    return PipelineResult(
        "ef" * 16,
        "demo",
        "pipelines/demo.yaml",
        "failed",
        None,
        steps,
        gates,
        {"seed": 7},
        12.5,
        1,
        "Step train failed.",
    )


def test_junit_tells_errors_from_rejected_gates(result: PipelineResult) -> None:
    root = xml.fromstring(junit(result))

    suite = root.find("testsuite")
    assert suite is not None
    assert {key: suite.get(key) for key in ("tests", "errors", "failures", "skipped")} == {
        "tests": "5",
        "errors": "1",
        "failures": "1",
        "skipped": "1",
    }
    cases = {case.get("name"): case for case in suite.iter("testcase")}
    assert list(cases) == ["prepare", "train", "judge", "judge.auc >= 0.6", "judge.auc <= 0.65"]
    error = cases["train"].find("error")
    assert error is not None
    assert error.get("message") == "ValueError in cell 3: bad <b>|`x`\N{REPLACEMENT CHARACTER}"
    failure = cases["judge.auc <= 0.65"].find("failure")
    assert failure is not None
    assert failure.get("message") == "auc 0.7 is above 0.65"
    assert cases["judge"].find("skipped") is not None


def test_markdown_shows_what_people_wrote_as_text(result: PipelineResult) -> None:
    text = markdown(result)

    assert text.startswith("## demo: failed\n")
    assert "| ❌ rejected | auc 0.7 is above 0.65 | `judge.auc <= 0.65` |" in text
    assert "| train | failed (try 2) |" in text
    assert "bad &lt;b>\\|\\`x\\`" in text
    assert "````\nTraceback\n  ```" in text
    assert "\x1b" not in text
    assert "\x00" not in text


def test_a_result_reads_well(result: PipelineResult) -> None:
    assert repr(result).splitlines() == [
        "<PipelineResult demo · run efefefef · failed · 12.5 s>",
        "  ✓ prepare · 0 s · rows 5",
        "  ✕ train · 0 s · failed, ValueError in cell 3: bad <b>|`x`\x00",
        "  – judge · skipped",
        "  ✓ auc 0.7 is at least 0.6",
        "  ⊗ auc 0.7 is above 0.65",
    ]


def settled(result: PipelineResult, state: str, outcome: str) -> PipelineResult:
    waits = GateRecord(1, "approval", "approval: an approver", "waiting", "waits for approval")
    return replace(
        result,
        status="finished",
        outcome=outcome,
        reason=None,
        steps={},
        gates=(result.gates[0], waits) if outcome == "waiting" else result.gates[:1],
        promotion=Promotion("delay", 3, "champion", state, f"delay 3 is {state}"),
    )


@pytest.mark.parametrize(
    ("state", "outcome", "tests", "failures", "skipped", "line"),
    [
        ("promoted", "passed", "2", "0", "0", "  ★ delay 3 is promoted"),
        ("waiting", "waiting", "3", "0", "2", "  ‖ delay 3 is waiting"),
        ("refused", "rejected", "2", "1", "0", "  ⊗ delay 3 is refused"),
        ("rejected", "rejected", "1", "0", "0", "  ⊗ delay 3 is rejected"),
    ],
)
def test_what_became_of_the_model_is_told(
    result: PipelineResult,
    state: str,
    outcome: str,
    tests: str,
    failures: str,
    skipped: str,
    line: str,
) -> None:
    said = settled(result, state, outcome)

    suite = xml.fromstring(junit(said)).find("testsuite")
    assert suite is not None
    counts = [suite.get(key) for key in ("tests", "failures", "skipped")]
    assert counts == [tests, failures, skipped]
    assert repr(said).splitlines()[-1] == line
    assert f"delay 3 is {state}." in markdown(said)
    assert said.to_json()["promotion"]["state"] == state
