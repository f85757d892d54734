"""Data in a real browser: the sidebar's section, a version's view, committing, loading cells."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import duckdb
import nbformat
import pytest
from contrast import check_contrast
from jupyter import Lab, saved
from playwright.sync_api import Locator, Page, expect

from mlops_lab.project import Project

pytestmark = pytest.mark.browser

Open = Callable[..., Page]
Command = Callable[..., Any]
SOON = 15_000
# A commit has a process of its own.
COMMIT_MS = 60_000

SUITE = """name: weather
key: [origin, hour]
checks:
  - {check: not_null, column: origin}
  - {check: range, column: wind_speed, min: 0, max: 120}
"""

HOSTILE = '<img src=x onerror="document.title=\'owned\'"> "é"'

SOURCES = """() => [...window.jupyterapp.shell.currentWidget.content.model.sharedModel.cells]
  .map(cell => cell.source)"""

# Whether a part of the page is wider than its place.
OVERFLOWS = "node => node.scrollWidth > node.clientWidth + 1"


@pytest.fixture
def project(folder: Path) -> Iterator[Project]:
    """A project with two versions of ``weather``: the second one has a wind of 1,048 mph."""
    project = Project.create(folder)
    (folder / "suites").mkdir()
    (folder / "suites" / "weather.yaml").write_text(SUITE)
    write_weather(folder, hours=300)
    project.datasets.commit("weather", folder / "weather.csv", note="week 1", alias="train")
    write_weather(folder, hours=400, wind=1048.36)
    project.datasets.commit("weather", folder / "weather.csv", note="week 2")
    yield project
    project.store.close()


def write_weather(folder: Path, hours: int, wind: float = 31.0) -> None:
    with (folder / "weather.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["origin", "hour", "wind_speed"])
        for hour in range(hours):
            speed = wind if hour == 7 else (hour * 7 % 30) / 2
            rows.writerow([("EWR", "JFK", "LGA")[hour % 3], hour, speed])


def rows(page: Page) -> Locator:
    return page.locator(".jp-MlopsLab-datarow")


def view(page: Page) -> Locator:
    return page.locator(".jp-MlopsLab-dataset:visible")


def show(page: Page, run: Command, project: Project, version: int, tab: str = "profile") -> Locator:
    where = {"project": project.key, "name": "weather", "version": version, "tab": tab}
    run("mlops-lab:open-dataset", where)
    expect(view(page).locator("h1")).to_contain_text(f"weather {version}", timeout=SOON)
    return view(page)


def open_notebook(
    page: Page, folder: Path, run: Command, *sources: str, language: str = "python"
) -> None:
    cells = [nbformat.v4.new_code_cell(source) for source in sources]
    kernel = {"name": "python3", "display_name": language, "language": language}
    notebook = nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": kernel})
    nbformat.write(notebook, folder / "load.ipynb")
    # Where cells go is looked at, not what they do: no kernel is started for that.
    preference = {"shouldStart": False, "canStart": False}
    run("docmanager:open", {"path": f"{folder.name}/load.ipynb", "kernelPreference": preference})
    page.locator(".jp-Notebook-cell").first.wait_for()


def test_the_sidebar_shows_datasets_and_opens_them_by_keyboard(
    project: Project, open_lab: Open, folder: Path
) -> None:
    page = open_lab(folder)
    row = rows(page).first
    expect(row).to_contain_text("weather1", timeout=SOON)
    expect(row).to_contain_text("train1")
    expect(row).to_contain_text("300 rows")
    expect(row.get_by_label("The newest version is blocked by its checks")).to_be_visible()
    row.focus()
    page.keyboard.press("ArrowRight")
    expect(rows(page)).to_have_count(3, timeout=SOON)
    expect(rows(page).nth(2)).to_contain_text("latest")
    page.keyboard.press("ArrowDown")
    expect(rows(page).nth(1)).to_be_focused()
    page.keyboard.press("Enter")
    # A blocked version begins with the checks that block it, and their rows.
    finding = view(page).locator(".jp-MlopsLab-finding")
    expect(finding).to_contain_text("1 of 400 rows above 120 (max 1,048)", timeout=SOON)
    expect(finding.locator("tbody tr")).to_have_count(1)
    expect(finding.locator("tbody tr")).to_contain_text("1,048")
    expect(view(page)).to_contain_text("it gets no alias and is not the latest")
    page.keyboard.press("[")
    expect(view(page).locator("h1")).to_contain_text("weather 1", timeout=SOON)
    expect(view(page).locator("header")).to_contain_text("checks passed")
    page.keyboard.press("]")
    expect(view(page).locator("h1")).to_contain_text("weather 2", timeout=SOON)
    assert page.faults == []  # type: ignore[attr-defined]
    assert page.foreign == []  # type: ignore[attr-defined]


def test_a_new_version_appears_by_itself(project: Project, open_lab: Open, folder: Path) -> None:
    page = open_lab(folder)
    expect(rows(page).first).to_contain_text("weather1", timeout=SOON)
    write_weather(folder, hours=500)
    project.datasets.commit("weather", folder / "weather.csv")
    expect(rows(page).first).to_contain_text("weather3", timeout=SOON)
    expect(rows(page).first).to_contain_text("500 rows")
    (folder / "photos").mkdir()
    (folder / "photos" / "a.jpg").write_bytes(b"0" * 5_000)
    project.datasets.commit("photos", folder / "photos")
    expect(page.locator('.jp-MlopsLab-datarow[data-id="photos"]')).to_be_visible(timeout=SOON)


def test_the_view_tells_what_is_in_a_version_and_how_it_differs(
    project: Project, open_lab: Open, folder: Path, run_command: Command
) -> None:
    page = open_lab(folder)
    shown = show(page, run_command, project, 2)
    wind = shown.locator(".jp-MlopsLab-columnrow").filter(has_text="wind_speed")
    expect(wind).to_contain_text("1,048")
    wind.click()
    expect(shown.locator("aside")).to_contain_text("reaches further than it is drawn")
    page.keyboard.press("ArrowUp")
    expect(shown.locator("aside h2")).to_have_text("hour")
    page.keyboard.press("/")
    page.keyboard.type("orig[")
    expect(shown).to_contain_text("No column matches")
    expect(shown.locator("h1")).to_contain_text("weather 2")  # typed, not stepped
    shown.get_by_role("tab", name="Diff").click()
    expect(shown).to_contain_text("400 rows, 300 in version 1: +100", timeout=SOON)
    expect(shown.locator(".jp-MlopsLab-columnchange")).not_to_have_count(0)
    shown.get_by_label("row by row, by").fill("origin, hour")
    page.keyboard.press("Enter")
    expect(shown.locator(".jp-MlopsLab-stats")).to_contain_text("added100", timeout=SOON)
    expect(shown.locator(".jp-MlopsLab-stats")).to_contain_text("changed1")
    shown.get_by_label("row by row, by").fill("nothing")
    page.keyboard.press("Enter")
    expect(shown.get_by_role("alert")).to_contain_text("nothing", timeout=SOON)
    shown.get_by_role("tab", name="Preview").click()
    expect(shown.locator("tbody tr").first).to_contain_text("EWR")
    assert page.faults == []  # type: ignore[attr-defined]


def test_lineage_leads_to_the_run_and_back(
    project: Project, open_lab: Open, folder: Path, run_command: Command
) -> None:
    run_id = project.runs.start(name="gbm-6")
    project.datasets.use(run_id, "weather@1")
    project.runs.end(run_id)
    page = open_lab(folder)
    shown = show(page, run_command, project, 1, "lineage")
    shown.get_by_role("button", name=re.compile("run, gbm-6")).click()
    run = page.locator(f'.jp-MlopsLab-run[data-run="{run_id}"]')
    expect(run.locator("h1")).to_have_text("gbm-6", timeout=SOON)
    run.get_by_role("button", name="weather 1").click()
    expect(view(page).locator("h1")).to_contain_text("weather 1", timeout=SOON)


@pytest.mark.slow
def test_thousands_of_columns_open_and_scroll(
    project: Project, open_lab: Open, folder: Path, run_command: Command
) -> None:
    path = folder / "wide.parquet"
    columns = ", ".join(f"(i + {n}) as c{n}" for n in range(2_000))
    duckdb.sql(f"select {columns} from range(5) t(i)").write_parquet(str(path))
    project.datasets.commit("wide", path)
    page = open_lab(folder)
    run_command("mlops-lab:open-dataset", {"project": project.key, "name": "wide"})
    grid = view(page).get_by_role("grid")
    expect(grid).to_have_attribute("aria-rowcount", "2001", timeout=SOON)
    assert view(page).locator(".jp-MlopsLab-columnrow").count() < 60
    view(page).locator(".jp-MlopsLab-columnrow").first.focus()
    page.keyboard.press("End")
    last = view(page).locator(".jp-MlopsLab-columnrow:focus")
    expect(last).to_contain_text("c1999")
    view(page).get_by_role("searchbox").fill("c1321")
    expect(view(page)).to_contain_text("1 of 2,000 columns")


def test_what_people_chose_is_only_text(
    project: Project, open_lab: Open, folder: Path, run_command: Command
) -> None:
    with (folder / "odd.csv").open("w", newline="") as file:
        csv.writer(file).writerows([[HOSTILE, "n"], *[[HOSTILE, 1]] * 3])
    project.datasets.commit("größe.1-2", folder / "odd.csv", note=HOSTILE)
    page = open_lab(folder)
    run_command("mlops-lab:open-dataset", {"project": project.key, "name": "größe.1-2"})
    expect(view(page).locator("header")).to_contain_text("<img src=x", timeout=SOON)
    for tab in ("Profile", "Checks", "Lineage", "Preview"):
        view(page).get_by_role("tab", name=tab).click()
    expect(view(page).locator("tbody")).to_contain_text("<img src=x")
    assert page.locator(".jp-MlopsLab-dataset img, #mlops-lab-sidebar img").count() == 0
    assert page.title() != "owned"
    assert page.faults == []  # type: ignore[attr-defined]


def test_the_key_and_the_button_insert_the_cell_that_loads_it(
    project: Project, open_lab: Open, folder: Path, run_command: Command
) -> None:
    page = open_lab(folder)
    open_notebook(page, folder, run_command, "x = 1")
    rows(page).first.focus()
    page.keyboard.press("i")
    line = 'weather = lab.dataset("weather@1").df()'
    page.wait_for_function(f"() => ({SOURCES})().length === 2")
    assert page.evaluate(SOURCES) == ["x = 1", f"import mlops_lab as lab\n\n{line}"]
    show(page, run_command, project, 2)
    view(page).get_by_role("button", name="Insert load cell").click()
    page.wait_for_function(f"() => ({SOURCES})().length === 3")
    # The notebook has the import by now.
    assert page.evaluate(SOURCES)[2] == line.replace("@1", "@2")


def test_a_version_is_dragged_into_the_notebook(
    project: Project, open_lab: Open, folder: Path, run_command: Command
) -> None:
    page = open_lab(folder)
    open_notebook(page, folder, run_command, "x = 1", "y = 2")
    source = rows(page).first.bounding_box()
    target = page.locator(".jp-Notebook-cell").nth(1).bounding_box()
    assert source is not None
    assert target is not None
    page.mouse.move(source["x"] + 60, source["y"] + 20)
    page.mouse.down()
    page.mouse.move(source["x"] + 80, source["y"] + 30, steps=4)
    page.mouse.move(target["x"] + 120, target["y"] + 8, steps=8)
    expect(page.locator(".jp-MlopsLab-dragimage")).to_have_text("weather 1")
    page.mouse.up()
    page.wait_for_function(f"() => ({SOURCES})().length === 3")
    line = 'weather = lab.dataset("weather@1").df()'
    assert page.evaluate(SOURCES) == ["x = 1", f"import mlops_lab as lab\n\n{line}", "y = 2"]
    # It was a drag, not a click.
    expect(page.locator(".jp-MlopsLab-dataset")).to_have_count(0)


def test_a_notebook_of_another_language_gets_no_python(
    project: Project, open_lab: Open, folder: Path, run_command: Command
) -> None:
    page = open_lab(folder)
    open_notebook(page, folder, run_command, "x <- 1", language="R")
    rows(page).first.focus()
    page.keyboard.press("i")
    toast = page.locator(".Toastify__toast").filter(has_text="load.ipynb runs R")
    expect(toast).to_be_visible(timeout=SOON)
    assert page.evaluate(SOURCES) == ["x <- 1"]


def test_what_a_run_needs_is_not_deleted(
    project: Project, open_lab: Open, folder: Path, run_command: Command
) -> None:
    run_id = project.runs.start(name="gbm-6")
    project.datasets.use(run_id, "weather@1")
    project.runs.end(run_id)
    page = open_lab(folder)

    def choose(item: str) -> None:
        view(page).get_by_role("button", name="More").click()
        page.locator(".lm-Menu-item").filter(has_text=item).click()

    def delete(version: int) -> None:
        choose("Delete Version")
        page.get_by_role("dialog").get_by_role("button", name=f"Delete weather@{version}").click()

    show(page, run_command, project, 1)
    more = view(page).get_by_role("button", name="More")
    more.focus()
    page.keyboard.press("Enter")
    expect(page.locator(".lm-Menu")).to_be_visible()
    page.keyboard.press("Escape")
    expect(more).to_be_focused()  # the menu gives the keyboard back
    delete(1)
    toasts = page.locator(".Toastify__toast")
    expect(toasts.filter(has_text="weather@1 is train")).to_be_visible(timeout=SOON)
    choose("Remove Alias train")
    expect(view(page).locator(".jp-mod-alias")).to_have_count(0, timeout=SOON)
    delete(1)
    expect(toasts.filter(has_text="gbm-6")).to_be_visible(timeout=SOON)
    show(page, run_command, project, 2)
    delete(2)
    # The view says that it is gone, and what is left.
    expect(view(page).get_by_role("alert")).to_contain_text(
        "weather has the versions 1", timeout=SOON
    )
    assert [one.version for one in project.datasets.versions("weather")] == [1]


def test_a_link_opens_its_version_and_the_layout_remembers_it(
    lab: Lab, project: Project, page: Page, folder: Path
) -> None:
    base = f"{lab.url}/lab/workspaces/{folder.name}?token={lab.token}"
    page.goto(f"{base}&mlops={project.key}/dataset/weather%401")
    expect(view(page).locator("h1")).to_contain_text("weather 1", timeout=SOON)
    with page.expect_response(saved('"tab":"diff"')):
        view(page).get_by_role("tab", name="Diff").click()
    assert "mlops=" not in page.url
    page.goto(base)
    expect(view(page).locator("h1")).to_contain_text("weather 1", timeout=60_000)
    expect(view(page).get_by_role("tab", name="Diff")).to_have_attribute("aria-selected", "true")


def commit_dialog(page: Page, name: str) -> Locator:
    page.locator("#filebrowser, [data-id=filebrowser]").first.click()
    page.locator(".jp-DirListing-item").filter(has_text=name).click(button="right")
    page.locator(".lm-Menu-item").filter(has_text="Commit as Dataset").click()
    return page.locator(".jp-Dialog")


@pytest.mark.slow
def test_a_folder_is_committed_from_the_file_browser(
    project: Project, open_lab: Open, folder: Path
) -> None:
    (folder / "Photos 2013").mkdir()
    (folder / "Photos 2013" / "a.jpg").write_bytes(b"0" * 5_000)
    (folder / "Photos 2013" / "b.jpg").write_bytes(b"1" * 5_000)
    page = open_lab(folder)
    dialog = commit_dialog(page, "Photos 2013")
    expect(dialog.get_by_label("Dataset")).to_have_value("photos-2013")
    expect(dialog).to_contain_text("Makes the dataset photos-2013.")
    dialog.get_by_label("Alias").fill("not an alias")
    dialog.get_by_role("button", name="Commit").click()
    # Refused: what was typed stays, and the reason is told.
    expect(dialog.get_by_role("alert")).to_contain_text("not an alias", timeout=SOON)
    expect(dialog.get_by_label("Dataset")).to_have_value("photos-2013")
    dialog.get_by_label("Alias").fill("raw")
    dialog.get_by_role("button", name="Commit").click()
    # Who looks at its run is told of the end all the same.
    page.locator(".Toastify__toast").get_by_role("button", name="Open run").click()
    toast = page.locator(".Toastify__toast").filter(has_text="photos-2013 1 is committed")
    toast.get_by_role("button", name="Open").click(timeout=COMMIT_MS)
    expect(view(page).locator("header")).to_contain_text("raw", timeout=SOON)
    expect(view(page).get_by_role("tab", selected=True)).to_have_text("Files 2")
    expect(view(page)).to_contain_text("b.jpg")
    [run] = project.runs.search("kind = 'transfer'").items
    assert run.status == "finished"


@pytest.mark.slow
def test_a_commit_that_its_checks_block_names_the_check(
    project: Project, open_lab: Open, folder: Path
) -> None:
    write_weather(folder, hours=600, wind=1048.36)
    page = open_lab(folder)
    dialog = commit_dialog(page, "weather.csv")
    expect(dialog).to_contain_text("Makes a new version of weather")
    dialog.get_by_role("button", name="Commit").click()
    toast = page.locator(".Toastify__toast").filter(has_text="weather 3 is kept, but blocked")
    expect(toast).to_contain_text("1 of 600 rows above 120", timeout=COMMIT_MS)
    toast.get_by_role("button", name="Open").click()
    expect(view(page).locator(".jp-MlopsLab-finding")).to_be_visible(timeout=SOON)


def test_every_text_can_be_read_in_every_theme_and_at_480_px(
    project: Project, open_lab: Open, folder: Path, run_command: Command
) -> None:
    page = open_lab(folder)
    for tab in ("profile", "checks", "diff"):
        shown = show(page, run_command, project, 2, tab)
        expect(shown.locator("[role=tabpanel]")).to_contain_text("wind_speed", timeout=SOON)
        check_contrast(page, ".jp-MlopsLab-dataset", run_command)
    page.set_viewport_size({"width": 480 + 400, "height": 800})
    for tab in ("Profile", "Checks", "Diff"):
        view(page).get_by_role("tab", name=tab).click()
        expect(view(page).locator("[role=tabpanel]")).to_contain_text("wind_speed", timeout=SOON)
        assert not view(page).evaluate(OVERFLOWS), tab
        assert not view(page).locator("[role=tabpanel]").evaluate(OVERFLOWS), tab
