"""Why something alarmed, in computed sentences under titles."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from mlops_lab.handles.html import FONT, MUTED
from mlops_lab.monitoring.records import Section

__all__ = ["Explanation"]


class Explanation:
    """A sentence, and the sections that say why: each of computed sentences.

    Parameters
    ----------
    sentence
        What it is about.
    sections
        What fired, where the mass moved, what did not change.
    """

    __slots__ = ("sections", "sentence")

    def __init__(self, sentence: str, sections: Sequence[Section]) -> None:
        self.sentence = sentence
        self.sections = tuple(sections)

    @property
    def lines(self) -> tuple[str, ...]:
        """All sentences, without the titles."""
        return tuple(line for section in self.sections for line in section.lines)

    def __str__(self) -> str:
        parts = [self.sentence]
        for section in self.sections:
            parts += ["", section.title, *(f"  {line}" for line in section.lines)]
        return "\n".join(parts)

    def __repr__(self) -> str:
        return str(self)

    def _repr_html_(self) -> str:
        blocks = [f'<div style="font-weight:600">{_isolated(self.sentence)}</div>']
        for section in self.sections:
            lines = "".join(f"<div>{_isolated(line)}</div>" for line in section.lines)
            blocks.append(
                f'<div style="{MUTED};margin-top:8px;text-transform:uppercase;font-size:11px">'
                f"{escape(section.title)}</div>{lines}"
            )
        return f'<div style="{FONT};max-width:72ch">{"".join(blocks)}</div>'


def _isolated(text: str) -> str:
    return f"<bdi>{escape(text)}</bdi>"
