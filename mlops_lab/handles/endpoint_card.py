"""How an endpoint looks in a notebook: pure functions from its page to text and HTML."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final
from urllib.parse import quote

from mlops_lab.handles.card import age
from mlops_lab.handles.endpoint_rows import STATES, figure
from mlops_lab.handles.html import CELL, FONT, MUTED, NUMBER, isolated
from mlops_lab.markup import printable

__all__ = ["endpoint_card", "endpoint_line"]

_GREY: Final = ("?", "var(--jp-mlops-scheduled, #8a8d91)")
_KINDS: Final = {"canary": "canary", "shadow": "shadow", "ab": "A/B test"}
_WIDEST: Final = 240
"""Pixels of the bar that shows who gets how much."""

Page = Mapping[str, Any]


def endpoint_line(page: Page) -> str:
    """Say an endpoint in one line: ``<Endpoint delay serving late@5 · 3.5/s · p50 4 ms>``."""
    row = page["endpoint"]
    parts = [f"{row['model']}@{row['version']}", *_figures(row["live"])]
    if row["rollout"] is not None:
        parts.insert(1, _tried(row["rollout"]))
    said = "" if row["state"] in ("serving", "stopped") else f": {row['sentence']}"
    return printable(f"<Endpoint {row['name']} {row['state']} {' · '.join(parts)}{said}>")


def endpoint_card(page: Page, url: str | None) -> str:
    """Draw an endpoint as HTML: state, version, traffic, times, where it is, how to call it.

    Parameters
    ----------
    page
        As `mlops_lab.serving.pages.endpoint_page` gives it.
    url
        Where it is reached; None while it is not.
    """
    row = page["endpoint"]
    glyph, colour = STATES.get(row["state"], _GREY)
    version = f"{row['model']}@{row['version']}"
    follows = row["follows"]
    facts = [
        version if follows is None else f"{version}, follows {follows.partition('@')[2]}",
        f"{row['workers']} worker{'s' * (row['workers'] != 1)}",
        *_figures(row["live"]),
        f"deployed {age(datetime.fromisoformat(row['since']))} by {row['by']}",
    ]
    blocks = [
        f'<div><span style="color:{colour}">{glyph}</span> '
        f'<b dir="auto">{isolated(row["name"])}</b> {isolated(row["state"])}</div>',
        f'<div style="{MUTED}">{" · ".join(isolated(fact) for fact in facts)}</div>',
    ]
    if row["state"] not in ("serving", "stopped") and row["sentence"]:
        blocks.append(f'<div role="alert">{isolated(row["sentence"], 600)}</div>')
    if row["rollout"] is not None:
        blocks.append(_rollout(row["rollout"]))
    blocks.append(_revisions(page))
    if url is not None:
        blocks.append(_call(row, url))
    return f'<div style="{FONT}">{"".join(blocks)}</div>'


def _figures(live: Mapping[str, Any] | None) -> list[str]:
    if live is None:
        return []
    said = [f"{figure(live['rps']) or 0:g}/s"]
    for key, name in (("p50_ms", "p50"), ("p99_ms", "p99")):
        if live[key] is not None:
            said.append(f"{name} {figure(live[key]):g} ms")
    if live["errors"]:
        said.append(f"{live['errors']:,} error{'s' * (live['errors'] != 1)}")
    return said


def _tried(rollout: Mapping[str, Any]) -> str:
    candidate = rollout["candidate"]
    kind = _KINDS.get(rollout["kind"], "rollout")
    return f"{kind} {candidate['model']}@{candidate['version']} {rollout['share']:g} %"


def _rollout(rollout: Mapping[str, Any]) -> str:
    evidence = rollout["evidence"] or {}
    lines = [
        f"{one.get('title', '')}. {one.get('sentence', '')}"
        for one in evidence.get("metrics") or ()
        if isinstance(one, Mapping)
    ]
    if evidence.get("sentence"):
        lines.append(str(evidence["sentence"]))
    told = "".join(f'<div style="{MUTED}">{isolated(line, 400)}</div>' for line in lines)
    share = float(rollout["share"])
    bar = (
        f'<div style="display:flex;width:{_WIDEST}px;height:8px;margin:4px 0" aria-hidden="true">'
        f'<div style="width:{100 - share:g}%;background:var(--jp-brand-color1, #1976d2)"></div>'
        f'<div style="width:{share:g}%;background:var(--jp-brand-color3, #90caf9)"></div></div>'
    )
    drawn = "" if rollout["kind"] == "shadow" else bar
    return f'<div style="margin-top:6px">{isolated(_tried(rollout), 200)}</div>{drawn}{told}'


def _revisions(page: Page) -> str:
    running = [one for one in page["revisions"] if one["role"] is not None]
    if not running:
        return ""
    words = ("", "version", "role")
    figures = ("traffic", "req/s", "p50 ms", "p99 ms", "errors")
    titles = [*((word, CELL) for word in words), *((word, NUMBER) for word in figures)]
    head = "".join(
        f'<th style="{style};{MUTED};font-weight:400">{title}</th>' for title, style in titles
    )
    body = "".join(_revision(one) for one in running)
    return (
        f'<table style="{FONT};border-collapse:collapse;margin:6px 0 0"><thead><tr>{head}</tr>'
        f"</thead><tbody>{body}</tbody></table>"
    )


def _revision(one: Mapping[str, Any]) -> str:
    glyph, colour = STATES.get(one["state"], _GREY)
    cells = [
        (f'<span style="color:{colour}">{glyph}</span>', CELL),
        (isolated(f"{one['model']}@{one['version']}"), CELL),
        (isolated(one["role"]), CELL),
        (f"{one['share']:g} %", NUMBER),
    ]
    for key in ("rps", "p50_ms", "p99_ms"):
        value = figure(one.get(key))
        cells.append(("–" if value is None else f"{value:g}", NUMBER))
    cells.append((f"{one.get('errors') or 0:,}", NUMBER))
    said = one.get("sentence")
    more = f'<td style="{CELL};{MUTED}">{isolated(said, 200)}</td>' if said else ""
    return (
        "<tr>"
        + "".join(f'<td style="{style}">{value}</td>' for value, style in cells)
        + more
        + "</tr>"
    )


def _call(row: Mapping[str, Any], url: str) -> str:
    """How to call it: from here, and from elsewhere."""
    name = row["name"]
    python = f'lab.endpoint("{name}").predict(frame)'
    path = f"/v2/models/{quote(name)}/infer --json @request.json"
    if url.startswith("unix:"):
        curl = f"curl --unix-socket {url.removeprefix('unix:')} http://endpoint{path}"
    else:
        curl = f'curl -H "Authorization: Bearer $TOKEN" {url}{path}'
    box = (
        "margin:6px 0 0;padding:4px 8px;background:var(--jp-layout-color2, #eee);color:inherit;"
        "white-space:pre-wrap;overflow-wrap:anywhere"
    )
    return f'<pre style="{box}">{isolated(python, 300)}\n{isolated(curl, 600)}</pre>'
