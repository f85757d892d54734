"""Monitors' files: every fault at its place, in a sentence; nothing raises."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from ruamel.yaml import YAML

from mlops_lab.errors import InvalidInput, NotFound
from mlops_lab.monitoring.channels.webhook import Webhook
from mlops_lab.monitoring.model import json_schema
from mlops_lab.monitoring.schedule import Due, Schedule
from mlops_lab.monitoring.spec import (
    find_monitor,
    list_monitors,
    load_spec,
    read_spec,
    stated_name,
)

WHOLE = """\
name: delay
current: dataset:predictions
reference: training
model: flight-delay@champion
time: scheduled_at
by: week
timezone: America/New_York
version: model_version
target: late
score: score
segment: carrier
columns: [temp, dewp]
kinds: {carrier: category}
units: {temp: °F}
labels: {after: 7d}
policy: {ks_alert: 0.2}
domain: {columns: [temp, dewp], share: 0.15}
performance: {gap: 0.06, auc: 0.2}
fairness: {by: [carrier]}
classifier: true
importance: {temp: 0.12, dewp: 0}
mode: exact
schedule: "0 6 * * mon"
channels:
  - webhook: https://hooks.example.com/lab
    secret: MLOPS_HOOK_SECRET
    on: [alert, resolved]
"""

Write = Callable[[str], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    (tmp_path / "monitors").mkdir()

    def put(text: str) -> Path:
        path = tmp_path / "monitors" / "delay.yaml"
        path.write_text(text, encoding="utf-8")
        return path

    return put


def faults(path: Path) -> list[str]:
    spec, found, _ = read_spec(path, file="monitors/delay.yaml")
    assert (spec is None) == bool(found)
    return [str(one) for one in found]


def test_a_whole_file_says_all_of_it(write: Write) -> None:
    spec = load_spec(write(WHOLE))
    assert (spec.name, spec.current, spec.model, spec.cut) == (
        "delay",
        "predictions",
        "flight-delay@champion",
        "week",
    )
    assert str(spec.reference) == "training"
    assert spec.policy.ks_alert == 0.2
    assert (spec.policy.gap_warn, spec.policy.domain_share) == (0.06, 0.15)
    # A warning past the usual alert moves that too.
    assert (spec.policy.auc_warn, spec.policy.auc_alert) == (0.2, 0.2)
    assert spec.settings["labels_after"] == 7 * 86_400
    assert spec.settings["domain"] == ("temp", "dewp")
    assert spec.settings["classifier"] is True
    assert spec.settings["importance"] == {"temp": 0.12, "dewp": 0.0}
    assert spec.settings["mode"] == "exact"
    assert spec.channels == (
        Webhook("https://hooks.example.com/lab", "MLOPS_HOOK_SECRET", ("alert", "resolved")),
    )
    assert spec.schedule == Schedule("0 6 * * mon", "America/New_York")


def test_the_least_file_is_enough(write: Write) -> None:
    spec = load_spec(write("current: dataset:flights@2\nreference: dataset:flights@1\n"))
    assert (spec.name, spec.cut, spec.schedule, spec.channels) == ("delay", None, None, ())
    trained = load_spec(write("current: dataset:flights\nmodel: delay\n"))
    assert trained.reference.kind == "training"
    rolling = load_spec(write("current: dataset:x\ntime: at\nreference: rolling 4w\n"))
    assert (rolling.reference.kind, rolling.settings["rolling_days"]) == ("rolling", 28.0)


LEAST = "current: dataset:x\nreference: dataset:y\n"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "1:1: The file is empty: a monitor needs current."),
        ("- a", "1:1: A monitor is a map with current and reference, not a list or text."),
        ("current: [1", "This is not YAML"),
        ("current: &a dataset:x", "1:10: &a is an anchor: write the value out."),
        (LEAST + "name: ../up", "3:7: A monitor's name has up to 100 letters"),
        (LEAST + "name: x\nname: y", "4:1: 'name' is here a second time"),
        ("current: endpoint:delay@best\nreference: dataset:y", "1:10: current is 'endpoint:delay@"),
        ("current: flights\nreference: dataset:y", "1:10: current is 'flights'; it must be"),
        ("current: dataset:a b\nreference: dataset:y", "1:10: A dataset's name has"),
        ("current: dataset:x", "1:1: A monitor has no reference: write reference: dataset:NAME"),
        ("current: dataset:x\nreference: training", "2:12: training needs a model"),
        ("current: dataset:x\nreference: flights", "2:12: reference is 'flights'; it must be"),
        ("current: dataset:x\nreference: rolling 3d", "2:12: rolling needs a time"),
        ("current: dataset:x\ntime: t\nreference: rolling 0d", "3:12: rolling takes from one"),
        ("refrence: training\ncurrent: dataset:x", "Did you mean reference?"),
        ("dataset: x\nreference: dataset:y", "1:1: 'dataset' is not known here. Did you mean curr"),
        (LEAST + "webhook: https://x", "3:1: 'webhook' is not known here. Did you mean channels?"),
        (LEAST + "threshold: 0.1\nfeatures: [a]", "Did you mean columns?"),
        (LEAST + "model: 7", "3:8: model is 7; it must be a model such as"),
        (LEAST + "model: 'a b'", "3:9: A model's name has"),
        (LEAST + "by: weak", "3:5: by is 'weak'; it must be hour, day, week, month or all."),
        (LEAST + "by: week", "3:5: by week needs a time: write time: COLUMN as well."),
        (LEAST + "size: 5\ncount: 3", "4:1: size and count cut in two ways"),
        (LEAST + "size: 0", "3:7: size is 0; it must be a whole number from 1"),
        (LEAST + "count: yes", "3:8: count is 'yes'; it must be a whole number"),
        (LEAST + "timezone: Mars/X", "3:11: There is no time zone 'Mars/X'"),
        (LEAST + "timezone: ../../etc/passwd", "3:11: There is no time zone"),
        (LEAST + "columns: []", "3:10: columns is a list; it must be a list of columns"),
        (LEAST + "columns: temp", "3:10: columns is 'temp'; it must be a list of columns"),
        (LEAST + "kinds: {a: numeric}", "3:12: kinds.a is 'numeric'; it must be a map"),
        (LEAST + "labels: {after: 7}", "labels.after is 7; it must be a duration such as 7d"),
        (LEAST + "labels: {after: 7d}", "3:1: labels needs the truth: write target"),
        (LEAST + "target: late", "3:1: target needs what is judged: write score"),
        (LEAST + "policy: {ks_allert: 1}", "3:9: The policy has no 'ks_allert'. Did you mean"),
        (LEAST + "policy: {ks_alert: 7}", "3:9: The policy's ks_alert is from 0 to 1"),
        (LEAST + "policy: {domain_share: .2}\ndomain: {share: .2}", "say the same thing"),
        (LEAST + "domain: {columns: []}", "3:19: domain.columns is a list; it must be"),
        (LEAST + "domain: maybe", "3:9: domain is 'maybe'; it must be true, false"),
        (LEAST + "schedule: daily", "3:11: A schedule has five words"),
        (LEAST + "schedule: '0 0 30 2 *'", "3:12: '0 0 30 2 *' is no schedule"),
        (LEAST + "channels: [7]", "3:12: channels.1 is 7; it must be a list"),
        (LEAST + "channels: [{webhok: x}]", "Did you mean webhook?"),
        (LEAST + "channels: [{}]", "Channel 1 has no kind that is known: write one of webhook."),
        (LEAST + "channels: [{webhook: ftp://x}]", "must begin with https:// and name a host"),
        (LEAST + "channels: [{webhook: 'https://u:p@x'}]", "holds a name or password"),
        (LEAST + "channels: [{webhook: 'https://x:99999'}]", "The address is no URL"),
        (LEAST + "channels: [{webhook: 'https://a b'}]", "has spaces or letters"),
        (LEAST + "channels: [{webhook: 'env:A-B'}]", "is no name of an environment variable"),
        (LEAST + "channels: [{webhook: 'https://x', on: [alrt]}]", "on.1 is 'alrt'; it must be"),
        (
            LEAST + "channels: [{webhook: 'https://x', secret: 's-e'}]",
            "secret is something else; it must be the name of the environment variable",
        ),
        (LEAST + "channels: [{webhook: 'https://a..b'}]", "its host no name that there can be"),
    ],
)
def test_a_fault_is_told_at_its_place(write: Write, text: str, said: str) -> None:
    found = faults(write(text))
    assert any(said in one for one in found), found


def test_all_keys_are_told_once(write: Write) -> None:
    found = faults(write(LEAST + "colums: [a]\nthreshold: 0.1"))
    assert ["A monitor has name, current" in one for one in found] == [True, False]


def test_what_is_no_text_file_is_a_fault(tmp_path: Path) -> None:
    (tmp_path / "bytes.yaml").write_bytes(b"\xff\xfe")
    (tmp_path / "folder.yaml").mkdir()
    (tmp_path / "gone.yaml").symlink_to(tmp_path / "nowhere")
    (tmp_path / "big.yaml").write_text("a: " + "x" * 1_100_000)
    assert "not UTF-8" in faults(tmp_path / "bytes.yaml")[0]
    assert "it is no file" in faults(tmp_path / "folder.yaml")[0]
    assert "it is no file" in faults(tmp_path / "gone.yaml")[0]
    assert "larger than" in faults(tmp_path / "big.yaml")[0]


@given(st.text(max_size=200))
def test_no_text_at_all_raises(text: str) -> None:
    import tempfile

    with tempfile.NamedTemporaryFile("w", suffix=".yaml", encoding="utf-8") as file:
        file.write(text.encode("utf-8", "replace").decode())
        file.flush()
        faults(Path(file.name))


def test_monitors_are_found_by_name_or_file(write: Write, tmp_path: Path) -> None:
    path = write("name: watch\n" + LEAST)
    assert list_monitors(tmp_path) == [path]
    assert stated_name(path) == "watch"
    assert find_monitor(tmp_path, "watch") == find_monitor(tmp_path, "delay") == path
    with pytest.raises(NotFound, match="Did you mean watch"):
        find_monitor(tmp_path, "wacth")
    for hostile in ("../../etc/passwd", "", "a" * 5000, "\x00"):
        with pytest.raises(NotFound):
            find_monitor(tmp_path, hostile)


def test_the_schema_takes_what_the_program_takes() -> None:
    schema = json_schema()
    Draft202012Validator.check_schema(schema)
    validator = Draft202012Validator(schema)
    assert validator.is_valid(YAML(typ="safe").load(WHOLE))
    for wrong in (
        {"current": 7},
        {"current": "dataset:x", "by": "weak"},
        {"current": "dataset:x", "policy": {"ks_allert": 1}},
        {"current": "dataset:x", "channels": [{"webhok": "x"}]},
    ):
        assert not validator.is_valid(wrong), wrong


# ---------------------------------------------------------------------------------- schedule


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("words", "last", "now", "due"),
    [
        ("0 6 * * mon", "2026-11-16T11:00", "2026-11-23T10:59", None),
        ("0 6 * * mon", "2026-11-16T11:00", "2026-11-23T11:00", Due(at("2026-11-23T11:00"))),
        ("0 6 * * mon", "2026-11-02T11:00", "2026-11-23T12:00", Due(at("2026-11-23T11:00"), 2)),
        # The clock leaves 02:30 out on 8 March: it runs right after; 01:30 comes twice: once.
        ("30 2 * * *", "2026-03-07T20:00", "2026-03-08T09:00", Due(at("2026-03-08T07:00"))),
        ("30 1 * * *", "2026-11-01T05:30", "2026-11-01T07:00", None),
    ],
)
def test_a_slot_is_due_once_and_stands_for_those_before(
    words: str, last: str, now: str, due: Due | None
) -> None:
    schedule = Schedule.of(words, "America/New_York")
    assert schedule.due(at(last), at(now)) == due


def test_a_slot_that_is_taken_is_due_no_more() -> None:
    schedule = Schedule.of("*/5 * * * *")
    due = schedule.due(at("2026-11-22T00:00"), at("2026-11-22T00:07"))
    assert due == Due(at("2026-11-22T00:05"))
    assert schedule.due(at("2026-11-22T00:05"), at("2026-11-22T00:09")) is None


@pytest.mark.parametrize(
    "words", ["", "@daily", "* * * *", "60 * * * *", "0 0 31 2 *", "*/0 * * * *", "0 0 * * 9"]
)
def test_what_is_no_schedule_is_a_sentence(words: str) -> None:
    with pytest.raises(InvalidInput, match="schedule"):
        Schedule.of(words)
