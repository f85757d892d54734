"""Making reports over REST: each is a run, which keeps the file."""

from __future__ import annotations

import asyncio
import time
from typing import Any

from .conftest import Ask, Sample
from .test_wire import check


async def test_a_report_is_made_as_a_run_for_who_asked(
    people: None, sample: Sample, met: Any, ask: Ask
) -> None:
    key = await met()
    run = next(iter(sample.project.runs.search(limit=1).items)).id
    body = {"what": [f"run:{run}"], "title": "--Week <17>"}
    started = await ask("projects", key, "reports", method="POST", body=body, by="mara")
    assert started.code == 202
    check("Started", started.body)
    made = started.body["run_id"]
    record = sample.project.runs.get(made)
    assert (record.kind, record.author) == ("report", "mara")
    deadline = time.monotonic() + 90
    while sample.project.runs.get(made).is_open:
        assert time.monotonic() < deadline
        await asyncio.sleep(0.1)
    record = sample.project.runs.get(made)
    assert (record.status, record.name) == ("finished", "--Week <17>"), record.reason
    (page,) = sample.project.runs.artifacts(made, "report.html")
    assert page.media == "text/html"
    again = {**body, "run_id": made}
    answer = await ask("projects", key, "reports", method="POST", body=again, by="mara")
    assert answer.body == {"run_id": made}
    assert (
        await ask("projects", key, "reports", method="POST", body=body, by="viewer")
    ).code == 403


async def test_what_no_report_can_show_is_refused(sample: Sample, met: Any, ask: Ask) -> None:
    key = await met()
    for what, code in (
        (["run:ffffffff"], 404),
        (["model:nobody@2"], 404),
        (["monitor:nobody"], 404),
        (["flights"], 400),
        (["../../etc/passwd"], 400),
        ([], 400),
        (["run:x"] * 51, 400),
        ("run:x", 400),
    ):
        answer = await ask("projects", key, "reports", method="POST", body={"what": what})
        assert answer.code == code, (what, answer.body)
        assert answer.body["detail"]
