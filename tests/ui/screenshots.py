"""Make the README's pictures: sidebar, drift explorer, registry, dataset version; light and dark.

    python tests/ui/screenshots.py [folder] [--demo PROJECT] [--only-drift]

Everything in them is real: the example project, its pipelines (two of which are refused), a
notebook whose last run is looked at while it works, and a version that waits for an approval. The
year of the drift explorer is the one that `make demo` has played; it is looked at in a copy.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import nbformat
import psutil
from playwright.sync_api import Browser, Page, sync_playwright

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT), str(Path(__file__).parent)]

from jupyter import CHROMIUM, FLAGS, Lab, jupyterlab, set_width  # noqa: E402

from mlops_lab import example  # noqa: E402
from mlops_lab.project import Project  # noqa: E402

SIZE = {"width": 1440, "height": 900}
VIEW_SIZE = {"width": 1280, "height": 800}
YEAR_SIZE = {"width": 1440, "height": 1280}
MONITOR = "delay"
SIDEBAR = 320
NOTEBOOK = "notebooks/boosting.ipynb"
# Both pictures are taken between these steps of 120, the light one first.
LIGHT_FROM, DARK_UNTIL = 60, 115

TITLE = """# Will this flight arrive late?

Learn from eleven weeks of 2013, judge on the two that follow. \
Late means more than 15 minutes behind schedule."""

SETUP = """import charts, delays, pandas as pd
from sklearn.metrics import log_loss, roc_auc_score
import mlops_lab as lab

train = pd.read_parquet(delays.find("../work/train.parquet", "prepare"))
exam = pd.read_parquet(delays.find("../work/holdout.parquet", "prepare"))
print(f"train {len(train):,} flights · exam {len(exam):,} · {train.late.mean():.1%} late")"""

PARAMS = "params = dict(learning_rate={rate}, max_leaf_nodes=31, min_samples_leaf=100, l2=5)"

TRAIN = """with lab.start_run("{name}", params=params, steps=120) as run:
    display(run.curves("auc", "log_loss"))
    model = delays.make_model("hgb", delays.FEATURES, seed=7, max_iter=5, **params)
    model.set_params(trees__warm_start=True)
    for trees in range(5, 125, 5):
        model.set_params(trees__max_iter=trees).fit(train[delays.FEATURES], train.late)
        p = model.predict_proba(exam[delays.FEATURES])[:, 1]
        scores = {{"auc": roc_auc_score(exam.late, p), "log_loss": log_loss(exam.late, p)}}
        run.log_metrics(scores, step=trees)"""

NEXT = """bins = delays.bins_of(exam.late.to_numpy(), p)
run.log_figure(charts.calibration(bins, p, error=0.05), "calibration")"""

LOGISTIC = """with lab.start_run("logistic", params=dict(model="logistic", C=0.1)) as run:
    model = delays.make_model("logistic", delays.FEATURES, seed=7)
    model.fit(train[delays.FEATURES], train.late)
    p = model.predict_proba(exam[delays.FEATURES])[:, 1]
    scores = {"auc": roc_auc_score(exam.late, p), "log_loss": log_loss(exam.late, p)}
    run.log_metrics(scores)"""

SET_CELL = """([index, source]) => {
  const notebook = window.jupyterapp.shell.currentWidget.content;
  notebook.activeCellIndex = index;
  notebook.activeCell.model.sharedModel.setSource(source);
}"""

# Where Inter is installed the pictures look the same on every machine.
FONTS = """:root {
  --jp-ui-font-family: Inter, system-ui, sans-serif !important;
  --jp-content-font-family: Inter, system-ui, sans-serif !important;
}"""

KERNEL = "window.jupyterapp.shell.currentWidget?.sessionContext?.session?.kernel"


def main() -> None:
    """Write the pictures that are asked for."""
    parser = argparse.ArgumentParser(description="Make the README's pictures.")
    parser.add_argument("folder", nargs="?", type=Path, default=ROOT / "docs")
    parser.add_argument("--demo", type=Path, default=ROOT / "demo", help="what `make demo` made")
    parser.add_argument("--only-drift", action="store_true")
    asked = parser.parse_args()
    asked.folder.mkdir(parents=True, exist_ok=True)
    if not asked.only_drift:
        example_pictures(asked.folder)
    year_pictures(asked.demo, asked.folder)


def example_pictures(folder: Path) -> None:
    """The light and the dark picture of the sidebar and of two views."""
    with tempfile.TemporaryDirectory() as place:
        home, root = Path(place, "home"), Path(place, "root")
        home.mkdir()
        root.mkdir()
        project = prepare(root)
        with jupyterlab(home, root) as lab:
            with chromium() as browser:
                page = browser.new_page(viewport=SIZE, device_scale_factor=1.5)
                page.set_default_timeout(120_000)
                open_notebook(page, lab, project.root.name)
                earlier_runs(page, project)
                take(page, project, folder)
            # Not beside a browser: Playwright keeps the event loop that a pipeline needs.
            next_fortnight(project)
            with chromium() as browser:
                views(browser.new_page(viewport=VIEW_SIZE), lab, project, folder)


def year_pictures(demo: Path, folder: Path) -> None:
    """The drift explorer of the example's year, beside the folded sidebar."""
    if not (demo / "monitors" / f"{MONITOR}.yaml").is_file():
        raise SystemExit(f"{demo} has no year to look at: run `make demo`, or name a --demo.")
    with tempfile.TemporaryDirectory() as place:
        home, root = Path(place, "home"), Path(place, "root")
        home.mkdir()
        shutil.copytree(demo, root / demo.name, symlinks=True)
        project = Project.open(root / demo.name)
        with jupyterlab(home, root) as lab, chromium() as browser:
            page = browser.new_page(viewport=YEAR_SIZE)
            open_project(page, lab, project)
            command(page, "application:toggle-left-area")
            # The story's first: more flights were late than the model had promised.
            first = [one for one in project.monitors.alerts() if one.kind == "performance"][-1]
            about = {"project": project.key, "name": MONITOR, "alert": first.id}
            command(page, "mlops-lab:open-monitor", about)
            for theme in ("Light", "Dark"):
                set_theme(page, theme)
                page.locator(".jp-MlopsLab-monitor h1").first.wait_for()
                page.wait_for_timeout(3_000)  # what is read after that, and the theme's colours
                page.screenshot(path=folder / f"drift-{theme.lower()}.png")


