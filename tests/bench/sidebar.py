"""The sidebar in a real browser: opening on 10,000 runs, scrolling, and from log to pixel.

    python tests/bench/sidebar.py [runs]

``open_s`` is from the click on the sidebar's tab, in a JupyterLab that stands still, to the first
row on screen; ``scroll_s`` from a jump to the far end of the list to its rows on screen; ``lag_s``
from before `log_metric` in another process to the changed text in the page, seen by a
MutationObserver on the same machine's clock.
"""

from __future__ import annotations

import json
import random
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "ui")]

from jupyter import CHROMIUM, FLAGS, jupyterlab  # noqa: E402
from playwright.sync_api import Page, sync_playwright  # noqa: E402

from mlops_lab.project import Project  # noqa: E402

ROWS = ".jp-MlopsLab-rows [role=row]"
ROUNDS = 15

# Both clocks run in the page: the test's own looks at it would be part of what they find.
DRAWN = """found => new Promise(resolve => {
  const look = () => found() && (requestAnimationFrame(() => resolve(performance.now())), true);
  const observer = new MutationObserver(() => look() && observer.disconnect());
  observer.observe(document.body, { subtree: true, childList: true, characterData: true });
})"""

OPENED = f"""rows => {{
  const drawn = ({DRAWN})(() => document.querySelector(rows));
  const began = new Promise(resolve => addEventListener(
    'pointerdown', () => resolve(performance.now()), {{ capture: true, once: true }}));
  window.mlopsOpened = Promise.all([began, drawn]).then(([a, b]) => (b - a) / 1000);
}}"""

JUMP = f"""list => {{
  const boxes = [list, ...list.querySelectorAll('*'), list.closest('.jp-MlopsLab-body')];
  const box = boxes.find(e => e && e.scrollHeight > e.clientHeight + 1000);
  const began = performance.now();
  const last = () => [...box.querySelectorAll('.jp-MlopsLab-name')].some(
    name => name.textContent === 'sweep-0');
  const drawn = ({DRAWN})(last);
  box.scrollTop = box.scrollHeight;
  return drawn.then(end => (end - began) / 1000);
}}"""

WRITER = """
import sys, time
import mlops_lab as lab
with lab.start_run("lag") as run:
    print("ready", flush=True)
    for line in sys.stdin:
        before = time.time()
        run.log_metric("auc", float(line))
        print(before, flush=True)
"""

# Resolves with the wall-clock time at which the text is somewhere in the sidebar.
SEEN = """(text) => new Promise((resolve, reject) => {
  const root = document.querySelector('#mlops-lab-sidebar');
  const look = () => root.textContent.includes(text)
    && (requestAnimationFrame(() =>
      resolve((performance.timeOrigin + performance.now()) / 1000)), true);
  if (look()) { return; }
  const observer = new MutationObserver(() => look() && observer.disconnect());
  observer.observe(root, { subtree: true, childList: true, characterData: true });
  setTimeout(() => { observer.disconnect(); reject(new Error('not seen: ' + text)); }, 20000);
})"""


def fill(folder: Path, runs: int) -> None:
    """Make a project of many finished runs with params, two metrics of 20 points and their ends."""
    project = Project.create(folder)
    draw = random.Random(7)
    start_us = int(time.time() * 1e6) - runs * 60_000_000
    for number in range(runs):
        t = start_us + number * 60_000_000
        run = f"{number + 1:032x}"
        lines = [
            {
                "e": "run",
                "r": run,
                "t": t,
                "name": f"sweep-{number}",
                "experiment": "Default",
                "kind": "training",
                "parent": None,
                "status": "running",
                "author": "bench",
                "source": {},
                "steps": None,
            },
            {
                "e": "param",
                "r": run,
                "t": t,
                "k": {"lr": draw.random(), "leaves": draw.randint(4, 64)},
            },
        ]
        for step in range(20):
            auc = 0.6 + 0.1 * draw.random() + step / 200
            lines.append(
                {
                    "e": "metric",
                    "r": run,
                    "t": t + step,
                    "m": {"auc": auc, "loss": 1 - auc},
                    "s": step,
                }
            )
        lines.append({"e": "end", "r": run, "t": t + 30_000_000, "status": "finished"})
        project.store.append(*lines)
    while project.store.fold(wait_s=10, force=True).behind:
        pass
    project.store.close()


def opening(page: Page, url: str) -> tuple[float, float]:
    """Seconds from the click on the tab to the first row, and from a jump to the end to it."""
    page.goto(url)
    tab = page.locator('li.lm-TabBar-tab[data-id="mlops-lab-sidebar"]')
    tab.wait_for()
    page.evaluate("() => window.jupyterapp.restored.then(() => null)")
    page.wait_for_load_state("networkidle")
    page.evaluate(OPENED, ROWS)
    tab.click()
    opened = page.evaluate("() => window.mlopsOpened")
    return opened, page.locator(".jp-MlopsLab-runs").evaluate(JUMP)


def lags(page: Page, folder: Path) -> list[float]:
    """Seconds from `log_metric` in another process to the new value on screen."""
    writer = subprocess.Popen(
        [sys.executable, "-c", WRITER],
        cwd=folder,
        text=True,
        env=None,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert writer.stdin is not None
    assert writer.stdout is not None
    writer.stdout.readline()
    page.get_by_text("lag", exact=True).first.wait_for()
    found = []
    for number in range(ROUNDS):
        value = 0.9 + (number + 1) / 1000
        seen = page.evaluate_handle(
            "(text) => { window.mlopsSeen = (" + SEEN + ")(text); }", f"{value:.3f}"
        )
        seen.dispose()
        time.sleep(random.random() / 2)  # logs do not wait for the watcher's clock
        writer.stdin.write(f"{value}\n")
        writer.stdin.flush()
        logged = float(writer.stdout.readline())
        found.append(page.evaluate("() => window.mlopsSeen") - logged)
    writer.stdin.close()
    writer.wait(30)
    return found


def main() -> None:
    """Print one JSON line."""
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    if CHROMIUM is None:
        print(json.dumps({"bench": "sidebar", "skipped": "no chromium"}))
        return
    with tempfile.TemporaryDirectory() as scratch:
        root = Path(scratch) / "root"
        (root / "big").mkdir(parents=True)
        home = Path(scratch) / "home"
        home.mkdir()
        fill(root / "big", runs)
        with jupyterlab(home, root) as lab, sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
            opened, scrolled = [], []
            for _ in range(3):
                context = browser.new_context(viewport={"width": 1280, "height": 800})
                page = context.new_page()
                one, other = opening(page, f"{lab.url}/lab/tree/big?token={lab.token}&reset")
                opened.append(one)
                scrolled.append(other)
                context.close()
            page = browser.new_page(viewport={"width": 1280, "height": 800})
            page.goto(f"{lab.url}/lab/tree/big?token={lab.token}&reset")
            page.locator('li.lm-TabBar-tab[data-id="mlops-lab-sidebar"]').click()
            page.locator(ROWS).first.wait_for()
            lag = sorted(lags(page, root / "big"))
            browser.close()
    print(
        json.dumps(
            {
                "bench": "sidebar",
                "runs": runs,
                "open_s": round(statistics.median(opened), 3),
                "scroll_s": round(statistics.median(scrolled), 3),
                "lag_s": {
                    "median": round(statistics.median(lag), 3),
                    "max": round(lag[-1], 3),
                    "rounds": len(lag),
                },
            }
        )
    )


if __name__ == "__main__":
    main()
