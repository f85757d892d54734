"""``mlops-lab endpoint``: what serves, who said so, trying versions, going back."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mlops_lab.cli.command import LabGroup, Session, pass_session
from mlops_lab.cli.endpoint_page import print_endpoint, print_endpoints
from mlops_lab.cli.output import console, say, write_json
from mlops_lab.errors import Conflict, InvalidInput

if TYPE_CHECKING:
    from mlops_lab.project import Project
    from mlops_lab.serving.deciding import Change
    from mlops_lab.serving.manager import EndpointManager
    from mlops_lab.serving.records import Desired

__all__ = ["endpoint"]

_REASON = ("-m", "--reason", "reason")
_WHY = "Why, in a sentence; kept in the decision log."
_UNSAFE = "Serve also a format that runs whatever code is in it."
_WAIT_S = 120.0

Decorate = Callable[[Any], Any]


@click.group(
    cls=LabGroup,
    examples=[
        ("mlops-lab endpoint deploy delay flight-delay@champion", "serve a version"),
        ("mlops-lab endpoint canary delay flight-delay@6 --share 5", "try another one on 5 %"),
        ("mlops-lab endpoint show delay", "how it stands, and what was decided"),
        ('mlops-lab endpoint rollback delay -m "late in the rain"', "go back in one step"),
    ],
)
def endpoint() -> None:
    """Serve models, try versions on a part of the traffic, go back."""


def _version_options(command: Any) -> Any:
    """What goes with every verb that brings a version in."""
    for option in reversed(
        [
            click.option(
                "--backend", metavar="NAME", help="auto, onnx or sklearn.  [default: as before]"
            ),
            click.option("--allow-unsafe", is_flag=True, help=_UNSAFE),
            *_settled_options(),
        ]
    ):
        command = option(command)
    return command


def _settling_options(command: Any) -> Any:
    """What goes with every verb that decides."""
    for option in reversed(_settled_options()):
        command = option(command)
    return command


def _settled_options() -> list[Decorate]:
    return [
        click.option(*_REASON, default="", help=_WHY),
        click.option(
            "--timeout",
            metavar="SECONDS",
            type=click.FloatRange(0, 3600),
            default=_WAIT_S,
            show_default=True,
            help="Wait so long until it is served; 0 does not wait.",
        ),
    ]


# ---------------------------------------------------------------------------------- serving


@endpoint.command(
    examples=[
        ("mlops-lab endpoint deploy delay flight-delay@champion", "on its unix socket"),
        ("mlops-lab endpoint deploy delay flight-delay@5 --workers 2 --port 8200", "over TCP, too"),
    ]
)
@click.argument("name")
@click.argument("ref", metavar="MODEL@VERSION")
@click.option("--workers", type=int, metavar="N", help="Processes.  [default: as before, else 1]")
@click.option("--port", type=int, metavar="N", help="A TCP port, which asks for a token; 0: none.")
@click.option("--host", metavar="ADDRESS", help="Of that port.  [default: 127.0.0.1]")
@click.option("--limit", "limits", multiple=True, metavar="KEY=VALUE", help="timeout_s=5 …")
@_version_options
@pass_session
def deploy(
    session: Session,
    /,
    name: str,
    ref: str,
    workers: int | None,
    port: int | None,
    host: str | None,
    limits: tuple[str, ...],
    **more: Any,
) -> int:
    """Serve a version of a model, in processes of its own, until it is stopped."""
    project = session.project()
    change = project.endpoints.deploy(
        name,
        ref,
        workers=workers,
        port=port,
        host=host,
        limits=_limits(limits),
        **_given(more),
    )
    return _settled(session, project, change, more["timeout"])


@endpoint.command(
    examples=[
        ("mlops-lab endpoint serve delay", "what was deployed, in this terminal"),
        (
            "mlops-lab endpoint serve delay flight-delay@champion --port 8200 --host 0.0.0.0",
            "in a container",
        ),
    ]
)
@click.argument("name")
@click.argument("ref", metavar="[MODEL@VERSION]", required=False)
@click.option("--port", type=int, metavar="N", help="A TCP port, which asks for a token.")
@click.option("--host", metavar="ADDRESS", help="Of that port.  [default: 127.0.0.1]")
@click.option("--allow-unsafe", is_flag=True, help=_UNSAFE)
@click.option("--detached", is_flag=True, hidden=True)
@pass_session
def serve(
    session: Session,
    name: str,
    ref: str | None,
    port: int | None,
    host: str | None,
    allow_unsafe: bool,
    detached: bool,
) -> int:
    """Serve in the foreground until Ctrl-C or SIGTERM; the workers end with it.

    With MODEL@VERSION that is deployed first.
    """
    from mlops_lab.serving.serve import serve as run

    if detached and session.directory is not None:
        # A supervisor lives for months: it opens the project only when it has something to decide.
        root = session.directory.absolute()
    else:
        project = session.project()
        root = project.root
        if ref is not None:
            change = project.endpoints.deploy(
                name, ref, port=port, host=host, allow_unsafe=allow_unsafe
            )
            say(change.sentence, err=True)
        elif port is not None or host is not None:
            raise InvalidInput(
                "Say which version goes with the port: endpoint serve NAME MODEL@VERSION."
            )
        _refuse_stopped(project.endpoints.get(name))

    def manager() -> EndpointManager:
        from mlops_lab.project import Project

        return Project.open(root).endpoints

    return run(root, name, foreground=not detached, manager=manager)


@endpoint.command(examples=[("mlops-lab endpoint stop delay", "nothing of it is left running")])
@click.argument("name")
@click.option(*_REASON, default="", help=_WHY)
@pass_session
def stop(session: Session, name: str, reason: str) -> int:
    """Serve nothing any more: every process of it ends, what was logged stays."""
    project = session.project()
    change = project.endpoints.stop(name, reason=reason)
    project.endpoints.end(name)
    return _said(session, project, change)


# ---------------------------------------------------------------------------------- looking


@endpoint.command(name="list", examples=[("mlops-lab endpoint list", "all of them, live")])
@pass_session
def list_(session: Session) -> int:
    """List endpoints: what each serves, how much, how fast."""
    page = session.project().endpoints.page_of_all()
    if session.as_json:
        write_json(page)
    elif not page["endpoints"]:
        say("No endpoints yet: mlops-lab endpoint deploy NAME MODEL@VERSION makes the first one.")
    else:
        print_endpoints(console(), page["endpoints"])
    return 0


@endpoint.command(examples=[("mlops-lab endpoint show delay", "its revisions, traffic, decisions")])
@click.argument("name")
@pass_session
def show(session: Session, name: str) -> int:
    """Show an endpoint: how it stands, its revisions and traffic, what was decided."""
    page = session.project().endpoints.page(name)
    if session.as_json:
        write_json(page)
    else:
        print_endpoint(console(), page)
    return 0


@endpoint.command(
    examples=[
        ("mlops-lab endpoint logs delay", "the last lines"),
        ("mlops-lab endpoint logs delay -n 1000", "more of them"),
    ]
)
@click.argument("name")
@click.option("-n", "--lines", type=click.IntRange(1, 1_000_000), default=100, show_default=True)
@pass_session
def logs(session: Session, name: str, lines: int) -> int:
    """Print what the endpoint's processes have said last."""
    found = session.project().endpoints.log_tail(name, lines)
    if session.as_json:
        write_json({"lines": found})
        return 0
    if not found:
        say(f"{name} has said nothing yet.", err=True)
    for line in found:
        say(line)
    return 0


