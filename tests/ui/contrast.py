"""How well the texts of a part of the page can be read."""

from __future__ import annotations

from typing import Any

from playwright.sync_api import Page, expect

THEMES = ("JupyterLab Light", "JupyterLab Dark", "JupyterLab Dark High Contrast")

# The least contrast of a text with what lies under it, and that text.
LEAST = """selector => {
  const parse = text => text.match(/[\\d.]+/g).map(Number);
  const over = (top, under) => {
    const alpha = top[3] ?? 1;
    return [0, 1, 2].map(i => alpha * top[i] + (1 - alpha) * under[i]);
  };
  const ground = node => {
    const layers = [];
    for (let at = node; at; at = at.parentElement) {
      layers.push(parse(getComputedStyle(at).backgroundColor));
    }
    return layers.reduceRight((under, layer) => over(layer, under), [255, 255, 255]);
  };
  const light = colour => {
    const [r, g, b] = colour.map(part => {
      const share = part / 255;
      return share <= 0.03928 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  let least = [Infinity, ''];
  const walker = document.createTreeWalker(
    document.querySelector(selector), NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const node = walker.currentNode.parentElement;
    if (walker.currentNode.data.trim() === '' || node.closest('svg') || !node.checkVisibility()) {
      continue;
    }
    const under = ground(node);
    const [a, b] = [light(over(parse(getComputedStyle(node).color), under)), light(under)];
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (ratio < least[0]) { least = [ratio, `${node.className}: ${walker.currentNode.data}`]; }
  }
  return least;
}"""


def check_contrast(page: Page, selector: str, run_command: Any) -> None:
    """Every text of a part has 4.5 : 1 in every theme."""
    for theme in THEMES:
        run_command("apputils:change-theme", {"theme": theme})
        page.wait_for_function("name => document.body.dataset.jpThemeName === name", arg=theme)
        # JupyterLab takes its splash away 200 ms after; of two at once it takes one too many.
        expect(page.locator("#jupyterlab-splash")).to_have_count(0)
        ratio, text = page.evaluate(LEAST, selector)
        assert ratio >= 4.5, f"{theme}: {text}"
