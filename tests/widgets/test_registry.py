"""The registry browser's Python half: what it shows, what it keeps, what it decides."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

import mlops_lab as lab
from mlops_lab.governance import Identity
from mlops_lab.governance.access import Rules
from mlops_lab.project import Project
from mlops_lab.widgets import RegistryBrowser
from mlops_lab.widgets.models_picture import models_svg
from mlops_lab.widgets.saved import MOST_BYTES, MOST_ROWS, rows_of
from mlops_lab.widgets.view import VIEW_MIME

WIRE = Path(__file__).parents[1] / "wire"
POLICY = '[aliases.staging]\n\n[aliases.champion]\nafter = "staging"\napprovals = 1\n'
Make = Callable[..., Any]


@pytest.fixture
def project(
    new_project: Callable[[Path], Project], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Project]:
    for name in ("MLOPS_LAB_PROJECT", "MLOPS_LAB_RUN", "MLOPS_LAB_ROOT"):
        monkeypatch.delenv(name, raising=False)
    opened = new_project(tmp_path / "project")
    with (opened.root / "mlops.toml").open("a") as settings:
        settings.write(POLICY)
    opened.access.adopt(Rules.of({"mara": "contributor", "ivo": "approver"}, "viewer"))
    become(opened, "mara")
    yield opened
    opened.close()


def become(project: Project, who: str) -> None:
    """Go on as somebody else."""
    project.identity = Identity(who)
    project.models._identity = project.identity


@pytest.fixture
def make(project: Project, tmp_path: Path) -> Make:
    """Registers a version of a model whose files are not looked at."""
    made = 0

    def make(name: str = "flight-delay", auc: float = 0.7) -> Any:
        nonlocal made
        made += 1
        folder = tmp_path / f"package-{made}"
        folder.mkdir()
        (folder / "model.skops").write_text(f"weights {made}")
        said = {"flavor": "sklearn", "unsafe": False, "types": [], "signature": None}
        (folder / "model.json").write_text(json.dumps(said))
        run_id = project.runs.start(name=f"run-{made}")
        project.runs.log_metrics(run_id, {"auc": auc})
        project.models.log_package(run_id, "model", folder)
        project.runs.end(run_id)
        return project.models.register(name, run_id=run_id, by=Identity("mara"))

    return make


def choose(view: RegistryBrowser, **change: Any) -> None:
    view.selection = {**view.selection, **change}


def ask(view: RegistryBrowser, **request: Any) -> Any:
    view.request = {"id": "r1", **request}
    assert view.answer is not None
    assert view.answer["id"] == "r1"
    return view.answer


def about(version: Any, alias: str, text: str) -> dict[str, Any]:
    return {
        "model": version.name,
        "version": version.version,
        "digest": version.digest,
        "alias": alias,
        "text": text,
    }


def test_it_begins_with_the_newest_version_and_its_lineage(project: Project, make: Make) -> None:
    make()
    make(auc=0.71)
    view = RegistryBrowser(project=project)
    assert view.selection["model"] == "flight-delay"
    assert view.selection["version"] == 2
    assert list(view.details) == ["flight-delay@2"]
    assert view.details["flight-delay@2"]["metrics"]["auc"] == 0.71
    kinds = {node["kind"] for node in view.lineages["flight-delay@2"]["nodes"]}
    assert kinds == {"model", "run"}
    assert view.decisions["audit"]["state"] == "intact"


def test_it_has_the_shapes_of_the_wire(project: Project, make: Make) -> None:
    make()
    view = RegistryBrowser(project=project)
    choose(view, part="card")

    def keys(name: str) -> set[str]:
        return set(json.loads((WIRE / f"{name}.json").read_text(encoding="utf-8")))

    assert set(view.models) == keys("models")
    assert set(view.pages["flight-delay"]) == keys("model")
    assert set(view.details["flight-delay@1"]) >= keys("model_version")
    assert set(view.lineages["flight-delay@1"]) >= keys("lineage") - {"truncated"}
    assert set(view.cards["flight-delay@1"]) == keys("model_card")
    assert set(view.decisions) == keys("decisions")
    assert set(view.me) == keys("me")


def test_it_reads_what_is_selected(project: Project, make: Make) -> None:
    make()
    make()
    make("cancellation")
    view = RegistryBrowser("flight-delay", project=project)
    choose(view, version=1)
    assert set(view.details) == {"flight-delay@1", "flight-delay@2"}
    choose(view, model="cancellation", version=1)
    assert set(view.pages) == {"cancellation", "flight-delay"}
    choose(view, model="flight-delay", version=2, part="compare", other=1)
    assert "flight-delay@1" in view.details
    choose(view, model="nobody", version=1)
    assert "nobody" in view.error


def test_a_decision_is_taken_as_the_kernels_identity(project: Project, make: Make) -> None:
    version = make()
    view = RegistryBrowser(project=project)
    assert ask(view, verb="promote", **about(version, "staging", "first"))["ok"]
    assert view.pages["flight-delay"]["model"]["aliases"] == [{"alias": "staging", "version": 1}]
    answer = ask(view, verb="request", **about(version, "champion", "please"))
    assert answer["ok"], answer
    assert view.models["queue"][0]["version"] == 1
    refused = ask(view, verb="approve", **about(version, "champion", "mine"))
    assert not refused["ok"]
    become(project, "ivo")
    view = RegistryBrowser(project=project)
    assert view.me["role"] == "approver"
    answer = ask(view, verb="approve", **about(version, "champion", "fits"))
    assert answer["ok"], answer
    assert {one["alias"] for one in view.models["models"][0]["aliases"]} == {"champion", "staging"}
    assert view.models["queue"] == []


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"text": "  "}, "reason"),
        ({"digest": "b3-" + "0" * 64}, "content"),
        ({"verb": "drop"}, "drop"),
        ({"model": "nobody"}, "nobody"),
        ({"version": None}, ""),
    ],
)
def test_what_cannot_be_decided_is_answered(
    project: Project, make: Make, change: dict[str, Any], told: str
) -> None:
    version = make()
    view = RegistryBrowser(project=project)
    request = {"verb": "promote", **about(version, "staging", "why not")} | change
    answer = ask(view, **request)
    assert not answer["ok"]
    assert told in answer["sentence"]
    assert project.models.get("flight-delay@1").aliases == ()


def test_the_card_and_the_note_stay_editable(project: Project, make: Make) -> None:
    make()
    view = RegistryBrowser(project=project)
    choose(view, part="card")
    answer = ask(view, verb="card", model="flight-delay", sections={"limitations": "no rain"})
    assert answer["ok"], answer
    assert "no rain" in view.cards["flight-delay@1"]["markdown"]
    assert ask(view, verb="note", model="flight-delay", version=1, text="a start")["ok"]
    assert view.details["flight-delay@1"]["note"] == "a start"


def test_a_saved_notebook_keeps_what_is_not_looked_at(project: Project, make: Make) -> None:
    for _ in range(3):
        make()
    make("cancellation")
    data, _ = RegistryBrowser("flight-delay", project=project)._repr_mimebundle_()
    saved = data[VIEW_MIME]
    assert (saved["view"], saved["version"]) == ("registry", 1)
    state = saved["state"]
    assert set(state["pages"]) == {"cancellation", "flight-delay"}
    assert len(state["details"]) == 4
    assert "request" not in state
    assert "me" not in state
    assert "flight-delay" in data["text/plain"]
    ElementTree.fromstring(data["image/svg+xml"])


def test_a_saved_notebook_stays_small(
    project: Project, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    make()
    view = RegistryBrowser(project=project)
    row = view.pages["flight-delay"]["versions"][0]
    many = [row | {"version": n, "note": "x" * 500} for n in range(900, 0, -1)]
    view.pages = {"flight-delay": view.pages["flight-delay"] | {"versions": many}}
    state = view.state()
    assert len(json.dumps(state).encode()) <= MOST_BYTES + 10_000
    assert rows_of({key: state[key] for key in ("models", "decisions", "pages")}) <= MOST_ROWS
    assert state["pages"]["flight-delay"]["versions"]


def test_without_a_model_it_says_so(project: Project) -> None:
    view = RegistryBrowser(project=project)
    assert view.models == {"models": [], "queue": []}
    assert repr(view) == "<models: none yet>"
    assert "No model yet" in models_svg(view.models, {})
    with pytest.raises(lab.InvalidInput, match="nobody"):
        RegistryBrowser("nobody", project=project)


def test_names_are_text_in_the_picture() -> None:
    row = {"name": "<script>alert(1)</script>", "aliases": [], "versions": 1}
    drawn = models_svg({"models": [row]}, {})
    assert "<script" not in drawn
    ElementTree.fromstring(drawn)
