"""``mlops-lab init``: make a project."""

from __future__ import annotations

from pathlib import Path

import click

from mlops_lab.cli.command import LabCommand, Session, pass_session
from mlops_lab.cli.output import say, shown, write_json
from mlops_lab.errors import InvalidInput

__all__ = ["init"]


@click.command(
    cls=LabCommand,
    examples=[
        ("mlops-lab init", "here"),
        ("mlops-lab init churn --name 'Customer churn'", "in a new folder"),
    ],
)
@click.argument("directory", metavar="[DIR]", required=False, type=click.Path(path_type=Path))
@click.option("--name", help="What people see.  [default: the folder's name]")
@pass_session
def init(session: Session, directory: Path | None, name: str | None) -> int:
    """Make a project in DIR (here, if none is given), or say that one is there.

    A project is a folder with a file mlops.toml: settings that you edit and commit. What the
    program keeps is in .mlops beside it, which git ignores. A project is also made by itself when
    a notebook starts its first run.
    """
    from mlops_lab.project import FILE_NAME, Project

    if name is not None and not name.strip():
        raise InvalidInput("A project's name is not empty; leave --name out for the folder's.")
    folder = (directory or session.directory or Path.cwd()).expanduser()
    existed = (folder / FILE_NAME).is_file()
    project = Project.create(folder, name=name)
    if session.as_json:
        write_json(
            {
                "name": project.name,
                "directory": str(project.root),
                "key": project.key,
                "created": not existed,
            }
        )
        return 0
    where = shown(project.root)
    if existed:
        say(f"{project.name} is a project already: {where}")
        return 0
    say(f"Made the project {project.name} in {where}")
    say(f"  settings   {shown(project.root / FILE_NAME)}   edit and commit this")
    say(f"  store      {shown(project.root / '.mlops')}   back this up; git ignores it")
    say("Next: `import mlops_lab as lab` in a notebook here; `mlops-lab demo` shows an example.")
    return 0
