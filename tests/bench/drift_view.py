"""The drift view in a real browser with 200 features by 365 chunks: from brush to picture.

    python tests/bench/drift_view.py [features] [chunks]

``brush_ms`` is from a move of the pointer to the frame in which distributions, ranking and totals
of the new range are painted; ``scroll_ms`` from a jump in the matrix to its frame; ``key_ms`` from
an arrow key to its frame; ``open_ms`` from the call to the first picture with its counts unpacked.
An empty frame takes 16.7 ms by itself. ``brush_cpu_ms`` is the CPU time of the page's main thread
for one move, painting included: what else the machine does meanwhile is not in it.
"""

from __future__ import annotations

import json
import statistics
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT / "tests" / "ui"), str(ROOT / "tests" / "widgets")]

from drift_year import evaluation  # noqa: E402
from jupyter import CHROMIUM, FLAGS  # noqa: E402
from playwright.sync_api import CDPSession, Page, Route, sync_playwright  # noqa: E402

STATIC = ROOT / "mlops_lab" / "_static"
HOST = "http://drift.test"
MOVES = 100
TARGET_MS = 16.7
"""A frame at 60 Hz: faster than that nobody sees."""

# A model without a kernel, as in a saved notebook; the state comes from Python.
PAGE = """<!doctype html><meta charset="utf-8"><meta name="color-scheme" content="light dark">
<link rel="stylesheet" href="/drift-view.css"><body style="margin: 0"><div id="view"></div>
<script type="module">
import view from '/drift.js';
const state = await (await fetch('/state.json')).json();
const handlers = {};
window.model = {
  get: key => state[key],
  set: (key, value) => {
    state[key] = value;
    (handlers[`change:${key}`] ??= []).forEach(handler => handler());
  },
  save_changes() {}, send() {},
  on: (event, handler) => (handlers[event] ??= []).push(handler),
  off: (event, handler) => { handlers[event] = handlers[event].filter(one => one !== handler); }
};
window.began = performance.now();
view.render({ model: window.model, el: document.getElementById('view') });
const look = () => document.querySelector('.jp-MlopsLab-drift-totals')
  ? requestAnimationFrame(() => setTimeout(() => {
      window.opened = performance.now() - window.began;
    }))
  : setTimeout(look, 1);
look();
</script>"""

# After the frame's own work: a task that was queued while it was made.
FRAME = "() => new Promise(done => requestAnimationFrame(() => setTimeout(done)))"

BRUSH = f"""async ([moves]) => {{
  const axis = document.querySelector('.jp-MlopsLab-drift-axis');
  const frame = {FRAME};
  const box = axis.getBoundingClientRect();
  const at = (type, x) => new PointerEvent(type, {{ bubbles: true, button: 0, pointerId: 1,
    clientX: box.left + x, clientY: box.top + 60 }});
  axis.setPointerCapture = () => {{}};
  const totals = () => document.querySelector('.jp-MlopsLab-drift-totals').textContent;
  const left = 140, wide = box.width - 180, found = [];
  axis.dispatchEvent(at('pointerdown', left));
  await frame();
  for (let i = 0; i < moves; i += 1) {{
    const before = totals(), x = left + wide * ((i * 37) % moves) / moves;
    await frame();
    const began = performance.now();
    axis.dispatchEvent(at('pointermove', x));
    await frame();
    if (i === 0 || totals() !== before) {{ found.push(performance.now() - began); }}
  }}
  axis.dispatchEvent(at('pointerup', left + wide / 2));
  return found;
}}"""

SCROLL = f"""async ([jumps]) => {{
  const box = document.querySelector('.jp-MlopsLab-drift-matrix');
  const frame = {FRAME};
  const found = [];
  for (let i = 0; i < jumps; i += 1) {{
    await frame();
    const began = performance.now();
    box.scrollTop = (box.scrollHeight - box.clientHeight) * ((i * 7) % jumps) / jumps;
    await frame();
    found.push(performance.now() - began);
  }}
  return found;
}}"""

