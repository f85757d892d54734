"""Monitors in a real browser: the sidebar, the panel, alerts that wait and that are told."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from contrast import check_contrast
from jupyter import Lab, saved, set_width
from playwright.sync_api import Locator, Page, expect

from mlops_lab.project import Project

pytestmark = pytest.mark.browser

Open = Callable[..., Page]
Command = Callable[..., Any]
SOON = 20_000
# A check has a process of its own.
CHECK_MS = 90_000
WEEKLY = 320

WEATHER = """name: weather
current: dataset:readings
reference: dataset:baseline
time: at
by: week
domain: false
"""
FAULTY = "name: faulty\ncurrent: dataset:readings\nrefrence: dataset:baseline\n"
HOSTILE = '<img src=x onerror="document.body.dataset.ran=1"> & "Größe" 🛫'

SET_TEXT = """text =>
  window.jupyterapp.shell.currentWidget.content.model.sharedModel.setSource(text)"""
CURSOR = "() => window.jupyterapp.shell.currentWidget.content.editor.getCursorPosition()"


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eight weeks of readings, of which the last ``temp`` are warmer than ever before."""
    folder = tmp_path_factory.mktemp("prepared")
    project = Project.create(folder)
    project.datasets.commit("baseline", readings("2026-01-05", 12, seed=1))
    project.datasets.commit("readings", readings("2026-04-06", 8, seed=2, warm=3))
    write(project, "weather", WEATHER)
    project.close()
    return folder


