"""What continuous integration reads of a check, whatever somebody has called a column."""

from __future__ import annotations

import re
from dataclasses import replace
from xml.etree import ElementTree as xml

import pytest
from markdown_it import MarkdownIt

from mlops_lab.markup import printable_xml
from mlops_lab.monitoring.records import Section
from mlops_lab.monitoring.results import Check
from mlops_lab.monitoring.summary import junit, markdown

from .evaluations import evaluation, incident

HOSTILE = (
    "<script>alert(1)</script>",
    "a & b &lt; c",
    "]]>",
    "a|b",
    "a\\|b",
    "`x` ``y``",
    "two\r\nlines\u2028more",
    "\x1b[31m\x00red",
    "\u202egnp.exe\u2066",
    "\ud800 half",
    "x|" * 5_000,
    "![x](http://evil.example/x.png)",
    "[a](javascript:alert(1))",
    "# heading",
    "- item",
    "1. item",
    "---",
    "===",
    "> said",
    "| --- |",
    "\\",
    "",
    "   ",
)
TEXT = ("h2", "ul", "li", "p", "strong", "code")


def check(name: str) -> Check:
    """A check in which everything that somebody may name has this name."""
    found = incident(f"drift:{name}", sentence=f"{name} moved.")
    found = replace(found, columns=(name,), sections=(Section(name, (name, f"{name} rose.")),))
    seen = evaluation(found)
    seen = replace(
        seen,
        notes=(name,),
        current=replace(seen.current, told=name),
        summary=replace(seen.summary, sentence=name),
    )
    return Check("ab" * 16, name, seen, (), (), (), ())


@pytest.mark.parametrize("name", HOSTILE, ids=lambda name: ascii(name[:12]))
def test_a_name_is_text_in_junit_and_in_markdown(name: str) -> None:
    made = check(name)
    root = xml.fromstring(junit(made).encode())
    assert root.get("name") == printable_xml(name)
    (case,) = root.iter("testcase")
    assert printable_xml(name) in str(case.get("name"))
    (told,) = root.iter("skipped")
    assert told.get("message") == printable_xml(f"{name} moved.")

    drawn = MarkdownIt("gfm-like", {"linkify": False}).render(markdown(made))
    assert drawn.count("<table>") == 1
    assert [drawn.count(f"<{tag}") for tag in ("tr", "td", "h2", "ul")] == [2, 4, 1, 1]
    kinds = {tag.lstrip("/") for tag in re.findall(r"<(/?\w+)", drawn)}
    assert kinds <= {
        "table",
        "thead",
        "tbody",
        "tr",
        "th",
        "td",
        "h2",
        "ul",
        "li",
        "p",
        "strong",
        "code",
    }
    assert len(drawn) < 20_000
    assert not re.search("[\x00\x1b\u202a-\u202e\u2066-\u2069]", drawn)
