"""The audit: what people read, and that nothing in the log can be changed unseen."""

from __future__ import annotations

import json
import random
import re
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from mlops_lab.governance import audit
from mlops_lab.governance.sentences import KINDS, ref_of, sentence_of
from mlops_lab.project import Project
from mlops_lab.store import Store

BY = {"id": "ivo", "via": "jupyter"}
MODEL = {"model": "flight-delay", "version": 6, "alias": "champion"}
DATASET = {"dataset": "flights", "version": 47}


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    opened = Project.create(tmp_path / "project")
    yield opened
    opened.close()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """A store with five decisions, all of them in the index."""
    opened = Store(tmp_path / "store", [])
    for name in "abcde":
        opened.decide("model.card", {"model": name}, by=BY)
    yield opened
    opened.close()


def log_of(store: Store) -> Path:
    return store.dir / "decisions.jsonl"


def test_a_log_as_it_was_written_has_no_faults(store: Store) -> None:
    assert audit.verify(store) == []


def test_a_project_without_decisions_has_no_faults(tmp_path: Path) -> None:
    opened = Store(tmp_path / "empty", [])
    assert audit.verify(opened) == []
    assert audit.entries(opened) == []
    assert audit.count(opened) == 0
    opened.close()


@pytest.mark.parametrize(
    ("change", "line", "message"),
    [
        ("edit", 3, "line 2 was changed"),
        ("edit the last", 5, "it was changed since"),
        ("remove", 3, "decision 3 is missing"),
        ("remove two", 2, "decisions 2 to 3 are missing"),
        ("remove the first", 1, "decision 1 is missing"),
        ("remove the last", 5, "decision 5 is gone from the end"),
        ("remove all", 1, "decisions 1 to 5 are gone"),
        ("swap", 2, "decision 2 is missing"),
        ("repeat", 4, "decision 3 stands after decision 3"),
        ("garbage", 2, "is not a decision"),
        ("by hand", 6, "line 5 was changed"),
    ],
)
def test_every_change_is_named(store: Store, change: str, line: int, message: str) -> None:
    lines = log_of(store).read_bytes().splitlines(keepends=True)
    if change.startswith("edit"):
        at = 1 if change == "edit" else 4
        lines[at] = re.sub(rb'"model": ?"."', b'"model":"x"', lines[at])
    elif change.startswith("remove"):
        gone = {"remove": [2], "remove two": [1, 2], "remove the first": [0]}
        gone |= {"remove the last": [4], "remove all": [0, 1, 2, 3, 4]}
        lines = [one for place, one in enumerate(lines) if place not in gone[change]]
    elif change == "swap":
        lines[1], lines[2] = lines[2], lines[1]
    elif change == "repeat":
        lines.insert(3, lines[2])
    elif change == "garbage":
        lines[1] = b"garbage\n"
    else:
        forged = {**json.loads(lines[-1]), "n": 6, "kind": "model.approve", "prev": "0" * 64}
        lines.append(json.dumps(forged).encode() + b"\n")
    log_of(store).write_bytes(b"".join(lines))
    found = audit.verify(store)
    assert found[0].line == line
    assert message in found[0].message
    assert not found[0].torn


def test_any_changed_byte_is_found(store: Store) -> None:
    whole = log_of(store).read_bytes()
    chance = random.Random(3)
    for place in chance.sample(range(len(whole)), 60):
        changed = bytearray(whole)
        changed[place] ^= 1 << chance.randrange(8)
        log_of(store).write_bytes(changed)
        assert audit.verify(store), (place, bytes(changed[max(0, place - 20) : place + 20]))
    log_of(store).write_bytes(whole)
    assert audit.verify(store) == []


def test_a_torn_tail_is_named_and_blames_nobody(store: Store) -> None:
    with log_of(store).open("ab") as file:
        file.write(b'{"v":1,"n":6,"t":17')
    found = audit.verify(store)
    assert [(fault.line, fault.torn) for fault in found] == [(6, True)]
    store.decide("model.card", {"model": "f"}, by=BY)
    assert audit.verify(store) == []


def test_a_line_that_is_chained_but_no_decision_is_named(store: Store) -> None:
    import hashlib

    last = log_of(store).read_bytes().splitlines()[-1]
    forged = {"v": 1, "n": 6, "prev": hashlib.sha256(last).hexdigest()}
    with log_of(store).open("ab") as file:
        file.write(json.dumps(forged).encode() + b"\n")
    assert [fault.line for fault in audit.verify(store)] == [6]


def test_entries_are_the_newest_first_in_pages(store: Store) -> None:
    assert [entry.n for entry in audit.entries(store, limit=2)] == [5, 4]
    assert [entry.n for entry in audit.entries(store, before=4)] == [3, 2, 1]
    assert audit.count(store) == 5


def test_entries_can_be_chosen(store: Store) -> None:
    store.decide("dataset.commit", DATASET, by={"id": "mara", "via": "os"})
    assert [entry.kind for entry in audit.entries(store, kind="dataset")] == ["dataset.commit"]
    assert len(audit.entries(store, kind="model.card")) == 5
    assert audit.entries(store, kind="mod") == []
    assert [entry.via for entry in audit.entries(store, by="mara")] == ["os"]
    now = datetime.now(UTC)
    assert len(audit.entries(store, since=now - timedelta(hours=1))) == 6
    assert audit.entries(store, since=now + timedelta(hours=1)) == []


