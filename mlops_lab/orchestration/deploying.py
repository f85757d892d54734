"""What was promoted gets to answer: at once, for a share of the traffic, or in the shadow."""

from __future__ import annotations

import json
import time
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Final

from mlops_lab.errors import Conflict, LabError
from mlops_lab.governance import Identity
from mlops_lab.orchestration.deploy import Deploy
from mlops_lab.orchestration.results import Deployment, Promotion
from mlops_lab.serving.records import Desired

if TYPE_CHECKING:
    from mlops_lab.orchestration.site import Site
    from mlops_lab.serving.deciding import Change
    from mlops_lab.serving.manager import EndpointManager

__all__ = ["deploy_approved", "deploy_promoted", "deployment_that_waits", "kept_line"]

_WAITING: Final = """
select d.run_id, r.experiment, d.model, d.version, d.alias, d.how::varchar
from lab.deployment d join lab.runs r using (run_id)
where r.outcome = 'passed'
qualify row_number() over (partition by d.run_id order by d.t desc, d.writer desc, d.off desc) = 1
    and d.state = 'waiting'
order by d.t
"""


def deploy_promoted(
    site: Site, how: Deploy, promotion: Promotion, *, pipeline: str, by: Identity
) -> Deployment:
    """Deploy a version that an alias has just moved to.

    What cannot be deployed is an answer and no exception: the promotion stands.

    Parameters
    ----------
    how
        What the pipeline's file says.
    promotion
        The version, and the alias that it has now.
    pipeline
        What people call the pipeline.
    by
        For whom.
    """
    endpoints = site.endpoints()
    version = f"{promotion.model}@{promotion.version}"
    reason = f"The pipeline {pipeline} made it {promotion.alias}."
    try:
        change = _decide(endpoints, how, promotion, reason, by)
    except LabError as error:
        return _deployment(how, promotion, "failed", f"{version} is not deployed: {error.message}")
    try:
        endpoints.run(how.endpoint, change.desired.seq)
    except LabError as error:
        said = f"{version} does not answer at {how.endpoint}: {error.message}"
        if change.changed:
            back = _taken_back(endpoints, how.endpoint, error.message, by)
            said = f"{said.rstrip('.')}. {back}"
        return _deployment(how, promotion, "failed", said)
    state = "deployed" if change.changed else "unchanged"
    return _deployment(how, promotion, state, change.sentence)


def deployment_that_waits(how: Deploy, promotion: Promotion) -> Deployment:
    """Of a version whose promotion waits for people."""
    said = f"{promotion.model} {promotion.version} becomes {how} once it is {promotion.alias}"
    return _deployment(how, promotion, "waiting", said)


def kept_line(
    run_id: str, how: Deploy, promotion: Promotion, deployment: Deployment
) -> dict[str, Any]:
    """What the run keeps of a deployment, and what it takes to make up for one that waits."""
    return {
        "e": "deployment",
        "r": run_id,
        "t": time.time_ns() // 1000,
        **asdict(deployment),
        "alias": promotion.alias,
        "how": asdict(how),
    }


def deploy_approved(site: Site) -> list[Deployment]:
    """Deploy what waited for its promotion and has been promoted by people since.

    Any number of processes may do that at the same time: an endpoint that serves a version already
    is left as it is.
    """
    found = []
    for run_id, pipeline, model, version, alias, text in site.store.query(_WAITING):
        how = Deploy(**json.loads(text))
        promotion = Promotion(model, version, alias, "promoted", "")
        holder = site.versions.holder(model, alias)
        if holder is None or holder.version != version:
            now = "nobody" if holder is None else str(holder.version)
            said = f"{model} {version} is not deployed: {now} is {alias} by now"
            deployment = _deployment(how, promotion, "overtaken", said)
        else:
            deployment = deploy_promoted(site, how, promotion, pipeline=pipeline, by=site.identity)
        site.store.append(kept_line(run_id, how, promotion, deployment))
        found.append(deployment)
    return found


def _decide(
    endpoints: EndpointManager, how: Deploy, promotion: Promotion, reason: str, by: Identity
) -> Change:
    name, version = how.endpoint, f"{promotion.model}@{promotion.version}"
    present = endpoints.find(name)
    if present is not None and present.state == "stopped":
        raise Conflict(
            f"{name} was stopped, and is not started again by a pipeline: "
            f"`mlops-lab endpoint deploy {name} {version}`."
        )
    if present is not None:
        _end_overtaken(endpoints, present, promotion, by)
    # By its alias where it replaces what serves, so that the endpoint knows whom it follows; a
    # version that lost the alias again meanwhile is not meant.
    if present is None or how.strategy == "replace":
        followed = f"{promotion.model}@{promotion.alias}"
        return endpoints.deploy(
            name, followed, workers=how.workers, backend=how.backend, reason=reason, by=by
        )
    if how.strategy == "shadow":
        return endpoints.shadow(name, version, how.share, backend=how.backend, reason=reason, by=by)
    return endpoints.canary(
        name,
        version,
        how.share,
        guard=dict(how.guard),
        unit=how.by,
        ramp=dict(how.ramp),
        backend=how.backend,
        reason=reason,
        by=by,
    )


def _end_overtaken(
    endpoints: EndpointManager, present: Desired, promotion: Promotion, by: Identity
) -> None:
    """End the rollout of an older version of the same model: a newer one is to be tried now."""
    going = present.rollout
    if going is None or going.kind == "ab":
        return
    candidate = present.revision(going.candidate)
    if candidate.model == promotion.model and candidate.version < promotion.version:
        said = f"{promotion.model} {promotion.version} is {promotion.alias} now."
        endpoints.cancel_rollout(present.name, reason=said, by=by)


def _taken_back(endpoints: EndpointManager, name: str, wrong: str, by: Identity) -> str:
    """Go back to what answered before; what became of that, in a sentence."""
    try:
        return endpoints.rollback(name, reason=f"It does not answer: {wrong}", by=by).sentence
    except LabError as error:
        return error.message


def _deployment(how: Deploy, promotion: Promotion, state: str, sentence: str) -> Deployment:
    return Deployment(
        how.endpoint,
        how.strategy,
        promotion.model,
        promotion.version,
        state,
        sentence.rstrip("."),
    )
