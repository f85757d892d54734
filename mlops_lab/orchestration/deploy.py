"""What a pipeline's file may say of serving: which endpoint gets the promoted model, and how."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

from pydantic import Field

from mlops_lab.document import Document
from mlops_lab.errors import InvalidInput
from mlops_lab.faults import Fault
from mlops_lab.serving.asked import GuardAsked
from mlops_lab.serving.desired import check_name
from mlops_lab.shapes import Duration, Line, Shape, seconds

if TYPE_CHECKING:
    from mlops_lab.orchestration.model import PipelineModel

__all__ = ["WORDS", "Deploy", "DeployModel", "Strategy", "read_deploy"]

Strategy = Literal["replace", "canary", "shadow"]

_SHARE: Final = "a number of percent, above 0 and up to 100"
_USUAL_SHARE: Final[Mapping[Strategy, float]] = {"canary": 5.0, "shadow": 100.0}

_ONLY: Final[Mapping[str, tuple[Strategy, ...]]] = {
    "guard": ("canary",),
    "ramp": ("canary",),
    "by": ("canary",),
    "share": ("canary", "shadow"),
}

Share = Annotated[float, Field(gt=0, le=100, strict=False)]


class DeployModel(Shape):
    """Where a model goes once it has been promoted."""

    endpoint: Line = Field(min_length=1, description="The endpoint's name; made where it is not.")
    strategy: Strategy = Field(
        default="replace",
        description="replace: it answers everything at once; canary: a share of the traffic, "
        "guarded; shadow: a copy of the traffic, answers are dropped.",
    )
    share: Share | None = Field(
        default=None,
        description="Percent of the traffic of a canary (default 5) or shadow (default 100).",
    )
    by: Line | None = Field(
        default=None,
        min_length=1,
        description="The column whose value stays with one revision; default what requests say.",
    )
    guard: GuardAsked | None = Field(
        default=None,
        description="When a canary is taken back by itself, such as {error_rate: 0.02, p99_ms: 80}",
    )
    ramp: dict[Duration, Share] | None = Field(
        default=None,
        min_length=1,
        max_length=50,
        description="How the share of a canary rises: after how long, to how many percent, such "
        "as {1h: 20, 1d: 50}.",
    )
    workers: int | None = Field(
        default=None, ge=1, le=64, description="Processes of an endpoint that is made or replaced."
    )
    backend: Literal["auto", "onnx", "sklearn"] | None = Field(
        default=None,
        description="What answers; default auto, the fastest that answers as the model does.",
    )


WORDS: Final[Mapping[str, str]] = {
    "endpoint": "the name of an endpoint: letters, digits and . _ -",
    "strategy": "replace, canary or shadow",
    "share": _SHARE,
    "by": "the name of a column",
    "guard": "a map, such as {error_rate: 0.02, p99_ms: 80}",
    "error_rate": "a share above 0 and up to 1",
    "p99_ms": "a number of milliseconds",
    "alpha": "a share above 0 and up to 0.5",
    "ramp": "a map of durations and percent, such as {1h: 20, 1d: 50}",
    "workers": "a whole number from 1 to 64",
    "backend": "auto, onnx or sklearn",
}
"""What must stand behind each key, for faults."""


@dataclass(frozen=True, slots=True)
class Deploy:
    """How the promoted model gets to answer.

    Parameters
    ----------
    endpoint
        Its name.
    strategy
        ``replace``, ``canary`` or ``shadow``.
    share
        Percent of the traffic; 100 where it replaces.
    by
        The column that is the unit of a canary.
    guard
        What differs from the usual guard of a canary.
    ramp
        Percent by how long after the beginning, as ``{"1h": 20}``: the raises of a canary.
    workers
        Of an endpoint that is made or replaced; None leaves them.
    backend
        ``auto``, ``onnx`` or ``sklearn``; None is auto.
    """

    endpoint: str
    strategy: Strategy = "replace"
    share: float = 100.0
    by: str | None = None
    guard: Mapping[str, Any] = field(default_factory=dict)
    ramp: Mapping[str, float] = field(default_factory=dict)
    workers: int | None = None
    backend: str | None = None

    def __str__(self) -> str:
        match self.strategy:
            case "canary":
                rises = ", ".join(f"{share:g} %" for share in self.ramp.values())
                more = f", then {rises}" if rises else ""
                return f"a canary of {self.endpoint} with {self.share:g} %{more}"
            case "shadow":
                return f"a shadow of {self.endpoint} with {self.share:g} %"
        return f"the stable revision of {self.endpoint}"


def read_deploy(document: Document, model: PipelineModel) -> tuple[Deploy | None, list[Fault]]:
    """What ``deploy`` says, or what is wrong with it beside its shape."""
    wanted = model.deploy
    if wanted is None:
        return None, []
    faults: list[Fault] = []

    def fault(key: str, message: str) -> None:
        faults.append(document.fault(("deploy", key), message, key=True))

    if model.promote is None:
        fault(
            "endpoint",
            "Deployed is what was promoted, and this pipeline has no promote, such as "
            "promote: {model: train.model, alias: champion}.",
        )
    try:
        name = check_name(wanted.endpoint)
    except InvalidInput as error:
        fault("endpoint", error.message)
        return None, faults
    for key, strategies in _ONLY.items():
        if getattr(wanted, key) is not None and wanted.strategy not in strategies:
            fault(key, f"{key} is of a {' or '.join(strategies)}, not of {wanted.strategy}.")
    share = wanted.share or _USUAL_SHARE.get(wanted.strategy, 100.0)
    ramp = dict(wanted.ramp or {})
    shares, times = [share, *ramp.values()], [seconds(after) for after in ramp]
    rises = shares == sorted(set(shares)) and times == sorted(set(times))
    if wanted.strategy == "canary" and not rises:
        fault("ramp", "A ramp raises the share step by step: each later and higher than the last.")
    guard = wanted.guard.model_dump(exclude_unset=True) if wanted.guard is not None else {}
    deploy = Deploy(
        endpoint=name,
        strategy=wanted.strategy,
        share=share,
        by=wanted.by,
        guard=guard,
        ramp=ramp,
        workers=wanted.workers,
        backend=wanted.backend,
    )
    return (None if faults else deploy), faults
