"""``- data: {suite: flights, input: prepare.raw}``: checks over what a step was given."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field

from mlops_lab.errors import LabError
from mlops_lab.expressions import nearest
from mlops_lab.orchestration.gates.facts import GateFacts
from mlops_lab.orchestration.gates.kind import GateKind, Ruling, State
from mlops_lab.orchestration.shapes import Line, Shape

if TYPE_CHECKING:
    from mlops_lab.data.suite_run import SuiteReport
    from mlops_lab.document import Place
    from mlops_lab.orchestration.gates.checking import GateChecker

__all__ = ["KIND"]


class Data(Shape):
    """Which checks, over which data."""

    suite: Line = Field(min_length=1, description="The name of a file in suites/.")
    input: Line = Field(
        min_length=1, description="step.input or step.output: the data to be checked."
    )


class DataGate(GateKind):
    """Runs a suite over the very version that a step was given."""

    name = "data"
    shape = Data
    about = "A suite of checks over an input or output of a step."
    example = "a map, such as {suite: flights, input: prepare.raw}"
    words: ClassVar[Mapping[str, str]] = {
        "suite": "the name of a file in suites/",
        "input": "step.input or step.output, such as prepare.raw",
    }

    def text(self, value: Any) -> str:
        """``data: suite flights over prepare.raw``."""
        rule: Data = value
        return f"data: suite {rule.suite} over {rule.input}"

    def check(self, value: Any, place: Place, checker: GateChecker) -> Data:
        """The suite and the input must exist, and the suite must be sound."""
        rule: Data = value
        self._suite(rule.suite, place, checker)
        self._input(rule.input, place, checker)
        return rule

    def decide(self, rule: Any, facts: GateFacts) -> Ruling:
        """Run the suite; what it only warns of is told and does not reject."""
        wanted: Data = rule
        step, _, name = wanted.input.partition(".")
        taken = facts.inputs.get((step, name))
        if taken is None or facts.check_data is None:
            return Ruling("rejected", f"step {step} was given no {name}")
        try:
            report = facts.check_data(taken, wanted.suite)
        except LabError as error:
            return Ruling("rejected", f"{taken.label} could not be checked: {error.message}")
        state: State = "rejected" if report.state == "blocked" else "passed"
        sentence = _sentence(taken.label, wanted.suite, report)
        return Ruling(state, sentence, float(report.failed), 0.0)

    def _suite(self, name: str, place: Place, checker: GateChecker) -> None:
        if checker.root is None:
            return
        from mlops_lab.data.suite import find_suite, read_suite

        try:
            path = find_suite(checker.root, name)
            read_suite(path, file=path.relative_to(checker.root).as_posix())
        except LabError as error:
            # The first fault of the suite's own file, or that there is none of that name.
            checker.fault((*place, "suite"), str(error).splitlines()[0])

    def _input(self, written: str, place: Place, checker: GateChecker) -> None:
        where: Place = (*place, "input")
        step, _, name = written.partition(".")
        of = checker.model.steps.get(step)
        every = [
            f"{one}.{key}"
            for one, model in checker.model.steps.items()
            for key in (*model.inputs, *model.outputs)
        ]
        if of is None:
            message = f"There is no step {step!r}; a data gate writes step.input."
            checker.fault(where, message, suggestion=nearest(written, every))
        elif name not in {**of.inputs, **of.outputs}:
            has = ", ".join((*of.inputs, *of.outputs)) or "none"
            message = f"Step {step} has no input or output {name!r}; it has {has}."
            checker.fault(where, message, suggestion=nearest(written, every))
        elif {**of.inputs, **of.outputs}[name].startswith("model:"):
            checker.fault(where, f"{written} is a model, and a suite checks data.")


KIND = DataGate()


def _sentence(label: str, suite: str, report: SuiteReport) -> str:
    total = len(report.checks)
    failed = [one for one in report.checks if one.state != "passed"]
    if not failed:
        every = "the one check" if total == 1 else f"all {total} checks"
        return f"{label} passes {every} of suite {suite}"
    # What blocks comes first: it is what a person has to see.
    failed.sort(key=lambda one: one.severity != "block")
    told = "; ".join(one.sentence.rstrip(".") for one in failed[:3])
    more = f" and {len(failed) - 3} more" if len(failed) > 3 else ""
    warned = "" if report.state == "blocked" else ", which only warn"
    count = f"{len(failed)} of {total} check{'s' * (total != 1)}"
    return f"{label} fails {count} of suite {suite}{warned}: {told}{more}"
