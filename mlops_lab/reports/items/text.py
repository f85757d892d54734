"""Text, as Markdown; a text that names a thing of the project is that thing."""

from __future__ import annotations

from typing import Any

from mlops_lab.errors import InvalidInput
from mlops_lab.reports.kind import ItemKind, find_kind
from mlops_lab.reports.markdown import without_front
from mlops_lab.reports.references import is_reference, resolve
from mlops_lab.reports.writer import Writer

__all__ = ["KIND"]

MOST_CHARACTERS = 500_000


class Text(ItemKind):
    """What a person writes between the things, a model card, or `model:flight-delay@2`."""

    name = "text"
    gives = "text (Markdown, or run:ID, model:NAME@VERSION, dataset:NAME, monitor:NAME, alert:ID)"

    def takes(self, thing: Any) -> bool:
        """Text, and what can be shown as nothing but Markdown."""
        return isinstance(thing, str) or (
            hasattr(thing, "_repr_markdown_")
            and not hasattr(thing, "_repr_html_")
            and not isinstance(thing, type)
        )

    def write(self, thing: Any, out: Writer) -> None:
        """Write the Markdown, or the thing that is named."""
        source = str(thing) if isinstance(thing, str) else str(thing._repr_markdown_())
        if is_reference(source):
            if out.options.project is None:
                raise InvalidInput(f"{source} names a thing of a project, and there is none here.")
            found = resolve(out.options.project, source)
            find_kind(found, out.place).write(found, out)
            return
        if len(source) > MOST_CHARACTERS:
            raise InvalidInput(
                f"It has {len(source):,} characters; up to {MOST_CHARACTERS:,} can be read. Give "
                "it as a file beside the report."
            )
        out.markdown(without_front(source), out.options.below)

    def told(self, thing: Any) -> str:
        """A reference is told as it is written."""
        return thing if isinstance(thing, str) and is_reference(thing) else self.name


KIND = Text()
