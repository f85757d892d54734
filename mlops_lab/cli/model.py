"""``mlops-lab model``: what may be used, who said so, and moving aliases."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mlops_lab.cli.command import LabGroup, Session, pass_session
from mlops_lab.cli.model_package import package
from mlops_lab.cli.model_page import browser, print_model, print_models, print_version, when
from mlops_lab.cli.model_score import score
from mlops_lab.cli.output import console, print_table, say, shown, write_file, write_json
from mlops_lab.errors import Corrupt

if TYPE_CHECKING:
    from mlops_lab.registry.records import ApprovalResult, ModelVersion

__all__ = ["model"]

_COMMENT = "Why, in a sentence; kept in the decision log."


@click.group(
    cls=LabGroup,
    examples=[
        ("mlops-lab model list", "which there are, and what waits for approval"),
        ("mlops-lab model show flight-delay@champion", "everything about one version"),
        ('mlops-lab model approve flight-delay@6 -m "wins the fortnight"', "say yes"),
        ("mlops-lab model rollback flight-delay champion", "go back in one step"),
    ],
)
def model() -> None:
    """Look at models, approve and promote versions, go back."""


@model.command(name="list", examples=[("mlops-lab model list", "all of them")])
@pass_session
def list_(session: Session) -> int:
    """List models with their aliases, and what waits for approval."""
    project = session.project()
    page = browser(project).models_page()
    if session.as_json:
        write_json(page)
    elif not page["models"]:
        say("No models yet: run.log_model(model, register='NAME') makes the first version.")
    else:
        print_models(console(), page)
    return 0


@model.command(
    examples=[
        ("mlops-lab model show flight-delay", "its versions, policies and aliases"),
        ("mlops-lab model show flight-delay@6", "one version, and what stands in its way"),
    ]
)
@click.argument("ref", metavar="NAME[@VERSION]")
@pass_session
def show(session: Session, ref: str) -> int:
    """Show a model, or one version by number or alias."""
    project = session.project()
    pages = browser(project)
    if "@" not in ref:
        page = pages.model_page(ref)
        if session.as_json:
            write_json(page)
        else:
            print_model(console(), page)
        return 0
    page = pages.version_page(ref)
    if session.as_json:
        write_json(page)
    else:
        print_version(console(), page)
    return 0


@model.command(
    examples=[
        ("mlops-lab model history flight-delay champion", "who was champion when"),
        ("mlops-lab model history flight-delay champion --on 2026-11-17", "on that day"),
    ]
)
@click.argument("name")
@click.argument("alias")
@click.option("--on", metavar="TIME", help="Only who had it then: a day, or an ISO time in UTC.")
@pass_session
def history(session: Session, name: str, alias: str, on: str | None) -> int:
    """Say which versions had ALIAS, when, and who moved it."""
    models = session.project().models
    if on is not None:
        found = models.on(name, alias, on)
        if session.as_json:
            write_json({"version": None if found is None else found.version})
        elif found is None:
            say(f"No version of {name} was {alias} then.")
        else:
            say(f"{found.name} {found.version} was {alias} then.")
        return 0
    moves = models.history(name, alias)
    if session.as_json:
        write_json({"history": list(moves)})
        return 0
    if not moves:
        say(f"No version of {name} has been {alias} yet.")
        return 0
    print_table(
        console(),
        ["version", "from", "to", "by", "how", ("why", {"overflow": "ellipsis"})],
        [
            (
                "none" if move.version is None else str(move.version),
                when(move.since),
                when(move.until) if move.until else "now",
                move.by,
                move.how,
                move.reason,
            )
            for move in moves
        ],
    )
    return 0


@model.command(
    examples=[
        ('mlops-lab model request flight-delay@6 -m "ready"', "for the alias that takes approvals"),
        ("mlops-lab model request flight-delay@6 --alias champion", "say for which"),
    ]
)
@click.argument("ref", metavar="NAME@VERSION")
@click.option("--alias", help="What it is to become.  [default: the one that takes approvals]")
@click.option("-m", "--comment", default="", help="What the approvers should know.")
@pass_session
def request(session: Session, ref: str, alias: str | None, comment: str) -> int:
    """Ask for the approval that a version needs to get an alias."""
    return _told(session, session.project().models.request_approval(ref, alias, comment))


@model.command(
    examples=[
        ('mlops-lab model approve flight-delay@6 -m "wins the fortnight"', "what was asked for"),
        ('mlops-lab model approve flight-delay@6 --alias champion -m "fine"', "say for which"),
    ]
)
@click.argument("ref", metavar="NAME@VERSION")
@click.option("-m", "--comment", required=True, help=_COMMENT)
@click.option("--alias", help="For which alias.  [default: what was asked for]")
@click.option("--digest", metavar="ID", help="The content you looked at: refused if it is another.")
@pass_session
def approve(session: Session, ref: str, comment: str, alias: str | None, digest: str | None) -> int:
    """Approve that a version gets an alias; the last approval missing promotes it.

    The approval speaks of the content: it is void when that changes.
    """
    models = session.project().models
    return _told(session, models.approve(ref, comment, alias=alias, digest=digest))


@model.command(
    examples=[('mlops-lab model reject flight-delay@6 -m "worse for EV"', "what was asked for")]
)
@click.argument("ref", metavar="NAME@VERSION")
@click.option("-m", "--comment", required=True, help=_COMMENT)
@click.option("--alias", help="For which alias.  [default: what was asked for]")
@pass_session
def reject(session: Session, ref: str, comment: str, alias: str | None) -> int:
    """Say no to a version's promotion; the approvals that it has are void."""
    return _told(session, session.project().models.reject(ref, comment, alias=alias))


