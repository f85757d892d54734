"""Models and versions in full, for a terminal."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from mlops_lab.cli.output import Column, age, glyph, number, print_table, size

if TYPE_CHECKING:
    from rich.console import Console

    from mlops_lab.project import Project
    from mlops_lab.registry.browse import Browser

__all__ = ["browser", "print_model", "print_models", "print_version", "when"]

_MOST_METRICS = 4


def browser(project: Project) -> Browser:
    """The pages of the registry, for who runs this command."""
    from mlops_lab.registry.browse import Browser

    return Browser(
        project.models, project.settings.goals, project.identity, project.pipelines.gates
    )


def when(moment: datetime) -> str:
    """A moment in UTC, to the minute."""
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M}"


def print_models(target: Console, page: Mapping[str, Any]) -> None:
    """Show all models, and what waits for approval."""
    print_table(
        target,
        ["model", ("versions", {"justify": "right"}), "aliases", ("changed", {"justify": "right"})],
        [
            (
                row["name"],
                str(row["versions"]),
                _aliases(row["aliases"]),
                age(_moment(row["updated_at"])),
            )
            for row in page["models"]
        ],
    )
    if page["queue"]:
        _title(target, "waiting for approval")
        for one in page["queue"]:
            asked = f"asked by {one['requested_by']}, {age(_moment(one['requested_at']))}"
            given = f"{len(one['approvals'])} of {one['needs']} approvals"
            why = "yours would count" if one["may_approve"] else one["why_not"] or ""
            target.print(
                f" {one['model']}@{one['version']} to {one['alias']} · {asked} · {given} · {why}",
                markup=False,
            )


def print_model(target: Console, page: Mapping[str, Any]) -> None:
    """Show a model: what it is for, its aliases, its versions, what aliases take."""
    row = page["model"]
    target.print(row["name"], style="bold", markup=False)
    for fact in (row["description"], _aliases(row["aliases"]), _tags(row["tags"])):
        if fact:
            target.print(f"   {fact}", markup=False)
    goals = page["goals"]
    keys = list(goals)[:_MOST_METRICS]
    right: Mapping[str, Any] = {"justify": "right"}
    arrow = {"max": "↑", "min": "↓"}
    columns: list[Column] = [("version", right), "aliases", "gates", "run", ("made", right)]
    columns += [(f"{key} {arrow[goals[key]]}", right) for key in keys]
    target.print()
    print_table(
        target,
        [*columns, ("", {"overflow": "ellipsis"})],
        [
            (
                str(one["version"]),
                ", ".join(one["aliases"]),
                _gates(one["judgement"]),
                (one["run"] or {}).get("name", ""),
                age(_moment(one["created_at"])),
                *[_metric(one["metrics"].get(key)) for key in keys],
                _remark(one),
            )
            for one in page["versions"]
        ],
    )
    if page["policies"]:
        _title(target, "what aliases take")
        for policy in page["policies"]:
            target.print(f" {policy['alias']}: {' '.join(policy['sentences'])}", markup=False)


def print_version(target: Console, page: Mapping[str, Any]) -> None:
    """Show a version: what it is, how it was judged, and what stands in its way."""
    _head(target, page)
    if page["metrics"]:
        _metrics(target, page)
    for promotion in page["promotions"]:
        _promotion(target, promotion)
    if page["approvals"]:
        _title(target, "approvals")
        for one in page["approvals"]:
            said = f"{one['by']} ({one['role']}) for {one['alias']}, {age(_moment(one['at']))}"
            target.print(f" {said}: {one['comment']}", markup=False)
    if page["gates"]:
        _title(target, "gates")
        _lines(target, ((gate["state"], gate["sentence"]) for gate in page["gates"]))
    if page["params"]:
        _title(target, "params")
        print_table(target, ["param", "value"], [(k, str(v)) for k, v in page["params"].items()])
    _title(target, "files")
    print_table(
        target,
        ["path", ("size", {"justify": "right"})],
        [(one["path"], size(one["size_bytes"])) for one in page["files"]],
    )
    target.print(f" {page['python']}", markup=False, style="dim")


def _head(target: Console, page: Mapping[str, Any]) -> None:
    from rich.text import Text

    names = ", ".join(page["aliases"])
    target.print(
        Text.assemble((f"{page['name']} {page['version']}", "bold"), "  ", (names, "magenta"))
    )
    made = f"registered by {page['author']}, {age(_moment(page['created_at']))}"
    run = f"run {page['run']['name']} ({page['run']['id'][:8]})" if page["run"] else ""
    facts = [page["flavor"], size(page["size_bytes"]), made, run]
    target.print("   " + " · ".join(fact for fact in facts if fact), markup=False)
    target.print(f"   {page['digest']}", markup=False, style="dim")
    if page["unsafe"]:
        target.print("   Unsafe: loading it can run any code.", style="bold red")
    verified = page["verified"]
    if verified and verified["state"] != "ok":
        target.print(f"   Damaged: {verified['message']}.", style="bold red", markup=False)
    code = page["code"]
    dirty = ", uncommitted changes" if code["git_dirty"] else ""
    commit = f"commit {code['git_commit'][:12]}{dirty}" if code["git_commit"] else ""
    data = ", ".join(f"{one['dataset']}@{one['version']}" for one in page["inputs"])
    for fact in (code["notebook"], commit, f"from {data}" if data else ""):
        if fact:
            target.print(f"   {fact}", markup=False)
    for fact in (page["note"], _tags(page["tags"])):
        if fact:
            target.print(f"   {fact}", markup=False)


def _metrics(target: Console, page: Mapping[str, Any]) -> None:
    _title(target, "metrics")
    right: Mapping[str, Any] = {"justify": "right"}
    champion = page["champion"]
    columns: list[Column] = ["metric", (str(page["version"]), right)]
    if champion is not None:
        columns.append((f"champion {champion['version']}, same rows", right))
    rows: list[Sequence[Any]] = []
    for key, value in page["metrics"].items():
        row = [key, _metric(value)]
        rows.append([*row, _metric(champion["metrics"].get(key))] if champion else row)
    print_table(target, columns, rows)


def _promotion(target: Console, promotion: Mapping[str, Any]) -> None:
    words = {"ready": "can be promoted", "waiting": "waits", "refused": "cannot be promoted"}
    if promotion["state"] == "current":
        return
    instead = f", instead of {promotion['from']}" if promotion["from"] else ""
    _title(target, f"{promotion['alias']}: {words[promotion['state']]}{instead}")
    _lines(target, ((line["state"], line["sentence"]) for line in promotion["lines"]))


def _lines(target: Console, lines: Iterable[tuple[str, str]]) -> None:
    from rich.text import Text

    for state, sentence in lines:
        style = "bold red" if state in ("failed", "rejected") else ""
        target.print(Text.assemble(" ", glyph(state), "  ", (sentence, style)))


def _gates(judgement: Mapping[str, Any] | None) -> str:
    if judgement is None:
        return ""
    passed = f"{judgement['passed']} of {judgement['total']}"
    return passed if judgement["outcome"] == "passed" else f"{passed}, {judgement['outcome']}"


def _remark(row: Mapping[str, Any]) -> str:
    said = [f"waits to become {alias}" for alias in row["waiting"]]
    if row["unsafe"]:
        said.append("unsafe")
    return ", ".join([*said, row["note"]] if row["note"] else said)


def _metric(value: Any) -> str:
    return number(value) if isinstance(value, int | float) else str(value or "")


def _aliases(aliases: Sequence[Mapping[str, Any]]) -> str:
    return ", ".join(f"{one['alias']} {one['version']}" for one in aliases)


def _tags(tags: Mapping[str, str]) -> str:
    return ", ".join(f"{key}: {value}" for key, value in tags.items())


def _moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


def _title(target: Console, text: str) -> None:
    target.print()
    target.print(text, style="dim", markup=False)
