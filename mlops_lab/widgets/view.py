"""What the views share that ask their host: the registry browser, the drift explorer."""

from __future__ import annotations

import logging
from abc import abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Final

import anywidget
import traitlets

from mlops_lab.errors import LabError
from mlops_lab.project import Project

__all__ = ["STATIC", "VERSION", "VIEW_MIME", "Answered", "HostedView", "me_of"]

STATIC: Final = Path(__file__).parents[1] / "_static"
VIEW_MIME: Final = "application/vnd.mlops-lab.view+json"
VERSION: Final = 1

Answered = str | tuple[str, Any]
"""What a request is answered with: a sentence, or one and what was asked for."""

log = logging.getLogger(__name__)


class HostedView(anywidget.AnyWidget):
    """A view whose host is this kernel: it reads what is selected and does what is asked for.

    The view sets ``selection`` and ``request``; this half answers each request with ``answer``, by
    the request's id. What is decided is decided as the kernel's own identity. The notebook's output
    keeps `state`, with a still picture and a line of text.

    Parameters
    ----------
    project
        The project in which requests are done; None where there is none.
    state
        The first values of the traits.
    """

    view: ClassVar[str]

    me = traitlets.Dict(allow_none=True, default_value=None).tag(sync=True)
    error = traitlets.Unicode(allow_none=True, default_value=None).tag(sync=True)
    updated_ms = traitlets.Float(allow_none=True, default_value=None).tag(sync=True)
    opens = traitlets.List(traitlets.Unicode()).tag(sync=True)
    inserts = traitlets.Bool(False).tag(sync=True)
    place = traitlets.Unicode("notebook").tag(sync=True)
    selection = traitlets.Dict().tag(sync=True)
    request = traitlets.Dict(allow_none=True, default_value=None).tag(sync=True)
    answer = traitlets.Dict(allow_none=True, default_value=None).tag(sync=True)

    def __init__(self, project: Project | None, state: Mapping[str, Any]) -> None:
        self._project = project
        super().__init__(**state)
        self.observe(self._on_request, "request")

    @abstractmethod
    def refresh(self) -> None:
        """Read again what is shown."""

    @abstractmethod
    def state(self) -> dict[str, Any]:
        """What the view shows and can show, as it stands in the saved notebook."""

    @abstractmethod
    def picture(self) -> str:
        """What is shown as a still SVG, for places that run no JavaScript."""

    @abstractmethod
    def do(self, request: Mapping[str, Any]) -> Answered:
        """Do what the view asks for, except to say hello and to read again."""

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        bundle = super()._repr_mimebundle_(**kwargs)
        data, metadata = bundle if isinstance(bundle, tuple) else (bundle or {}, {})
        still = {
            VIEW_MIME: {"view": self.view, "version": VERSION, "state": self.state()},
            "image/svg+xml": self.picture(),
            "text/plain": repr(self),
        }
        return data | still, metadata

    def _set(self, values: Mapping[str, Any]) -> None:
        with self.hold_sync():
            for name, value in values.items():
                self.set_trait(name, value)

    def _on_request(self, change: Mapping[str, Any]) -> None:
        request = change["new"]
        if not isinstance(request, dict) or not isinstance(request.get("id"), str):
            return
        result: Any = None
        try:
            found, ok = self._answered(request), True
            sentence, result = found if isinstance(found, tuple) else (found, None)
        except LabError as error:
            sentence, ok = str(error), False
        except Exception:
            # A view that waits for an answer waits for ever when there is none.
            log.exception("the request of the view %s failed", self.view)
            sentence, ok = "That failed; the kernel's log has the reason.", False
        answer = {"id": request["id"], "ok": ok, "sentence": sentence}
        self.answer = answer if result is None else {**answer, "result": result}

    def _answered(self, request: Mapping[str, Any]) -> Answered:
        match request.get("verb"):
            case "hello":
                return ""
            case "refresh":
                self.refresh()
                return ""
        return self.do(request)


def me_of(project: Project) -> dict[str, Any]:
    """As whom a kernel acts in a project, and what that may do."""
    who = project.identity
    return {
        "id": who.id,
        "role": project.access.role_of(who),
        "may": list(project.access.permissions(who)),
    }
