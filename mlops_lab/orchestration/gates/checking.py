"""Faults in gates and in what they promote: names, steps, metrics and who feeds whom."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlops_lab import expressions
from mlops_lab.document import Document, Place
from mlops_lab.errors import InvalidInput
from mlops_lab.expressions import Expression, Kind, Name, nearest
from mlops_lab.expressions.plan import plan_condition
from mlops_lab.faults import Fault
from mlops_lab.orchestration.gates.facts import Subject, subject_of
from mlops_lab.orchestration.gates.kind import Gate
from mlops_lab.orchestration.gates.registry import KINDS
from mlops_lab.orchestration.sources import StepOutput, VersionInput, read_reference

if TYPE_CHECKING:
    from mlops_lab.orchestration.model import PipelineModel

__all__ = ["GateChecker", "Promote"]


@dataclass(frozen=True, slots=True)
class Promote:
    """What becomes of a model once every gate has passed.

    Parameters
    ----------
    model
        The output that is promoted.
    name
        The registered model's name.
    alias
        The name that moves to it.
    against
        The alias whose holder is the champion in gates.
    replaces
        The step that judges, and its input in which the champion stands; None where nobody says.
    asked
        Whether a gate speaks of the champion.
    """

    model: StepOutput
    name: str
    alias: str
    against: str
    replaces: tuple[str, str] | None = None
    asked: bool = False


class GateChecker:
    """Checks the gates of one pipeline. Used once, by one thread.

    Parameters
    ----------
    document, model
        The file and what it says.
    root
        The project's folder, where suites are; None when it is not known.

    Attributes
    ----------
    gates
        Those that are sound.
    promote
        What is promoted, if that is sound.
    expressions
        Of the gates that have one.
    """

    def __init__(self, document: Document, model: PipelineModel, root: Path | None) -> None:
        self.document = document
        self.model = model
        self.root = root
        self.gates: list[Gate] = []
        self.promote: Promote | None = None
        self.expressions: list[Expression] = []
        self.faults: list[Fault] = []
        self._champion_at: list[tuple[Place, Name]] = []

    def check(self) -> list[Fault]:
        """All faults of the gates and of promote."""
        for index, gate in enumerate(self.model.gates):
            kind = KINDS[gate.kind]
            before = len(self.faults)
            rule = kind.check(gate.value, ("gates", index, gate.kind), self)
            if len(self.faults) == before:
                self.gates.append(Gate(index, kind.name, kind.text(gate.value), rule))
        self._promote()
        return self.faults

    def fault(self, place: Place, message: str, **more: Any) -> None:
        """Note what is wrong at a place of the file."""
        self.faults.append(self.document.fault(place, message, **more))

    # --- expressions ------------------------------------------------------------------------

    def expression(self, place: Place, text: str) -> Expression | None:
        """A condition whose names all mean something in this pipeline."""
        try:
            expression = expressions.parse(text)
            before = len(self.faults)
            for name in expressions.names(expression):
                self._name(place, name)
            if len(self.faults) == before:
                plan_condition(expression, self._kind)
        except InvalidInput as error:
            reason = str(error.details.get("reason", error.message))
            self.fault(
                place,
                reason if reason.endswith((".", "?")) else f"{reason}.",
                position=int(error.details.get("position", 0)),
                suggestion=error.details.get("suggestion"),
            )
            return None
        self.expressions.append(expression)
        return expression

    def _kind(self, name: Name) -> Kind:
        """What a name in a gate stands for: a metric is a number, a param what the file says."""
        subject = subject_of(name)
        if subject.champion or subject.owner != "params":
            return Kind.NUMBER
        value = self.model.params[subject.rest[0]]
        if isinstance(value, bool) or not isinstance(value, int | float | str):
            return Kind.LOOSE
        return Kind.TEXT if isinstance(value, str) else Kind.NUMBER

    def _name(self, place: Place, name: Name) -> None:
        subject = subject_of(name)
        if not subject.champion and subject.owner == "params":
            self._param(place, name, subject)
        elif subject.owner not in self.model.steps:
            self._no_step(place, name, subject)
        elif not subject.rest:
            first = "champion." if subject.champion else ""
            message = f"Step {subject.owner} needs a metric: {first}{subject.owner}.auc."
            self.fault(place, message, position=name.start)
        elif subject.champion:
            self._champion_at.append((place, name))

    def _param(self, place: Place, name: Name, subject: Subject) -> None:
        known = list(self.model.params)
        if len(subject.rest) == 1 and subject.word in known:
            return
        near = nearest(subject.word, known)
        self.fault(
            place,
            f"The pipeline has no param {subject.word!r}.",
            position=name.start,
            suggestion=f"params.{near}" if near else None,
        )

    def _no_step(self, place: Place, name: Name, subject: Subject) -> None:
        if subject.champion:
            near = nearest(subject.owner, self.model.steps)
            words = ["champion", near or "", *subject.rest]
            message = f"There is no step {subject.owner!r}; a gate writes champion.step.metric."
            if not subject.owner:
                message = "A step and its metric come after champion: champion.evaluate.auc."
        else:
            near = nearest(subject.owner, [*self.model.steps, "params"])
            words = [near or "", *subject.rest]
            message = (
                f"There is no step {subject.owner!r}; a gate writes step.metric or params.name."
            )
        suggestion = ".".join(words) if near and subject.owner else None
        self.fault(place, message, position=name.start, suggestion=suggestion)

    # --- promote ----------------------------------------------------------------------------

    def _promote(self) -> None:
        wanted = self.model.promote
        if wanted is None:
            for place, name in self._champion_at:
                self.fault(
                    place,
                    "Whose champion? This pipeline has no promote, such as "
                    "promote: {model: train.model, alias: champion}.",
                    position=name.start,
                )
            return
        found = self._promoted(wanted.model)
        replaces = self._replaced(wanted.replaces, found)
        if found is None:
            return
        if not self.model.gates:
            self.fault(
                ("promote",),
                f"Nothing is asked before {found[1]} is promoted: the pipeline has no gates.",
                key=True,
                warning=True,
            )
        against = wanted.against or wanted.alias
        asked = bool(self._champion_at)
        self.promote = Promote(found[0], found[1], wanted.alias, against, replaces, asked)

    def _promoted(self, written: str) -> tuple[StepOutput, str] | None:
        """The model output that is promoted, and the model's name."""
        place: Place = ("promote", "model")
        models = {
            f"{step}.{output}": name
            for step, one in self.model.steps.items()
            for output, text in one.outputs.items()
            if (name := _model_of(text)) is not None
        }
        if written in models:
            step, _, output = written.partition(".")
            return StepOutput(step, output), models[written]
        step, _, output = written.partition(".")
        if step not in self.model.steps:
            message = f"There is no step {step!r}; promote names a model output, step.output."
        elif output not in self.model.steps[step].outputs:
            has = ", ".join(self.model.steps[step].outputs)
            message = f"Step {step} has no output {output!r}; it has {has or 'no outputs'}."
        else:
            text = self.model.steps[step].outputs[output]
            message = f"{written} is {text!r}, no model: a model's output is written model:NAME."
        self.fault(place, message, suggestion=nearest(written, models))
        return None

    def _replaced(
        self, written: str | None, found: tuple[StepOutput, str] | None
    ) -> tuple[str, str] | None:
        """The step and input in which the champion is judged, where a gate asks for it."""
        if written is None:
            if not self._champion_at or found is None:
                return None
            replaces = self._only_fed(str(found[0]))
        else:
            replaces = self._named_input(written)
        if replaces is None:
            return None
        if self._champion_at:
            self._refuse_versions_made(replaces[0])
        for place, name in self._champion_at:
            step = subject_of(name).owner
            if step != replaces[0]:
                self.fault(
                    place,
                    f"The champion is judged by step {replaces[0]}, whose input {replaces[1]} it "
                    f"replaces, not by {step}.",
                    position=name.start,
                    suggestion=".".join(("champion", replaces[0], *subject_of(name).rest)),
                )
        return replaces

    def _refuse_versions_made(self, step: str) -> None:
        """A step that runs again with the champion must leave nothing behind."""
        for key, text in self.model.steps[step].outputs.items():
            if read_reference(text) is not None:
                self.fault(
                    ("steps", step, "outputs", key),
                    f"Step {step} judges the champion as well, and would make another version of "
                    f"{text.partition(':')[2]} for it: let another step make that.",
                )

    def _only_fed(self, written: str) -> tuple[str, str] | None:
        fed = [
            (step, key)
            for step, one in self.model.steps.items()
            for key, text in one.inputs.items()
            if text == written
        ]
        if len(fed) == 1:
            return fed[0]
        if fed:
            several = " and ".join(f"{step}.{key}" for step, key in fed)
            message = f"{written} feeds {several}: say where the champion goes, with replaces."
        else:
            message = (
                f"No input is fed by {written}: say where the champion goes, with "
                "replaces: step.input."
            )
        self.fault(("promote",), message, key=True)
        return None

    def _named_input(self, written: str) -> tuple[str, str] | None:
        place: Place = ("promote", "replaces")
        step, _, key = written.partition(".")
        if step not in self.model.steps:
            inputs = [f"{one}.{name}" for one, of in self.model.steps.items() for name in of.inputs]
            self.fault(
                place,
                f"There is no step {step!r}; replaces names an input, step.input.",
                suggestion=nearest(written, inputs),
            )
            return None
        inputs = list(self.model.steps[step].inputs)
        if key not in inputs:
            near = nearest(key, inputs)
            self.fault(
                place,
                f"Step {step} has no input {key!r}; it has {', '.join(inputs) or 'no inputs'}.",
                suggestion=f"{step}.{near}" if near else None,
            )
            return None
        return step, key


def _model_of(written: str) -> str | None:
    """The registered model that an output makes, if it makes one."""
    reference = read_reference(written)
    if isinstance(reference, VersionInput) and reference.kind == "model":
        return reference.name
    return None
