"""The sidebar in a real browser: live, searched, by keyboard, in every width and theme."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from pathlib import Path

import nbformat
import pytest
from contrast import check_contrast
from jupyter import saved, set_width
from playwright.sync_api import Locator, Page, expect

from mlops_lab.project import Project

pytestmark = pytest.mark.browser

Open = Callable[..., Page]
SOON = 15_000
SUB = ".jp-MlopsLab-sub"

HOSTILE = '<img src=x onerror="document.title=\'owned\'"> Größe "ü/日本語" 🛫 ‮evil'

KERNEL_READY = """() => {
  const widget = window.jupyterapp?.shell.currentWidget;
  return widget?.context?.sessionContext.session?.kernel?.connectionStatus === 'connected';
}"""

# Pretend that the browser's tab went to the back, or came to the front.
SET_VISIBILITY = """state => {
  Object.defineProperty(document, 'visibilityState', { value: state, configurable: true });
  document.dispatchEvent(new Event('visibilitychange'));
}"""


@pytest.fixture
def project(folder: Path) -> Iterator[Project]:
    """A project with a few runs of the notebook train.ipynb, written by this process."""
    project = Project.create(folder)
    (folder / "mlops.toml").write_text('[goals]\nauc = "max"\nlog_loss = "min"\n')
    write_notebook(folder / "train.ipynb", "1 + 1")
    add_run(project, "logistic-2", params={"model": "logistic", "C": 0.1})
    add_run(project, "gbm-4", params={"learning_rate": 0.1}, peak=0.8)
    add_run(project, "gbm-5", status="failed", step=40)
    yield project
    project.close()


def write_notebook(path: Path, *cells: str) -> None:
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    notebook.metadata.kernelspec = {"name": "python3", "display_name": "Python 3"}
    nbformat.write(notebook, path)


def add_run(
    project: Project,
    name: str,
    *,
    status: str | None = "finished",
    step: int = 120,
    peak: float = 0.71,
    params: dict[str, object] | None = None,
) -> str:
    runs = project.runs
    source = {"notebook": "train.ipynb"}
    run_id = runs.start(name=name, steps=120, params=params or {}, source=source)
    for at in range(10, step + 1, 10):
        auc = peak - 0.09 * math.exp(-at / 25)
        runs.log_metrics(run_id, {"auc": auc, "log_loss": 1 - auc}, step=at)
    if status is not None:
        runs.end(run_id, status)
    return run_id


def rows(page: Page) -> Locator:
    return page.locator(".jp-MlopsLab-rows [role=row]")


def row(page: Page, name: str) -> Locator:
    return rows(page).filter(has=page.get_by_text(name, exact=True))


def test_what_another_process_logs_shows_by_itself(
    project: Project, open_lab: Open, folder: Path
) -> None:
    page = open_lab(folder / "train.ipynb")
    expect(rows(page)).to_have_count(3, timeout=SOON)
    run_id = project.runs.start(name="gbm-6", steps=120, source={"notebook": "train.ipynb"})
    project.runs.log_metrics(run_id, {"auc": 0.651}, step=30)
    expect(rows(page).first).to_contain_text("gbm-6", timeout=SOON)
    expect(rows(page).first).to_contain_text("0.651")
    project.runs.log_metrics(run_id, {"auc": 0.702}, step=75)
    expect(rows(page).first).to_contain_text("0.702", timeout=SOON)
    card = page.get_by_role("group", name="This notebook", exact=True)
    expect(card).to_contain_text("step 75 of 120")
    expect(card).to_contain_text("against gbm-4, the best here")
    expect(card.get_by_role("progressbar")).to_have_attribute("aria-valuenow", "75")
    expect(page.get_by_role("group", name="The run of this notebook")).to_contain_text("auc 0.70")
    expect(page.locator("#jp-main-statusbar")).to_contain_text("1 running · auc 0.70")
    project.runs.end(run_id)
    expect(page.locator("#jp-main-statusbar")).not_to_contain_text("running", timeout=SOON)
    assert page.foreign == []
    assert page.faults == []


def test_nothing_is_asked_while_the_page_is_hidden(
    project: Project, open_lab: Open, folder: Path
) -> None:
    page = open_lab(folder)
    expect(rows(page)).to_have_count(3, timeout=SOON)
    page.wait_for_load_state("networkidle")
    page.evaluate(SET_VISIBILITY, "hidden")
    asked: list[str] = []
    page.on("request", lambda sent: asked.append(sent.url) if "mlops-lab/api" in sent.url else None)
    add_run(project, "unseen")
    page.wait_for_timeout(3_000)  # longer than the watcher's clock: nothing may come of it
    assert asked == []
    page.evaluate(SET_VISIBILITY, "visible")
    expect(row(page, "unseen")).to_be_visible(timeout=SOON)


def test_the_example_goes_into_the_notebook_and_its_run_appears(
    open_lab: Open, folder: Path, run_command: Callable[..., None]
) -> None:
    write_notebook(folder / "first.ipynb", "")
    page = open_lab(folder / "first.ipynb")
    page.wait_for_function(KERNEL_READY, timeout=60_000)
    page.get_by_role("button", name="Insert into notebook").click()
    cell = page.locator(".jp-Notebook .jp-CodeCell")
    expect(cell).to_have_count(1)
    expect(cell).to_contain_text('lab.log_metric("auc", 0.7)')
    run_command("notebook:run-cell")
    expect(row(page, "first")).to_contain_text("0.700", timeout=60_000)
    expect(page.get_by_role("group", name="This notebook", exact=True)).to_contain_text("first")
    assert (folder / "mlops.toml").is_file() or (folder.parent / "mlops.toml").is_file()


def test_a_wrong_search_is_marked_and_the_last_result_stays(
    project: Project, open_lab: Open, folder: Path
) -> None:
    page = open_lab(folder)
    expect(rows(page)).to_have_count(3, timeout=SOON)
    box = page.get_by_role("searchbox")
    box.fill("best(auc) > 0.75")
    expect(rows(page)).to_have_count(1, timeout=SOON)
    expect(row(page, "gbm-4")).to_be_visible()
    expect(page.get_by_role("region", name="Runs").locator(".jp-MlopsLab-count")).to_have_text(
        "1 of 3"
    )
    box.fill("best(auc) > 0.75 and parms.C = 0.1")
    alert = page.locator(".jp-MlopsLab-fault")
    expect(alert).to_contain_text("parms", timeout=SOON)
    expect(page.locator(".jp-MlopsLab-expression .jp-mod-wrong").first).to_contain_text("parms")
    expect(page.get_by_text("Still showing: best(auc) > 0.75")).to_be_visible()
    expect(rows(page)).to_have_count(1)
    alert.get_by_role("button").click()
    expect(box).to_have_value("best(auc) > 0.75 and params.C = 0.1")
    expect(page.get_by_text("No run matches")).to_be_visible(timeout=SOON)
    expect(page.get_by_text("The best auc in this project is 0.799 (gbm-4).")).to_be_visible()
    page.get_by_role("button", name="Clear search").last.click()
    expect(rows(page)).to_have_count(3, timeout=SOON)
    box.fill("logistic")
    expect(rows(page)).to_have_count(1, timeout=SOON)


def test_the_keyboard_reaches_everything(project: Project, open_lab: Open, folder: Path) -> None:
    page = open_lab(folder)
    expect(rows(page)).to_have_count(3, timeout=SOON)
    box = page.get_by_role("searchbox")
    rows(page).first.focus()
    page.keyboard.press("j")
    page.keyboard.press("ArrowDown")
    expect(rows(page).nth(2)).to_be_focused()
    page.keyboard.press("k")
    expect(rows(page).nth(1)).to_be_focused()
    page.keyboard.press("s")
    expect(row(page, "gbm-4").locator(".jp-MlopsLab-name .jp-MlopsLab-star")).to_be_visible(
        timeout=SOON
    )
    page.keyboard.press("Space")
    page.keyboard.press("Shift+ArrowDown")
    expect(page.get_by_role("toolbar", name="Selected runs")).to_contain_text("2")
    expect(page.locator("[role=row][aria-selected=true]")).to_have_count(2)
    page.keyboard.press("Escape")
    expect(page.locator("[role=row][aria-selected=true]")).to_have_count(0)
    page.keyboard.press("/")
    expect(box).to_be_focused()
    page.keyboard.type("best(val/loss)")
    expect(box).to_have_value("best(val/loss)")
    page.keyboard.press("Escape")
    expect(box).to_have_value("")
    page.keyboard.press("Escape")
    expect(page.locator(".jp-MlopsLab-runrow:focus")).to_have_count(1, timeout=SOON)
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_contain_text("delete, with Undo for 10 s")
    expect(page.get_by_role("dialog").get_by_role("button", name="Close")).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(rows(page).last).to_be_focused()  # the dialog gives the keyboard back
    page.keyboard.press("Home")
    expect(rows(page).first).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#jp-main-dock-panel").get_by_role("tab", name="gbm-5")).to_be_visible(
        timeout=SOON
    )


def test_a_deleted_run_comes_back_with_undo(project: Project, open_lab: Open, folder: Path) -> None:
    page = open_lab(folder)
    row(page, "gbm-5").focus()
    page.keyboard.press("Delete")
    expect(rows(page)).to_have_count(2, timeout=SOON)
    expect(row(page, "gbm-5")).to_have_count(0)
    expect(rows(page).first).to_be_focused()  # the row in its place keeps the keyboard
    assert project.runs.search(deleted=True).items[0].name == "gbm-5"
    toast = page.locator(".jp-MlopsLab-toast")
    expect(toast).to_contain_text("gbm-5 deleted")
    toast.get_by_role("button", name="Undo").click()
    expect(row(page, "gbm-5")).to_be_visible(timeout=SOON)
    expect(toast).to_have_count(0)
    assert project.runs.search(deleted=True).total == 0


def test_the_context_menu_renames(project: Project, open_lab: Open, folder: Path) -> None:
    page = open_lab(folder)
    row(page, "gbm-4").click(button="right")
    menu = page.locator(".lm-Menu")
    for action in ("Open Run", "Star Run", "Tag Run…", "Delete Run"):
        expect(menu.get_by_text(action, exact=True)).to_be_visible()
    menu.get_by_text("Rename Run…", exact=True).click()
    page.locator(".jp-Dialog input").fill("the good one")
    page.keyboard.press("Enter")
    expect(row(page, "the good one")).to_be_visible(timeout=SOON)
    assert "the good one" in [run.name for run in project.runs.search().items]


def test_name_value_and_age_are_always_there(
    project: Project, open_lab: Open, folder: Path
) -> None:
    page = open_lab(folder)
    line = row(page, "gbm-4")
    expect(line).to_be_visible(timeout=SOON)
    for width in (320, 240):
        set_width(page, width)
        for part in (".jp-MlopsLab-name", ".jp-MlopsLab-val", ".jp-MlopsLab-age"):
            assert line.locator(part).evaluate("e => e.scrollWidth <= e.clientWidth"), part
        assert line.evaluate("e => e.getBoundingClientRect().height") == 44
        body = page.locator(".jp-MlopsLab-body")
        assert body.evaluate("e => e.scrollWidth <= e.clientWidth")


def test_without_a_line_the_words_take_its_room(
    project: Project, open_lab: Open, folder: Path
) -> None:
    params = {"learning_rate": 0.06, "max_leaf_nodes": 31}
    project.runs.end(project.runs.start(name="plain", params=params))
    page = open_lab(folder)
    words = row(page, "plain").locator(".jp-MlopsLab-sub")
    expect(words).to_have_text("learning_rate 0.06 · max_leaf_nodes 31", timeout=SOON)
    plain, lined = (one.bounding_box() for one in (words, row(page, "gbm-4").locator(SUB)))
    assert plain is not None
    assert lined is not None
    assert plain["width"] > lined["width"] + 60


def test_every_text_can_be_read_in_every_theme(
    project: Project, open_lab: Open, folder: Path, run_command: Callable[..., None]
) -> None:
    page = open_lab(folder / "train.ipynb")
    row(page, "gbm-4").focus()
    page.keyboard.press("Space")
    page.get_by_role("searchbox").fill("nothing = 1")
    expect(page.locator(".jp-MlopsLab-fault")).to_be_visible(timeout=SOON)
    check_contrast(page, "#mlops-lab-sidebar", run_command)


def test_a_hostile_name_is_only_text(project: Project, open_lab: Open, folder: Path) -> None:
    add_run(project, HOSTILE, status="failed")
    page = open_lab(folder)
    expect(rows(page).first.locator(".jp-MlopsLab-name")).to_have_text(HOSTILE, timeout=SOON)
    rows(page).first.focus()
    page.keyboard.press("Delete")
    expect(page.locator(".jp-MlopsLab-toast")).to_contain_text("<img src=x", timeout=SOON)
    assert page.locator("#mlops-lab-sidebar img").count() == 0
    assert page.title() != "owned"
    assert page.faults == []


def test_a_long_list_is_read_where_one_looks(
    project: Project, open_lab: Open, folder: Path
) -> None:
    for number in range(190):
        run_id = project.runs.start(name=f"sweep-{number}")
        project.runs.end(run_id)
    page = open_lab(folder)
    expect(row(page, "sweep-189")).to_be_visible(timeout=SOON)
    assert rows(page).count() < 60
    rows(page).first.focus()
    page.keyboard.press("End")
    expect(row(page, "logistic-2")).to_be_focused(timeout=SOON)
    expect(row(page, "logistic-2")).to_have_attribute("aria-rowindex", "193")
    page.locator(".jp-MlopsLab-runs").evaluate("list => { list.scrollTop = 44 * 120; }")
    expect(row(page, "sweep-65")).to_be_visible(timeout=SOON)


def test_the_layout_comes_back(project: Project, open_lab: Open, folder: Path) -> None:
    page = open_lab(folder)
    expect(rows(page)).to_have_count(3, timeout=SOON)
    fold = page.get_by_role("button", name="Needs you")
    with page.expect_response(saved('["needs"]')):
        fold.click()
        expect(fold).to_have_attribute("aria-expanded", "false")
    page.goto(page.url.replace("reset", ""))
    expect(rows(page)).to_have_count(3, timeout=60_000)
    expect(page.get_by_role("button", name="Needs you")).to_have_attribute("aria-expanded", "false")