# ---------------------------------------------------------------------------------- trying


@endpoint.command(
    examples=[
        ("mlops-lab endpoint canary delay flight-delay@6 --share 5", "5 % of the requests"),
        (
            "mlops-lab endpoint canary delay flight-delay@6 --p99-ms 80 --ramp 24h=20 --ramp 2d=50",
            "taken back when slow; raised by itself",
        ),
    ]
)
@click.argument("name")
@click.argument("ref", metavar="MODEL@VERSION")
@click.option("--share", type=float, default=5.0, show_default=True, metavar="PERCENT")
@click.option("--error-rate", type=float, metavar="RATE", help="What share of answers may fail.")
@click.option("--p99-ms", type=float, metavar="MS", help="An answer slower than this is bad.")
@click.option("--unit", metavar="COLUMN", help="The column that says who asks.")
@click.option("--ramp", multiple=True, metavar="WHEN=PERCENT", help="24h=20: a raise to come.")
@_version_options
@pass_session
def canary(
    session: Session,
    /,
    name: str,
    ref: str,
    share: float,
    error_rate: float | None,
    p99_ms: float | None,
    unit: str | None,
    ramp: tuple[str, ...],
    **more: Any,
) -> int:
    """Give a version a small share of the traffic; it is taken back by itself when it is worse.

    The same again with another --share changes that.
    """
    guard = {"error_rate": error_rate, "p99_ms": p99_ms}
    project = session.project()
    change = project.endpoints.canary(
        name,
        ref,
        share,
        guard={key: value for key, value in guard.items() if value is not None},
        unit=unit,
        ramp=_ramp(ramp),
        **_given(more),
    )
    return _settled(session, project, change, more["timeout"])


