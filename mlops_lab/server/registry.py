"""Routes of the registry: models, what could become of a version, and the decisions about it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar, Final

from jupyter_server.auth.decorator import authorized
from pydantic import Field, model_validator
from tornado.web import authenticated

from mlops_lab.errors import InvalidInput
from mlops_lab.governance import Identity
from mlops_lab.names import alias_name, name_of
from mlops_lab.project import Project
from mlops_lab.registry.browse import Browser
from mlops_lab.registry.manager import ModelManager
from mlops_lab.registry.promotion import check_content
from mlops_lab.registry.records import ApprovalResult
from mlops_lab.server.handler import Body, LabHandler, Query, needs
from mlops_lab.server.text import Comment, Digest, Name, Note, Tags

__all__ = ["ROUTES"]

_MODEL: Final = "A model"

Decide = Callable[[Project], ApprovalResult]


class _RegisterBody(Body):
    name: Name
    logged_model: Name | None = None


class _DecisionBody(Body):
    alias: Name
    digest: Digest
    comment: Comment = ""


class _PromoteBody(Body):
    version: int = Field(ge=1, lt=10**18)
    digest: Digest
    reason: Comment = ""


class _RollbackBody(Body):
    reason: Comment = ""
    version: int | None = Field(None, ge=1, lt=10**18)


class _RemoveQuery(Query):
    reason: Comment = ""
    version: int | None = Field(default=None, ge=1, lt=10**18)


class _Patch(Body):
    @model_validator(mode="after")
    def _says_something(self) -> _Patch:
        if not self.model_fields_set:
            raise ValueError(f"nothing to change: {' or '.join(type(self).model_fields)}")
        return self


class _ModelPatch(_Patch):
    description: Note | None = None
    tags: Tags | None = None


class _VersionPatch(_Patch):
    note: Note | None = None
    tags: Tags | None = None


class _CardBody(Body):
    sections: dict[Name, Note] = Field(max_length=50)


class _RegistryHandler(LabHandler):
    """What the handlers of the registry share."""

    async def decide(self, key: str, decide: Decide) -> None:
        """Take a decision and say in a sentence what it led to."""

        def call(project: Project) -> dict[str, Any]:
            result = decide(project)
            return {"promoted": result.promoted, "sentence": result.sentence}

        await self.answer(key, call)

    async def do(self, key: str, call: Callable[[Project], object]) -> None:
        """Do what has no answer."""
        known = await self.known(key)
        await self.services.in_thread(lambda: call(known.project))
        self.set_status(204)


class Models(_RegistryHandler):
    """``/projects/{key}/models``."""

    permissions = needs(get="models:read")

    @authenticated
    @authorized
    async def get(self, key: str) -> None:
        """List the models, and what waits for approval."""
        who = self.identity
        await self.answer(key, lambda project: _browser(project, who).models_page())


class Model(_RegistryHandler):
    """``/projects/{key}/models/{name}``."""

    permissions = needs(get="models:read", patch="models:edit")

    @authenticated
    @authorized
    async def get(self, key: str, name: str) -> None:
        """Give one model with its versions."""
        name, who = name_of(name, _MODEL), self.identity
        await self.answer(key, lambda project: _browser(project, who).model_page(name))

    @authenticated
    @authorized
    async def patch(self, key: str, name: str) -> None:
        """Describe a model, or tag it."""
        name, body, who = name_of(name, _MODEL), self.body(_ModelPatch), self.identity

        def call(project: Project) -> dict[str, Any]:
            pages = _browser(project, who)  # may fail, and nothing is written then
            project.models.edit(name, description=body.description, tags=body.tags, by=who)
            page: dict[str, Any] = pages.model_page(name)["model"]
            return page

        await self.answer(key, call)


class Version(_RegistryHandler):
    """``/projects/{key}/models/{name}/versions/{n}``."""

    permissions = needs(get="models:read", patch="models:edit", delete="models:delete")

    @authenticated
    @authorized
    async def get(self, key: str, name: str, number: str) -> None:
        """Say all about one version, and what could become of it."""
        ref, who = _ref(name, number), self.identity
        await self.answer(key, lambda project: _browser(project, who).version_page(ref))

    @authenticated
    @authorized
    async def patch(self, key: str, name: str, number: str) -> None:
        """Leave a note on a version, or tag it."""
        ref, body, who = _ref(name, number), self.body(_VersionPatch), self.identity

        def call(project: Project) -> dict[str, Any]:
            pages = _browser(project, who)
            project.models.edit(ref, note=body.note, tags=body.tags, by=who)
            return pages.version_row(ref)

        await self.answer(key, call)

    @authenticated
    @authorized
    async def delete(self, key: str, name: str, number: str) -> None:
        """Delete a version that has no alias and that nothing needs."""
        ref, who = _ref(name, number), self.identity
        await self.do(key, lambda project: project.models.delete(ref, by=who))


class Card(_RegistryHandler):
    """``/projects/{key}/models/{name}/versions/{n}/card``."""

    permissions = needs(get="models:read")

    @authenticated
    @authorized
    async def get(self, key: str, name: str, number: str) -> None:
        """Give the model card as Markdown, and the sections that people wrote."""
        name = name_of(name, _MODEL)
        ref = _ref(name, number)
        await self.answer(
            key,
            lambda project: {
                "markdown": project.models.card(ref),
                "sections": project.models.card_sections(name),
            },
        )


class CardSections(_RegistryHandler):
    """``/projects/{key}/models/{name}/card``."""

    permissions = needs(put="models:edit")

    @authenticated
    @authorized
    async def put(self, key: str, name: str) -> None:
        """Write the sections of the card that only a person can write."""
        name, who = name_of(name, _MODEL), self.identity
        sections = dict(self.body(_CardBody).sections)
        await self.do(key, lambda project: project.models.edit_card(name, sections, by=who))


class Request(_RegistryHandler):
    """``/projects/{key}/models/{name}/versions/{n}/request``."""

    permissions = needs(post="models:request")

    @authenticated
    @authorized
    async def post(self, key: str, name: str, number: str) -> None:
        """Ask for the approval that a version needs to get an alias."""
        ref, body, who = _ref(name, number), self.body(_DecisionBody), self.identity

        def call(project: Project) -> ApprovalResult:
            check_content(project.models.get(ref), body.digest)
            return project.models.request_approval(ref, body.alias, body.comment, by=who)

        await self.decide(key, call)


class Approve(_RegistryHandler):
    """``/projects/{key}/models/{name}/versions/{n}/approve``."""

    permissions = needs(post="models:approve")
    verdict: ClassVar[Callable[..., ApprovalResult]] = ModelManager.approve

    @authenticated
    @authorized
    async def post(self, key: str, name: str, number: str) -> None:
        """Say yes or no to what was looked at; the last approval missing promotes."""
        ref, body, who = _ref(name, number), self.body(_DecisionBody), self.identity
        give = type(self).verdict
        await self.decide(
            key,
            lambda project: give(
                project.models, ref, body.comment, alias=body.alias, digest=body.digest, by=who
            ),
        )


class Reject(Approve):
    """``/projects/{key}/models/{name}/versions/{n}/reject``: the approvals so far are void."""

    verdict = ModelManager.reject


class Alias(_RegistryHandler):
    """``/projects/{key}/models/{name}/aliases/{alias}``."""

    permissions = needs(put="models:promote", delete="models:rollback")

    @authenticated
    @authorized
    async def put(self, key: str, name: str, alias: str) -> None:
        """Promote: give the alias to a version, if its policy allows that."""
        body, who, alias = self.body(_PromoteBody), self.identity, alias_name(alias)
        ref = _ref(name, str(body.version))
        await self.decide(
            key,
            lambda project: project.models.promote(
                ref, alias, reason=body.reason, digest=body.digest, by=who
            ),
        )

    @authenticated
    @authorized
    async def delete(self, key: str, name: str, alias: str) -> None:
        """Take the alias away, so that no version has it."""
        name, alias, who = name_of(name, _MODEL), alias_name(alias), self.identity
        query = self.query(_RemoveQuery)
        await self.decide(
            key,
            lambda project: project.models.remove_alias(
                name, alias, reason=query.reason, version=query.version, by=who
            ),
        )


class Rollback(_RegistryHandler):
    """``/projects/{key}/models/{name}/aliases/{alias}/rollback``."""

    permissions = needs(post="models:rollback")

    @authenticated
    @authorized
    async def post(self, key: str, name: str, alias: str) -> None:
        """Give the alias back to the version that had it before."""
        name, alias, who = name_of(name, _MODEL), alias_name(alias), self.identity
        body = self.body(_RollbackBody)
        await self.decide(
            key,
            lambda project: project.models.rollback(
                name, alias, reason=body.reason, version=body.version, by=who
            ),
        )


class Register(_RegistryHandler):
    """``/projects/{key}/runs/{run_id}/register``."""

    permissions = needs(post="models:register")

    @authenticated
    @authorized
    async def post(self, key: str, run_id: str) -> None:
        """Make a version of a model that a run has logged."""
        body, who = self.body(_RegisterBody), self.identity
        name = name_of(body.name, _MODEL)

        def call(project: Project) -> dict[str, Any]:
            pages, run = _browser(project, who), project.runs.get(run_id).id
            version = project.models.register(
                name, run_id=run, logged_model=body.logged_model, by=who
            )
            return pages.version_row(version.ref)

        await self.answer(key, call, status=201)


def _browser(project: Project, who: Identity) -> Browser:
    return Browser(
        models=project.models,
        goals=project.settings.goals,
        by=who,
        gates=project.pipelines.gates,
    )


def _ref(name: str, number: str) -> str:
    if not int(number):
        raise InvalidInput("Versions are numbered from 1.")
    return f"{name_of(name, _MODEL)}@{int(number)}"


_VERSION = r"/models/([^/]+)/versions/([0-9]{1,18})"

ROUTES = [
    (r"/models", Models),
    (r"/models/([^/]+)", Model),
    (r"/models/([^/]+)/card", CardSections),
    (r"/models/([^/]+)/aliases/([^/]+)", Alias),
    (r"/models/([^/]+)/aliases/([^/]+)/rollback", Rollback),
    (_VERSION, Version),
    (_VERSION + "/card", Card),
    (_VERSION + "/request", Request),
    (_VERSION + "/approve", Approve),
    (_VERSION + "/reject", Reject),
    (r"/runs/([^/]+)/register", Register),
]
