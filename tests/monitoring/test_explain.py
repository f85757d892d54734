"""What an explanation says is compared with the numbers that it says."""

from __future__ import annotations

import json
import re
from pathlib import Path

from mlops_lab.monitoring.explain import explain_incident
from mlops_lab.monitoring.records import Evaluation

SAMPLE = Path(__file__).parents[1] / "wire" / "evaluation.json"
LINE = re.compile(
    r"^(.+) ([+−-]?[\d.]+) (stays within|is outside of) .*, (up|down) to ([\d.]+)[;.]"
)


def test_a_metric_beyond_its_natural_range_is_not_said_to_stay_within() -> None:
    evaluation = Evaluation.from_json(json.loads(SAMPLE.read_text(encoding="utf-8")))
    told = {
        match
        for incident in evaluation.alerts
        for section in explain_incident(evaluation, incident)
        for line in section.lines
        for match in LINE.findall(line)
    }
    assert {how for _, _, how, _, _ in told} == {"stays within", "is outside of"}
    for label, value, how, way, end in told:
        beyond = float(value) > float(end) if way == "up" else float(value) < float(end)
        assert beyond == (how == "is outside of"), label
