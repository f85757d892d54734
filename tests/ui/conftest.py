"""A JupyterLab of our own, and Debian's chromium to look at it."""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Literal
from urllib.parse import quote

import pytest

# What the screenshots' script shares with the tests; pytest does not put a test's folder there.
sys.path.insert(0, str(Path(__file__).parent))

from jupyter import CHROMIUM, FLAGS, ROOT, Lab, jupyterlab, set_width
from playwright.sync_api import Browser, Page, ViewportSize, expect, sync_playwright
from playwright.sync_api import Error as PlaywrightError

READY = "() => window.jupyterapp?.commands.hasCommand('mlops-lab:open-sidebar')"
VIEWPORT: ViewportSize = {"width": 1280, "height": 800}

# What is expected comes by itself; how soon is the machine's matter, not a test's.
expect.set_options(timeout=20_000)

# Only a page that `open_lab` has loaded is used again: what a test loaded or restored is not.
MARK = "() => { window.mlopsLabTests = true; }"
TIDY = """async () => {
  const app = window.jupyterapp;
  if (window.mlopsLabTests !== true || document.querySelector('.jp-Dialog')) return false;
  const run = (command, args) => app.commands.execute(command, args);
  // The selection, then the search: the sidebar keeps it from one project to the next.
  await run('mlops-lab:clear');
  await run('mlops-lab:clear');
  // Not closed but disposed of: nothing asks whether to save.
  [...app.shell.widgets('main')].forEach(widget => widget.dispose());
  if ([...app.serviceManager.sessions.running()].length > 0) {
    await app.serviceManager.sessions.shutdownAll();
  }
  await run('apputils:dismiss-notification');
  if (document.body.dataset.jpThemeName !== 'JupyterLab Light') {
    await run('apputils:change-theme', { theme: 'JupyterLab Light' });
  }
  await run('filebrowser:open-path', { path: '/', dontShowBrowser: true });
}"""
# The sidebar has left the test's project: its rows could be taken for the next one's.
AWAY = "() => !document.querySelector('.jp-MlopsLab-switcher')?.textContent.includes('test_')"
OPEN = """path => window.jupyterapp.commands
  .execute('filebrowser:open-path', { path, dontShowBrowser: true }).then(() => null)"""


# pytest-jupyter gives every test an event loop of its own and closes it; Playwright's
# synchronous API keeps one running. So those fixtures do nothing for the tests in here.
@pytest.fixture(autouse=True)
def jp_asyncio_loop() -> None:
    return None


@pytest.fixture(autouse=True)
def jp_server_cleanup() -> None:
    return None


@pytest.fixture(scope="session")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """A server over an empty folder; each test makes a folder of its own in it."""
    with jupyterlab(tmp_path_factory.mktemp("home"), tmp_path_factory.mktemp("root")) as it:
        yield it


def _as_long_as_can_be(fixture_name: str, config: pytest.Config) -> Literal["module", "session"]:
    """Playwright's event loop runs while its browser does; other tests need one of their own."""
    return "session" if config.option.markexpr == "browser" else "module"


@pytest.fixture(scope=_as_long_as_can_be)
def browser() -> Iterator[Browser]:
    if CHROMIUM is None:
        pytest.skip("no chromium: apt-get install -y --no-install-recommends chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope=_as_long_as_can_be)
def tab(browser: Browser) -> Iterator[Page]:
    """One tab for all tests: to load JupyterLab takes longer than most of them do."""
    context = browser.new_context(viewport=VIEWPORT)
    context.set_default_timeout(30_000)
    page = context.new_page()
    page.on("requestfinished", lambda sent: _note(page, sent.url))
    # What the page's own policy blocks is told as a request, too, but never leaves.
    page.on("requestfailed", lambda sent: sent.failure == "csp" or _note(page, sent.url))
    page.on("pageerror", lambda error: page.faults.append(error.stack or str(error)))  # type: ignore[attr-defined]
    yield page
    context.close()


@pytest.fixture
def page(tab: Page, request: pytest.FixtureRequest) -> Iterator[Page]:
    """A page that notes what it asks of strangers, and every error of its scripts."""
    tab.foreign = []  # type: ignore[attr-defined]
    tab.faults = []  # type: ignore[attr-defined]
    yield tab
    shots = ROOT / "test-results"
    shots.mkdir(exist_ok=True)
    tab.screenshot(path=shots / f"{request.node.name}.png")
    _tidy(tab)


def _tidy(page: Page) -> None:
    """Put away what a test has opened, so that the next one finds a JupyterLab as just loaded."""
    page.set_viewport_size(VIEWPORT)
    for _ in range(5):
        if page.locator(".jp-Dialog, .lm-Menu").count() == 0:
            break
        page.keyboard.press("Escape")
    try:
        again = page.evaluate(TIDY) is not False
        if again:
            page.wait_for_function(AWAY, timeout=10_000)
    except PlaywrightError:
        again = False
    if not again:
        page.goto("about:blank")


def _note(page: Page, url: str) -> None:
    if not url.startswith(("http://127.0.0.1:", "ws://127.0.0.1:", "data:", "blob:", "file:")):
        page.foreign.append(url)  # type: ignore[attr-defined]


@pytest.fixture
def folder(lab: Lab, request: pytest.FixtureRequest) -> Iterator[Path]:
    """A folder below the server's root for one test, empty and no project yet."""
    test = request.node.name.replace("[", "-").replace("]", "")
    # Tests of two files may have one name.
    path = Path(tempfile.mkdtemp(prefix=f"{test}-", dir=lab.root))
    yield path
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture
def open_lab(lab: Lab, page: Page) -> Callable[..., Page]:
    """Open JupyterLab on a file or folder below the root, with our sidebar."""

    def open_(path: Path, width: int = 320) -> Page:
        inside = str(path.relative_to(lab.root))
        if page.evaluate("() => window.mlopsLabTests === true"):
            page.evaluate(OPEN, inside)
        else:
            page.goto(f"{lab.url}/lab/tree/{quote(inside)}?reset&token={lab.token}")
            page.wait_for_function(READY)
            page.evaluate("() => window.jupyterapp.restored.then(() => null)")
            page.evaluate(MARK)
        page.evaluate("() => window.jupyterapp.commands.execute('mlops-lab:open-sidebar')")
        page.locator("#mlops-lab-sidebar").wait_for()
        set_width(page, width)
        return page

    return open_


@pytest.fixture
def run_command(page: Page) -> Callable[..., Any]:
    """Execute one of JupyterLab's commands."""

    def run(command: str, args: dict[str, Any] | None = None) -> Any:
        return page.evaluate(
            "([c, args]) => window.jupyterapp.commands.execute(c, args).then(() => null)",
            [command, args or {}],
        )

    return run
