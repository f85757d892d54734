"""Reports in a real browser: from the disk, with no network at all, in light, dark and on paper."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, Page, expect
from test_monitoring import WEATHER, readings, write
from test_registry import make

import mlops_lab
from mlops_lab.project import Project

sys.path.insert(0, str(Path(__file__).parents[1] / "reports"))

import things

pytestmark = pytest.mark.browser

DRAWN = "() => document.documentElement.dataset.mlopsLab === 'drawn'"
USUAL_BYTES = 2_000_000


@pytest.fixture(scope="module")
def everything(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A report with one of everything, hostile in every field."""
    root = tmp_path_factory.mktemp("reported")
    patch = pytest.MonkeyPatch()
    for name in ("MLOPS_LAB_PROJECT", "MLOPS_LAB_RUN", "MLOPS_LAB_ROOT"):
        patch.delenv(name, raising=False)
    project = Project.create(root / "project")
    patch.chdir(project.root)
    items = [(kind, make(root)) for kind, make in things.EXAMPLES.items()]
    made = mlops_lab.report(
        [*items, mlops_lab.RegistryBrowser()], root / "report.html", title=things.HOSTILE
    )
    assert made.problems == ()
    assert made.size_bytes < USUAL_BYTES
    yield made.path
    project.close()
    patch.undo()


@pytest.fixture
def opened(browser: Browser, everything: Path) -> Iterator[Any]:
    """Open the report as a file, offline; every request, dialog and error is noted."""
    contexts = []

    def open_(**options: Any) -> Page:
        context = browser.new_context(offline=True, **options)
        contexts.append(context)
        page = context.new_page()
        page.seen = []  # type: ignore[attr-defined]
        page.on("dialog", lambda dialog: page.seen.append(dialog.message))
        page.on("pageerror", lambda error: page.seen.append(str(error)))
        page.on("console", lambda said: said.type == "error" and page.seen.append(said.text))
        page.left = []  # type: ignore[attr-defined]
        page.on("requestfinished", lambda sent: _outside(sent.url) and page.left.append(sent.url))
        # What the policy blocks is told as a request, too, but never leaves.
        page.on(
            "requestfailed",
            lambda sent: (
                sent.failure != "csp" and _outside(sent.url) and page.left.append(sent.url)
            ),
        )
        page.goto(everything.as_uri())
        page.wait_for_function(DRAWN)
        return page

    yield open_
    for context in contexts:
        context.close()


def _outside(url: str) -> bool:
    return not url.startswith(("file:", "data:", "blob:", "about:"))


def test_a_report_is_drawn_without_network_and_hostile_texts_do_nothing(opened: Any) -> None:
    page = opened()
    # What a stranger's page in a frame tries is refused and told; ours says nothing at all.
    refused = ("Content Security Policy", "Not allowed to load local resource", "autofocusing")
    assert [one for one in page.seen if not any(word in one for word in refused)] == []
    assert page.left == []
    drawn = page.locator("[data-drawn]")
    assert set(drawn.evaluate_all("all => all.map(one => one.dataset.drawn)")) == {"true"}
    assert drawn.count() == page.locator("[data-view], [data-chart], [data-widget]").count()
    for frame in page.frames:
        assert frame.evaluate("typeof window.hacked") == "undefined"
    assert page.title() == things.HOSTILE.replace("\u202e", "\ufffd")
    page.locator("a[href='javascript:window.hacked=1']").count()
    assert page.locator("a[href^='javascript']").count() == 0


def test_a_frame_has_neither_our_origin_nor_a_network(opened: Any) -> None:
    page = opened()
    frames = [one for one in page.frames[1:] if one.url == "about:srcdoc"]
    assert len(frames) >= 4
    for frame in frames:
        assert frame.evaluate("window.origin") == "null"
        reached = frame.evaluate("fetch('data:,x').then(() => 'reached', () => 'refused')")
        assert reached == "refused"