@model.command(
    examples=[
        ("mlops-lab model promote flight-delay@6 staging", "if the policy allows it"),
        ('mlops-lab model promote flight-delay@6 champion -m "canary clean"', "with the reason"),
    ]
)
@click.argument("ref", metavar="NAME@VERSION")
@click.argument("alias")
@click.option("-m", "--reason", default="", help=_COMMENT)
@click.option("--digest", metavar="ID", help="The content you looked at: refused if it is another.")
@pass_session
def promote(session: Session, ref: str, alias: str, reason: str, digest: str | None) -> int:
    """Give ALIAS to a version, if the alias's policy in mlops.toml allows it.

    Exits 3 when a demand of the policy is not met, 4 when an approval is missing.
    """
    models = session.project().models
    return _told(session, models.promote(ref, alias, reason=reason, digest=digest))


@model.command(
    examples=[('mlops-lab model rollback flight-delay champion -m "late in the rain"', "one step")]
)
@click.argument("name")
@click.argument("alias")
@click.option("-m", "--reason", default="", help=_COMMENT)
@pass_session
def rollback(session: Session, name: str, alias: str, reason: str) -> int:
    """Give ALIAS back to the version before, in one step and without new approvals."""
    return _told(session, session.project().models.rollback(name, alias, reason=reason))


@model.command(examples=[("mlops-lab model verify flight-delay@champion", "every byte of it")])
@click.argument("ref", metavar="NAME[@VERSION]")
@pass_session
def verify(session: Session, ref: str) -> int:
    """Read every byte of a version, and name what is not as it was registered."""
    models = session.project().models
    version = models.get(ref)
    faults = models.verify(version.ref)
    if session.as_json:
        about = {"ref": version.ref, "digest": version.digest, "sound": not faults}
        write_json({**about, "faults": faults})
    elif faults:
        say(f"{_named(version)} is not what was registered:")
        for fault in faults:
            say(f"  {fault.where} {fault.message}")
    else:
        say(f"{_named(version)} is what was registered: {version.digest}.")
    return Corrupt.exit_code if faults else 0


@model.command(
    examples=[
        ("mlops-lab model card flight-delay@champion", "as Markdown"),
        ("mlops-lab model card flight-delay@6 -o MODEL_CARD.md", "into a file"),
        ('mlops-lab model card flight-delay --write limitations "Not for helicopters."', "a part"),
    ]
)
@click.argument("ref", metavar="NAME[@VERSION]")
@click.option(
    "-o",
    "--output",
    metavar="F",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write it into this file.",
)
@click.option(
    "--write",
    "parts",
    nargs=2,
    multiple=True,
    metavar="PART TEXT",
    help="Write a part that only people can: intended_use, limitations …  Repeatable.",
)
@pass_session
def card(
    session: Session, ref: str, output: Path | None, parts: tuple[tuple[str, str], ...]
) -> int:
    """Write the model card of a version, in the layout of Hugging Face."""
    models = session.project().models
    version = models.get(ref)
    if parts:
        models.edit_card(version.name, dict(parts))
    markdown = models.card(version.ref)
    if output is not None:
        write_file(output, markdown)
    if session.as_json:
        sections = models.card_sections(version.name)
        write_json({"ref": version.ref, "markdown": markdown, "sections": sections})
    elif output is not None:
        say(f"Wrote the card of {_named(version)} to {shown(output)}.")
    else:
        say(markdown.rstrip("\n"))
    return 0


def _told(session: Session, result: ApprovalResult) -> int:
    if session.as_json:
        document: dict[str, Any] = {
            "promoted": result.promoted,
            "version": result.version,
            "alias": result.alias,
            "sentence": result.sentence,
        }
        write_json(document)
    else:
        say(result.sentence)
    return 0


def _named(version: ModelVersion) -> str:
    return f"{version.name} {version.version}"


model.add_command(package)
model.add_command(score)
