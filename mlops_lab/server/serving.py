"""Routes of endpoints: what serves, decisions about it, what it answered and what became true."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Annotated, Any, Literal

from jupyter_server.auth.decorator import authorized
from pydantic import Field, model_validator
from tornado.web import authenticated

from mlops_lab.governance import Identity
from mlops_lab.project import Project
from mlops_lab.server.encode import to_json
from mlops_lab.server.handler import Body, LabHandler, Query, needs
from mlops_lab.server.log import read_piece
from mlops_lab.server.text import Comment, Name
from mlops_lab.serving import pages
from mlops_lab.serving.asked import GuardAsked, LimitsAsked
from mlops_lab.serving.deciding import Change
from mlops_lab.serving.manager import EndpointManager

__all__ = ["ROUTES"]

_LOG_BYTES = 64_000
_MOST_TRUTHS = 20_000

Share = Annotated[float, Field(gt=0, le=100, allow_inf_nan=False)]
Ramp = Annotated[dict[Annotated[str, Field(max_length=40)], Share], Field(max_length=20)]
Words = Annotated[str, Field(max_length=4_000)]
Decide = Callable[[EndpointManager, Identity], Change]


class _ReasonBody(Body):
    reason: Comment = ""


class _VersionBody(_ReasonBody):
    version: Name
    backend: Name | None = None
    allow_unsafe: bool = False


class _DeployBody(_VersionBody):
    workers: int | None = Field(None, ge=1, le=64)
    port: int | None = Field(None, ge=0, le=65_535)
    host: Name | None = None
    limits: LimitsAsked | None = None


class _CanaryBody(_VersionBody):
    share: Share = 5.0
    guard: GuardAsked | None = None
    unit: Name | None = None
    ramp: Ramp = Field(default_factory=dict)


class _ShadowBody(_VersionBody):
    share: Share = 100.0


class _SplitBody(_ReasonBody):
    versions: dict[Name, Share] = Field(min_length=2, max_length=2)
    unit: Name | None = None
    backend: Name | None = None
    allow_unsafe: bool = False


class _ShareBody(_ReasonBody):
    share: Share
    ramp: Ramp | None = None


class _RollbackBody(_ReasonBody):
    to: Name | None = None


class _TruthBody(Body):
    on: Name | Annotated[list[Name], Field(min_length=1, max_length=20)] = "prediction_id"
    value: Name | None = None
    event: Name | None = None
    rows: list[dict[Name, Any]] = Field(min_length=1, max_length=_MOST_TRUTHS)

    @model_validator(mode="after")
    def _one_of_two(self) -> _TruthBody:
        if (self.value is None) == (self.event is None):
            raise ValueError("it has either value, the column of the truth, or event, its name")
        return self


class _PredictionsQuery(Query):
    limit: int = Field(default=50, ge=1, le=1_000)
    cursor: Words | None = None
    since: Words | None = None
    until: Words | None = None
    role: Literal["stable", "canary", "shadow"] | None = None
    version: int | None = Field(default=None, ge=1, lt=10**18)
    revision: Name | None = None
    rollout: Name | None = None
    status: int | None = Field(default=None, ge=100, le=599)
    search: Words | None = None
    where: Words | None = None


class _CompareQuery(Query):
    rollout: Name | None = None
    truth: Name | None = None
    metric: Name | None = None
    every: Literal["hour", "day", "week", "unit"] = "day"


class _LogQuery(Query):
    offset: int = Field(default=-_LOG_BYTES, ge=-(10**15), le=10**15)


class Endpoints(LabHandler):
    """``/projects/{key}/endpoints``."""

    permissions = needs(get="endpoints:read")

    @authenticated
    @authorized
    async def get(self, key: str) -> None:
        """List the endpoints with how they stand."""
        await self.answer(key, lambda project: project.endpoints.page_of_all())


class Endpoint(LabHandler):
    """``/projects/{key}/endpoints/{name}``."""

    permissions = needs(get="endpoints:read")

    @authenticated
    @authorized
    async def get(self, key: str, name: str) -> None:
        """Give one endpoint: how it stands, what was decided, what it takes."""
        await self.answer(key, lambda project: project.endpoints.page(name))


class _Decide(LabHandler):
    """What a person decides about an endpoint."""

    permissions = needs(post="endpoints:deploy")

    async def slowly(self, key: str, call: Callable[[Project], Any]) -> None:
        """Answer with what takes seconds, in a thread that nobody else waits for: a version is read
        and proved before it is deployed, and a stop waits for the last answer.
        """
        known = await self.known(key)
        await self.finish(await asyncio.to_thread(lambda: to_json(call(known.project))))

    async def decide(self, key: str, decide: Decide) -> None:
        """Decide, have it made so, and answer without waiting for that."""
        who = self.identity

        def call(project: Project) -> dict[str, Any]:
            change = decide(project.endpoints, who)
            return project.endpoints.begin(change)

        await self.slowly(key, call)


class Deploy(_Decide):
    """``/projects/{key}/endpoints/{name}/deploy``."""

    @authenticated
    @authorized
    async def post(self, key: str, name: str) -> None:
        """Serve a version."""
        body = self.body(_DeployBody)
        limits = None if body.limits is None else body.limits.model_dump(exclude_unset=True)
        await self.decide(
            key,
            lambda endpoints, who: endpoints.deploy(
                name,
                body.version,
                workers=body.workers,
                port=body.port,
                host=body.host,
                backend=body.backend,
                limits=limits,
                allow_unsafe=body.allow_unsafe,
                reason=body.reason,
                by=who,
            ),
        )


class Canary(_Decide):
    """``/projects/{key}/endpoints/{name}/canary``."""

    @authenticated
    @authorized
    async def post(self, key: str, name: str) -> None:
        """Give a version a small share."""
        body = self.body(_CanaryBody)
        guard = None if body.guard is None else body.guard.model_dump(exclude_unset=True)
        await self.decide(
            key,
            lambda endpoints, who: endpoints.canary(
                name,
                body.version,
                body.share,
                guard=guard,
                unit=body.unit,
                ramp=body.ramp,
                backend=body.backend,
                allow_unsafe=body.allow_unsafe,
                reason=body.reason,
                by=who,
            ),
        )


class Shadow(_Decide):
    """``/projects/{key}/endpoints/{name}/shadow``."""

    @authenticated
    @authorized
    async def post(self, key: str, name: str) -> None:
        """Copy requests to a version."""
        body = self.body(_ShadowBody)
        await self.decide(
            key,
            lambda endpoints, who: endpoints.shadow(
                name,
                body.version,
                body.share,
                backend=body.backend,
                allow_unsafe=body.allow_unsafe,
                reason=body.reason,
                by=who,
            ),
        )


class Split(_Decide):
    """``/projects/{key}/endpoints/{name}/split``."""

    @authenticated
    @authorized
    async def post(self, key: str, name: str) -> None:
        """Split units between two versions."""
        body = self.body(_SplitBody)
        await self.decide(
            key,
            lambda endpoints, who: endpoints.split(
                name,
                body.versions,
                unit=body.unit,
                backend=body.backend,
                allow_unsafe=body.allow_unsafe,
                reason=body.reason,
                by=who,
            ),
        )


class SetShare(_Decide):
    """``/projects/{key}/endpoints/{name}/share``."""

    @authenticated
    @authorized
    async def post(self, key: str, name: str) -> None:
        """Change what part of the traffic the canary or the shadow gets."""
        body = self.body(_ShareBody)
        await self.decide(
            key,
            lambda endpoints, who: endpoints.set_share(
                name, body.share, ramp=body.ramp, reason=body.reason, by=who
            ),
        )


class Promote(_Decide):
    """``/projects/{key}/endpoints/{name}/promote``."""

    @authenticated
    @authorized
    async def post(self, key: str, name: str) -> None:
        """Have the version that is tried serve."""
        body = self.body(_ReasonBody)
        await self.decide(
            key, lambda endpoints, who: endpoints.promote(name, reason=body.reason, by=who)
        )


class Rollback(_Decide):
    """``/projects/{key}/endpoints/{name}/rollback``."""

    @authenticated
    @authorized
    async def post(self, key: str, name: str) -> None:
        """End the rollout, or go back to the version before."""
        body = self.body(_RollbackBody)
        await self.decide(
            key,
            lambda endpoints, who: endpoints.rollback(name, to=body.to, reason=body.reason, by=who),
        )


class Stop(_Decide):
    """``/projects/{key}/endpoints/{name}/stop``."""

    @authenticated
    @authorized
    async def post(self, key: str, name: str) -> None:
        """Serve nothing; answers when nothing runs any more."""
        body, who = self.body(_ReasonBody), self.identity

        def call(project: Project) -> dict[str, Any]:
            change = project.endpoints.stop(name, reason=body.reason, by=who)
            project.endpoints.end(name)
            return pages.change_page(change, None)

        await self.slowly(key, call)


class Predictions(LabHandler):
    """``/projects/{key}/endpoints/{name}/predictions``."""

    permissions = needs(get="endpoints:read")

    @authenticated
    @authorized
    async def get(self, key: str, name: str) -> None:
        """Give what was answered, the newest first, with the truth as far as it is known."""
        query = self.query(_PredictionsQuery)
        asked = query.model_dump(exclude={"limit", "cursor"}, exclude_none=True)

        def call(project: Project) -> dict[str, Any]:
            found = project.endpoints.predictions(name, **asked)
            return pages.predictions_page(found.page(query.limit, query.cursor))

        await self.answer(key, call)


class Compare(LabHandler):
    """``/projects/{key}/endpoints/{name}/compare``."""

    permissions = needs(get="endpoints:read")

    @authenticated
    @authorized
    async def get(self, key: str, name: str) -> None:
        """Say which version of a rollout is better, as far as that is known."""
        query = self.query(_CompareQuery)

        def call(project: Project) -> dict[str, Any]:
            return project.endpoints.compare(
                name,
                rollout=query.rollout,
                truth=query.truth,
                metric=query.metric,
                every=query.every,
            ).to_json()

        await self.answer(key, call)


class Truth(LabHandler):
    """``/projects/{key}/endpoints/{name}/truth``."""

    permissions = needs(post="endpoints:truth")

    @authenticated
    @authorized
    async def post(self, key: str, name: str) -> None:
        """Keep what turned out to be true."""
        body, who = self.body(_TruthBody), self.identity

        def call(project: Project) -> dict[str, Any]:
            told = project.endpoints.log_truth(
                name, body.rows, on=body.on, value=body.value, event=body.event, by=who
            )
            return pages.truth_page(told)

        await self.answer(key, call)


class EndpointLog(LabHandler):
    """``/projects/{key}/endpoints/{name}/log``."""

    permissions = needs(get="endpoints:read")

    @authenticated
    @authorized
    async def get(self, key: str, name: str) -> None:
        """Give a piece of what the supervisor and its workers printed."""
        offset = self.query(_LogQuery).offset

        def call(project: Project) -> dict[str, Any]:
            path = project.endpoints.log_path(name)
            return read_piece(path, offset, False, f"{name} has not run yet.")

        await self.answer(key, call)


_NAME = r"/endpoints/([^/]+)"

ROUTES = [
    (r"/endpoints", Endpoints),
    (_NAME, Endpoint),
    (_NAME + "/deploy", Deploy),
    (_NAME + "/canary", Canary),
    (_NAME + "/shadow", Shadow),
    (_NAME + "/split", Split),
    (_NAME + "/share", SetShare),
    (_NAME + "/promote", Promote),
    (_NAME + "/rollback", Rollback),
    (_NAME + "/stop", Stop),
    (_NAME + "/predictions", Predictions),
    (_NAME + "/compare", Compare),
    (_NAME + "/truth", Truth),
    (_NAME + "/log", EndpointLog),
]
