"""A model card: what is known of a version, and what only a person can say of the model.

The layout is Hugging Face's: YAML front matter and Markdown. Everything that people or data named
is data here: it is quoted in the front matter and escaped in the text, so that nobody's name or
note becomes markup.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from html import unescape
from typing import Any, Final

from mlops_lab.errors import LabError
from mlops_lab.registry.records import ModelVersion
from mlops_lab.registry.state import ModelState
from mlops_lab.registry.wording import day, short

__all__ = ["SECTIONS", "write_card"]

SECTIONS: Final = {
    "intended_use": "Intended use",
    "out_of_scope": "Out-of-scope use",
    "training_data": "Training data",
    "ethical_considerations": "Ethical considerations",
    "limitations": "Limitations",
    "contact": "Contact",
}
"""The parts that people write, by key; they stay from one version to the next."""

_UNWRITTEN: Final = "*Nobody has written this part yet.*"
_MOST_PARAMS: Final = 50
_MOST_FIELDS: Final = 100

# What Markdown reads as markup wherever it stands; `-`, `+` and `#` only lead a line, as does a
# number of a list, of which the mark is escaped: before a digit a backslash is only a backslash.
_MARKUP: Final = re.compile(r"([\\`*_{}\[\]<>|~!])")
_LEADING: Final = re.compile(r"^(\s*\d*)((?<!\d)[-+#=:]|(?<=\d)[.)](?!\d))", re.MULTILINE)

# Where an inline link, or the definition of one, says where it leads.
_LINK: Final = re.compile(r"(\](?:\(|:)[\s>]*)([^\s)]*)")
_SCHEMES: Final = ("https://", "http://", "mailto:")


def write_card(state: ModelState, version: ModelVersion) -> str:
    """Write the card of a version.

    Parameters
    ----------
    state
        The model: its history, and what people wrote on its card.
    version
        The version that the facts are about.
    """
    try:
        facts = version.facts
    except (LabError, ValueError):
        facts = {}
    parts = [
        _front_matter(state, version, facts),
        f"# {_text(version.name)} {version.version}",
        _text(state.description),
        _details(version, facts),
        _section(state, "intended_use"),
        _section(state, "out_of_scope"),
        _training_data(state, facts),
        _params(facts),
        _evaluation(version, facts),
        _gates(version),
        _signature(facts),
        _use(version),
        _section(state, "ethical_considerations"),
        _section(state, "limitations"),
        _history(state),
        _section(state, "contact"),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _front_matter(state: ModelState, version: ModelVersion, facts: Mapping[str, Any]) -> str:
    """YAML whose every string is a JSON string, which YAML reads as the very same text."""
    tags = [f"{key}:{value}" for key, value in (state.tags(None) | version.tags).items()]
    lines = [
        "---",
        f"library_name: {_quoted(version.flavor)}",
        "tags:",
        *[f"- {_quoted(tag)}" for tag in ["mlops-lab", *version.aliases, *tags]],
        *_datasets_yaml(facts),
        "model-index:",
        f"- name: {_quoted(version.name)}",
        "  results:",
        f"  - task: {{name: {_quoted(_task(facts))}}}",
    ]
    metrics = [
        f"    - {{type: {_quoted(key)}, value: {_yaml_number(value)}}}"
        for key, value in _metrics(version, facts).items()
    ]
    lines += ["    metrics:", *metrics] if metrics else ["    metrics: []"]
    lines += [
        f"version: {version.version}",
        f"digest: {_quoted(version.digest)}",
        f"created_at: {_quoted(version.created_at.isoformat())}",
        "---",
    ]
    return "\n".join(lines)


def _datasets_yaml(facts: Mapping[str, Any]) -> list[str]:
    names = [f"{one['name']}@{one['version']}" for one in _datasets(facts)]
    return ["datasets:", *[f"- {_quoted(name)}" for name in names]] if names else []


def _details(version: ModelVersion, facts: Mapping[str, Any]) -> str:
    run, code = _dict(facts.get("run")), _dict(facts.get("code"))
    environment = _dict(facts.get("environment"))
    packages = _dict(environment.get("packages"))
    commit = str(code.get("git_commit") or "")
    dirty = ", with uncommitted changes" if code.get("git_dirty") else ""
    unsafe = ": loading it can run any code" if version.unsafe else ""
    made = f"run {_text(run.get('name') or '')} ({_code((version.run_id or '')[:8])})"
    rows = [
        ("Version", f"{version.version}, registered on {_day(version)} by {_text(version.author)}"),
        ("Aliases", ", ".join(map(_text, version.aliases))),
        ("Format", f"{_text(version.flavor)}{unsafe}"),
        ("Content", _code(version.digest)),
        ("Size", f"{version.size_bytes:,} bytes"),
        ("Made by", made if version.run_id else ""),
        ("Code", _text(code.get("notebook") or "")),
        ("Commit", f"{_code(commit[:12])}{dirty}" if commit else ""),
        ("Python", _text(environment.get("python") or "")),
        (
            "Libraries",
            ", ".join(
                f"{_text(name)} {_text(packages[name])}"
                for name in ("scikit-learn", "skops", "numpy", "pandas")
                if name in packages
            ),
        ),
        ("Note", _text(version.note)),
    ]
    return "## Model details\n\n" + _table(("", ""), [row for row in rows if row[1]])


def _section(state: ModelState, key: str) -> str:
    return f"## {SECTIONS[key]}\n\n{_prose(state.card_sections.get(key, '')) or _UNWRITTEN}"


def _training_data(state: ModelState, facts: Mapping[str, Any]) -> str:
    rows = [
        (_text(one["name"]), str(one["version"]), _code(short(str(one.get("digest") or ""))))
        for one in _datasets(facts)
    ]
    known = _table(("Dataset", "Version", "Content"), rows) if rows else ""
    said = _prose(state.card_sections.get("training_data", ""))
    return "## Training data\n\n" + ("\n\n".join(filter(None, (known, said))) or _UNWRITTEN)


def _params(facts: Mapping[str, Any]) -> str:
    params = list(_dict(facts.get("params")).items())
    if not params:
        return ""
    rows = [(_text(key), _text(value)) for key, value in params[:_MOST_PARAMS]]
    more = len(params) - _MOST_PARAMS
    rest = f"\n\nand {more} more" if more > 0 else ""
    return "## Training procedure\n\n" + _table(("Param", "Value"), rows) + rest


def _evaluation(version: ModelVersion, facts: Mapping[str, Any]) -> str:
    metrics = _metrics(version, facts)
    if not metrics:
        return f"## Evaluation\n\n{_UNWRITTEN}"
    champion = version.judgement.champion if version.judgement else None
    if champion is None:
        rows: list[tuple[str, ...]] = [(_text(k), _number(v)) for k, v in metrics.items()]
        return "## Evaluation\n\n" + _table(("Metric", str(version.version)), rows)
    other = _dict(champion.get("metrics"))
    rows = [
        (_text(key), _number(value), _number(other[key]) if key in other else "")
        for key, value in metrics.items()
    ]
    against = f"Champion {champion.get('version')}, same rows"
    return "## Evaluation\n\n" + _table(("Metric", str(version.version), against), rows)


def _gates(version: ModelVersion) -> str:
    judged = version.judgement
    if judged is None:
        return "## Gates\n\nNo pipeline has judged this version."
    run = _text(judged.run_name or (judged.run_id or "")[:8])
    said = f"{judged.passed} of {judged.total} gates passed in {run}, {day(judged.at)}"
    word = {"passed": "passed", "rejected": "**rejected**", "waiting": "waits for approval"}
    lines = [f"{said}: {word.get(judged.outcome, _text(judged.outcome))}."]
    lines += [f"- {_text(sentence)}" for sentence in judged.sentences]
    return "## Gates\n\n" + "\n".join([lines[0], "", *lines[1:]]).rstrip()


def _signature(facts: Mapping[str, Any]) -> str:
    signature = _dict(facts.get("signature"))
    rows = [
        (what, _text(one.get("name") or ""), _text(one.get("type") or ""))
        for key, what in (("inputs", "input"), ("outputs", "output"))
        for one in signature.get(key) or ()
        if isinstance(one, dict)
    ][:_MOST_FIELDS]
    return "## Signature\n\n" + _table(("", "Name", "Type"), rows) if rows else ""


def _use(version: ModelVersion) -> str:
    options = "allow_unsafe=True" if version.unsafe else ""
    lines = [
        "```python",
        "import mlops_lab as lab",
        "",
        f"model = lab.model({json.dumps(version.ref, ensure_ascii=False)}).load({options})",
        "```",
    ]
    return "## How to use\n\n" + "\n".join(lines)


def _history(state: ModelState) -> str:
    rows = [
        (
            _text(move.alias),
            str(move.version),
            day(move.since),
            day(move.until) if move.until else "",
            _text(move.by),
            _text(move.reason),
        )
        for alias in dict.fromkeys(move.alias for move in state.moves)
        for move in state.history(alias)
        if move.version is not None
    ]
    if not rows:
        return ""
    return "## History\n\n" + _table(("Alias", "Version", "From", "To", "By", "Why"), rows)


def _metrics(version: ModelVersion, facts: Mapping[str, Any]) -> dict[str, Any]:
    said = _dict(facts.get("metrics"))
    found = {str(key): _dict(one).get("last") for key, one in said.items()}
    return found | (version.judgement.metrics if version.judgement else {})


def _datasets(facts: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [
        one
        for one in facts.get("inputs") or ()
        if one.get("kind") == "dataset" and one.get("version") is not None
    ]


def _task(facts: Mapping[str, Any]) -> str:
    types = " ".join(map(str, facts.get("types") or ()))
    if "Classifier" in types or "LogisticRegression" in types:
        return "tabular-classification"
    return "tabular-regression" if "Regress" in types else "other"


def _table(names: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [f"| {' | '.join(names)} |", f"|{' --- |' * len(names)}"]
    return "\n".join([*lines, *(f"| {' | '.join(row)} |" for row in rows)])


def _text(value: Any) -> str:
    """Give somebody's words in one line that Markdown and HTML read as plain text."""
    line = " ".join(str(value).split())
    line = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in line)
    return _LEADING.sub(r"\1\\\2", _MARKUP.sub(r"\\\1", line.replace("&", "&amp;")))


