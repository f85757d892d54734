"""``mlops-lab data``: versions of data, what is in them, and what suites say of it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mlops_lab.cli.bar import bar
from mlops_lab.cli.command import LabGroup, Session, pass_session
from mlops_lab.cli.data_page import (
    print_datasets,
    print_diff,
    print_reports,
    print_version,
    print_versions,
    version_document,
    version_facts,
    version_line,
)
from mlops_lab.cli.output import console, say, shown, write_file, write_json
from mlops_lab.errors import InvalidInput, NotFound

if TYPE_CHECKING:
    from mlops_lab.data.records import VersionRecord
    from mlops_lab.data.suite import Suite
    from mlops_lab.data.suite_run import SuiteReport
    from mlops_lab.project import Project

__all__ = ["data"]

CHECK_FAILED = 1


@click.group(
    cls=LabGroup,
    examples=[
        ("mlops-lab data commit flights data/flights.parquet", "keep it as a version"),
        ("mlops-lab data show flights@3", "schema, statistics, checks"),
        ("mlops-lab data infer flights > suites/flights.yaml", "draft its checks"),
        ("mlops-lab data check flights", "exit 1 when a check blocks it"),
    ],
)
def data() -> None:
    """Keep versions of data, look into them, check them."""


@data.command(
    examples=[
        ('mlops-lab data commit flights data/flights.parquet -m "January"', "a file or a folder"),
        ("mlops-lab data commit late \"select * from 'f.parquet' where delay > 15\"", "or SQL"),
        ("mlops-lab data commit flights data/flights.parquet --alias train", "with a name for it"),
    ]
)
@click.argument("name")
@click.argument("source", metavar="PATH|SQL")
@click.option("-m", "--note", metavar="TEXT", help="What is new about it.")
@click.option("--alias", help="Let this name point to the version, unless a check blocks it.")
@click.option("--no-checks", is_flag=True, help="Leave out the suites of this dataset.")
@click.option("--run-id", hidden=True, help="The run that was scheduled for this.")
@pass_session
def commit(
    session: Session,
    name: str,
    source: str,
    note: str | None,
    alias: str | None,
    no_checks: bool,
    run_id: str | None,
) -> int:
    """Keep a file, a folder or the result of SQL as a version of a dataset.

    Content that a version has already is that version. The dataset's suites look at it: a version
    that they block is kept, but is not the latest and gets no alias; the exit code is 1 then.
    """
    project = session.project()
    began = datetime.now(UTC)
    if run_id is not None:
        from mlops_lab.orchestration.transfer import commit_as_run

        version = commit_as_run(
            project.runs,
            project.datasets,
            project.access,
            name,
            Path(source),
            run_id=run_id,
            note=note,
            alias=alias,
        )
    else:
        from mlops_lab.handles.dataset import producer

        with bar(session, "keeping", then="profiling and checking") as progress:
            version = project.datasets.commit(
                name,
                source,
                note=note,
                alias=alias,
                run_id=producer(project),
                checks=not no_checks,
                progress=progress,
            )
    reports = project.datasets.reports(version)
    again = version.created_at < began
    if session.as_json:
        write_json(
            {**version_facts(version), "again": again, "reports": [r.to_json() for r in reports]}
        )
    else:
        lead = "The content is already" if again else "Committed"
        say(f"{lead} {version_line(version)}.")
        print_reports(console(), reports)
    return CHECK_FAILED if version.state == "blocked" else 0


@data.command(
    name="list",
    examples=[
        ("mlops-lab data list", "all datasets"),
        ("mlops-lab data list flights", "the versions of one"),
    ],
)
@click.argument("name", required=False)
@pass_session
def list_(session: Session, name: str | None) -> int:
    """List datasets, or the versions of one."""
    datasets = session.project().datasets
    if name is not None:
        versions = datasets.versions(name)
        if session.as_json:
            write_json({"versions": [version_facts(one) for one in versions]})
        else:
            print_versions(console(), versions)
        return 0
    found = datasets.list()
    if session.as_json:
        write_json({"datasets": list(found)})
    elif not found:
        say("No datasets yet: `mlops-lab data commit NAME PATH` makes the first version.")
    else:
        print_datasets(console(), found)
    return 0


@data.command(
    examples=[
        ("mlops-lab data show flights", "the latest version"),
        ("mlops-lab data show flights@3", "or one by number or alias"),
    ]
)
@click.argument("ref", metavar="NAME[@VERSION]")
@pass_session
def show(session: Session, ref: str) -> int:
    """Show a version: where it came from, its columns, and what its checks found."""
    datasets = session.project().datasets
    version = datasets.get(ref)
    profile, reports = datasets.profile(version), datasets.reports(version)
    entries = datasets.entries(version)
    if session.as_json:
        write_json(version_document(version, profile, reports, entries))
    else:
        print_version(console(), version, profile, reports, entries)
    return 0


@data.command(
    examples=[
        ("mlops-lab data diff flights@2 flights@3", "schema and statistics"),
        ("mlops-lab data diff flights@2 flights@3 --key flight_id", "and row by row"),
        ("mlops-lab data diff flights", "the latest with the version before"),
    ]
)
@click.argument("before", metavar="NAME[@VERSION]")
@click.argument("after", metavar="[NAME[@VERSION]]", required=False)
@click.option("-k", "--key", "keys", multiple=True, metavar="COLUMN", help="Tells rows apart.")
@pass_session
def diff(session: Session, before: str, after: str | None, keys: tuple[str, ...]) -> int:
    """Say how two versions differ. One alone is compared with the version before it."""
    datasets = session.project().datasets
    first = datasets.get(before)
    if after is None:
        second, first = first, _before(datasets.versions(first.name), first)
    else:
        second = datasets.get(after)
    found = datasets.diff(first, second, key=keys or None)
    if session.as_json:
        write_json({"name": second.name, **found.to_json()})
    else:
        print_diff(console(), found)
    return 0


@data.command(
    examples=[
        ("mlops-lab data check flights", "all suites of the dataset, on the latest version"),
        ("mlops-lab data check flights@3 --suite strict", "one suite, by name or file"),
        ("mlops-lab data check new.parquet --suite flights", "a file before it is committed"),
    ]
)
@click.argument("target", metavar="NAME[@VERSION]|PATH")
@click.option("--suite", "names", multiple=True, metavar="NAME|FILE", help="Only this. Repeatable.")
@click.option("--no-record", is_flag=True, help="Do not keep the result with the version.")
@pass_session
def check(session: Session, target: str, names: tuple[str, ...], no_record: bool) -> int:
    """Ask suites of a version, or of a file that is none yet.

    What a suite says of a version becomes part of its record. The exit code is 1 when a check
    blocks; warnings do not change it.
    """
    project = session.project()
    path = _as_path(project, target)
    if path is not None:
        told, reports = shown(path), _check_file(project, path, names)
    else:
        version = project.datasets.get(target)
        told = version.ref
        suites = _suites(project, names, version.name)
        record = False if no_record else None
        reports = [project.datasets.check(version, one, record=record) for one in suites]
    blocked = any(one.state == "blocked" for one in reports)
    if session.as_json:
        states = {one.state for one in reports}
        state = next((one for one in ("blocked", "warned") if one in states), "passed")
        documents = [one.to_json() for one in reports]
        write_json({"checked": told, "state": state, "reports": documents})
    else:
        say(f"{told}: {reports[0].rows:,} rows")
        print_reports(console(), reports)
    return CHECK_FAILED if blocked else 0


@data.command(
    examples=[
        ("mlops-lab data infer flights", "on the screen"),
        ("mlops-lab data infer flights -o suites/flights.yaml", "into a file"),
        ("mlops-lab data infer data/new.csv --name new", "from a file that is no version yet"),
    ]
)
@click.argument("target", metavar="NAME[@VERSION]|PATH")
@click.option("--name", help="The dataset's name in the suite.  [default: that of the data]")
@click.option(
    "-o",
    "--output",
    metavar="FILE",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write it into a new file.",
)
@pass_session
def infer(session: Session, target: str, name: str | None, output: Path | None) -> int:
    """Draft a suite from what is true of the data now; strike what need not stay true."""
    from mlops_lab.data.suite_draft import infer_suite

    project = session.project()
    path = _as_path(project, target)
    if path is not None:
        from mlops_lab import compute

        with bar(session, "profiling", count="columns") as progress:
            profile = compute.profile(path, progress=progress, tmp=project.store.tmp)
        name = name or path.stem.partition(".")[0]
    else:
        version = project.datasets.get(target)
        found = project.datasets.profile(version)
        if found is None:
            raise InvalidInput(f"{version.ref} has no profile: only tables can be checked.")
        profile, name = found, name or version.name
    text = infer_suite(profile, name)
    if output is not None:
        write_file(output, text, new=True)
    if session.as_json:
        write_json({"name": name, "suite": text})
    elif output is not None:
        say(f"Wrote {shown(output)}: keep what must stay true, strike the rest.")
    else:
        say(text.rstrip("\n"))
    return 0


@data.command(
    examples=[
        ("mlops-lab data checkout flights@3 data/", "into a folder"),
        ("mlops-lab data checkout flights@train data/ --force", "over your own changes"),
    ]
)
@click.argument("ref", metavar="NAME[@VERSION]")
@click.argument("dest", metavar="[DEST]", required=False, default=".")
@click.option("--force", is_flag=True, help="Overwrite files that are no version's content.")
@pass_session
def checkout(session: Session, ref: str, dest: str, force: bool) -> int:
    """Write a version's files to DEST, by default here; what is there already is left alone."""
    datasets = session.project().datasets
    version = datasets.get(ref)
    # As it was typed: a slash at the end says that it is a folder.
    with bar(session, "writing") as progress:
        report = datasets.checkout(version, dest, force=force, progress=progress)
    if session.as_json:
        write_json({"ref": version.ref, **_checkout_document(report)})
        return 0
    parts = [(report.written, "written"), (report.removed, "removed")]
    told = ", ".join(f"{_files(len(paths))} {word}" for paths, word in parts if paths)
    same = f"{_files(len(report.unchanged))} there already" if report.unchanged else ""
    say(f"{version.ref} in {shown(report.dest)}: {', '.join(filter(None, (told, same)))}.")
    return 0