@endpoint.command(
    examples=[("mlops-lab endpoint shadow delay flight-delay@6", "a copy of every request")]
)
@click.argument("name")
@click.argument("ref", metavar="MODEL@VERSION")
@click.option("--share", type=float, default=100.0, show_default=True, metavar="PERCENT")
@_version_options
@pass_session
def shadow(session: Session, /, name: str, ref: str, share: float, **more: Any) -> int:
    """Copy requests to a version; nobody hears its answers or waits for them."""
    project = session.project()
    change = project.endpoints.shadow(name, ref, share, **_given(more))
    return _settled(session, project, change, more["timeout"])


@endpoint.command(
    examples=[
        (
            "mlops-lab endpoint split delay flight-delay@5=50 flight-delay@6=50 --unit tailnum",
            "an A/B test by aircraft",
        )
    ]
)
@click.argument("name")
@click.argument("shares", nargs=-1, required=True, metavar="MODEL@VERSION=PERCENT …")
@click.option("--unit", metavar="COLUMN", help="The column whose value is the unit.")
@_version_options
@pass_session
def split(
    session: Session, /, name: str, shares: tuple[str, ...], unit: str | None, **more: Any
) -> int:
    """Split units between two versions, for a fair comparison: an A/B test."""
    project = session.project()
    asked = {ref: _number(value, ref) for ref, value in map(_pair, shares)}
    change = project.endpoints.split(name, asked, unit=unit, **_given(more))
    return _settled(session, project, change, more["timeout"])


@endpoint.command(examples=[("mlops-lab endpoint compare delay", "who wins, or too early")])
@click.argument("name")
@pass_session
def compare(session: Session, name: str) -> int:
    """Compare the version that is tried with the one that serves: who wins, by how much."""
    found = session.project().endpoints.compare(name)
    if session.as_json:
        write_json(found.to_json())
    else:
        say(found.sentence)
    return 0


@endpoint.command(
    examples=[('mlops-lab endpoint promote delay -m "canary clean for two days"', "it serves now")]
)
@click.argument("name")
@_settling_options
@pass_session
def promote(session: Session, /, name: str, **more: Any) -> int:
    """Have the version that is tried serve all requests; the former one stays warm."""
    project = session.project()
    change = project.endpoints.promote(name, reason=more["reason"])
    return _settled(session, project, change, more["timeout"])


