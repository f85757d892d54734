"""A pipeline as it was written, checked: everything that can be wrong is known before it runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mlops_lab.document import read_document
from mlops_lab.errors import NotFound
from mlops_lab.faults import Fault, refuse
from mlops_lab.orchestration.check import Checker
from mlops_lab.orchestration.deploy import Deploy
from mlops_lab.orchestration.gates.checking import Promote
from mlops_lab.orchestration.gates.kind import Gate
from mlops_lab.orchestration.graph import order
from mlops_lab.orchestration.model import PipelineModel, validate
from mlops_lab.orchestration.notebook import NotebookFacts
from mlops_lab.orchestration.shapes import seconds
from mlops_lab.orchestration.sources import Output, Source, StepOutput
from mlops_lab.orchestration.triggers.kind import Trigger

__all__ = ["Gate", "PipelineSpec", "Promote", "Step", "load_spec", "read_spec"]


@dataclass(frozen=True, slots=True)
class Step:
    """A notebook of a pipeline, with everything it gets and gives.

    Parameters
    ----------
    name
        Unique in its pipeline.
    notebook
        Absolute path of the notebook.
    facts
        What the notebook declares.
    params
        Of this step only; a pipeline's param of the same name yields to it.
    inputs, outputs
        By the name under which the notebook sees the path, or for an output that it commits or
        registers, the name of what it makes.
    retries
        How often a failed try is repeated.
    timeout_s
        How long one try may take, in seconds; None is for ever.
    """

    name: str
    notebook: Path
    facts: NotebookFacts
    params: Mapping[str, Any]
    inputs: Mapping[str, Source]
    outputs: Mapping[str, Output]
    retries: int
    timeout_s: float | None

    @property
    def needs(self) -> list[str]:
        """The steps whose outputs it takes, each once, in the order of its inputs."""
        found = {one.step: None for one in self.inputs.values() if isinstance(one, StepOutput)}
        return list(found)


@dataclass(frozen=True, slots=True)
class PipelineSpec:
    """A pipeline file without faults.

    Parameters
    ----------
    name
        Its ``name``, else the file's stem.
    path
        Absolute path of the YAML file.
    params
        By name, typed as YAML 1.2 reads them.
    steps
        In the order in which they run.
    gates
        In the order of the file, with ``index`` from 0.
    promote
        What becomes of a model once they have all passed.
    deploy
        Where it goes then.
    triggers
        What starts it by itself, in the order of the file.
    file
        How people name the file.
    warnings
        What is probably not meant, but stops nothing.
    """

    name: str
    path: Path
    params: Mapping[str, Any]
    steps: tuple[Step, ...]
    gates: tuple[Gate, ...]
    promote: Promote | None = None
    deploy: Deploy | None = None
    triggers: tuple[Trigger, ...] = ()
    warnings: tuple[Fault, ...] = field(default=())
    file: str = ""

    @property
    def judging_step(self) -> str | None:
        """The step that a gate wants to judge the champion as well."""
        promote = self.promote
        if promote is None or promote.replaces is None or not promote.asked:
            return None
        return promote.replaces[0]

    def step(self, name: str) -> Step:
        """The step of that name.

        Raises
        ------
        NotFound
            There is none.
        """
        for step in self.steps:
            if step.name == name:
                return step
        known = ", ".join(step.name for step in self.steps)
        raise NotFound(f"pipeline {self.name} has no step {name!r}; it has {known}.")


def read_spec(
    path: Path, *, file: str | None = None, root: Path | None = None
) -> tuple[PipelineSpec | None, list[Fault]]:
    """Read and check a pipeline file without raising for what is wrong inside it.

    Parameters
    ----------
    path
        The YAML file.
    file
        How faults name it; default the path as given.
    root
        The project's folder, whose suites the gates name; without it these are not looked for.

    Returns
    -------
    spec
        None when something is wrong.
    faults
        All that is wrong or doubtful (``warning``).
    """
    path = path.absolute()
    document = read_document(path, file=file)
    if document.faults:
        return None, list(document.faults)
    model, faults = validate(document)
    if model is None:
        return None, faults
    checker = Checker(document, model, path.parent, root)
    faults = checker.check()
    if any(not fault.warning for fault in faults):
        return None, faults
    return _build(path, model, checker, faults, document.file), faults


def load_spec(path: Path, *, file: str | None = None, root: Path | None = None) -> PipelineSpec:
    """Read and check a pipeline file.

    Raises
    ------
    InvalidInput
        With a line ``file:line:column: sentence`` for every fault.
    """
    spec, faults = read_spec(path, file=file, root=root)
    refuse(faults)
    if spec is None:  # read_spec gives a spec whenever nothing is wrong
        raise AssertionError("no pipeline and no fault")
    return spec


def _build(
    path: Path, model: PipelineModel, checker: Checker, faults: list[Fault], file: str
) -> PipelineSpec:
    steps: dict[str, Step] = {}
    for name, step in model.steps.items():
        steps[name] = Step(
            name=name,
            notebook=checker.notebook_path(step.notebook),
            facts=checker.facts[name],
            params=dict(step.params),
            inputs={
                key: checker.source(("steps", name, "inputs", key), written)
                for key, written in step.inputs.items()
            },
            outputs={key: checker.output(written) for key, written in step.outputs.items()},
            retries=step.retries,
            timeout_s=seconds(step.timeout) if step.timeout else None,
        )
    ordered = order({name: step.needs for name, step in steps.items()})
    return PipelineSpec(
        name=model.name or path.stem,
        path=path,
        params=dict(model.params),
        steps=tuple(steps[name] for name in ordered),
        gates=tuple(checker.gates.gates),
        promote=checker.gates.promote,
        deploy=checker.deploy,
        triggers=tuple(checker.triggers.triggers),
        warnings=tuple(fault for fault in faults if fault.warning),
        file=file,
    )