# -- what is meant --------------------------------------------------------------------------------
def _as_path(project: Project, target: str) -> Path | None:
    """The file or folder that is meant; a dataset of that name goes first."""
    path = Path(target).expanduser()
    try:
        if project.datasets.find(target) is not None or not path.exists():
            return None
    except InvalidInput:
        # No name can look so; it is a path, or the error of a name says what is wrong with it.
        return path if path.exists() else None
    return path


def _before(versions: Sequence[VersionRecord], version: VersionRecord) -> VersionRecord:
    earlier = [one for one in versions if one.version < version.version]
    if not earlier:
        raise NotFound(f"{version.ref} has no version before it to compare it with.")
    return earlier[0]


def _suites(project: Project, names: Sequence[str], dataset: str | None) -> list[Suite]:
    """The suites that are named, else those of the dataset."""
    from mlops_lab.data.suite import find_suite, list_suites, read_suite

    if names:
        paths = [
            Path(name).expanduser()
            if name.endswith((".yaml", ".yml"))
            else find_suite(project.root, name)
            for name in names
        ]
        return [read_suite(path, file=shown(path)) for path in paths]
    if dataset is None:
        raise InvalidInput("A file has no suites of its own: name one with --suite.")
    # One that cannot be read might be this dataset's.
    suites = [read_suite(path, file=shown(path)) for path in list_suites(project.root)]
    found = [suite for suite in suites if suite.dataset == dataset]
    if not found:
        raise NotFound(
            f"There is no suite for {dataset}. `mlops-lab data infer {dataset} "
            f"-o suites/{dataset}.yaml` drafts one."
        )
    return found


def _check_file(project: Project, path: Path, names: Sequence[str]) -> list[SuiteReport]:
    from mlops_lab.data.suite_run import run_suite

    suites = _suites(project, names, None)
    return [run_suite(path, suite, tmp=project.store.tmp) for suite in suites]


def _files(count: int) -> str:
    return f"{count:,} file{'s' * (count != 1)}"


def _checkout_document(report: Any) -> dict[str, Any]:
    return {
        "dest": str(report.dest),
        "written": report.written,
        "unchanged": report.unchanged,
        "removed": report.removed,
    }
