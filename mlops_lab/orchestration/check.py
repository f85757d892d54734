"""Faults between the parts of a pipeline: inputs, notebooks, parameters and gates."""

from __future__ import annotations

import keyword
import os
from collections.abc import Callable
from pathlib import Path, PurePosixPath
from typing import Any

from mlops_lab import expressions
from mlops_lab.document import Document, Place
from mlops_lab.errors import InvalidInput
from mlops_lab.expressions import Expression, Kind, Name, nearest
from mlops_lab.expressions.plan import plan_condition
from mlops_lab.faults import Fault
from mlops_lab.orchestration.graph import find_cycle
from mlops_lab.orchestration.model import PipelineModel, StepModel
from mlops_lab.orchestration.notebook import (
    SUFFIXES,
    Declared,
    NotebookFacts,
    inspect_notebook,
)

__all__ = ["RESERVED", "Checker", "kind_of", "metric_of"]

RESERVED = ("champion", "params", "previous")
"""Words that begin a name in a gate, so that no step can have them."""


_LONGEST_NAME = 255
"""Bytes of a file's name, on every file system that matters."""


def kind_of(value: object) -> str:
    """A value's type in the words of a sentence: ``7`` is a whole number."""
    for kind, words in (
        (bool, "true or false"),
        (int, "a whole number"),
        (float, "a number"),
        (str, "text"),
        (list, "a list"),
        (dict, "a map"),
    ):
        if isinstance(value, kind):
            return words
    return "null"


_TYPE_WORDS = {
    "bool": "true or false",
    "int": "a whole number",
    "float": "a number",
    "str": "text",
    "list": "a list",
    "dict": "a map",
}


def metric_of(name: Name) -> tuple[str, tuple[str, ...]]:
    """The first word of a gate's name (a step, or params) and the rest of it.

    ``best(evaluate.val/loss)`` speaks of the metric ``val/loss`` of step ``evaluate``.
    """
    if name.function is None:
        return name.parts[0], name.parts[1:]
    step, _, metric = name.parts[0].partition(".")
    return step, (metric,) if metric else ()