def test_runs_are_called_by_their_names(project: Project) -> None:
    parent = project.runs.start(name="gbm-4", experiment="flight-delay")
    child = project.runs.start(parent=parent)
    for run in (child, parent):
        project.runs.end(run)
    project.runs.delete([parent])
    who = project.identity.id
    deleted, created = audit.entries(project.store)
    assert deleted.sentence.startswith(f"{who} deleted ")
    assert deleted.sentence.endswith(" and 1 more")
    assert created.sentence == f"{who} made the experiment flight-delay"


@pytest.mark.parametrize(
    ("kind", "data", "sentence"),
    [
        (
            "model.request",
            {**MODEL, "comment": ""},
            "ivo asked approval of flight-delay 6 to become champion",
        ),
        (
            "model.approve",
            {**MODEL, "comment": "ranks better", "promotes": {"from": 5}},
            "ivo approved flight-delay 6, champion now: ranks better",
        ),
        (
            "model.approve",
            {**MODEL, "comment": "good", "promotes": None},
            "ivo approved flight-delay 6 as champion: good",
        ),
        ("model.reject", {**MODEL, "comment": "no"}, "ivo rejected flight-delay 6 as champion: no"),
        (
            "model.alias",
            {**MODEL, "from": 5, "how": "promote", "reason": "better"},
            "ivo made flight-delay 6 champion, it replaces 5: better",
        ),
        (
            "model.alias",
            {**MODEL, "version": 5, "from": 6, "how": "rollback", "reason": "worse"},
            "ivo rolled champion of flight-delay back from 6 to 5: worse",
        ),
        (
            "model.alias",
            {**MODEL, "version": None, "from": 6, "how": "remove"},
            "ivo took champion from flight-delay 6",
        ),
        (
            "model.judge",
            {**MODEL, "outcome": "waiting", "gates": {"passed": 8, "total": 9}},
            "flight-delay 6 waits: 8 of 9 gates passed",
        ),
        (
            "model.judge",
            {**MODEL, "outcome": "passed", "gates": {"passed": 9, "total": 9}, "run": "a" * 32},
            "flight-delay 6 passed 9 of 9 gates in gbm-4",
        ),
        (
            "model.judge",
            {**MODEL, "outcome": "rejected", "sentences": ["auc below champion 2"]},
            "flight-delay 6 was rejected: auc below champion 2",
        ),
        (
            "model.register",
            {**MODEL, "run": "a" * 32, "unsafe": True},
            "ivo registered flight-delay 6 from gbm-4, in an unsafe format",
        ),
        (
            "model.edit",
            {**MODEL, "note": "x", "tags": {}},
            "ivo changed the note and tags of flight-delay 6",
        ),
        ("model.delete", MODEL, "ivo deleted flight-delay 6"),
        (
            "dataset.commit",
            {**DATASET, "note": "January", "alias": "train"},
            "ivo committed flights 47 as train: January",
        ),
        (
            "dataset.commit",
            {**DATASET, "checks": [{"state": "blocked"}]},
            "ivo committed flights 47, which its checks block",
        ),
        (
            "dataset.alias",
            {**DATASET, "alias": "train", "from": 3},
            "ivo made flights 47 train, it replaces 3",
        ),
        (
            "dataset.check",
            {**DATASET, "suite": "flights", "state": "warned", "failed": 1},
            "ivo checked flights 47 by flights: it warns, 1 failed",
        ),
        ("dataset.delete", DATASET, "ivo deleted flights 47"),
        ("run.restore", {"runs": ["a" * 32]}, "ivo restored gbm-4"),
        ("run.cancel", {"run": "a" * 32}, "ivo stopped gbm-4"),
        ("later.kind", {}, "ivo decided later.kind"),
    ],
)
def test_a_decision_is_a_sentence(kind: str, data: dict[str, Any], sentence: str) -> None:
    assert sentence_of(kind, data, "ivo", {"a" * 32: "gbm-4"}) == sentence


HOSTILE: list[Any] = [
    None,
    [],
    "text",
    {"runs": None},
    {"runs": [None, 3]},
    {"run": {}},
    {"model": ["x"], "version": "6", "alias": {}, "gates": 3, "promotes": "x"},
    {"model": "x" * 10_000, "comment": "y" * 10_000, "dataset": "z" * 10_000},
    {"model": "a\u202egnp\x1b[31m\n<script>", "dataset": "b\x00", "comment": "\ud800"},
    {"checks": [None, {"state": []}], "sentences": [None], "gates": {"total": "x"}},
]


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_a_line_written_by_hand_breaks_no_sentence(kind: str) -> None:
    for data in HOSTILE:
        said = sentence_of(kind, data, "i\x1bvo", {})
        assert said.isprintable()
        assert len(said) <= 600
        ref_of(kind, data)


def test_every_kind_that_the_program_decides_has_its_sentence() -> None:
    source = Path(audit.__file__).parents[1]
    said = re.findall(
        r"""decide\(\s*["']([a-z]+\.[a-z]+)["']""",
        "\n".join(path.read_text(encoding="utf-8") for path in source.rglob("*.py")),
    )
    assert len(said) >= 2
    assert set(said) <= set(KINDS)


def test_what_a_decision_is_about_can_be_opened() -> None:
    assert ref_of("model.alias", MODEL) == ("model", "flight-delay@6")
    assert ref_of("model.card", {"model": "flight-delay"}) == ("model", "flight-delay")
    assert ref_of("dataset.commit", DATASET) == ("dataset", "flights@47")
    assert ref_of("run.restore", {"runs": ["a" * 32]}) == ("run", "a" * 32)
    assert ref_of("run.delete", {"runs": ["a" * 32]}) is None
    assert ref_of("experiment.create", {"name": "x"}) is None


def test_the_audit_loads_no_database_before_it_is_asked() -> None:
    code = "import sys, mlops_lab.governance.audit; sys.exit('duckdb' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
