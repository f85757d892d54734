"""The registry browser in a notebook: live beside a kernel, still readable without one."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

import traitlets

from mlops_lab.errors import InvalidInput, LabError
from mlops_lab.governance import audit
from mlops_lab.project import Project
from mlops_lab.registry.browse import Browser, time_text
from mlops_lab.widgets.models_picture import models_svg, models_text
from mlops_lab.widgets.saved import SavedState
from mlops_lab.widgets.view import STATIC, Answered, HostedView, me_of

if TYPE_CHECKING:
    from mlops_lab.registry.records import ApprovalResult

__all__ = ["RegistryBrowser"]

_MOST_DETAILS: Final = 40
_MOST_DECISIONS: Final = 50

_INTACT: Final = "every line follows from the one before"
_NOTHING: Final[dict[str, Any]] = {
    "model": None,
    "version": None,
    "part": "versions",
    "other": None,
    "sheet": None,
}

log = logging.getLogger(__name__)


class RegistryBrowser(HostedView):
    """Models, their versions and what is decided about them, as JupyterLab shows them.

    What is looked at is the view's ``selection``; this half reads what it needs. Decisions are
    taken as the kernel's own identity. The notebook's output keeps what was read, with a still
    picture.

    Parameters
    ----------
    model
        The one to begin with, by default what waits for approval, else the first.
    project
        The project whose models are shown, by default that of this process.

    Examples
    --------
    >>> lab.RegistryBrowser("flight-delay")  # doctest: +SKIP
    """

    _esm = STATIC / "registry.js"
    _css = STATIC / "registry-view.css"
    view = "registry"

    models = traitlets.Dict(allow_none=True, default_value=None).tag(sync=True)
    pages = traitlets.Dict().tag(sync=True)
    details = traitlets.Dict().tag(sync=True)
    lineages = traitlets.Dict().tag(sync=True)
    cards = traitlets.Dict().tag(sync=True)
    decisions = traitlets.Dict(allow_none=True, default_value=None).tag(sync=True)

    def __init__(self, model: str | None = None, *, project: Project | None = None) -> None:
        self._project: Project = project or Project.locate(create=False)
        super().__init__(self._project, self._read_again({**_NOTHING, "model": model}))
        self.observe(self._on_selection, "selection")

    def refresh(self) -> None:
        """Read again what is shown."""
        self._set(self._read_again(self.selection))

    def state(self) -> dict[str, Any]:
        """What the view shows and can show, as it stands in the saved notebook.

        Besides what was looked at it holds the other models and versions, the newest first, as far
        as 1,000 rows and 300 kB go.
        """
        names = ("models", "pages", "details", "lineages", "cards", "decisions", "updated_ms")
        shown = {name: getattr(self, name) for name in names}
        shown["selection"] = {**self.selection, "sheet": None}
        saved = SavedState(shown)
        try:
            self._add_others(saved)
        except LabError as error:
            # A version that went meanwhile, a busy store: what was looked at is kept all the same.
            log.debug("the saved view holds less than it could: %s", error)
        return saved.state

    def __repr__(self) -> str:
        return models_text(self.models or {"models": [], "queue": []})

    def picture(self) -> str:
        """The models as lines, in a still SVG."""
        return models_svg(self.models or {}, self.pages)

    # ------------------------------------------------------------------ reading

    def _browser(self) -> Browser:
        project = self._project
        return Browser(
            project.models,
            project.settings.goals,
            project.identity,
            project.pipelines.gates,
        )

    def _read_again(self, selection: Mapping[str, Any]) -> dict[str, Any]:
        """Everything that is shown with a selection, read at one moment."""
        project = self._project
        browser = self._browser()
        try:
            with project.store.read():  # one look at the store for all of it
                models = browser.models_page()
                names = [row["name"] for row in models["models"]]
                chosen = selection.get("model")
                if chosen is not None and chosen not in names:
                    raise InvalidInput(f"There is no model {chosen!r}; there are {names}.")
                waiting = [one["model"] for one in models["queue"]]
                first: str | None = chosen or next(iter([*waiting, *names]), None)
                pages = {} if first is None else {first: browser.model_page(first)}
                wanted = _chosen(selection, pages.get(first or ""))
                values = self._read_version(browser, first, wanted, selection)
                decided = _decisions(project)
        except LabError as error:
            if self.models is None:
                raise
            return {"error": str(error)}
        place = {**selection, "model": first, "version": wanted}
        return {
            "models": models,
            "pages": pages,
            "decisions": decided,
            "me": me_of(project),
            "error": None,
            "updated_ms": time.time() * 1000,
            "selection": place,
            **values,
        }

    def _read_version(
        self,
        browser: Browser,
        name: str | None,
        version: int | None,
        selection: Mapping[str, Any],
    ) -> dict[str, dict[str, Any]]:
        """What is shown of one version; of a second one too while they are compared."""
        found: dict[str, dict[str, Any]] = {"details": {}, "lineages": {}, "cards": {}}
        if name is None or version is None:
            return found
        ref = f"{name}@{version}"
        found["details"][ref] = browser.version_page(ref)
        found["lineages"][ref] = self._project.lineage.graph(f"model:{ref}").to_json()
        other = selection.get("other")
        if selection.get("part") == "compare" and isinstance(other, int):
            found["details"][f"{name}@{other}"] = browser.version_page(f"{name}@{other}")
        if selection.get("part") == "card":
            models = self._project.models
            found["cards"][ref] = {
                "markdown": models.card(ref),
                "sections": models.card_sections(name),
            }
        return found

    def _on_selection(self, change: Mapping[str, Any]) -> None:
        """Read what is selected and not there yet."""
        selection = change["new"]
        name = selection.get("model")
        try:
            browser = self._browser()
            pages = dict(self.pages)
            if isinstance(name, str) and name not in pages:
                pages[name] = browser.model_page(name)
            version = selection.get("version")
            values = self._missing(browser, name, version, selection)
        except LabError as error:
            self.error = str(error)
            return
        self._set({"error": None, "pages": pages, **values})

    def _missing(
        self, browser: Browser, name: Any, version: Any, selection: Mapping[str, Any]
    ) -> dict[str, dict[str, Any]]:
        if not isinstance(name, str) or not isinstance(version, int):
            return {}
        ref, other = f"{name}@{version}", f"{name}@{selection.get('other')}"
        part = selection.get("part")
        known = ref in self.details and (
            (part != "compare" or other in self.details) and (part != "card" or ref in self.cards)
        )
        if known:
            return {}
        values = self._read_version(browser, name, version, selection)
        return {key: {**getattr(self, key), **value} for key, value in values.items()}

    def _add_others(self, saved: SavedState) -> None:
        """Add what else a saved notebook may hold, the most telling first."""
        browser = self._browser()
        names = [row["name"] for row in (self.models or {}).get("models", [])]
        for name in names:
            if name not in saved.state["pages"]:
                saved.add("pages", name, browser.model_page(name))
        refs = [
            f"{name}@{row['version']}"
            for name in names
            for row in saved.state["pages"].get(name, {}).get("versions", [])
        ]
        for ref in [ref for ref in refs if ref not in saved.state["details"]][:_MOST_DETAILS]:
            graph = self._project.lineage.graph(f"model:{ref}").to_json()
            if not (
                saved.add("details", ref, browser.version_page(ref))
                and saved.add("lineages", ref, graph)
            ):
                break

    # ------------------------------------------------------------------ decisions

    def do(self, request: Mapping[str, Any]) -> Answered:
        """Take a decision, or write a note or a part of the card."""
        verb = request.get("verb")
        models = self._project.models
        name, text = str(request.get("model")), str(request.get("text") or "").strip()
        if verb == "card":
            sections = {str(key): str(one) for key, one in dict(request["sections"]).items()}
            models.edit_card(name, sections, by=self._project.identity)
            told = "The card is saved."
        elif verb == "note":
            models.edit(f"{name}@{request['version']}", note=text, by=self._project.identity)
            told = "The note is saved."
        else:
            told = self._decide(str(verb), name, text, request).sentence
        self.refresh()
        return told

    def _decide(
        self, verb: str, name: str, text: str, request: Mapping[str, Any]
    ) -> ApprovalResult:
        models, who = self._project.models, self._project.identity
        alias, digest = str(request.get("alias")), str(request.get("digest"))
        ref = f"{name}@{request.get('version')}"
        if not text:
            raise InvalidInput("A decision needs a reason.")
        match verb:
            case "approve":
                return models.approve(ref, text, alias=alias, digest=digest, by=who)
            case "reject":
                return models.reject(ref, text, alias=alias, digest=digest, by=who)
            case "request":
                return models.request_approval(ref, alias, text, by=who)
            case "promote":
                return models.promote(ref, alias, reason=text, digest=digest, by=who)
            case "rollback":
                version = int(request.get("version") or 0)
                return models.rollback(name, alias, reason=text, version=version, by=who)
        raise InvalidInput(f"The registry browser knows no {verb!r}.")


def _chosen(selection: Mapping[str, Any], page: Mapping[str, Any] | None) -> int | None:
    """The version to show: the chosen one, else one that waits, else the newest."""
    rows = [] if page is None else page["versions"]
    chosen = [row for row in rows if row["version"] == selection.get("version")]
    waiting = [row for row in rows if row["waiting"]]
    found = next(iter([*chosen, *waiting, *rows]), None)
    return None if found is None else int(found["version"])


def _decisions(project: Project) -> dict[str, Any]:
    """The newest decisions, and whether the log is what was written."""
    found = audit.entries(project.store, limit=_MOST_DECISIONS)
    total = audit.count(project.store)
    broken = next((fault for fault in audit.verify(project.store) if not fault.torn), None)
    return {
        "decisions": [
            {
                "n": entry.n,
                "at": time_text(entry.at),
                "by": entry.by,
                "kind": entry.kind,
                "sentence": entry.sentence,
                "ref": None if entry.ref is None else {"kind": entry.ref[0], "id": entry.ref[1]},
            }
            for entry in found
        ],
        "total": total,
        "audit": {
            "state": "intact" if broken is None else "broken",
            "entries": total,
            "line": None if broken is None else broken.line,
            "message": _INTACT if broken is None else f"line {broken.line} {broken.message}",
        },
    }
