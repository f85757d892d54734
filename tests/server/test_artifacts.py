from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from mlops_lab.project import Project

from .conftest import Ask

ODD = '<script>alert(1)</script> ü 50%25 "q".html'


@pytest.fixture
def run(project: Project) -> str:
    runs = project.runs
    run_id = runs.start(name="a")
    runs.put_artifact(run_id, "summary.txt", b"0123456789")
    runs.put_artifact(run_id, "plots/deep/roc.svg", b"<svg onload='alert(1)'/>", kind="figure")
    runs.put_artifact(run_id, "plots/bar.png", b"\x89PNG", kind="figure")
    runs.put_artifact(run_id, ODD, b"<b>hi</b>", media="text/html")
    runs.put_artifact(run_id, "errors.csv", b"a,b\n1,2\n", kind="table")
    runs.put_artifact(run_id, "empty.bin", b"")
    runs.end(run_id)
    return run_id


async def test_lists_a_folder_and_the_folders_in_it(run: str, met: Any, ask: Ask) -> None:
    artifacts = ("projects", await met(), "runs", run, "artifacts")
    everything = (await ask(*artifacts)).body
    assert len(everything["artifacts"]) == 6
    assert everything["folders"] == ["<script>alert(1)<", "plots"]
    plots = (await ask(*artifacts, under="plots/")).body
    assert [one["path"] for one in plots["artifacts"]] == ["plots/bar.png", "plots/deep/roc.svg"]
    assert plots["folders"] == ["plots/deep"]
    assert plots["artifacts"][0]["media_type"] == "image/png"
    assert (await ask(*artifacts, under="../x")).code == 400


@pytest.mark.parametrize("path", [ODD, "plots/deep/roc.svg", "summary.txt", "empty.bin"])
async def test_bytes_leave_as_nothing_that_a_browser_runs(
    run: str, met: Any, ask: Ask, path: str
) -> None:
    answer = await ask("projects", await met(), "runs", run, "artifacts", path)
    headers = answer.response.headers
    assert answer.code == 200
    assert headers["Content-Type"] == "application/octet-stream"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Content-Security-Policy"].startswith("sandbox; default-src 'none'")
    assert "allow-scripts" not in headers["Content-Security-Policy"]
    name = quote(path.rpartition("/")[2], safe="")
    assert headers["Content-Disposition"] == f"attachment; filename*=UTF-8''{name}"
    assert int(headers["Content-Length"]) == len(answer.response.body)


@pytest.mark.parametrize(
    ("asked", "code", "body"),
    [
        ("bytes=0-3", 206, b"0123"),
        ("bytes=8-", 206, b"89"),
        ("bytes=-2", 206, b"89"),
        ("bytes=-99", 206, b"0123456789"),
        ("bytes=5-99", 206, b"56789"),
        ("bytes=0-1,3-4", 200, b"0123456789"),
        ("lines=1-2", 200, b"0123456789"),
        ("bytes=-", 200, b"0123456789"),
    ],
)
async def test_gives_one_range(
    run: str, met: Any, ask: Ask, asked: str, code: int, body: bytes
) -> None:
    artifact = ("projects", await met(), "runs", run, "artifacts", "summary.txt")
    answer = await ask(*artifact, headers={"Range": asked})
    assert (answer.code, answer.response.body) == (code, body)


@pytest.mark.parametrize("asked", ["bytes=10-", "bytes=3-1", "bytes=-0"])
async def test_refuses_a_range_outside(run: str, met: Any, ask: Ask, asked: str) -> None:
    artifact = ("projects", await met(), "runs", run, "artifacts", "summary.txt")
    answer = await ask(*artifact, headers={"Range": asked})
    assert (answer.code, answer.body["code"]) == (416, "range-not-satisfiable")


async def test_a_browser_that_has_the_bytes_is_not_sent_them_again(
    run: str, met: Any, ask: Ask
) -> None:
    artifact = ("projects", await met(), "runs", run, "artifacts", "summary.txt")
    etag = (await ask(*artifact)).response.headers["Etag"]
    for known in (etag, f'"other", W/{etag}', "*"):
        again = await ask(*artifact, headers={"If-None-Match": known})
        assert again.code == 304, known
    assert (again.code, again.response.body) == (304, b"")


async def test_a_large_artifact_is_streamed(
    project: Project, met: Any, ask: Ask, tmp_path: Path
) -> None:
    large = tmp_path / "large.bin"
    large.write_bytes(bytes(range(256)) * 20_000)
    run = project.runs.start(name="a")
    project.runs.put_artifact(run, "large.bin", large)
    answer = await ask("projects", await met(), "runs", run, "artifacts", "large.bin")
    assert answer.response.body == large.read_bytes()


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        ("..%2f..%2fmlops.toml", 400),
        ("../../mlops.toml", 400),
        ("%2fetc%2fpasswd", 400),
        ("%2e%2e/%2e%2e/mlops.toml", 400),
        ("..%252f..%252fmlops.toml", 404),
        ("plots%5c..%5cx", 400),
        ("summary.txt%00.png", 400),
        ("%ff%fe", 400),
        ("nothing.txt", 404),
        ("plots", 404),
    ],
)
async def test_a_path_leads_nowhere_else(
    run: str,
    met: Any,
    http_server_client: Any,
    jp_auth_header: dict[str, str],
    jp_base_url: str,
    raw: str,
    code: int,
) -> None:
    address = f"{jp_base_url}mlops-lab/api/v1/projects/{await met()}/runs/{run}/artifacts/{raw}"
    answer = await http_server_client.fetch(address, headers=jp_auth_header, raise_error=False)
    assert answer.code == code, answer.body
    assert answer.headers["Content-Type"] == "application/problem+json"


async def test_an_object_that_became_a_link_is_not_followed(
    project: Project, run: str, met: Any, ask: Ask, tmp_path: Path
) -> None:
    secret = tmp_path / "secret"
    secret.write_text("hunter2")
    path = project.runs.artifact_file(run, "summary.txt")
    path.unlink()
    path.symlink_to(secret)
    answer = await ask("projects", await met(), "runs", run, "artifacts", "summary.txt")
    assert answer.code == 404
    assert b"hunter2" not in answer.response.body


async def test_previews_a_table(project: Project, run: str, met: Any, ask: Ask) -> None:
    previews = ("projects", await met(), "runs", run, "previews")
    shown = (await ask(*previews, "errors.csv", rows=1)).body
    assert shown["rows"] == [[1, 2]]
    assert (await ask(*previews, "summary.txt")).code == 400
    assert (await ask(*previews, "errors.csv", rows=99999)).code == 400
    project.runs.artifact_file(run, "errors.csv").unlink()
    gone = await ask(*previews, "errors.csv")
    assert (gone.code, str(project.root) in gone.body["detail"]) == (404, False), gone.body
    assert (await ask(*previews, "nothing.csv")).code == 404
