"""``mlops-lab doctor``: what is broken, and the command that mends it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from mlops_lab.cli.command import LabCommand, Session, pass_session
from mlops_lab.cli.output import console, glyph, write_json

if TYPE_CHECKING:
    from mlops_lab.cli.finding import Finding

__all__ = ["doctor"]


@click.command(
    cls=LabCommand,
    examples=[
        ("mlops-lab doctor", "everything, and the project around this folder"),
        ("mlops-lab --project work/churn doctor", "another project"),
    ],
)
@pass_session
def doctor(session: Session) -> int:
    """Say what is broken and the command that mends it.

    Looks at Python, JupyterLab, our extension in both of its halves, running servers, kernels, the
    project's store, file locks and disk space. The exit code is 1 when something is broken;
    warnings and hints leave it 0.
    """
    from mlops_lab.cli.checks import examine

    findings: list[Finding] = []
    if session.as_json:
        findings = list(examine(session.directory))
        write_json({"findings": findings})
    else:
        target = console()
        for finding in examine(session.directory):
            findings.append(finding)
            _print(finding)
        broken = sum(finding.state == "failed" for finding in findings)
        warned = sum(finding.state == "warning" for finding in findings)
        target.print()
        target.print(_total(broken, warned), style="bold")
    return 1 if any(finding.state == "failed" for finding in findings) else 0


def _print(finding: Finding) -> None:
    from rich.text import Text

    target = console()
    target.print(
        Text.assemble(glyph(finding.state), "  ", (f"{finding.what:<18}", "bold"), finding.message)
    )
    if finding.mend:
        target.print(Text.assemble(" " * 21, ("→ ", "dim"), finding.mend), soft_wrap=True)


def _total(broken: int, warned: int) -> str:
    if not broken and not warned:
        return "Everything works."
    parts = []
    if broken:
        parts.append(f"{broken} broken")
    if warned:
        parts.append(f"{warned} warning{'s' * (warned != 1)}")
    return ", ".join(parts)