def _prose(text: str) -> str:
    """Give what a person wrote: Markdown stays, HTML does not, and no heading is as large as ours.

    A link may lead to a page or an address, not to a script, and an image is a link: whoever looks
    at a card asks no other computer for anything.
    """
    safe = text.replace("\r\n", "\n").replace("&", "&amp;").replace("<", "&lt;")
    safe = re.sub(r"^(\s{0,3})(#{1,6}\s)", r"\1##\2", safe, flags=re.MULTILINE)
    safe = re.sub(r"^(\s{0,3})(#{7,})", r"\1######", safe, flags=re.MULTILINE)
    safe = re.sub(r"^\s{0,3}(=+|-+)\s*$", r"\\\1", safe, flags=re.MULTILINE)
    safe = _LINK.sub(_harmless, safe.replace("![", "\\!["))
    kept = "".join(c if c.isprintable() or c in "\n\t" else "�" for c in safe)
    return kept.strip()


def _harmless(link: re.Match[str]) -> str:
    # Unescaped twice: some renderers take the & that we wrote for one that begins an entity.
    opening, target = link.group(1), link.group(2).replace("\\", "").lower()
    target = unescape(unescape(target))
    if ":" not in target or target.startswith(_SCHEMES):
        return link.group()
    return f"]\\{opening[1:]}{link.group(2)}"


def _code(text: str) -> str:
    return f"`{text}`" if text else ""


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=True)


def _number(value: Any) -> str:
    if not isinstance(value, int | float) or isinstance(value, bool):
        return _text(value)
    return f"{value:.6g}" if math.isfinite(value) else str(value)


def _yaml_number(value: Any) -> str:
    if isinstance(value, int | float) and not isinstance(value, bool):
        if math.isfinite(value):
            return repr(value)
        return ".nan" if math.isnan(value) else ".inf" if value > 0 else "-.inf"
    return {"NaN": ".nan", "Infinity": ".inf", "-Infinity": "-.inf"}.get(str(value), "null")


def _day(version: ModelVersion) -> str:
    return f"{version.created_at:%Y-%m-%d}"


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
