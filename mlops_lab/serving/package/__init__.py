"""Taking a model elsewhere: a folder that serves it without the project it came from."""

from __future__ import annotations

import os
import secrets
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Final

from mlops_lab.errors import Conflict, InvalidInput, StorageFull
from mlops_lab.registry.package import read_facts
from mlops_lab.serving.backends.forms import find_form
from mlops_lab.serving.backends.parity import ParityReport
from mlops_lab.serving.backends.preparing import forms_of, prepare_version
from mlops_lab.serving.package.docker import DockerTarget
from mlops_lab.serving.package.onnx import OnnxTarget
from mlops_lab.serving.package.target import Content, Target
from mlops_lab.store.layout import DISK_FULL

if TYPE_CHECKING:
    from mlops_lab.registry.manager import ModelManager

__all__ = ["TARGETS", "Content", "Target", "package_version"]

TARGETS: Final[dict[str, Target]] = {
    target.name: target for target in (DockerTarget(), OnnxTarget())
}
"""Every target by its name."""


def package_version(
    models: ModelManager, root: Path, ref: str, target: str, folder: Path
) -> Content:
    """Write a version into a folder that serves it elsewhere.

    Parameters
    ----------
    models
        Knows the version and its files, which are verified.
    root
        The project's folder.
    ref
        The version: ``flight-delay@champion``.
    target
        ``docker`` or ``onnx``.
    folder
        Where to; it must not be there yet, or be empty. It appears whole or not at all.

    Raises
    ------
    NotFound
        There is no such version.
    InvalidInput
        There is no such target.
    Conflict
        The folder holds something.
    Refused
        The version cannot be taken there, such as as ONNX when its form answers otherwise.
    Corrupt
        Its files are not what was registered.
    """
    if target not in TARGETS:
        raise InvalidInput(f"There is no target {target!r}; there are: {', '.join(TARGETS)}.")
    folder = folder.absolute()
    if folder.is_symlink() or (folder.exists() and (not folder.is_dir() or any(folder.iterdir()))):
        raise Conflict(f"{str(folder)!r} is there already and holds something: name a new folder.")
    content = _content(models, root, ref)
    part = folder.with_name(f"{folder.name}.part-{secrets.token_hex(4)}")
    try:
        part.mkdir(parents=True)
        TARGETS[target].write(content, part)
        os.replace(part, folder)
    except OSError as error:
        if error.errno in DISK_FULL:
            raise StorageFull(f"The disk is full: {str(folder)!r} was not written.") from error
        raise
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return content


def _content(models: ModelManager, root: Path, ref: str) -> Content:
    version = models.refuse_faulty(ref)
    report = prepare_version(models, root, version)
    package = models.path(version.ref)
    passed = isinstance(report, ParityReport) and report.passed
    found = find_form(package, forms_of(root)) if passed else None
    return Content(
        model=version.name,
        version=version.version,
        digest=version.digest,
        folder=package,
        facts=read_facts(package),
        form=None if found is None else found[0],
        report=report if isinstance(report, ParityReport) else None,
        why=report.why if isinstance(report, ParityReport) else report,
    )
