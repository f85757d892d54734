"""The registry in a real browser: the panel, its decisions, the sidebar, a saved notebook."""

from __future__ import annotations

import json
import re
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest
from contrast import check_contrast
from jupyter import Lab
from playwright.sync_api import Locator, Page, expect

from mlops_lab.governance import Identity
from mlops_lab.project import Project
from mlops_lab.widgets import RegistryBrowser

pytestmark = pytest.mark.browser

Open = Callable[..., Page]
Command = Callable[..., Any]
SOON = 20_000
KERNEL = 90_000
MARA, IVO = Identity("mara"), Identity("ivo")
POLICY = """
[goals]
auc = "max"
log_loss = "min"

[aliases.staging]

[aliases.champion]
after = "staging"
gates = true
approvals = 1
"""
HOSTILE = '<img src=x onerror="document.body.dataset.ran=1"> & "Größe" 🛫'


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Version 1 is champion, 2 was rejected, 3 is staging and waits for an approval."""
    folder = tmp_path_factory.mktemp("prepared")
    project = Project.create(folder)
    (folder / "mlops.toml").write_text(POLICY)
    make(project, 1, auc=0.70)
    passed = {"auc": 0.71, "log_loss": 0.48}
    judge(project, 1, "passed", {"auc": 0.70, "log_loss": 0.50}, None)
    promote(project, 1)
    make(project, 2, auc=0.69)
    judge(project, 2, "rejected", {"auc": 0.66, "log_loss": 0.55}, passed)
    project.models.edit("flight-delay@2", note=HOSTILE, by=MARA)
    make(project, 3, auc=0.75)
    judge(project, 3, "passed", {"auc": 0.75, "log_loss": 0.45}, passed)
    project.models.promote("flight-delay@3", "staging", reason="gates passed", by=MARA)
    project.models.request_approval("flight-delay@3", "champion", "better", by=MARA)
    make(project, 1, "cancellation", auc=0.8)
    project.close()
    return folder


@pytest.fixture
def project(prepared: Path, folder: Path) -> Iterator[Project]:
    """A copy for one test."""
    shutil.copytree(prepared, folder, dirs_exist_ok=True)
    project = Project.open(folder)
    yield project
    project.close()


def make(project: Project, number: int, name: str = "flight-delay", **metrics: float) -> str:
    """Register what a run has logged; its files are not looked at here."""
    run_id = log_model(project, f"{name}-run-{number}", **metrics)
    project.models.register(name, run_id=run_id, by=MARA)
    return run_id


def log_model(project: Project, name: str, **metrics: float) -> str:
    run_id = project.runs.start(name=name, params={"max_depth": 6}, by=MARA)
    project.runs.log_metrics(run_id, metrics)
    package = project.root / "packages" / name
    package.mkdir(parents=True)
    (package / "model.skops").write_text(f"weights of {name}")
    said = {
        "flavor": "sklearn",
        "unsafe": False,
        "types": ["sklearn.linear_model._logistic.LogisticRegression"],
        "signature": {
            "inputs": [{"name": "distance", "type": "double", "optional": False}],
            "outputs": [{"name": "late", "type": "double", "optional": False}],
        },
    }
    (package / "model.json").write_text(json.dumps(said))
    project.models.log_package(run_id, "model", package)
    project.runs.end(run_id)
    return run_id


def judge(
    project: Project,
    version: int,
    outcome: str,
    metrics: dict[str, float],
    champion: dict[str, float] | None,
) -> None:
    run_id = project.runs.start(name=f"flight-delay-{version}", kind="pipeline", by=MARA)
    project.models.judge(
        f"flight-delay@{version}",
        run=run_id,
        outcome=outcome,
        passed=2 if outcome == "passed" else 1,
        total=2,
        sentences=() if outcome == "passed" else ("auc 0.660 is below 0.705",),
        metrics=metrics,
        champion=None if champion is None else {"version": 1, "metrics": champion},
        by=MARA,
    )
    project.runs.end(run_id)


def promote(project: Project, version: int) -> None:
    ref = f"flight-delay@{version}"
    project.models.promote(ref, "staging", reason="gates passed", by=MARA)
    project.models.request_approval(ref, "champion", "", by=MARA)
    project.models.approve(ref, "meets the policy", alias="champion", by=IVO)


def show(page: Page, run: Command, project: Project, **args: Any) -> Locator:
    run("mlops-lab:open-model", {"project": project.key, **args})
    view = page.locator(".jp-MlopsLab-models")
    expect(view.locator("h1")).to_be_visible(timeout=SOON)
    return view


def aliases(project: Project) -> dict[str, int]:
    found = {one.name: dict(one.aliases) for one in project.models.list()}
    return found["flight-delay"]


def write(path: Path, *cells: Any) -> None:
    """Write a notebook that opens without a question."""
    notebook = nbformat.v4.new_notebook(cells=list(cells))
    notebook.metadata.kernelspec = {"name": "python3", "display_name": "Python 3 (ipykernel)"}
    nbformat.write(notebook, path)


def became(condition: Callable[[], bool]) -> bool:
    """Whether it comes to be so: a reader beside a writer may be some moments behind."""
    deadline = time.monotonic() + 10
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def clean(page: Page) -> None:
    assert page.faults == []  # type: ignore[attr-defined]
    assert page.foreign == []  # type: ignore[attr-defined]
    assert page.evaluate("document.body.dataset.ran") is None


def test_a_model_is_shown_whole(
    project: Project, open_lab: Open, folder: Path, run_command: Command
) -> None:
    page = open_lab(folder)
    view = show(page, run_command, project, name="flight-delay")
    grid = view.get_by_role("grid", name="Versions of flight-delay")
    rows = grid.locator("tbody tr")
    expect(rows).to_have_count(3, timeout=SOON)
    expect(rows.nth(0)).to_contain_text("staging")
    expect(rows.nth(0)).to_contain_text("+.040")
    expect(rows.nth(1)).to_contain_text("rejected")
    expect(rows.nth(2)).to_contain_text("champion")
    expect(view.get_by_role("img", name=re.compile("auc over 3 versions"))).to_be_visible()
    expect(view.get_by_role("group", name="Lineage of flight-delay 3")).to_be_visible(timeout=SOON)
    expect(view.locator(".jp-MlopsLab-reg-audit")).to_contain_text("Decision log intact")
    rows.nth(1).click()
    expect(view.get_by_role("region", name="Version 2")).to_contain_text("Größe", timeout=SOON)
    view.get_by_role("button", name="History").click()
    expect(view.get_by_role("region", name="History")).to_contain_text("meets the policy")
    view.get_by_role("button", name="Model card").click()
    expect(view.get_by_role("heading", name="flight-delay 2")).to_be_visible(timeout=SOON)
    clean(page)


def test_versions_are_walked_and_compared_by_keys(
    project: Project, open_lab: Open, folder: Path, run_command: Command
) -> None:
    page = open_lab(folder)
    view = show(page, run_command, project, name="flight-delay")
    grid = view.get_by_role("grid", name="Versions of flight-delay")
    row = grid.locator("tr[tabindex='0']")
    expect(row).to_have_attribute("data-row", "3", timeout=SOON)
    row.focus()
    page.keyboard.press("ArrowDown")
    expect(grid.locator("tr:focus")).to_have_attribute("data-row", "2")
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    expect(grid.locator("tr[aria-selected=true]")).to_have_attribute("data-row", "1")
    expect(view.get_by_role("region", name="Version 1")).to_be_visible(timeout=SOON)
    page.keyboard.press("k")
    page.keyboard.press("k")
    page.keyboard.press("c")
    expect(view.get_by_role("region", name="Metrics")).to_contain_text("rows of 3", timeout=SOON)
    page.keyboard.press("Escape")
    page.keyboard.press("/")
    expect(view.get_by_role("searchbox")).to_be_focused()
    page.keyboard.type("cancel")
    models = view.get_by_role("grid", name="Models", exact=True)
    expect(models.get_by_role("row")).to_have_count(1)
    clean(page)


def test_the_approval_that_is_missing_promotes(
    project: Project, open_lab: Open, folder: Path, run_command: Command
) -> None:
    page = open_lab(folder)
    # From where a person hears of it: *Needs you* in the sidebar.
    need = page.locator("#mlops-lab-sidebar").get_by_role("button", name=re.compile("^Review"))
    expect(need).to_be_visible(timeout=SOON)
    need.click()
    sheet = page.get_by_role("dialog", name="Review flight-delay 3")
    expect(sheet).to_be_visible(timeout=SOON)
    expect(sheet).to_contain_text("Same rows")
    approve = sheet.get_by_role("button", name="Approve and promote")
    approve.click()
    expect(sheet.get_by_role("alert")).to_contain_text("A reason is needed")
    expect(sheet.get_by_role("textbox")).to_be_focused()
    page.keyboard.type("better by .04 on the same rows")
    approve.click()
    expect(sheet).to_have_count(0, timeout=SOON)
    expect(page.locator(".jp-MlopsLab-said")).to_contain_text("champion")
    expect(page.locator(".jp-MlopsLab-reg-head")).to_contain_text("champion3", timeout=SOON)
    assert became(lambda: aliases(project)["champion"] == 3)
    expect(need).to_have_count(0, timeout=SOON)
    clean(page)


def test_a_version_is_promoted_and_an_alias_rolled_back_with_a_reason(
    project: Project, open_lab: Open, folder: Path, run_command: Command
) -> None:
    page = open_lab(folder)
    view = show(page, run_command, project, name="flight-delay", version=1)
    opener = view.get_by_role("button", name=re.compile("^Promote 1"))
    expect(opener).to_be_visible(timeout=SOON)
    opener.click()
    sheet = page.get_by_role("dialog")
    expect(sheet).to_be_visible()
    page.keyboard.press("Escape")
    expect(sheet).to_have_count(0)
    expect(opener).to_be_focused()
    page.keyboard.press("Enter")
    sheet.get_by_role("textbox").fill("3 is slow in the evening")
    sheet.get_by_role("button", name="Promote to staging").click()
    expect(sheet).to_have_count(0, timeout=SOON)
    assert became(lambda: aliases(project)["staging"] == 1)
    view.get_by_role("button", name="Roll back…").click()
    # The champion has been no other version: there is no choice.
    expect(sheet).to_contain_text("staging")
    expect(sheet).to_contain_text("goes back to 3")
    sheet.get_by_role("textbox").fill("a mistake")
    sheet.get_by_role("button", name=re.compile("^Roll back to")).click()
    expect(sheet).to_have_count(0, timeout=SOON)
    assert became(lambda: aliases(project)["staging"] == 3)
    clean(page)


def test_what_is_decided_elsewhere_is_seen(
    project: Project, open_lab: Open, folder: Path, run_command: Command
) -> None:
    page = open_lab(folder)
    view = show(page, run_command, project, name="flight-delay")
    expect(view.locator(".jp-MlopsLab-reg-queue")).to_contain_text("flight-delay 3")
    project.models.approve("flight-delay@3", "in a kernel", alias="champion", by=IVO)
    expect(view.locator(".jp-MlopsLab-reg-head")).to_contain_text("champion3", timeout=SOON)
    expect(view.locator(".jp-MlopsLab-reg-queue")).to_have_count(0)
    clean(page)


def test_every_text_can_be_read_in_every_theme(
    project: Project, open_lab: Open, folder: Path, run_command: Command
) -> None:
    page = open_lab(folder)
    page.set_viewport_size({"width": 1600, "height": 1000})
    view = show(page, run_command, project, name="flight-delay", version=3, review="champion")
    expect(view.get_by_role("dialog")).to_contain_text("Same rows", timeout=SOON)
    expect(view.get_by_role("region", name="Version 3")).to_be_visible(timeout=SOON)
    check_contrast(page, ".jp-MlopsLab-models", run_command)


def test_the_panel_comes_back_with_the_layout(
    project: Project, open_lab: Open, folder: Path, run_command: Command
) -> None:
    page = open_lab(folder)
    saved = "/api/workspaces"
    with page.expect_response(lambda r: saved in r.url and r.request.method == "PUT"):
        view = show(page, run_command, project, name="flight-delay", version=2)
        expect(view.get_by_role("region", name="Version 2")).to_be_visible(timeout=SOON)
    page.wait_for_timeout(1_500)  # the layout is saved a second after its last change
    page.goto(page.url.replace("reset", ""))
    view = page.locator(".jp-MlopsLab-models")
    expect(view.get_by_role("region", name="Version 2")).to_be_visible(timeout=60_000)


def test_a_narrow_panel_folds_its_list(
    project: Project, open_lab: Open, folder: Path, run_command: Command
) -> None:
    page = open_lab(folder)
    page.set_viewport_size({"width": 900, "height": 800})
    view = show(page, run_command, project, name="flight-delay")
    expect(view.get_by_role("navigation")).to_have_count(0)
    select = view.get_by_role("combobox", name="Model")
    expect(select).to_have_value("flight-delay")
    box, panel = view.locator("main").bounding_box(), view.bounding_box()
    assert box is not None
    assert panel is not None
    assert box["width"] <= panel["width"] + 1
    select.select_option("cancellation")
    expect(view.locator("h1")).to_have_text("cancellation", timeout=SOON)
    clean(page)


def test_the_sidebar_lists_models_and_inserts_the_cell(
    project: Project, open_lab: Open, folder: Path, run_command: Command
) -> None:
    notebook = folder / "use.ipynb"
    write(notebook)
    page = open_lab(notebook)
    page.locator(".jp-Notebook").wait_for()
    row = page.locator(".jp-MlopsLab-modelrow").filter(has_text="flight-delay")
    expect(row).to_contain_text("champion", timeout=SOON)
    row.focus()
    page.keyboard.press("i")
    cell = page.locator(".jp-Notebook .cm-content").last
    expect(cell).to_contain_text('lab.model("flight-delay@champion").load()', timeout=SOON)
    box, target = row.bounding_box(), page.locator(".jp-Notebook").bounding_box()
    assert box is not None
    assert target is not None
    page.mouse.move(box["x"] + 60, box["y"] + 8)
    page.mouse.down()
    page.mouse.move(target["x"] + 200, target["y"] + 200, steps=6)
    page.mouse.move(target["x"] + 200, target["y"] + 240, steps=2)
    page.mouse.up()
    cells = page.locator(".jp-Notebook .jp-CodeCell").filter(has_text="flight-delay@champion")
    expect(cells).to_have_count(2, timeout=SOON)
    clean(page)


def test_a_run_is_registered_from_its_menu(
    project: Project, open_lab: Open, folder: Path, run_command: Command
) -> None:
    run_id = log_model(project, "candidate", auc=0.77)
    page = open_lab(folder)
    page.evaluate(
        "([c, args]) => void window.jupyterapp.commands.execute(c, args)",
        ["mlops-lab:register-model", {"project": project.key, "id": run_id}],
    )
    dialog = page.locator(".jp-Dialog")
    name = dialog.get_by_role("combobox", name="Name")
    expect(name).to_be_visible(timeout=SOON)
    name.fill("flight-delay")
    expect(dialog).to_contain_text("the next version of flight-delay")
    dialog.get_by_role("button", name="Register").click()
    page.get_by_role("button", name="Open", exact=True).first.click(timeout=SOON)
    view = page.locator(".jp-MlopsLab-models")
    expect(view.get_by_role("region", name="Version 4")).to_be_visible(timeout=SOON)
    assert became(
        lambda: next(one.run_id for one in project.models.versions("flight-delay")) == run_id
    )
    clean(page)


def test_a_link_opens_a_version(
    project: Project, open_lab: Open, lab: Lab, page: Page, folder: Path
) -> None:
    open_lab(folder)
    page.goto(f"{lab.url}/lab?mlops={project.key}/model/flight-delay@2&token={lab.token}")
    view = page.locator(".jp-MlopsLab-models")
    expect(view.get_by_role("region", name="Version 2")).to_be_visible(timeout=SOON)
    assert "mlops=" not in page.url


def test_a_widget_decides_as_the_kernel(
    project: Project, open_lab: Open, folder: Path, run_command: Command
) -> None:
    source = "import mlops_lab as lab\nlab.RegistryBrowser('flight-delay')"
    write(folder / "browse.ipynb", nbformat.v4.new_code_cell(source))
    page = open_lab(folder / "browse.ipynb")
    idle = "() => window.jupyterapp.shell.currentWidget?.sessionContext.session?.kernel?.status"
    page.wait_for_function(f"({idle})() === 'idle'")
    run_command("notebook:run-cell")
    view = page.locator(".jp-Notebook .jp-MlopsLab-registry")
    expect(view.locator("h1")).to_have_text("flight-delay", timeout=KERNEL)
    view.locator("tr[data-row='1']").click()
    expect(view.get_by_role("region", name="Version 1")).to_be_visible(timeout=SOON)
    # What a notebook would take for its own commands stays in the view.
    view.locator("tr[data-row='1']").focus()
    page.keyboard.press("d")
    page.keyboard.press("d")
    expect(view).to_be_visible()
    view.get_by_role("button", name="Promote 1…").click(timeout=SOON)
    sheet = view.get_by_role("dialog")
    sheet.get_by_role("textbox").fill("from a notebook")
    sheet.get_by_role("button", name="Promote to staging").click()
    expect(view.locator(".jp-MlopsLab-said")).to_contain_text("staging", timeout=SOON)
    assert became(lambda: aliases(project)["staging"] == 1)
    clean(page)


def test_a_saved_notebook_is_readable_without_a_kernel(
    project: Project, open_lab: Open, folder: Path
) -> None:
    data, _ = RegistryBrowser("flight-delay", project=project)._repr_mimebundle_()
    output = nbformat.v4.new_output("display_data", data=data)
    cell = nbformat.v4.new_code_cell("lab.RegistryBrowser()", outputs=[output])
    notebook = folder / "saved.ipynb"
    write(notebook, cell)
    page = open_lab(notebook)
    view = page.locator(".jp-Notebook .jp-MlopsLab-registry")
    expect(view.locator("h1")).to_have_text("flight-delay", timeout=SOON)
    rows = view.get_by_role("grid", name="Versions of flight-delay").locator("tbody tr")
    expect(rows).to_have_count(3)
    rows.nth(2).click()
    expect(view.get_by_role("region", name="Version 1")).to_be_visible()
    view.get_by_role("button", name="History").click()
    expect(view.get_by_role("region", name="History")).to_contain_text("meets the policy")
    for dead in ("Roll back", "Promote", "Review [0-9]", "Insert", "Edit"):
        expect(view.get_by_role("button", name=re.compile(f"^{dead}"))).to_have_count(0)
    clean(page)
