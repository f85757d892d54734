"""A pipeline's result for continuous integration: JUnit XML, and Markdown for people."""

from __future__ import annotations

from xml.etree import ElementTree as xml

from mlops_lab.markup import code as _code
from mlops_lab.markup import fence_of
from mlops_lab.markup import printable_xml as _clean
from mlops_lab.markup import text as _text
from mlops_lab.orchestration.results import PipelineResult, StepResult, verdict

__all__ = ["junit", "markdown"]

_FAILURES = ("rejected", "refused", "failed")
_MARKS = {"passed": "✅", "rejected": "❌", "waiting": "⏳", "promoted": "🏆", "refused": "❌"}
_MARKS |= {"deployed": "🚀", "unchanged": "✅", "failed": "❌", "overtaken": "⏭"}


def junit(result: PipelineResult) -> str:
    """The result as JUnit XML: a test case for every step and every gate.

    A failed step is an ``error``, a rejected gate or promotion a ``failure``: CI systems show both,
    and tell a program that broke from a model that is not good enough. What waits for somebody is
    ``skipped``.
    """
    steps = list(result.steps.values())
    broken = [step for step in steps if step.status in ("failed", "killed")]
    skipped = [step for step in steps if step.status == "skipped"]
    verdicts = _verdicts(result)
    counts = {
        "tests": str(len(steps) + len(verdicts)),
        "errors": str(len(broken)),
        "failures": str(sum(state in _FAILURES for _, _, state, _ in verdicts)),
        "skipped": str(len(skipped) + sum(state == "waiting" for _, _, state, _ in verdicts)),
        "time": f"{result.duration_s:.3f}",
    }
    root = xml.Element("testsuites", {"name": _clean(result.name), **counts})
    suite = xml.SubElement(root, "testsuite", {"name": _clean(result.name), **counts})
    properties = xml.SubElement(suite, "properties")
    facts = {"run_id": result.run_id, "pipeline": result.path}
    facts |= {f"params.{name}": str(value) for name, value in result.params.items()}
    for name, value in facts.items():
        xml.SubElement(
            properties,
            "property",
            {"name": _clean(name), "value": _clean(value)},
        )
    for step in steps:
        case = xml.SubElement(
            suite,
            "testcase",
            {
                "classname": _clean(f"{result.name}.steps"),
                "name": _clean(step.name),
                "time": f"{step.duration_s:.3f}",
            },
        )
        if step.status == "skipped":
            xml.SubElement(case, "skipped", {"message": "an earlier step did not finish"})
        elif step.error is not None:
            message = {
                "type": _clean(step.error.name),
                "message": _clean(str(step.error)),
            }
            xml.SubElement(case, "error", message).text = _clean(step.error.traceback or "")
        if step.metrics:
            lines = "\n".join(f"{key} = {value!r}" for key, value in step.metrics.items())
            xml.SubElement(case, "system-out").text = _clean(lines)
    for group, name, state, said in verdicts:
        case = xml.SubElement(
            suite,
            "testcase",
            {
                "classname": _clean(f"{result.name}.{group}"),
                "name": _clean(name),
            },
        )
        if state in _FAILURES:
            facts = {"type": state, "message": _clean(said)}
            xml.SubElement(case, "failure", facts).text = _clean(said)
        elif state == "waiting":
            xml.SubElement(case, "skipped", {"message": _clean(said)})
    xml.indent(root)
    text = xml.tostring(root, encoding="unicode")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{text}\n'


def _verdicts(result: PipelineResult) -> list[tuple[str, str, str, str]]:
    """What was decided, as (group, name, state, sentence): gates, promotion, deployment."""
    found = [("gates", gate.expression, gate.state, gate.sentence) for gate in result.gates]
    promotion = result.promotion
    if promotion is not None and promotion.state != "rejected":  # which a gate has said already
        name = f"{promotion.model} becomes {promotion.alias}"
        found.append(("promotion", name, promotion.state, promotion.sentence))
    deployment = result.deployment
    if deployment is not None:
        name = f"{deployment.model} answers at {deployment.endpoint}"
        found.append(("deployment", name, deployment.state, deployment.sentence))
    return found


def markdown(result: PipelineResult) -> str:
    """The result as GitHub-flavoured Markdown: the sentence, the gates, the steps."""
    said = verdict(result.status, result.outcome)
    if result.outcome is not None:
        said = said.replace(result.outcome, f"**{result.outcome}**")
    lines = [f"## {_text(result.name)}: {said}", ""]
    if result.reason:
        lines += [_text(result.reason), ""]
    if result.gates:
        lines += ["| gate | said | expression |", "|---|---|---|"]
        for gate in result.gates:
            mark = f"{_MARKS.get(gate.state, '')} {gate.state}"
            lines.append(f"| {mark} | {_text(gate.sentence)} | {_code(gate.expression)} |")
        lines.append("")
    if result.promotion is not None:
        lines += [f"{_MARKS[result.promotion.state]} {_text(result.promotion.sentence)}.", ""]
    if result.deployment is not None:
        lines += [f"{_MARKS[result.deployment.state]} {_text(result.deployment.sentence)}.", ""]
    lines += ["| step | status | seconds | metrics |", "|---|---|---:|---|"]
    lines += [_row(step) for step in result.steps.values()]
    lines.append("")
    for step in result.steps.values():
        if step.error is not None:
            lines += [f"**{_text(step.name)}** {_text(str(step.error))}", ""]
            if step.error.traceback:
                fence = fence_of(step.error.traceback)
                lines += [fence, _clean(step.error.traceback.strip()), fence, ""]
    if result.params:
        params = ", ".join(f"{name} = {value}" for name, value in result.params.items())
        lines += [f"Params: {_text(params)}", ""]
    lines += [f"Run {_code(result.run_id)} of {_code(result.path)}", ""]
    return "\n".join(lines)


def _row(step: StepResult) -> str:
    metrics = ", ".join(f"{key} {value:.4g}" for key, value in list(step.metrics.items())[:8])
    tries = f" (try {step.attempts})" if step.attempts > 1 else ""
    return (
        f"| {_text(step.name)} | {step.status}{tries} | {step.duration_s:.1f} | {_text(metrics)} |"
    )