@endpoint.command(
    examples=[
        ('mlops-lab endpoint rollback delay -m "late in the rain"', "end the rollout, or go back"),
        ("mlops-lab endpoint rollback delay --to flight-delay@4", "to one it has served before"),
    ]
)
@click.argument("name")
@click.option("--to", metavar="MODEL@VERSION", help="A version that it has served before.")
@_settling_options
@pass_session
def rollback(session: Session, /, name: str, to: str | None, **more: Any) -> int:
    """End the rollout that is on; without one, serve the version before."""
    project = session.project()
    change = project.endpoints.rollback(name, to=to, reason=more["reason"])
    return _settled(session, project, change, more["timeout"])


# ---------------------------------------------------------------------------------- the truth


@endpoint.command(
    examples=[
        ("mlops-lab endpoint truth delay landed.parquet --value late", "by prediction_id"),
        (
            "mlops-lab endpoint truth delay landed.csv --value late --on flight --on scheduled_at",
            "by columns that the requests had",
        ),
    ]
)
@click.argument("name")
@click.argument("file", type=click.Path(exists=True, path_type=Path))
@click.option("--value", metavar="COLUMN", help="The column of the truth.")
@click.option("--event", metavar="NAME", help="In its place: what happened to those listed.")
@click.option(
    "--on",
    multiple=True,
    metavar="COLUMN",
    help="Whose truth it is; repeatable.  [default: prediction_id]",
)
@pass_session
def truth(
    session: Session,
    name: str,
    file: Path,
    value: str | None,
    event: str | None,
    on: tuple[str, ...],
) -> int:
    """Keep what turned out to be true of predictions, however late; the last word counts."""
    from mlops_lab.serving.pages import truth_page

    told = session.project().endpoints.log_truth(
        name, file, on=on or "prediction_id", value=value, event=event
    )
    if session.as_json:
        write_json(truth_page(told))
    else:
        say(told.sentence)
    return 0


# ---------------------------------------------------------------------------------- inside


def _settled(session: Session, project: Project, change: Change, timeout_s: float) -> int:
    """Have it made so, wait for that, and say what is served."""
    if timeout_s:
        project.endpoints.run(change.desired.name, change.desired.seq, timeout_s=timeout_s)
    else:
        project.endpoints.begin(change)
    return _said(session, project, change)


def _said(session: Session, project: Project, change: Change) -> int:
    from mlops_lab.serving.pages import change_page

    name = change.desired.name
    if session.as_json:
        status = project.endpoints.status(name)
        write_json(change_page(change, None if status is None else status.to_json()))
        return 0
    say(change.sentence)
    now = project.endpoints.get(name)
    if now.seq != change.desired.seq and now.state == "serving":
        say(f"Somebody has decided since: it serves {now.revision(now.stable).ref}.")
    return 0


def _refuse_stopped(should: Desired) -> None:
    if should.state == "stopped":
        raise Conflict(
            f"{should.name} is stopped. Say which version it is to serve: mlops-lab endpoint serve "
            f"{should.name} MODEL@VERSION."
        )


def _given(more: dict[str, Any]) -> dict[str, Any]:
    return {key: more[key] for key in ("backend", "allow_unsafe", "reason")}


def _limits(pairs: tuple[str, ...]) -> dict[str, Any] | None:
    from mlops_lab.document import scalar

    return {key: scalar(value) for key, value in map(_pair, pairs)} or None


def _ramp(pairs: tuple[str, ...]) -> dict[str, float]:
    return {key: _number(value, key) for key, value in map(_pair, pairs)}


def _pair(text: str) -> tuple[str, str]:
    key, is_there, value = text.rpartition("=")
    if not is_there or not key:
        raise InvalidInput(f"It is written KEY=VALUE, as 24h=20; got {text!r}.")
    return key, value


def _number(text: str, what: str) -> float:
    try:
        return float(text.removesuffix("%"))
    except ValueError:
        raise InvalidInput(f"The share of {what} is a number, in percent; got {text!r}.") from None
