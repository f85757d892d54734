"""``mlops-lab model package``: a folder that serves a version elsewhere."""

from __future__ import annotations

from pathlib import Path

import click

from mlops_lab.cli.command import LabCommand, Session, pass_session
from mlops_lab.cli.output import say, shown, write_json

__all__ = ["package"]


@click.command(
    cls=LabCommand,
    examples=[
        ("mlops-lab model package flight-delay@champion --for docker image/", "for docker build"),
        ("mlops-lab model package flight-delay@6 --for onnx edge/", "onnxruntime alone"),
    ],
)
@click.argument("ref", metavar="NAME[@VERSION]")
@click.argument("folder", metavar="DIR", type=click.Path(file_okay=False, path_type=Path))
@click.option(
    "--for",
    "target",
    type=click.Choice(["docker", "onnx"]),
    required=True,
    help="docker: what an image is built from. onnx: the converted form and a file that uses it.",
)
@pass_session
def package(session: Session, ref: str, folder: Path, target: str) -> int:
    """Write a version into DIR, which serves the same model elsewhere.

    The ONNX form is proved on real rows first; the report is in DIR. Exits 3 when the form answers
    otherwise than the model and --for onnx was asked for.
    """
    from mlops_lab.serving.package import package_version

    project = session.project()
    content = package_version(project.models, project.root, ref, target, folder)
    if session.as_json:
        write_json(
            {
                "ref": content.ref,
                "digest": content.digest,
                "target": target,
                "path": str(folder.absolute()),
                "backend": "sklearn" if content.form is None else "onnx",
                "why": content.why,
                "parity": None if content.report is None else content.report.to_json(),
            }
        )
        return 0
    say(f"{content.ref} is in {shown(folder)}. {content.why}")
    return 0
