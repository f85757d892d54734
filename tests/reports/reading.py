"""Reads a report as a browser would: its elements, its policy, its scripts."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any

from mlops_lab.reports.code import digest


@dataclass
class Element:
    """A start tag and the text right behind it."""

    name: str
    attributes: dict[str, str]
    text: str = ""


@dataclass
class Read(HTMLParser):
    """The elements of a page, in their order."""

    elements: list[Element] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__(convert_charrefs=True)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append(Element(tag, {key: value or "" for key, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        # What follows is no text of the element that has ended.
        self.elements.append(Element("", {}))

    def handle_data(self, data: str) -> None:
        if self.elements:
            self.elements[-1].text += data

    @property
    def text(self) -> str:
        """All that a reader sees, and the data."""
        return "".join(one.text for one in self.elements)

    def all(self, name: str) -> list[Element]:
        return [one for one in self.elements if one.name == name]

    @property
    def policy(self) -> str:
        metas = (one.attributes for one in self.all("meta"))
        return next(
            one["content"] for one in metas if one.get("http-equiv") == "Content-Security-Policy"
        )

    def data(self) -> list[Any]:
        """The data of views and charts."""
        return [
            json.loads(one.text)
            for one in self.all("script")
            if one.attributes.get("type") == "application/json"
        ]


def read(page: str) -> Read:
    found = Read()
    found.feed(page)
    found.close()
    return found


def check_safe(page: str) -> Read:
    """Nothing that somebody else has written can do anything in this page, or in its frames."""
    found = read(page)
    policy = found.policy
    sources = policy.partition("script-src ")[2].partition(";")[0].split()
    assert "default-src 'none'" in policy
    assert not {"'unsafe-inline'", "'unsafe-eval'", "*", "'self'", "https:"} & set(sources)
    for one in found.elements:
        assert not [key for key in one.attributes if key.startswith("on")], one
        for key in ("href", "src", "action", "xlink:href"):
            address = one.attributes.get(key, "").strip().lower()
            known = ("#", "data:image/", "http://", "https://", "mailto:")
            assert address == "" or address.startswith(known), one
            assert not (one.name != "a" and address.startswith("http")), one
        if one.name == "script" and "type" not in one.attributes:
            assert digest(one.text) in sources
        if one.name == "iframe":
            assert one.attributes["sandbox"] == "allow-scripts"
            assert "src" not in one.attributes
        assert one.name not in ("object", "embed", "base", "form", "link", "applet"), one
    return found
