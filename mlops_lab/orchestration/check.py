"""Faults between the parts of a pipeline: notebooks, inputs, outputs and parameters."""

from __future__ import annotations

import keyword
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Any

from mlops_lab import expressions
from mlops_lab.document import Document, Place
from mlops_lab.errors import InvalidInput
from mlops_lab.expressions import nearest
from mlops_lab.faults import Fault
from mlops_lab.orchestration.deploy import Deploy, read_deploy
from mlops_lab.orchestration.gates.checking import GateChecker
from mlops_lab.orchestration.graph import find_cycle
from mlops_lab.orchestration.model import PipelineModel, StepModel
from mlops_lab.orchestration.notebook import (
    SUFFIXES,
    Declared,
    NotebookFacts,
    inspect_notebook,
)
from mlops_lab.orchestration.sources import (
    InputFile,
    Output,
    OutputFile,
    Source,
    StepOutput,
    VersionInput,
    VersionOutput,
    read_reference,
)
from mlops_lab.orchestration.triggers.checking import TriggerChecker

__all__ = ["RESERVED", "Checker", "kind_of"]

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


class Checker:
    """Checks one pipeline; afterwards its attributes hold what was read.

    Used once, by one thread.

    Parameters
    ----------
    document, model
        The file and what it says.
    folder
        Where the file is.
    root
        The project's folder, where suites are; None when it is not known.
    """

    def __init__(
        self, document: Document, model: PipelineModel, folder: Path, root: Path | None = None
    ) -> None:
        self.document = document
        self.model = model
        self.folder = folder
        self.facts: dict[str, NotebookFacts] = {}
        self.gates = GateChecker(document, model, root)
        self.triggers = TriggerChecker(document, model, root)
        self.deploy: Deploy | None = None
        self.faults: list[Fault] = []

    def check(self) -> list[Fault]:
        """All faults, warnings included."""
        for name, step in self.model.steps.items():
            self._step(name, step)
        self._cycle()
        self.faults += self.gates.check()
        self.faults += self.triggers.check()
        self.deploy, wrong = read_deploy(self.document, self.model)
        self.faults += wrong
        self._pipeline_params()
        return sorted(self.faults, key=lambda fault: fault.mark)

    def notebook_path(self, written: str) -> Path:
        """The notebook's absolute path, without ``..``."""
        return Path(os.path.normpath(self.folder / written))

    def source(self, place: Place, written: str) -> Source:
        """What an input names: an output of a step that exists, a version, else a path."""
        reference = read_reference(written)
        if isinstance(reference, VersionInput):
            return replace(reference, mark=self.document.mark(place))
        step, dot, output = written.partition(".")
        if dot and step in self.model.steps and "/" not in written:
            return StepOutput(step, output)
        return InputFile(Path(os.path.normpath(self.folder / written)), written)

    def output(self, written: str) -> Output:
        """What an output is: a version that the notebook makes, else a file."""
        reference = read_reference(written)
        if isinstance(reference, VersionInput):
            return VersionOutput(reference.kind, reference.name)
        return OutputFile(written)

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
            if read_reference(written) is not None:
                continue
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
        reference = read_reference(written)
        if isinstance(reference, str):
            self._fault(place, reference)
            return
        source = self.source(place, written)
        if isinstance(source, VersionInput):
            return
        if isinstance(source, StepOutput):
            outputs = self.model.steps[source.step].outputs
            if source.step == name:
                self._fault(place, f"Step {name} cannot take its own output.")
            elif source.output not in outputs:
                has = f"it has {', '.join(outputs)}" if outputs else "it has no outputs"
                near = nearest(source.output, outputs)
                self._fault(
                    place,
                    f"Step {source.step} has no output {source.output!r}; {has}.",
                    suggestion=f"{source.step}.{near}" if near else None,
                )
            return
        if _is_scheme(written):
            word = written.partition(":")[0]
            self._fault(
                place,
                f"'{word}:' is not known here.",
                suggestion=_nearest_kind(written),
                others="An input is step.output, dataset:NAME, model:NAME or a file.",
            )
        elif not written or not _is_there(source.path, Path.exists):
            outputs_of_all = [
                f"{step}.{output}"
                for step, other in self.model.steps.items()
                for output in other.outputs
            ]
            message = f"{written!r} is no step.output, and there is no such file or folder."
            near = nearest(written, outputs_of_all)
            if near is None:
                file = nearest_file(source.path)
                near = str(PurePosixPath(written).with_name(file)) if file else None
            self._fault(place, message, suggestion=near)

    def _output(self, place: Place, written: str) -> None:
        path = PurePosixPath(written)
        reference = read_reference(written)
        if isinstance(reference, str):
            self._fault(place, reference)
        elif isinstance(reference, VersionInput):
            if reference.at is not None:
                self._fault(
                    place,
                    "An output is a new version, whose number is not known yet.",
                    suggestion=f"{reference.kind}:{reference.name}",
                )
        elif _is_scheme(written):
            word = written.partition(":")[0]
            self._fault(
                place,
                f"'{word}:' is not known here.",
                suggestion=_nearest_kind(written),
                others="An output is a file, dataset:NAME or model:NAME.",
            )
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
            for expression in self.gates.expressions
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
            sources = [self.source((), written) for written in step.inputs.values()]
            needs[name] = [
                one.step for one in sources if isinstance(one, StepOutput) and one.step != name
            ]
        cycle = find_cycle(needs)
        if cycle:
            # The input of the first one that closes the circle is what a person has to change.
            first, second = cycle[0], cycle[1]
            inputs = self.model.steps[first].inputs
            key = next(key for key, text in inputs.items() if text.startswith(f"{second}."))
            way = " needs ".join(cycle)
            self._fault(("steps", first, "inputs", key), f"The steps go in a circle: {way}.")


def _is_scheme(written: str) -> bool:
    """Whether a text begins as a reference does; one letter would be a drive."""
    scheme, colon, _ = written.partition(":")
    return bool(colon) and scheme.isalpha() and len(scheme) > 1


def _nearest_kind(written: str) -> str | None:
    scheme, _, rest = written.partition(":")
    kind = nearest(scheme, ("dataset", "model"))
    return f"{kind}:{rest}" if kind else None


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