def open_project(page: Page, lab: Lab, project: Project) -> None:
    """Load JupyterLab on a project, with nothing in it but the file browser."""
    page.set_default_timeout(120_000)
    page.goto(f"{lab.url}/lab/tree/{project.root.name}?reset&token={lab.token}")
    page.wait_for_function("window.jupyterapp?.commands.hasCommand('mlops-lab:open-model')")
    page.add_style_tag(content=FONTS)
    page.evaluate("window.jupyterapp.restored.then(() => null)")


def set_theme(page: Page, theme: str) -> None:
    command(page, "apputils:change-theme", {"theme": f"JupyterLab {theme}"})
    page.wait_for_function(f"document.body.dataset.jpThemeName === 'JupyterLab {theme}'")


@contextmanager
def chromium() -> Iterator[Browser]:
    """Debian's browser, closed afterwards."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


def prepare(root: Path) -> Project:
    """Make the example, run its pipelines, and write the notebook of the picture."""
    project = Project.open(example.create(root))
    for pipeline in ("leak", "flight-delay"):
        result = project.pipelines.run(f"pipelines/{pipeline}.yaml")
        print(f"{pipeline}: {result.status}, {result.outcome}")
    cells = [
        nbformat.v4.new_markdown_cell(TITLE),
        *(nbformat.v4.new_code_cell(source) for source in (SETUP, PARAMS, TRAIN, NEXT)),
    ]
    notebook = nbformat.v4.new_notebook(cells=cells)
    notebook.metadata.kernelspec = {"name": "python3", "display_name": "Python 3 (ipykernel)"}
    nbformat.write(notebook, project.root / NOTEBOOK)
    return project


def open_notebook(page: Page, lab: Lab, folder: str) -> None:
    """Open the notebook beside the sidebar, and run its first cells."""
    page.goto(f"{lab.url}/lab/tree/{folder}/{NOTEBOOK}?token={lab.token}")
    page.wait_for_function("window.jupyterapp?.commands.hasCommand('mlops-lab:open-sidebar')")
    page.add_style_tag(content=FONTS)
    page.evaluate("window.jupyterapp.restored.then(() => null)")
    command(page, "mlops-lab:open-sidebar")
    page.locator("#mlops-lab-sidebar").wait_for()
    set_width(page, SIDEBAR)
    page.mouse.move(SIZE["width"] - 300, SIZE["height"] - 60)
    page.wait_for_function(f"{KERNEL}?.status === 'idle'")
    run_cell(page, 1, SETUP)


def earlier_runs(page: Page, project: Project) -> None:
    """What was tried before: a plain model, a good one with a star, one whose kernel died."""
    run_cell(page, 3, LOGISTIC)
    run_cell(page, 2, PARAMS.format(rate="0.1"))
    run_cell(page, 3, TRAIN.format(name="gbm-4"))
    best = project.runs.search("name = 'gbm-4'").items[0]
    project.runs.star(best.id, True)
    run_cell(page, 2, PARAMS.format(rate="0.03"))
    run_cell(page, 3, TRAIN.format(name="gbm-5"), wait=False)
    wait_for_step(project, "gbm-5", 40)
    kill_kernel(page)
    run_cell(page, 1, SETUP)


def kill_kernel(page: Page) -> None:
    """As the operating system does it when memory is short; JupyterLab starts another one."""
    kernel = page.evaluate(f"{KERNEL}.id")
    for process in psutil.process_iter(["cmdline"]):
        if any(kernel in word for word in process.info["cmdline"] or ()):
            process.kill()
    page.get_by_role("dialog").get_by_role("button", name="Ok").click()
    page.wait_for_function(f"{KERNEL}?.status === 'idle'")


def take(page: Page, project: Project, folder: Path) -> None:
    """Start the run that is seen at work, and take both pictures of it."""
    run_cell(page, 2, PARAMS.format(rate="0.06"))
    run_cell(page, 3, TRAIN.format(name="gbm-6"), wait=False)
    wait_for_step(project, "gbm-6", LIGHT_FROM)
    shoot(page, folder / "sidebar-light.png")
    set_theme(page, "Dark")
    page.wait_for_timeout(700)  # the theme's colours fade in
    shoot(page, folder / "sidebar-dark.png")
    step = project.runs.search("name = 'gbm-6'").items[0].step or 0
    if step > DARK_UNTIL:
        print(f"The dark picture came late, at step {step}; run this again on a quiet machine.")


def next_fortnight(project: Project) -> None:
    """A model that two weeks made is refused, and a better one waits for an approval."""
    with (project.root / "mlops.toml").open("a") as settings:
        # Of the champion, whose table is the last one; one account makes these pictures.
        settings.write("approvals = 1\nself_approval = true\n")
    for pipeline, params in (("january", {}), ("flight-delay", {"as_of": "2013-04-15"})):
        result = project.pipelines.run(f"pipelines/{pipeline}.yaml", params=params)
        print(f"{pipeline} {params}: {result.status}, {result.outcome}")


def views(page: Page, lab: Lab, project: Project, folder: Path) -> None:
    """The registry with the sheet of what waits, and the profile of the newest data."""
    open_project(page, lab, project)
    command(page, "application:toggle-left-area")
    newest = project.models.versions("flight-delay")[0].version
    model = {"name": "flight-delay", "version": newest, "review": "champion"}
    for theme in ("Light", "Dark"):
        set_theme(page, theme)
        for name, opens, args, shown in (
            ("registry", "open-model", model, ".jp-MlopsLab-reg-decide"),
            ("dataset", "open-dataset", {"name": "flights"}, ".jp-MlopsLab-profile"),
        ):
            command(page, f"mlops-lab:{opens}", {"project": project.key, **args})
            page.locator(shown).first.wait_for()
            page.wait_for_timeout(2_000)  # what is read after that, and the theme's colours
            page.screenshot(path=folder / f"{name}-{theme.lower()}.png")


def shoot(page: Page, path: Path) -> None:
    """Take the picture from the notebook's beginning: a running cell scrolls itself into view."""
    page.locator(".jp-WindowedPanel-outer").evaluate("box => { box.scrollTop = 0; }")
    page.screenshot(path=path)


def run_cell(page: Page, index: int, source: str, *, wait: bool = True) -> None:
    """Put the source into a cell and run it."""
    page.evaluate(SET_CELL, [index, source])
    if wait:
        command(page, "notebook:run-cell")
        page.wait_for_function(f"{KERNEL}?.status === 'idle'")
    else:
        page.evaluate("void window.jupyterapp.commands.execute('notebook:run-cell')")


def command(page: Page, name: str, args: dict[str, Any] | None = None) -> None:
    page.evaluate(
        "([name, args]) => window.jupyterapp.commands.execute(name, args).then(() => null)",
        [name, args or {}],
    )


def wait_for_step(project: Project, name: str, step: int) -> None:
    deadline = time.monotonic() + 300
    while time.monotonic() < deadline:
        found = project.runs.search(f"name = '{name}' and status = 'running'").items
        if found and (found[0].step or 0) >= step:
            return
        time.sleep(0.1)
    raise RuntimeError(f"{name} did not reach step {step}")


if __name__ == "__main__":
    main()