@pytest.fixture(scope="module")
def looked_at(prepared: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same after a check of ``weather``, which has opened an alert."""
    folder = tmp_path_factory.mktemp("looked_at")
    project = copied(prepared, folder)
    assert len(project.monitors.check("weather").opened) == 1
    project.close()
    return folder


@pytest.fixture
def project(prepared: Path, folder: Path) -> Iterator[Project]:
    project = copied(prepared, folder)
    yield project
    project.close()


@pytest.fixture
def alarmed(looked_at: Path, folder: Path) -> Iterator[Project]:
    project = copied(looked_at, folder)
    yield project
    project.close()


def copied(prepared: Path, folder: Path) -> Project:
    shutil.copytree(prepared, folder, dirs_exist_ok=True)
    return Project.open(folder)


def readings(start: str, weeks: int, *, seed: int, warm: int = 0) -> pd.DataFrame:
    """Weather by the hour; in the last ``warm`` weeks it is 25 degrees warmer."""
    rng = np.random.default_rng(seed)
    rows = weeks * WEEKLY
    seconds = np.arange(rows) * (7 * 24 * 3600 / WEEKLY)
    temp = rng.normal(50, 10, rows)
    temp[rows - warm * WEEKLY :] += 25
    return pd.DataFrame(
        {
            "at": pd.Timestamp(start) + pd.to_timedelta(seconds, unit="s"),
            "temp": temp,
            "station": rng.choice(["EWR", "JFK", "LGA"], rows),
        }
    )


def write(project: Project, name: str, text: str) -> None:
    folder = project.root / "monitors"
    folder.mkdir(exist_ok=True)
    (folder / f"{name}.yaml").write_text(text, encoding="utf-8")


def sidebar(page: Page) -> Locator:
    return page.locator("#mlops-lab-sidebar")


def row(page: Page, name: str) -> Locator:
    return page.locator(f".jp-MlopsLab-monitorrow[data-id='{name}']")


def panel(page: Page) -> Locator:
    return page.locator(".jp-MlopsLab-monitor:visible")


def toast(page: Page, text: str) -> Locator:
    return page.locator(".Toastify__toast").filter(has_text=text)


def clean(page: Page) -> None:
    assert page.faults == []  # type: ignore[attr-defined]
    assert page.foreign == []  # type: ignore[attr-defined]
    assert page.evaluate("document.body.dataset.ran") is None


def test_a_monitor_that_never_looked_is_checked_from_its_row(
    project: Project, open_lab: Open, folder: Path, run_command: Command
) -> None:
    page = open_lab(folder)
    weather = row(page, "weather")
    expect(weather).to_have_attribute("data-state", "never", timeout=SOON)
    weather.click()
    expect(panel(page)).to_contain_text("It has not been checked yet", timeout=SOON)
    weather.get_by_role("button", name="Check weather now").click()
    expect(toast(page, "Checking weather")).to_be_visible(timeout=SOON)
    expect(panel(page)).to_contain_text("It looks for the first time", timeout=SOON)
    expect(weather).to_have_attribute("data-state", "alert", timeout=CHECK_MS)
    expect(weather).to_contain_text("1 alert")
    expect(weather).to_contain_text("temp")
    # One notice tells what was found: the alert has none of its own beside it.
    told = toast(page, "temp")
    expect(told).to_have_count(1, timeout=SOON)
    # What was found takes the place of what was not, in a panel that stood open.
    expect(panel(page).get_by_role("button", name="Check now")).to_be_visible(timeout=SOON)
    expect(panel(page)).to_contain_text("temp", timeout=SOON)
    run_command("application:close-all")
    told.get_by_role("button", name="Open").click()
    expect(panel(page).locator("h1")).to_contain_text("weather", timeout=SOON)
    clean(page)


def test_what_a_monitor_found_is_opened_by_keyboard_and_by_a_link(
    alarmed: Project, lab: Lab, open_lab: Open, folder: Path
) -> None:
    page = open_lab(folder)
    weather = row(page, "weather")
    expect(weather).to_have_attribute("data-state", "alert", timeout=SOON)
    weather.focus()
    with page.expect_response(saved("mlops-lab-monitor:"), timeout=SOON):
        page.keyboard.press("Enter")
        expect(panel(page).locator("h1")).to_contain_text("weather", timeout=SOON)
    expect(panel(page)).to_contain_text("temp")
    # The layout is kept, and a link leads there from anywhere.
    page.goto(f"{lab.url}/lab?token={lab.token}")
    expect(panel(page).locator("h1")).to_contain_text("weather", timeout=SOON)
    page.evaluate("window.jupyterapp.commands.execute('application:close-all').then(() => null)")
    page.goto(f"{lab.url}/lab?mlops={alarmed.key}/monitor/weather")
    expect(panel(page).locator("h1")).to_contain_text("weather", timeout=SOON)
    expect(page).to_have_url(re.compile(r"/lab$"))
    clean(page)


def test_an_alert_waits_for_somebody_until_it_is_acknowledged(
    alarmed: Project, open_lab: Open, folder: Path
) -> None:
    (alert,) = alarmed.monitors.alerts()
    page = open_lab(folder)
    need = sidebar(page).locator("[data-kind='alert']")
    expect(need).to_contain_text("temp", timeout=SOON)
    need.get_by_role("button", name=re.compile("^Open")).click()
    expect(panel(page)).to_contain_text(alert.sentence, timeout=SOON)
    need.get_by_role("button", name=re.compile("^Decide")).click()
    page.get_by_role("menuitem", name="Acknowledge Alert").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text(alert.sentence)
    expect(dialog.get_by_label("Comment")).to_be_focused()
    page.keyboard.type(HOSTILE)
    dialog.get_by_role("button", name="Acknowledge", exact=True).click()
    expect(need).to_have_count(0, timeout=SOON)
    record = alarmed.monitors.alert(alert.id)
    assert (record.status, record.comment) == ("acknowledged", HOSTILE)
    # It still stands in the view, as what it is now.
    expect(panel(page)).to_contain_text("acknowledged", timeout=SOON)
    clean(page)


def test_an_alert_is_muted_from_the_palette_among_those_that_are_open(
    alarmed: Project, open_lab: Open, folder: Path, run_command: Command
) -> None:
    write(alarmed, "stations", WEATHER.replace("weather", "stations"))
    opened = [*alarmed.monitors.alerts(), *alarmed.monitors.check("stations").opened]
    page = open_lab(folder)
    expect(sidebar(page).locator("[data-kind='alert']")).to_have_count(2, timeout=SOON)
    page.evaluate("void window.jupyterapp.commands.execute('mlops-lab:mute-alert')")
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Alert").select_option(opened[1].id)
    expect(dialog).to_contain_text("stations ·")
    dialog.get_by_label("Silent for").select_option("1 day")
    page.keyboard.press("Enter")
    expect(dialog).to_have_count(0, timeout=SOON)
    expect(sidebar(page).locator("[data-kind='alert']")).to_have_count(1, timeout=SOON)
    assert alarmed.monitors.alert(opened[1].id).status == "muted"
    assert alarmed.monitors.alert(opened[0].id).status == "open"
    clean(page)


def test_an_alert_that_opens_is_told_once_and_an_old_one_never(
    project: Project, open_lab: Open, folder: Path
) -> None:
    write(project, "stations", WEATHER.replace("weather", "stations"))
    (old,) = project.monitors.check("stations").opened
    page = open_lab(folder)
    expect(row(page, "stations")).to_have_attribute("data-state", "alert", timeout=SOON)
    (alert,) = project.monitors.check("weather").opened
    told = toast(page, f"weather: {alert.sentence}")
    expect(told).to_have_count(1, timeout=SOON)
    expect(toast(page, f"stations: {old.sentence}")).to_have_count(0)
    told.get_by_role("button", name="Open").click()
    expect(panel(page).locator("h1")).to_contain_text("weather", timeout=SOON)
    # Another check that finds the same has nothing to tell.
    project.monitors.check("weather")
    project.monitors.acknowledge(alert.id, "spring")
    expect(sidebar(page).locator("[data-kind='alert']")).to_have_count(1, timeout=SOON)
    assert page.locator(".Toastify__toast").filter(has_text=alert.sentence).count() <= 1
    clean(page)


def test_faults_lead_to_their_lines_and_go_when_they_are_mended(
    project: Project, open_lab: Open, folder: Path, run_command: Command
) -> None:
    write(project, "faulty", FAULTY)
    page = open_lab(folder)
    faulty = row(page, "faulty")
    expect(faulty).to_have_attribute("data-state", "invalid", timeout=SOON)
    expect(faulty).to_contain_text("line 3")
    faulty.click()
    expect(panel(page)).to_contain_text("refrence", timeout=SOON)
    panel(page).get_by_role("button", name="monitors/faulty.yaml:3:1").click()
    editor = page.locator(".jp-FileEditor:visible")
    expect(editor).to_contain_text("refrence", timeout=SOON)
    page.wait_for_function(f"() => ({CURSOR})().line === 2", timeout=SOON)
    page.evaluate(SET_TEXT, WEATHER.replace("weather", "faulty"))
    run_command("docmanager:save")
    expect(faulty).to_have_attribute("data-state", "never", timeout=SOON)
    clean(page)


def test_a_monitor_is_written_from_what_is_known_of_a_dataset(
    project: Project, open_lab: Open, folder: Path, run_command: Command
) -> None:
    page = open_lab(folder)
    dataset = page.locator(".jp-MlopsLab-datarow").filter(has_text="readings")
    expect(dataset).to_be_visible(timeout=SOON)
    dataset.click(button="right")
    page.get_by_role("menuitem", name="New Monitor").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_label("Name")).to_be_focused(timeout=SOON)
    expect(dialog.get_by_label("Name")).to_have_value("readings")
    dialog.get_by_label("Name").fill("weather")
    dialog.get_by_role("button", name="Write the file").click()
    # Nothing is written over.
    expect(dialog.get_by_role("alert")).to_contain_text("weather.yaml is there already")
    dialog.get_by_label("Name").fill("heat")
    dialog.get_by_label("Compare with").select_option("baseline@1")
    dialog.get_by_label("Check").select_option("every Monday at 6:00")
    dialog.get_by_role("button", name="Write the file").click()
    expect(page.locator(".jp-FileEditor:visible")).to_contain_text("name: heat", timeout=SOON)
    expect(row(page, "heat")).to_have_attribute("data-state", "never", timeout=SOON)
    spec = project.monitors.load("heat")
    assert (spec.current, spec.settings["time"]) == ("readings", "at")
    assert str(spec.reference) == "dataset:baseline@1"
    assert spec.schedule is not None
    assert (project.root / "monitors" / "weather.yaml").read_text() == WEATHER
    clean(page)


def test_hostile_names_are_names_and_every_text_can_be_read(
    project: Project, open_lab: Open, folder: Path, run_command: Command
) -> None:
    for name, weeks, warm in (("baseline", 12, 0), ("readings", 8, 3)):
        rows = readings("2026-04-06", weeks, seed=weeks, warm=warm)
        project.datasets.commit(name, rows.rename(columns={"temp": HOSTILE}))
    write(project, "größe", WEATHER.replace("weather", "größe"))
    write(project, "hostile", f"name: {HOSTILE!r}\ncurrent: {HOSTILE!r}\n")
    page = open_lab(folder)
    expect(sidebar(page).locator(".jp-MlopsLab-monitorrow")).to_have_count(3, timeout=SOON)
    (alert,) = project.monitors.check("größe").opened
    assert HOSTILE in alert.sentence
    expect(toast(page, "größe: <img src=x")).to_be_visible(timeout=SOON)
    expect(row(page, "größe")).to_have_attribute("data-state", "alert", timeout=SOON)
    run_command("mlops-lab:open-monitor", {"project": project.key, "name": "größe"})
    expect(panel(page).locator("h1")).to_contain_text("größe", timeout=SOON)
    expect(panel(page)).to_contain_text(HOSTILE)
    check_contrast(page, "#mlops-lab-sidebar", run_command)
    check_contrast(page, ".jp-MlopsLab-monitor", run_command)
    set_width(page, 240)
    facts = row(page, "größe").locator(".jp-MlopsLab-facts")
    assert facts.evaluate("node => node.scrollWidth <= node.clientWidth + 1")
    clean(page)


def test_without_a_monitor_there_is_no_section(open_lab: Open, folder: Path) -> None:
    project = Project.create(folder)
    run = project.runs.start(name="first")
    project.runs.end(run)
    page = open_lab(folder)
    expect(sidebar(page)).to_contain_text("first", timeout=SOON)
    expect(sidebar(page).get_by_role("heading", name="Monitors")).to_have_count(0)
    # A file is enough: the section comes while the page stands.
    write(project, "weather", WEATHER)
    expect(row(page, "weather")).to_be_visible(timeout=SOON)
    project.close()
    clean(page)
