"""What every handler does the same way: who may, decode, call the project, encode, or a problem."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, ClassVar, NoReturn, TypeVar

from jupyter_server.auth.decorator import authorized
from jupyter_server.base.handlers import APIHandler
from jupyter_server.extension.handler import ExtensionHandlerMixin
from pydantic import BaseModel, ConfigDict, ValidationError
from tornado.web import authenticated

from mlops_lab.errors import Forbidden, InvalidInput, NotFound
from mlops_lab.governance import PERMISSIONS, Identity, current_identity
from mlops_lab.project import Project
from mlops_lab.server.encode import to_json
from mlops_lab.server.known import KnownProject
from mlops_lab.server.problems import MEDIA_TYPE, Problem, describe, misshapen
from mlops_lab.server.rules import groups_of
from mlops_lab.server.services import Services
from mlops_lab.server.text import refuse_broken

__all__ = ["API", "SETTING", "Body", "LabHandler", "NoRoute", "Query", "needs"]

API = "/mlops-lab/api/v1"
SETTING = "mlops_lab_services"
MAX_BODY_BYTES = 1_000_000
_MADE_UP = re.compile("[0-9a-f]{32}")

M = TypeVar("M", bound=BaseModel)
T = TypeVar("T")


def needs(**permissions: str) -> Mapping[str, str]:
    """Say what each verb of a handler needs: ``needs(get="runs:read")``; a right must exist."""
    for permission in permissions.values():
        if permission not in PERMISSIONS:
            raise ValueError(f"There is no right {permission!r}.")
    return MappingProxyType(permissions)


class Body(BaseModel):
    """What a request's JSON body may say: an unknown word, or another type, is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Query(BaseModel):
    """What a request's query may say. Others are ignored: Jupyter's client adds a time stamp."""

    model_config = ConfigDict(extra="ignore", frozen=True)


class LabHandler(ExtensionHandlerMixin, APIHandler):
    """The base of all handlers. Every verb of a subclass is ``@authenticated @authorized``.

    Attributes
    ----------
    permissions
        What each verb needs. A verb of which nothing is said is closed to everybody.
    """

    auth_resource = "mlops_lab"
    permissions: ClassVar[Mapping[str, str]] = needs()

    @property
    def services(self) -> Services:
        """What the handlers share."""
        services: Services = self.settings[SETTING]
        return services

    @property
    def identity(self) -> Identity:
        """Who asks, by the word of Jupyter's IdentityProvider.

        With a token alone Jupyter knows nobody and makes up a name for each browser; then the
        server's own user stands for them, as in a kernel that the same person starts.
        """
        user = self.current_user
        if _MADE_UP.fullmatch(user.username) and str(user.name).startswith("Anonymous "):
            return Identity(current_identity().id, via="jupyter")
        return Identity(str(user.username), via="jupyter", groups=groups_of(user))

    async def prepare(self) -> None:  # type: ignore[override]  # as Jupyter's own APIHandler
        """Refuse who may not, before anything else is done or looked at."""
        await super().prepare()
        if self.current_user is None or self._finished:
            return
        verb = str(self.request.method).lower()
        if getattr(type(self), verb, None) is getattr(APIHandler, verb, None):
            return  # there is no such verb here, which is said later
        self.services.access.require(self.identity, self._permission)

    @property
    def _permission(self) -> str:
        verb = str(self.request.method).lower()
        try:
            return self.permissions[verb]
        except KeyError:
            raise Forbidden(f"Nobody may {verb.upper()} this: it needs no known right.") from None

    def body(self, model: type[M]) -> M:
        """The request's JSON body, checked.

        Raises
        ------
        InvalidInput
            It is not JSON, of another shape, or far too large to be meant.
        """
        raw = self.request.body
        if len(raw) > MAX_BODY_BYTES:
            raise InvalidInput(f"The body has {len(raw):,} bytes; {MAX_BODY_BYTES:,} are enough.")
        try:
            value = json.loads(raw or b"{}")
            refuse_broken(value)
        except (ValueError, RecursionError) as error:  # a JSONDecodeError is a ValueError
            raise InvalidInput(f"The body is not JSON in Unicode: {error}.") from error
        try:
            return model.model_validate(value)
        except ValidationError as error:
            raise misshapen(error, model, "body") from None

    def query(self, model: type[M]) -> M:
        """The request's query, checked; of a word given twice the last one counts."""
        names = model.model_fields.keys() & self.request.query_arguments.keys()
        # Unstripped: an error in a search points at a character of what was typed.
        given = {name: self.get_query_argument(name, strip=False) for name in names}
        try:
            return model.model_validate(given)
        except ValidationError as error:
            raise misshapen(error, model, "query") from None

    async def known(self, key: str) -> KnownProject:
        """The project of a key, watched for changes from now on for a while."""
        known = await self.services.in_thread(lambda: self.services.known.get(key))
        # Of this project: a file inside of it may have given a role, which does not count here.
        known.project.access.require(self.identity, self._permission)
        await self.services.watcher.renew(known.project)
        return known

    async def answer(self, key: str, call: Callable[[Project], Any], *, status: int = 200) -> None:
        """Answer with what a call on the project gives; it runs and is encoded in a thread."""
        known = await self.known(key)
        await self.send(lambda: call(known.project), status=status)

    async def send(self, call: Callable[[], Any], *, status: int = 200) -> None:
        """Answer with what a blocking call gives."""
        payload = await self.services.in_thread(lambda: to_json(call()))
        self.set_status(status)
        await self.finish(payload)

    def set_default_headers(self) -> None:
        """Answers are never cached: what they show changes."""
        super().set_default_headers()
        self.set_header("Cache-Control", "no-store")

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """Answer every error with a problem document, and with nothing of our insides."""
        info = kwargs.get("exc_info")
        problem = describe(status_code, info[1] if info else None)
        if problem.reference:
            self.log.error("%s: %s", problem.reference, self.request.path, exc_info=info)
        # Resets the reason too: what users typed has no place in the status line.
        self.set_status(problem.status)
        if problem.status == 503:
            self.set_header("Retry-After", "1")
        self.finish(to_json(self.document_of(problem)), set_content_type=MEDIA_TYPE)

    def document_of(self, problem: Problem) -> dict[str, Any]:
        """What an error's answer says."""
        return problem.document()

    def log_exception(self, typ: Any, value: Any, tb: Any) -> None:
        """Leave the log to :meth:`write_error`: what a user mistyped is no news for it."""


class NoRoute(LabHandler):
    """What is below our address and no route: a problem document instead of a web page."""

    permissions = needs(
        get="runs:read",
        post="runs:read",
        put="runs:read",
        patch="runs:read",
        delete="runs:read",
    )

    @authenticated
    @authorized
    async def get(self, path: str) -> None:
        """Say that there is no such route."""
        self._refuse(path)

    @authenticated
    @authorized
    async def post(self, path: str) -> None:
        """Say that there is no such route."""
        self._refuse(path)

    @authenticated
    @authorized
    async def put(self, path: str) -> None:
        """Say that there is no such route."""
        self._refuse(path)

    @authenticated
    @authorized
    async def patch(self, path: str) -> None:
        """Say that there is no such route."""
        self._refuse(path)

    @authenticated
    @authorized
    async def delete(self, path: str) -> None:
        """Say that there is no such route."""
        self._refuse(path)

    def _refuse(self, path: str) -> NoReturn:
        raise NotFound(f"There is no {self.request.method} {path!r} in the interface of MLOps Lab.")