def test_a_report_stays_interactive(opened: Any) -> None:
    page = opened()
    # A table is sorted and searched.
    table = page.locator("[data-search]").first
    table.locator("th button", has_text="score").click()
    scores = table.locator("tbody tr td:last-child").count()
    assert scores > 0
    assert table.locator("th[aria-sort='ascending']").count() == 1
    table.locator("input").fill("no such row")
    assert table.locator("[role=status]").inner_text().startswith("0 of")
    # The drift view answers for itself.
    drift = page.locator("[data-view=drift]").first
    drift.get_by_role("button", name="PSI").click()
    assert drift.get_by_role("button", name="PSI").get_attribute("aria-pressed") == "true"
    # A curve has its values under the cursor, for the keyboard too.
    plot = page.locator("[data-view=curves] .jp-MlopsLab-curve-plot").first
    plot.focus()
    page.keyboard.press("ArrowRight")
    assert page.locator(".jp-MlopsLab-curve-at").first.inner_text() != ""
    # A widget moves without a kernel.
    slider = page.frame_locator("[data-widget] iframe").first.locator("[role=slider]")
    slider.focus()
    page.keyboard.press("ArrowRight")
    assert slider.get_attribute("aria-valuenow") == "4.0"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_report_can_be_read_by_the_readers_setting_and_on_a_telephone(
    opened: Any, scheme: str
) -> None:
    page = opened(color_scheme=scheme, viewport={"width": 390, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (ground == "rgb(255, 255, 255)") == (scheme == "light")
    from contrast import LEAST

    ratio, text = page.evaluate(LEAST, ".jp-MlopsLab-report")
    assert ratio >= 4.5, text


def test_a_report_prints_unfolded_and_without_buttons(opened: Any, tmp_path: Path) -> None:
    page = opened(color_scheme="dark")
    closed = "document.querySelectorAll('details:not([open])').length"
    assert page.evaluate(closed) > 0
    page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
    assert page.evaluate(closed) == 0
    # Nothing is cut of what was folded away: its height was known before.
    frames = page.locator("details .jp-MlopsLab-report-frame")
    assert frames.count() > 0
    for at in range(frames.count()):
        inside = frames.nth(at).element_handle().content_frame()
        height = inside.evaluate("document.documentElement.getBoundingClientRect().height")
        assert frames.nth(at).evaluate("one => parseFloat(one.style.height)") >= height
    page.emulate_media(media="print")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    hidden = ".jp-MlopsLab-report-search, .jp-MlopsLab-button"
    assert page.locator(hidden).evaluate_all("all => all.every(one => !one.checkVisibility())")
    page.evaluate("window.dispatchEvent(new Event('afterprint'))")
    assert page.evaluate(closed) > 0
    data = page.pdf(path=tmp_path / "report.pdf", format="A4")
    assert data.startswith(b"%PDF")
    assert 3 < data.count(b"/Type /Page\n") < 80


def test_a_report_without_scripts_is_still_one(browser: Browser, everything: Path) -> None:
    context = browser.new_context(offline=True, java_script_enabled=False)
    page = context.new_page()
    page.goto(everything.as_uri())
    assert page.locator(".jp-MlopsLab-report-still").count() > 3
    assert page.locator("[data-view=curves] svg").first.is_visible()
    assert page.locator("nav a").count() > 10
    context.close()


MADE_MS = 60_000


def _made(page: Page, button: Locator, title: str) -> str:
    """Press *Report…*, give a title, wait until it is made, and download it."""
    button.click()
    dialog = page.locator(".jp-Dialog")
    dialog.locator("input[type=text]").fill(title)
    dialog.get_by_role("button", name="Make report").click()
    told = page.locator(".Toastify__toast").filter(has_text=f"The report {title} is made.")
    expect(told).to_be_visible(timeout=MADE_MS)
    with page.expect_download() as saving:
        told.get_by_role("button", name="Download").click()
    path = saving.value.path()
    assert saving.value.suggested_filename == f"{title.lower().replace(' ', '-')}.html"
    return Path(path).read_text(encoding="utf-8")


def test_every_view_has_a_button_that_makes_a_report(
    folder: Path, open_lab: Callable[..., Page], run_command: Callable[..., Any]
) -> None:
    project = Project.create(folder)
    run = project.runs.start(name="gbm-6", params={"depth": 6})
    project.runs.log_metrics(run, {"auc": 0.7}, step=1)
    project.runs.end(run)
    project.datasets.commit("flights", things.frame(30))
    make(project, 1, auc=0.7)
    project.datasets.commit("baseline", readings("2026-01-05", 6, seed=1))
    project.datasets.commit("readings", readings("2026-04-06", 6, seed=2, warm=3))
    write(project, "weather", WEATHER)
    project.monitors.check("weather")
    page = open_lab(folder)
    about = {"project": project.key}
    run_command("mlops-lab:open-run", {**about, "id": run})
    view = page.locator(f'.jp-MlopsLab-run[data-run="{run}"]')
    source = _made(page, view.get_by_role("button", name="Report…"), "Week 17")
    assert "<title>Week 17</title>" in source
    assert "gbm-6" in source
    run_command("mlops-lab:open-dataset", {**about, "name": "flights", "version": 1})
    view = page.locator(".jp-MlopsLab-dataset").last
    source = _made(page, view.get_by_role("button", name="Report…"), "Flights now")
    assert "30 rows, 6 columns" in source
    run_command("mlops-lab:open-model", {**about, "name": "flight-delay"})
    view = page.locator(".jp-MlopsLab-models")
    source = _made(page, view.get_by_role("button", name="Report…"), "The models")
    assert "flight-delay" in source
    run_command("mlops-lab:open-monitor", {**about, "name": "weather"})
    view = page.locator(".jp-MlopsLab-monitor")
    source = _made(page, view.get_by_role("button", name="Report…"), "The weather")
    assert "temp drifted" in source
    # The run that has made it shows it, in a sandbox, drawn.
    made = project.runs.search("kind = 'report'", limit=1).items[0]
    run_command("mlops-lab:open-run", {**about, "id": made.id, "tab": "artifacts"})
    shown = page.frame_locator("iframe.jp-MlopsLab-page").last
    expect(shown.locator("h1").first).to_have_text("The weather", timeout=MADE_MS)
    expect(shown.locator("html")).to_have_attribute("data-mlops-lab", "drawn", timeout=MADE_MS)
    assert page.faults == []  # type: ignore[attr-defined]
    assert page.foreign == []  # type: ignore[attr-defined]
    project.close()
