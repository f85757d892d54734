"""Settings of a project: argument > environment > ``mlops.toml`` > default.

An argument is what the caller passes to the function that uses the setting. The environment's name
of a setting is ``MLOPS_LAB_SECTION_KEY``, for example ``MLOPS_LAB_TRACKING_DIFF_KB=0``.
Identity, roles and secrets are never settings: ``mlops.toml`` is committed with the project.
"""

from __future__ import annotations

import difflib
import logging
import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from mlops_lab.errors import InvalidInput

__all__ = ["FILE_NAME", "ProjectSettings", "Settings", "TrackingSettings", "load_settings"]

FILE_NAME: Final = "mlops.toml"

_log = logging.getLogger(__name__)

# Variables of the same prefix that are not settings: they say where things are.
_NOT_SETTINGS: Final = frozenset({"MLOPS_LAB_PROJECT", "MLOPS_LAB_ROOT", "MLOPS_LAB_RUN"})


class _Section(BaseModel):
    # What a newer program knows must not break this one: unknown keys are said, not refused.
    model_config = ConfigDict(frozen=True, extra="ignore")


class ProjectSettings(_Section):
    """``[project]``: what people see of the project as a whole."""

    name: str | None = Field(default=None, min_length=1, max_length=200)


class TrackingSettings(_Section):
    """``[tracking]``: what a run keeps by itself."""

    environment: bool = True
    notebook: bool = True
    diff_kb: int = Field(default=512, ge=0, le=65_536)


class Settings(_Section):
    """All settings of one project, immutable."""

    project: ProjectSettings = ProjectSettings()
    goals: dict[str, Literal["max", "min"]] = Field(default_factory=dict)
    tracking: TrackingSettings = TrackingSettings()


def load_settings(root: Path, environ: Mapping[str, str] | None = None) -> Settings:
    """Read the settings of the project at ``root``.

    Parameters
    ----------
    root
        The folder with ``mlops.toml``; a missing file means defaults.
    environ
        The environment to read, by default the process's own.

    Raises
    ------
    InvalidInput
        The file is not TOML, or a value is not of its kind; the message names file and key.
    """
    path = root / FILE_NAME
    values = _read(path)
    origin = dict.fromkeys(values, str(path))
    for section, key, value, name in _from_environment(
        os.environ if environ is None else environ, values
    ):
        part = values.setdefault(section, {})
        if isinstance(part, dict):
            part[key] = value
            origin[f"{section}.{key}"] = name
    _say_unknown(values, path)
    try:
        return Settings.model_validate(values)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        source = origin.get(where, str(path))
        raise InvalidInput(
            f"{source}: {where} = {first['input']!r} is not possible: "
            f"{first['msg'][:1].lower()}{first['msg'][1:]}."
        ) from error


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InvalidInput(f"{path} is not valid TOML: {error}") from error


def _from_environment(
    environ: Mapping[str, str], values: Mapping[str, Any]
) -> list[tuple[str, str, str, str]]:
    found = []
    for name, value in environ.items():
        if not name.startswith("MLOPS_LAB_") or name in _NOT_SETTINGS:
            continue
        section, _, key = name.removeprefix("MLOPS_LAB_").lower().partition("_")
        if section not in Settings.model_fields or not key:
            continue
        if section == "goals":
            # Metric names know case, variable names mostly do not.
            known = {str(goal).lower(): str(goal) for goal in values.get("goals", {})}
            key = known.get(key, key)
        found.append((section, key, value, name))
    return found


def _say_unknown(values: Mapping[str, Any], path: Path) -> None:
    known: dict[str, type[BaseModel]] = {"project": ProjectSettings, "tracking": TrackingSettings}
    for section, model in known.items():
        part = values.get(section)
        for key in part if isinstance(part, dict) else ():
            if key not in model.model_fields:
                near = difflib.get_close_matches(key, model.model_fields, 1)
                hint = f" Did you mean {near[0]}?" if near else ""
                _log.warning("%s: [%s] %s is not a setting we know.%s", path, section, key, hint)