KEYS = f"""async ([presses]) => {{
  const box = document.querySelector('.jp-MlopsLab-drift-matrix');
  const frame = {FRAME};
  box.focus();
  const found = [];
  for (let i = 0; i < presses; i += 1) {{
    await frame();
    const began = performance.now();
    const key = i % 2 ? 'ArrowLeft' : 'ArrowDown';
    box.dispatchEvent(new KeyboardEvent('keydown', {{ key, bubbles: true, cancelable: true }}));
    await frame();
    found.push(performance.now() - began);
  }}
  return found;
}}"""

IDLE = f"""async ([rounds]) => {{
  const frame = {FRAME};
  const found = [];
  for (let i = 0; i < rounds; i += 1) {{
    const began = performance.now();
    await frame();
    found.push(performance.now() - began);
  }}
  return found;
}}"""


def state_of(found: dict[str, Any]) -> dict[str, Any]:
    """What a host shares with the view."""
    selection = {
        "column": None, "from": None, "until": None, "alert": "", "measure": "effect",
        "segment": None, "part": "features",
    }  # fmt: skip
    return {
        "evaluation": found, "alerts": None, "monitor": None, "yaml": None, "me": None,
        "error": None, "updated_ms": 0, "opens": [], "inserts": False, "reports": False,
        "loaded": True, "place": "notebook", "selection": selection, "request": None,
        "answer": None,
    }  # fmt: skip


def serve(page: Page, state: str) -> None:
    """Answer the page's requests from the files of this tree."""

    def answer(route: Route) -> None:
        name = route.request.url.removeprefix(HOST).lstrip("/")
        if name == "":
            route.fulfill(body=PAGE, content_type="text/html")
        elif name == "state.json":
            route.fulfill(body=state, content_type="application/json")
        elif (STATIC / name).is_file():
            route.fulfill(path=STATIC / name)
        else:
            route.fulfill(status=404, body="")

    page.route(f"{HOST}/**", answer)


def work(session: CDPSession) -> dict[str, float]:
    """Seconds of CPU that the page's main thread has spent so far, by what on."""
    found = session.send("Performance.getMetrics")["metrics"]
    names = {"TaskDuration": "all", "LayoutDuration": "layout", "RecalcStyleDuration": "style"}
    return {names[one["name"]]: one["value"] for one in found if one["name"] in names}


def told(values: list[float]) -> dict[str, float]:
    """The middle and the slow end."""
    ordered = sorted(values)
    return {
        "median": round(statistics.median(ordered), 1),
        "p95": round(ordered[int(0.95 * (len(ordered) - 1))], 1),
    }


def main() -> None:
    """Print one JSON line."""
    features, chunks = (int(one) for one in (sys.argv[1:3] or ("200", "365")))
    if CHROMIUM is None:
        print(json.dumps({"bench": "drift_view", "skipped": "no chromium"}))
        return
    found = evaluation(features, chunks, bins=12)
    state = json.dumps(state_of(found))
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        serve(page, state)
        page.goto(f"{HOST}/")
        page.wait_for_function("() => window.opened !== undefined")
        opened = page.evaluate("() => window.opened")
        idle = told(page.evaluate(IDLE, [30]))
        session = page.context.new_cdp_session(page)
        session.send("Performance.enable", {"timeDomain": "threadTicks"})
        before = work(session)
        brushed = told(page.evaluate(BRUSH, [MOVES]))
        after = work(session)
        worked = {key: round(1000 * (after[key] - before[key]) / MOVES, 1) for key in before}
        scrolled = told(page.evaluate(SCROLL, [40]))
        keyed = told(page.evaluate(KEYS, [60]))
        browser.close()
    print(
        json.dumps(
            {
                "bench": "drift_view",
                "features": features,
                "chunks": chunks,
                "json_kb": len(state) // 1000,
                "open_ms": round(opened),
                "brush_ms": brushed,
                "brush_cpu_ms": worked,
                "scroll_ms": scrolled,
                "key_ms": keyed,
                "empty_frame_ms": idle,
                "target_ms": TARGET_MS,
            }
        )
    )


if __name__ == "__main__":
    main()
