"""Reports that take their time: a run of kind ``report`` in a process of its own."""

from __future__ import annotations

import secrets
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from mlops_lab.errors import Conflict
from mlops_lab.orchestration import detached
from mlops_lab.orchestration.acting import acting
from mlops_lab.orchestration.executor import process_facts
from mlops_lab.reports.references import resolve
from mlops_lab.reports.report import Page, render_report
from mlops_lab.reports.writer import Options

if TYPE_CHECKING:
    from mlops_lab.governance import Identity
    from mlops_lab.project import Project

__all__ = ["ARTIFACT", "KIND", "report_as_run", "start_report"]

KIND: Final = "report"
ARTIFACT: Final = "report.html"

MOST_AT_ONCE: Final = 4
"""Reports in processes of their own; each reads as much as there is to show."""


def start_report(
    project: Project,
    what: Sequence[str],
    *,
    title: str | None = None,
    code: bool = False,
    run_id: str | None = None,
    by: Identity,
    role: str | None = None,
) -> str:
    """Make a report in a process of its own; the run's artifact ``report.html`` is it.

    Parameters
    ----------
    project
        Whose things it shows.
    what
        What is in it, as ``kind:name``; all of it must exist now.
    title, code
        As of `report`.
    run_id
        The id the run should have. One that exists is answered with, and nothing is started.
    by, role
        Who asks, and in which role.

    Returns
    -------
    str
        The run's id: it is ``scheduled`` until that process has begun.

    Raises
    ------
    NotFound
        Something that it should show does not exist.
    Conflict
        As many are made as the machine can bear.
    """
    runs = project.runs
    if run_id is not None and runs.find(run_id) is not None:
        return run_id
    for one in what:
        resolve(project, one)  # what is mistyped is said to who typed it
    going = runs.search(
        f"kind = '{KIND}' and status in ('scheduled', 'running')", limit=MOST_AT_ONCE
    ).items
    if len(going) >= MOST_AT_ONCE:
        raise Conflict(
            f"{MOST_AT_ONCE} reports are being made, such as {going[0].name}: wait for one to end."
        )
    run_id = run_id or secrets.token_hex(16)
    words = [sys.executable, "-P", "-m", "mlops_lab", "--project", str(project.root)]
    words += ["report", f"--run-id={run_id}"]
    words += [f"--title={title}"] if title else []
    words += ["--code"] if code else []
    return detached.launch(
        project.root,
        project.store,
        runs,
        [*words, "--", *what],
        run_id=run_id,
        kind=KIND,
        stem="report",
        source={"report": list(what)},
        role=role,
        by=by,
    )


def report_as_run(
    project: Project, what: Sequence[str], *, run_id: str, title: str | None, code: bool
) -> Page:
    """Make a report as the run that somebody scheduled, and keep it there.

    Parameters
    ----------
    run_id
        The scheduled run; it ends as the report does.
    """
    runs = project.runs
    who = acting(runs, project.access, project.identity, run_id)
    scheduled = runs.find(run_id)
    runs.start(
        run_id=run_id,
        kind=KIND,
        params={"what": list(what), **({"title": title} if title else {})},
        source={**(scheduled.source if scheduled else {}), **process_facts()},
        by=who,
    )
    try:
        if runs.is_cancelled(run_id):  # before there was a process that a signal could reach
            raise KeyboardInterrupt
        about = f"{project.name} · {who.id}"
        things = [resolve(project, one) for one in what]
        page = render_report(things, Options(project, code), title=title, about=about)
        runs.put_artifact(run_id, ARTIFACT, page.html.encode())
    except KeyboardInterrupt:
        runs.end(run_id, "killed", reason="It was stopped.")
        raise
    except BaseException as error:
        message = {"name": type(error).__name__, "message": str(error)}
        runs.end(run_id, "failed", reason=str(error)[:1000], error=message)
        raise
    runs.rename(run_id, page.title[:100])
    runs.end(run_id, reason=" ".join(page.problems)[:1000] or None)
    return page
