"""The run view in a real browser: live, complete, and closed to what users kept in it."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest
from jupyter import Lab, saved
from playwright.sync_api import Locator, Page, expect

from mlops_lab.project import Project

pytestmark = pytest.mark.browser

Open = Callable[..., Page]
Command = Callable[..., Any]
SOON = 15_000
PIPELINE_MS = 90_000

# Scripts in an artifact mark the page around them if they can, and tell what they could reach.
HOSTILE = """<h1>kept</h1><script>
  document.body.dataset.ran = 'yes';
  try { window.parent.document.title = 'owned'; } catch { document.body.dataset.parent = 'closed'; }
  fetch('%s/api').then(
    () => { document.body.dataset.net = 'open'; },
    () => { document.body.dataset.net = 'closed'; });
</script><img src="https://example.com/beacon.png">"""

CHART = {
    "$schema": "https://vega.github.io/schema/vega-lite/v6.json",
    "usermeta": {"embedOptions": {"ast": False, "actions": True}},
    "data": {"values": [{"name": "a", "n": 3}, {"name": "b", "n": 5}]},
    "title": "How many flights each of the carriers had in the weeks that are looked at here",
    "width": 1400,
    "mark": "bar",
    "encoding": {"y": {"field": "name"}, "x": {"field": "n", "type": "quantitative"}},
}
FETCHING = CHART | {"data": {"url": "https://example.com/rows.json"}}


@pytest.fixture
def project(folder: Path) -> Iterator[Project]:
    project = Project.create(folder)
    yield project
    project.store.close()


def log_course(project: Project, run_id: str, steps: range) -> None:
    for step in steps:
        auc = 0.7 - 0.1 * math.exp(-step / 25)
        losses = {"train/loss": 0.9 - auc, "val/loss": 1 - auc}
        project.runs.log_metrics(run_id, losses | {"auc": auc}, step=step)


def show(page: Page, run: Command, project: Project, run_id: str, tab: str = "overview") -> Locator:
    run("mlops-lab:open-run", {"project": project.key, "id": run_id, "tab": tab})
    view = page.locator(f'.jp-MlopsLab-run[data-run="{run_id}"]')
    expect(view.locator("h1")).to_be_visible(timeout=SOON)
    return view


def test_a_running_run_is_followed_to_its_end(
    project: Project, open_lab: Open, folder: Path, run_command: Command
) -> None:
    page = open_lab(folder)
    run_id = project.runs.start(name="gbm-6", steps=120, params={"max_depth": 6})
    view = show(page, run_command, project, run_id)
    expect(view).to_contain_text("Nothing has been logged yet")
    expect(view).to_contain_text("max_depth")
    log_course(project, run_id, range(5, 80, 5))
    expect(view.locator("figure")).to_have_count(2, timeout=SOON)
    expect(view.locator("dl.jp-MlopsLab-stats")).to_contain_text("auc0.69")
    # New points are drawn into the same canvas: nothing flickers.
    view.locator("figure canvas").first.evaluate("node => { node.dataset.mine = 'yes'; }")
    log_course(project, run_id, range(80, 121, 5))
    expect(view.locator("header")).to_contain_text("step 120 of 120", timeout=SOON)
    assert view.locator("figure canvas").first.get_attribute("data-mine") == "yes"
    project.runs.end(run_id, reason="done")
    expect(view.locator(".jp-MlopsLab-badge").first).to_contain_text("finished", timeout=SOON)
    assert page.faults == []  # type: ignore[attr-defined]
    assert page.foreign == []  # type: ignore[attr-defined]


def test_curves_can_be_read_by_keyboard_and_on_a_logarithmic_axis(
    project: Project, open_lab: Open, folder: Path, run_command: Command
) -> None:
    run_id = project.runs.start(name="gbm-6")
    log_course(project, run_id, range(1, 41))
    project.runs.log_metrics(run_id, {"auc": math.nan}, step=41)
    project.runs.end(run_id)
    page = open_lab(folder)
    view = show(page, run_command, project, run_id, "metrics")
    auc = view.locator("figure").filter(has_text="auc")
    expect(auc).to_contain_text("1 not finite")
    plot = auc.get_by_role("img")
    expect(plot).to_have_attribute("aria-label", pattern("auc: 41 points, from 0.60"))
    plot.focus()
    page.keyboard.press("Home")
    expect(auc.locator("[aria-live]")).to_have_text(pattern("^1: auc 0.60"))
    page.keyboard.press("ArrowRight")
    expect(auc.locator("[aria-live]")).to_have_text(pattern("^2: auc"))
    log = auc.get_by_role("button", name="log")
    log.click()
    expect(log).to_have_attribute("aria-pressed", "true")
    view.get_by_role("button", name="Elapsed").click()
    expect(auc).to_contain_text("elapsed")
    assert page.faults == []  # type: ignore[attr-defined]


def pattern(text: str) -> Any:
    import re

    return re.compile(text)


def test_what_users_kept_is_shown_and_reaches_nothing(
    lab: Lab, project: Project, open_lab: Open, folder: Path, run_command: Command
) -> None:
    import pandas as pd

    from mlops_lab.handles.run import Run

    run_id = project.runs.start(name="artifacts")
    kept = {
        "page.html": HOSTILE % lab.url,
        "bars.vl.json": json.dumps(CHART),
        "fetching.vl.json": json.dumps(FETCHING),
        "words.md": "# Title\n<img src=x onerror=\"document.title='owned'\"> **bold**",
        "config.json": '{"depth": 6}',
    }
    medias = {"bars.vl.json": "application/vnd.vegalite.v6+json"}
    medias["fetching.vl.json"] = medias["bars.vl.json"]
    for path, text in kept.items():
        project.runs.put_artifact(run_id, path, text.encode(), media=medias.get(path))
    Run(project, run_id).log_table(pd.DataFrame({"carrier": ["DL", "<b>EV</b>"], "n": [412, 7]}))
    project.runs.end(run_id)
    page = open_lab(folder)
    view = show(page, run_command, project, run_id, "artifacts")
    choose = lambda name: view.get_by_role("button", name=name).click()  # noqa: E731

    choose("bars.vl.json")
    expect(view.locator(".jp-MlopsLab-vega svg path[aria-roledescription=bar]")).to_have_count(2)
    expect(view.locator(".jp-MlopsLab-vega .vega-actions")).to_have_count(0)
    # Fitted to the pane, its words above it, whatever width its author gave it.
    expect(view.locator(".jp-MlopsLab-vega-title")).to_contain_text("looked at here")
    box = view.locator(".jp-MlopsLab-vega")
    assert box.evaluate("e => e.querySelector('svg').clientWidth <= e.clientWidth")
    choose("table.parquet")
    expect(view.locator("td").first).to_have_text("DL")
    expect(view).to_contain_text("<b>EV</b>")
    choose("words.md")
    expect(view.locator(".jp-MlopsLab-rendered h1")).to_contain_text("Title")
    choose("config.json")
    expect(view.locator("pre")).to_contain_text('"depth": 6')
    choose("page.html")
    frame = view.frame_locator("iframe")
    body = frame.locator("body")
    expect(body).to_have_attribute("data-ran", "yes")
    expect(body).to_have_attribute("data-parent", "closed")
    expect(body).to_have_attribute("data-net", "closed")
    assert view.locator("iframe").get_attribute("sandbox") == "allow-scripts"
    choose("fetching.vl.json")
    expect(view.locator("article")).to_contain_text("fetching.vl.json")
    page.wait_for_timeout(500)
    assert "owned" not in page.title()
    assert page.foreign == []  # type: ignore[attr-defined]


def test_a_deleted_run_says_so_and_comes_back(
    project: Project, open_lab: Open, folder: Path, run_command: Command
) -> None:
    run_id = project.runs.start(name="gbm-6")
    project.runs.end(run_id)
    page = open_lab(folder)
    view = show(page, run_command, project, run_id)
    project.runs.delete([run_id])
    bar = view.get_by_role("status").filter(has_text="This run is deleted")
    expect(bar).to_be_visible(timeout=SOON)
    bar.get_by_role("button", name="Restore").click()
    expect(bar).to_have_count(0, timeout=SOON)
    assert project.runs.get(run_id).lifecycle == "active"


def test_a_link_opens_its_run_and_the_layout_remembers_it(
    lab: Lab, project: Project, page: Page, folder: Path
) -> None:
    run_id = project.runs.start(name="gbm-6")
    log_course(project, run_id, range(5))
    project.runs.end(run_id)
    base = f"{lab.url}/lab/workspaces/{folder.name}?token={lab.token}"
    page.goto(f"{base}&mlops={project.key}/run/{run_id}")
    view = page.locator(f'.jp-MlopsLab-run[data-run="{run_id}"]')
    expect(view.locator("h1")).to_have_text("gbm-6", timeout=SOON)
    with page.expect_response(saved('"tab":"metrics"')):
        view.get_by_role("tab", name="Metrics").click()
    assert "mlops=" not in page.url
    page.goto(base)
    tab = page.locator(".jp-MlopsLab-run [role=tab][aria-selected=true]")
    expect(tab).to_contain_text("Metrics", timeout=SOON)


def write_pipeline(folder: Path, gate: str = "train.auc >= params.least") -> None:
    notebook = nbformat.v4.new_notebook()
    notebook.metadata.kernelspec = {"name": "python3", "display_name": "", "language": "python"}
    notebook.cells = [
        nbformat.v4.new_markdown_cell("# Train"),
        nbformat.v4.new_code_cell("seed = 1", metadata={"tags": ["parameters"]}),
        nbformat.v4.new_code_cell(
            "import mlops_lab as lab\n"
            "with lab.start_run('train') as run:\n"
            "    for step in range(5):\n"
            "        run.log_metric('auc', 0.6 + step / 50, step=step)\n"
            "print('seed', seed)"
        ),
    ]
    nbformat.write(notebook, folder / "train.ipynb")
    (folder / "pipelines").mkdir()
    (folder / "pipelines" / "delay.yaml").write_text(
        "name: delay\nparams: {seed: 7, least: 0.6}\nsteps:\n  train:\n"
        f"    notebook: ../train.ipynb\n    params: {{seed: 7}}\ngates:\n  - metric: {gate}\n"
    )


def choose_in_browser(page: Page, name: str) -> Locator:
    page.locator("#filebrowser, [data-id=filebrowser]").first.click()
    item = page.locator(".jp-DirListing-item").filter(has_text=name)
    item.click(button="right")
    return page.locator(".lm-Menu-item").filter(has_text="Run Pipeline")


@pytest.mark.slow
def test_a_pipeline_runs_from_the_file_browser(
    project: Project, open_lab: Open, folder: Path
) -> None:
    write_pipeline(folder)
    page = open_lab(folder / "pipelines")
    choose_in_browser(page, "delay.yaml").click()
    dialog = page.locator(".jp-Dialog")
    expect(dialog).to_contain_text("train, 1 gate")
    dialog.get_by_label("least").fill("0.99")
    dialog.get_by_role("button", name="Run").click()
    view = page.locator(".jp-MlopsLab-run")
    expect(view.locator("h1")).to_contain_text("delay", timeout=SOON)
    expect(view.locator(".jp-MlopsLab-timeline-name")).to_have_text(["train"], timeout=PIPELINE_MS)
    expect(view.locator(".jp-MlopsLab-badge").first).to_contain_text(
        "rejected", timeout=PIPELINE_MS
    )
    expect(view.locator(".jp-MlopsLab-gate")).to_contain_text("train.auc >= params.least")
    expect(view.locator("dl.jp-MlopsLab-stats")).to_contain_text("auc0.680")
    view.get_by_role("tab", name="Notebook").click()
    expect(view.locator(".jp-MlopsLab-notebook h1")).to_contain_text("Train", timeout=SOON)
    expect(view.locator(".jp-MlopsLab-outputs")).to_contain_text("seed 7")
    view.get_by_role("tab", name="Log").click()
    expect(view.get_by_role("log")).to_contain_text("train", timeout=SOON)
    expect(view.get_by_role("button", name="Re-run")).to_be_visible()
    assert page.faults == []  # type: ignore[attr-defined]


def test_a_faulty_pipeline_is_not_started_and_says_where(
    project: Project, open_lab: Open, folder: Path
) -> None:
    write_pipeline(folder)
    file = folder / "pipelines" / "delay.yaml"
    file.write_text(file.read_text().replace("    notebook:", "    notbook:"))
    page = open_lab(folder / "pipelines")
    choose_in_browser(page, "delay.yaml").click()
    dialog = page.locator(".jp-Dialog")
    expect(dialog.get_by_role("alert")).to_contain_text("Nothing was started")
    expect(dialog.locator("code").first).to_have_text(pattern(r"delay\.yaml:\d+:\d+"))
    expect(dialog.get_by_role("button", name="Run", exact=True)).to_have_count(0)
    assert project.runs.search(parent=None).total == 0


def test_running_work_stands_in_the_running_panel(
    project: Project, open_lab: Open, folder: Path, run_command: Command
) -> None:
    run_id = project.runs.start(name="gbm-6", steps=100)
    page = open_lab(folder)
    run_command("running:show-panel")
    panel = page.locator("#jp-running-sessions")
    item = panel.locator('[title^="gbm-6 ·"]')
    expect(item).to_be_visible(timeout=SOON)
    item.click()
    expect(page.locator(f'.jp-MlopsLab-run[data-run="{run_id}"] h1')).to_be_visible(timeout=SOON)
    project.runs.end(run_id)
    expect(item).to_have_count(0, timeout=SOON)


@pytest.mark.slow
def test_a_pipeline_stops_when_it_is_told_to(
    project: Project, open_lab: Open, folder: Path, run_command: Command
) -> None:
    write_pipeline(folder)
    notebook = nbformat.read(folder / "train.ipynb", as_version=4)
    notebook.cells[2].source = "import time\ntime.sleep(300)"
    nbformat.write(notebook, folder / "train.ipynb")
    run_id = project.pipelines.start_detached("pipelines/delay.yaml", {})
    page = open_lab(folder)
    view = show(page, run_command, project, run_id)
    expect(view.locator(".jp-MlopsLab-timeline-name")).to_have_text(["train"], timeout=PIPELINE_MS)
    stop = view.get_by_role("button", name="Stop", exact=True)
    stop.click()
    expect(view.get_by_role("button", name="Stopping")).to_be_disabled()
    expect(view.locator(".jp-MlopsLab-badge").first).to_contain_text("killed", timeout=PIPELINE_MS)
    expect(stop).to_have_count(0)


@pytest.mark.slow
def test_curves_in_a_notebook_live_and_without_a_kernel(
    project: Project, open_lab: Open, folder: Path, run_command: Command
) -> None:
    notebook = nbformat.v4.new_notebook()
    notebook.metadata.kernelspec = {"name": "python3", "display_name": "", "language": "python"}
    notebook.cells = [
        nbformat.v4.new_code_cell(
            "import mlops_lab as lab\nrun = lab.start_run('gbm', steps=50)\nrun.curves()"
        ),
        nbformat.v4.new_code_cell(
            "for step in range(10):\n    run.log_metrics({'loss': 1 / (step + 1)}, step=step)"
        ),
        nbformat.v4.new_code_cell("run.end()"),
    ]
    path = folder / "live.ipynb"
    nbformat.write(notebook, path)
    page = open_lab(path)
    ready = "() => window.jupyterapp.shell.currentWidget?.context?.sessionContext?.session?.kernel"
    page.wait_for_function(f"{ready}?.connectionStatus === 'connected'")
    run_command("notebook:run-all-cells")
    card = page.locator(".jp-MlopsLab-curves-card").first
    expect(card.locator("figure")).to_have_count(1, timeout=60_000)
    expect(card).to_contain_text("finished", timeout=SOON)
    page.wait_for_timeout(1500)  # the output is replaced once by one that holds all the points
    run_command("docmanager:save")
    run_command("kernelmenu:shutdown")
    saved = nbformat.read(path, as_version=4)
    data = next(o["data"] for o in saved.cells[0].outputs if "data" in o)
    kept = data["application/vnd.mlops-lab.view+json"]
    assert len(kept["state"]["series"][0]["values"]) == 10
    assert data["image/svg+xml"][0:4] == "<svg"
    page.reload()
    card = page.locator(".jp-MlopsLab-curves-card").first
    expect(card.locator("figure")).to_have_count(1, timeout=60_000)
    assert page.foreign == []  # type: ignore[attr-defined]
