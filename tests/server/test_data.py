"""Datasets by real HTTP: listed, shown, compared, named and deleted, and what is refused."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import quote

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mlops_lab.project import Project

from .conftest import Ask
from .test_wire import check

SUITE = """
name: weather
checks:
  - {check: range, column: wind_speed, max: 150, severity: block}
"""


def weather(wind: float, rows: int = 4) -> Any:
    return pa.table(
        {
            "origin": ["EWR", "JFK", "LGA", "<b>EWR</b>"][:rows],
            "temp": [39.0, float("nan"), None, -2.5][:rows],
            "wind_speed": [10.0, 12.0, 8.0, wind][:rows],
            "n": [2**60, 1, 2, 3][:rows],
        }
    )


def fill_data(project: Project) -> None:
    """Two versions of ``weather``, the second blocked, and a folder of files."""
    suites = project.root / "suites"
    suites.mkdir()
    (suites / "weather.yaml").write_text(SUITE)
    run = project.runs.start(name="weekly-load-12")
    project.datasets.commit("weather", weather(20.0), note="January", alias="train", run_id=run)
    project.runs.end(run)
    project.datasets.commit("weather", weather(1048.0))
    folder = project.root / "photos"
    folder.mkdir()
    (folder / "a b.txt").write_text("A")
    (folder / "ü.svg").write_text("<svg onload='alert(1)'/>")
    project.datasets.commit("Größe", folder)


@pytest.fixture
def data(copy_of: Callable[..., Project]) -> Project:
    """A project with what `fill_data` makes."""
    return copy_of(fill_data)


@pytest.fixture
def place(data: Project, ask: Ask) -> tuple[str, ...]:
    return ("projects", data.key, "datasets")


async def test_datasets_are_listed(place: tuple[str, ...], ask: Ask) -> None:
    answer = await ask(*place)
    check("Datasets", answer.body)
    named = {row["name"]: row for row in answer.body["datasets"]}
    assert set(named) == {"weather", "Größe"}
    assert named["weather"]["latest"]["version"] == 1
    assert named["weather"]["state"] == "blocked"
    assert named["weather"]["aliases"] == [{"alias": "train", "version": 1}]


async def test_a_dataset_shows_its_versions_newest_first(place: tuple[str, ...], ask: Ask) -> None:
    answer = await ask(*place, "weather")
    check("Dataset", answer.body)
    blocked, first = answer.body["versions"]
    assert (blocked["version"], blocked["state"], blocked["is_latest"]) == (2, "blocked", False)
    assert first["run"]["name"] == "weekly-load-12"
    assert first["note"] == "January"
    row = (await ask(*place)).body["datasets"]
    assert answer.body["dataset"] in row


async def test_a_version_shows_profile_checks_and_rows(place: tuple[str, ...], ask: Ask) -> None:
    answer = await ask(*place, "weather", "versions", "2")
    check("DatasetVersion", answer.body)
    (report,) = answer.body["reports"]
    assert report["checks"][0]["sample"]["rows"][0][2] == 1048.0
    preview = answer.body["preview"]
    assert preview["n_rows"] == 4
    assert preview["rows"][0] == ["EWR", 39.0, 10.0, str(2**60)]
    assert preview["rows"][1][1] == "NaN"
    assert answer.body["python"] == 'lab.dataset("weather@2").df()'


async def test_a_folder_is_shown_by_its_files(place: tuple[str, ...], ask: Ask) -> None:
    answer = await ask(*place, "Größe", "versions", "1")
    check("DatasetVersion", answer.body)
    assert [one["path"] for one in answer.body["entries"]] == ["a b.txt", "ü.svg"]
    assert answer.body["preview"] is None
    assert answer.body["python"] == 'lab.dataset("Größe@1").path'


async def test_two_versions_are_compared(place: tuple[str, ...], ask: Ask) -> None:
    plain = await ask(*place, "weather", "versions", "2", "diff", against=1)
    check("DatasetDiff", plain.body)
    assert (plain.body["before"], plain.body["after"]) == (1, 2)
    assert plain.body["keyed"] is None
    keyed = await ask(*place, "weather", "versions", "2", "diff", against=1, key="n, origin")
    check("DatasetDiff", keyed.body)
    assert keyed.body["keyed"]["changed"] == 1
    assert keyed.body["keyed"]["columns"] == {"wind_speed": 1}
    wrong = await ask(*place, "weather", "versions", "2", "diff", against=1, key="nn")
    assert wrong.code == 400
    assert "no column nn" in wrong.body["detail"]


async def test_an_alias_is_moved_and_taken_away(place: tuple[str, ...], ask: Ask) -> None:
    blocked = await ask(*place, "weather", "aliases", "train", method="PUT", body={"version": 2})
    assert blocked.code == 409
    assert "blocked" in blocked.body["detail"]
    put = await ask(*place, "weather", "aliases", "best", method="PUT", body={"version": 1})
    assert put.code == 204
    gone = await ask(*place, "weather", "aliases", "train", method="DELETE")
    assert gone.code == 204
    row = (await ask(*place, "weather")).body["dataset"]
    assert row["aliases"] == [{"alias": "best", "version": 1}]
    again = await ask(*place, "weather", "aliases", "train", method="DELETE")
    assert again.code == 404


async def test_a_delete_names_what_needs_the_version(
    place: tuple[str, ...], ask: Ask, data: Project
) -> None:
    data.datasets.set_alias("weather", "train", None)
    run = data.runs.start(name="gbm-4")
    data.datasets.use(run, "weather@1")
    data.runs.end(run)
    refused = await ask(*place, "weather", "versions", "1", method="DELETE")
    assert refused.code == 409
    assert "run gbm-4" in refused.body["detail"]
    assert refused.body["needed_by"][0]["id"] == f"run:{run}"
    data.runs.delete([run])
    assert (await ask(*place, "weather", "versions", "1", method="DELETE")).code == 204
    assert (await ask(*place, "weather", "versions", "1")).code == 404


async def test_lineage_leads_from_the_run_to_the_data(
    place: tuple[str, ...], ask: Ask, data: Project
) -> None:
    graph = await ask(*place[:2], "lineage", node="dataset:weather@1")
    check("Lineage", graph.body)
    assert [edge["role"] for edge in graph.body["edges"]] == ["made"]
    assert (await ask(*place[:2], "lineage", node="dataset:weather@9")).code == 404
    assert (await ask(*place[:2], "lineage")).code == 400


async def test_a_run_shows_what_it_was_given(
    place: tuple[str, ...], ask: Ask, data: Project
) -> None:
    run = data.runs.start(name="gbm-4")
    data.datasets.use(run, "weather@1", role="train")
    data.datasets.use(run, data.root / "suites" / "weather.yaml")
    data.runs.end(run)
    detail = await ask(*place[:2], "runs", run)
    check("RunDetail", detail.body)
    assert detail.body["inputs"] == [
        {"kind": "dataset", "name": "weather", "version": 1, "role": "train"},
        {"kind": "external", "name": "weather.yaml", "version": None, "role": None},
    ]


HOSTILE_NAMES = [
    "..",
    "../weather",
    "weather/../../etc/passwd",
    "weather@1",
    "a b",
    "<script>",
    "-rf",
    "a:b",
    "x" * 200,
    "\x00",
    "weather\n",
    "%",
    "'; drop table lab.run; --",
]


async def test_a_name_that_is_none_is_refused(place: tuple[str, ...], raw: Ask) -> None:
    for name in HOSTILE_NAMES:
        quoted = quote(name, safe="")
        for parts, method, body in [
            ((quoted,), "GET", None),
            ((quoted, "versions", "1"), "GET", None),
            ((quoted, "versions", "1", "diff?against=1"), "GET", None),
            ((quoted, "versions", "1"), "DELETE", None),
            ((quoted, "aliases", "train"), "PUT", {"version": 1}),
            (("weather", "aliases", quoted), "PUT", {"version": 1}),
            (("weather", "aliases", quoted), "DELETE", None),
            (("commit",), "POST", {"path": "photos", "name": name}),
        ]:
            answer = await raw(*place, *parts, method=method, body=body)
            assert 400 <= answer.code < 500, (parts, answer.code, answer.body)


async def test_a_number_that_is_no_version_is_refused(
    place: tuple[str, ...], ask: Ask, raw: Ask
) -> None:
    for number in ["0", "-1", "1.5", "9" * 18, "9" * 400, "٣", "1e3"]:
        for end in ((), ("diff",)):
            answer = await raw(*place, "weather", "versions", quote(number), *end)
            assert answer.code in (400, 404), (number, answer.body)
        against = await ask(*place, "weather", "versions", "1", "diff", against=number)
        assert against.code in (400, 404)


async def test_a_path_that_leads_out_is_not_committed(
    place: tuple[str, ...], ask: Ask, data: Project
) -> None:
    (data.root / "link").symlink_to("/etc")
    before = len(data.runs.search(parent=None).items)
    for path in (
        "../secret.csv",
        "/etc/passwd",
        "none.csv",
        "",
        "a\x00b",
        "x" * 5000,
        "link/passwd",
        "..",
        "photos/../../x",
        ".mlops",
        ".mlops/decisions.jsonl",
    ):
        answer = await ask(*place, "commit", method="POST", body={"path": path, "name": "stolen"})
        assert answer.code in (400, 404), answer.body
    assert len(data.runs.search(parent=None).items) == before


async def test_what_a_commit_cannot_mean_is_refused(place: tuple[str, ...], ask: Ask) -> None:
    wrong: list[dict[str, Any]] = [
        {"note": "x" * 30_000},
        {"note": "a\x1b[31m"},
        {"alias": "latest"},
        {"alias": "3"},
        {"run_id": "abc"},
        {"by": "root"},
        {"note": 3},
    ]
    for more in wrong:
        body = {"path": "photos", "name": "photos", **more}
        assert (await ask(*place, "commit", method="POST", body=body)).code == 400, more


async def test_a_commit_is_a_run_of_its_own(
    people: None, place: tuple[str, ...], ask: Ask, data: Project
) -> None:
    """As a process that outlives the server, for whoever asked, with its log."""
    (data.root / "a b").mkdir()
    pq.write_table(weather(30.0, rows=3), data.root / "a b" / "week [1].parquet")
    body = {"path": "a b/week [1].parquet", "name": "weather", "note": "--week", "alias": "new"}
    started = await ask(*place, "commit", method="POST", body=body, by="mara")
    check("Started", started.body)
    assert started.code == 202
    run = started.body["run_id"]
    record = data.runs.get(run)
    assert (record.kind, record.author) == ("transfer", "mara")
    deadline = time.monotonic() + 90
    while data.runs.get(run).is_open:
        assert time.monotonic() < deadline
        await asyncio.sleep(0.1)
    record = data.runs.get(run)
    log = await ask(*place[:2], "runs", run, "log", by="viewer")
    assert (record.status, record.reason) == ("finished", "Committed weather 3."), log.body
    version = (await ask(*place, "weather", "versions", "3", by="viewer")).body
    assert (version["note"], version["aliases"]) == ("--week", ["new"])
    assert (version["author"], version["run"]["id"]) == ("mara", run)
    again = await ask(*place, "commit", method="POST", body={**body, "run_id": run}, by="mara")
    assert again.body == {"run_id": run}


async def test_a_commit_that_fails_says_why(
    place: tuple[str, ...], ask: Ask, data: Project
) -> None:
    (data.root / "empty").mkdir()
    body = {"path": "empty", "name": "nothing"}
    run = (await ask(*place, "commit", method="POST", body=body)).body["run_id"]
    deadline = time.monotonic() + 90
    while data.runs.get(run).is_open:
        assert time.monotonic() < deadline
        await asyncio.sleep(0.1)
    record = data.runs.get(run)
    assert record.status == "failed"
    assert "empty" in str(record.reason)


async def test_half_a_character_is_no_text(place: tuple[str, ...], jp_fetch: Any) -> None:
    raw = '{"path": "photos", "name": "photos", "note": "\\ud800"}'
    answer = await jp_fetch(
        "mlops-lab", "api", "v1", *place, "commit", method="POST", body=raw, raise_error=False
    )
    assert answer.code == 400


async def test_a_viewer_reads_and_changes_nothing(
    people: None, place: tuple[str, ...], ask: Ask, data: Project
) -> None:
    assert (await ask(*place, "weather", by="viewer")).code == 200
    for parts, method, body in [
        (("commit",), "POST", {"path": "photos", "name": "photos"}),
        (("weather", "aliases", "best"), "PUT", {"version": 1}),
        (("weather", "aliases", "train"), "DELETE", None),
        (("weather", "versions", "2"), "DELETE", None),
    ]:
        answer = await ask(*place, *parts, method=method, body=body, by="viewer")
        assert answer.code == 403
        assert answer.body["role"] == "viewer"
    contributor = await ask(*place, "weather", "versions", "2", method="DELETE", by="mara")
    assert (contributor.code, contributor.body["needed"]) == (403, "admin")
    assert (await ask(*place, "weather", "versions", "2", method="DELETE", by="root")).code == 204


async def test_a_file_that_is_gone_from_the_store_takes_nothing_else_along(
    place: tuple[str, ...], ask: Ask, data: Project
) -> None:
    """The page of a version whose bytes are damaged is still shown: without its rows."""
    version = data.datasets.get("weather@1")
    path = data.store.objects.path(version.digest)
    path.chmod(0o644)
    path.write_bytes(b"damaged")
    answer = await ask(*place, "weather", "versions", "1")
    assert answer.code == 200, answer.body
    assert answer.body["preview"] is None
    assert answer.body["profile"]["rows"] == 4
    for path in (data.store.dir / "objects").rglob("*"):
        path.is_file() and path.unlink()
    answer = await ask(*place, "weather", "versions", "2")
    assert answer.code == 200, answer.body
    check("DatasetVersion", answer.body)
    assert (answer.body["profile"], answer.body["reports"]) == (None, [])
    folder = await ask(*place, "Größe", "versions", "1")
    assert (folder.code, folder.body["entries"]) == (200, []), folder.body


async def test_without_a_dataset_the_list_is_empty(
    project: Project, met: Callable[[str], Awaitable[str]], ask: Ask
) -> None:
    answer = await ask("projects", await met(), "datasets")
    assert answer.body == {"datasets": []}
    assert (await ask("projects", await met(), "datasets", "commit")).code == 404