class Checker:
    """Checks one pipeline; afterwards ``facts`` and ``expressions`` hold what was read.

    Used once, by one thread.
    """

    def __init__(self, document: Document, model: PipelineModel, folder: Path) -> None:
        self.document = document
        self.model = model
        self.folder = folder
        self.facts: dict[str, NotebookFacts] = {}
        self.expressions: list[Expression] = []
        self.faults: list[Fault] = []

    def check(self) -> list[Fault]:
        """All faults, warnings included."""
        for name, step in self.model.steps.items():
            self._step(name, step)
        self._cycle()
        for index, gate in enumerate(self.model.gates):
            self._gate(("gates", index, "metric"), gate.metric)
        self._pipeline_params()
        return sorted(self.faults, key=lambda fault: fault.mark)

    def notebook_path(self, written: str) -> Path:
        """The notebook's absolute path, without ``..``."""
        return Path(os.path.normpath(self.folder / written))

    def source(self, written: str) -> tuple[str, str] | Path:
        """What an input names: step and output where that step exists, else a path."""
        step, dot, output = written.partition(".")
        if dot and step in self.model.steps and "/" not in written:
            return step, output
        return Path(os.path.normpath(self.folder / written))

    def _fault(self, place: Place, message: str, **more: Any) -> None:
        self.faults.append(self.document.fault(place, message, **more))

    # --- steps ------------------------------------------------------------------------------

    def _step(self, name: str, step: StepModel) -> None:
        place: Place = ("steps", name)
        if name in RESERVED:
            self._fault(place, f"{name!r} is reserved and cannot name a step.", key=True)
        self._notebook(name, step)
        for key, written in step.inputs.items():
            self._input((*place, "inputs", key), name, written)
        files: dict[PurePosixPath, str] = {}
        for key, written in step.outputs.items():
            self._output((*place, "outputs", key), written)
            path = PurePosixPath(written)
            for other, owner in files.items():
                if path == other:
                    message = f"{written!r} is the file of output {owner} already."
                elif path in other.parents or other in path.parents:
                    message = f"{written!r} and output {owner}: one would be the other's folder."
                else:
                    continue
                self._fault((*place, "outputs", key), message)
                break
            files.setdefault(path, key)
        self._names(name, step)
        if name in self.facts:
            self._step_params(name, step, self.facts[name])

    def _notebook(self, name: str, step: StepModel) -> None:
        place: Place = ("steps", name, "notebook")
        path = self.notebook_path(step.notebook)
        if path.suffix not in SUFFIXES:
            message = f"{step.notebook!r} is not a notebook: .ipynb, or jupytext .py or .md."
            self._fault(place, message)
        elif not _is_there(path, Path.is_file):
            near = nearest_file(path, SUFFIXES)
            better = str(PurePosixPath(step.notebook).with_name(near)) if near else None
            message = f"There is no notebook {step.notebook!r}."
            if _is_there(path, Path.is_dir):
                message = f"{step.notebook!r} is a folder, not a notebook."
            elif _is_there(path, Path.is_symlink):
                message = f"{step.notebook!r} is a link to a notebook that is not there."
            self._fault(place, message, suggestion=better)
        else:
            try:
                self.facts[name] = inspect_notebook(path)
            except InvalidInput as error:
                self._fault(place, error.message)
            except OSError as error:
                self._fault(place, f"{step.notebook!r} cannot be read: {error.strerror}.")

    def _input(self, place: Place, name: str, written: str) -> None:
        source = self.source(written)
        if isinstance(source, tuple):
            step, output = source
            outputs = self.model.steps[step].outputs
            if step == name:
                self._fault(place, f"Step {name} cannot take its own output.")
            elif output not in outputs:
                has = f"it has {', '.join(outputs)}" if outputs else "it has no outputs"
                near = nearest(output, outputs)
                self._fault(
                    place,
                    f"Step {step} has no output {output!r}; {has}.",
                    suggestion=f"{step}.{near}" if near else None,
                )
            return
        scheme, colon, _ = written.partition(":")
        if colon and scheme.isalpha() and len(scheme) > 1:
            message = f"'{scheme}:' is not known here: an input is step.output or a file."
            self._fault(place, message)
        elif not written or not _is_there(source, Path.exists):
            outputs_of_all = [
                f"{step}.{output}"
                for step, other in self.model.steps.items()
                for output in other.outputs
            ]
            message = f"{written!r} is no step.output, and there is no such file or folder."
            near = nearest(written, outputs_of_all)
            if near is None:
                file = nearest_file(source)
                near = str(PurePosixPath(written).with_name(file)) if file else None
            self._fault(place, message, suggestion=near)

    def _output(self, place: Place, written: str) -> None:
        path = PurePosixPath(written)
        scheme, colon, _ = written.partition(":")
        if colon and scheme.isalpha() and len(scheme) > 1:
            self._fault(place, f"'{scheme}:' is not known here: an output is a file.")
        elif (
            not path.name
            or path.is_absolute()
            or ".." in path.parts
            or any(ord(character) < 32 for character in written)
            or any(len(part.encode()) > _LONGEST_NAME for part in path.parts)
            or len(written.encode()) > 1000
        ):
            message = f"{written!r} must be a file name or a path below the step's own folder."
            self._fault(place, message)

    def _names(self, name: str, step: StepModel) -> None:
        seen: dict[str, str] = {}
        for kind in ("params", "inputs", "outputs"):
            for key in getattr(step, kind):
                place: Place = ("steps", name, kind, key)
                if keyword.iskeyword(key):
                    message = f"{key!r} is a word of Python and cannot be a variable."
                    self._fault(place, message, key=True)
                elif key in seen:
                    message = f"{key!r} is in {seen[key]} already: a notebook has one such name."
                    self._fault(place, message, key=True)
                seen.setdefault(key, kind)

    def _step_params(self, name: str, step: StepModel, facts: NotebookFacts) -> None:
        if facts.parameters is None:
            return
        declared = {one.name: one for one in facts.parameters}
        for kind in ("params", "inputs", "outputs"):
            for key, value in getattr(step, kind).items():
                place: Place = ("steps", name, kind, key)
                if key not in declared and not keyword.iskeyword(key):
                    # papermill says so and injects it all the same; so do we.
                    self._fault(
                        place,
                        f"The parameters cell of {facts.path.name} does not declare {key!r}; "
                        "it is set all the same.",
                        key=True,
                        suggestion=nearest(key, declared),
                        warning=True,
                    )
                elif kind == "params" and key in declared:
                    self._type(place, facts, declared[key], value)

    def _type(self, place: Place, facts: NotebookFacts, declared: Declared, value: object) -> None:
        if declared.accepts(value) or declared.type_name is None:
            return
        self._fault(
            place,
            f"{declared.name} is {kind_of(value)} here, and {_TYPE_WORDS[declared.type_name]} in "
            f"the parameters cell of {facts.path.name}.",
        )

    def _pipeline_params(self) -> None:
        used = {
            name.parts[1]
            for expression in self.expressions
            for name in expressions.names(expression)
            if name.function is None and name.parts[0] == "params" and len(name.parts) == 2
        }
        unknown = any(facts.parameters is None for facts in self.facts.values())
        declared: set[str] = set()
        for key, value in self.model.params.items():
            place: Place = ("params", key)
            for step, facts in self.facts.items():
                own = self.model.steps[step]
                for one in facts.parameters or ():
                    declared.add(one.name)
                    if one.name == key and key not in own.params:
                        self._type(place, facts, one, value)
        missing = len(self.facts) < len(self.model.steps)
        for key in self.model.params:
            if key in used or key in declared or unknown or missing:
                continue
            self._fault(
                ("params", key),
                f"No parameters cell and no gate uses {key!r}.",
                key=True,
                suggestion=nearest(key, declared | used),
                warning=True,
            )

    def _cycle(self) -> None:
        needs: dict[str, list[str]] = {}
        for name, step in self.model.steps.items():
            sources = [self.source(written) for written in step.inputs.values()]
            needs[name] = [one[0] for one in sources if isinstance(one, tuple) and one[0] != name]
        cycle = find_cycle(needs)
        if cycle:
            # The input of the first one that closes the circle is what a person has to change.
            first, second = cycle[0], cycle[1]
            inputs = self.model.steps[first].inputs
            key = next(key for key, text in inputs.items() if text.startswith(f"{second}."))
            way = " needs ".join(cycle)
            self._fault(("steps", first, "inputs", key), f"The steps go in a circle: {way}.")

    # --- gates ------------------------------------------------------------------------------

    def _gate(self, place: Place, text: str) -> None:
        try:
            expression = expressions.parse(text)
            before = len(self.faults)
            for name in expressions.names(expression):
                self._gate_name(place, name)
            if len(self.faults) == before:
                plan_condition(expression, self._kind)
        except InvalidInput as error:
            reason = str(error.details.get("reason", error.message))
            self._fault(
                place,
                reason if reason.endswith((".", "?")) else f"{reason}.",
                position=int(error.details.get("position", 0)),
                suggestion=error.details.get("suggestion"),
            )
        else:
            self.expressions.append(expression)

    def _kind(self, name: Name) -> Kind:
        """What a name in a gate stands for: a metric is a number, a param what the file says."""
        first, rest = metric_of(name)
        if first != "params":
            return Kind.NUMBER
        value = self.model.params[rest[0]]
        if isinstance(value, bool) or not isinstance(value, int | float | str):
            return Kind.LOOSE
        return Kind.TEXT if isinstance(value, str) else Kind.NUMBER

    def _gate_name(self, place: Place, name: Name) -> None:
        first, rest = metric_of(name)
        if first == "params":
            known = list(self.model.params)
            if len(rest) != 1 or rest[0] not in known:
                word = ".".join(rest)
                near = nearest(word, known)
                self._fault(
                    place,
                    f"The pipeline has no param {word!r}.",
                    position=name.start,
                    suggestion=f"params.{near}" if near else None,
                )
        elif first not in self.model.steps:
            near = nearest(first, [*self.model.steps, "params"])
            self._fault(
                place,
                f"There is no step {first!r}; a gate writes step.metric or params.name.",
                position=name.start,
                suggestion=".".join((near, *rest)) if near else None,
            )
        elif not rest:
            self._fault(place, f"Step {first} needs a metric: {first}.auc.", position=name.start)


def _is_there(path: Path, look: Callable[[Path], bool]) -> bool:
    try:
        return look(path)
    except (OSError, ValueError):
        return False  # longer than any path, in a circle of links, or not ours to see


def nearest_file(path: Path, suffixes: tuple[str, ...] = ()) -> str | None:
    """The name in the folder of ``path`` that is most like its own, or None.

    Compared without suffixes: ``a.ipynb`` is hardly more like ``b.ipynb`` than ``a`` is like ``b``.
    """
    try:
        names = sorted(one.name for one in path.parent.iterdir())[:10_000]
    except OSError:
        return None
    stems: dict[str, str] = {}
    for name in names:
        if name != path.name and (not suffixes or name.endswith(suffixes)):
            stems.setdefault(Path(name).stem, name)
    found = nearest(path.stem, stems)
    return stems[found] if found else None
