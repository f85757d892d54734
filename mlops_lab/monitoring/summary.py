"""A check for continuous integration: JUnit XML, and Markdown for people."""

from __future__ import annotations

from collections.abc import Iterator
from xml.etree import ElementTree as xml

from mlops_lab.markup import code, printable_xml, text
from mlops_lab.monitoring.results import Check
from mlops_lab.wording import number

__all__ = ["junit", "markdown"]

_MARKS = {"ok": "✅", "warn": "⚠️", "alert": "❌", "quality": "❌", "small": "·", "info": "·"}
_MOST = 50


def junit(check: Check, fail_on: str = "alert") -> str:
    """A check as JUnit XML: a test case for every incident that is open, and for every column.

    An incident that fails the check is a ``failure``; one that only warns, or that somebody has
    acknowledged or muted, is ``skipped`` with its sentence.

    Parameters
    ----------
    fail_on
        ``alert``, ``warn`` or ``never``; see `Check.failing`.
    """
    evaluation = check.evaluation
    failing = {one.id for one in check.failing(fail_on)}
    going = [one for one in evaluation.alerts if one.open]
    loud = {name for one in going for name in one.columns}
    quiet = [one.name for one in evaluation.columns if one.name not in loud]
    failed = sum(one.id in failing for one in going)
    counts = {
        "tests": str(len(going) + len(quiet)),
        "failures": str(failed),
        "errors": "0",
        "skipped": str(len(going) - failed),
    }
    name = printable_xml(check.monitor)
    root = xml.Element("testsuites", {"name": name, **counts})
    suite = xml.SubElement(root, "testsuite", {"name": name, **counts})
    properties = xml.SubElement(suite, "properties")
    facts = {
        "run_id": check.run_id,
        "state": check.state,
        "current": evaluation.current.told,
        "reference": evaluation.reference.told,
    }
    for key, value in facts.items():
        xml.SubElement(properties, "property", {"name": key, "value": printable_xml(value)})
    for incident in going:
        case = xml.SubElement(
            suite,
            "testcase",
            {"classname": f"{name}.{incident.kind}", "name": printable_xml(incident.key)},
        )
        said = {"message": printable_xml(incident.sentence)}
        if incident.id in failing:
            failure = xml.SubElement(case, "failure", {"type": incident.severity, **said})
            failure.text = printable_xml(
                "\n".join(
                    line
                    for section in incident.sections
                    for line in (section.title, *(f"  {one}" for one in section.lines))
                )
            )
        else:
            xml.SubElement(case, "skipped", said)
    for column in quiet:
        facts = {"classname": f"{name}.columns", "name": printable_xml(column)}
        xml.SubElement(suite, "testcase", facts)
    xml.indent(root)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{xml.tostring(root, encoding="unicode")}\n'


def markdown(check: Check) -> str:
    """A check as GitHub-flavoured Markdown: the sentence, what alarms and why, the columns."""
    return "\n".join(_lines(check))


def _lines(check: Check) -> Iterator[str]:
    evaluation = check.evaluation
    mark = _MARKS.get(check.state, "")
    yield f"## {text(check.monitor)}: {mark} **{check.state}**"
    yield ""
    yield text(evaluation.summary.sentence)
    yield ""
    going = [one for one in evaluation.alerts if one.open]
    if going:
        labels = {one.key: one.label for one in evaluation.chunks}
        yield "| severity | since | what | status |"
        yield "|---|---|---|---|"
        for one in going[:_MOST]:
            yield (
                f"| {_MARKS[one.severity]} {one.severity} | {text(labels.get(one.first, '–'))} | "
                f"{text(one.sentence)} | {one.status or '–'} |"
            )
        yield ""
        for one in going[:_MOST]:
            yield f"**{text(one.sentence)}**"
            yield ""
            for section in one.sections:
                yield f"{text(section.title)}"
                yield ""
                yield from (f"- {text(line)}" for line in section.lines)
                yield ""
    if evaluation.columns:
        last = len(evaluation.chunks) - 1
        yield "| column | kind | effect | natural |"
        yield "|---|---|---:|---:|"
        for column in evaluation.columns[:_MOST]:
            effect = column.effect[last] if column.effect else None
            yield (
                f"| {text(column.name)} | {column.kind} | {number(effect)} | "
                f"{number(column.natural)} |"
            )
        if len(evaluation.columns) > _MOST:
            yield f"| and {len(evaluation.columns) - _MOST:,} more | | | |"
        yield ""
    for note in evaluation.notes:
        yield f"{text(note)}"
        yield ""
    for delivery in check.deliveries:
        if not delivery.ok:
            yield f"{text(delivery.channel)} was not told: {text(delivery.sentence)}"
            yield ""
    yield (
        f"Run {code(check.run_id)} · {text(evaluation.current.told)} against "
        f"{text(evaluation.reference.told)}"
    )
    yield ""
