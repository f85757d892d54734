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

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from mlops_lab.errors import InvalidInput
from mlops_lab.names import alias_name

__all__ = [
    "FILE_NAME",
    "AliasPolicy",
    "ProjectSettings",
    "Settings",
    "TrackingSettings",
    "load_settings",
]

FILE_NAME: Final = "mlops.toml"

_log = logging.getLogger(__name__)

# Variables of the same prefix that are not settings: they say where things are.
_NOT_SETTINGS: Final = frozenset({"MLOPS_LAB_PROJECT", "MLOPS_LAB_ROOT", "MLOPS_LAB_RUN"})

# What a project demands is committed with it: a process's environment must not weaken it.
_FILE_ONLY: Final = frozenset({"aliases"})


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


class AliasPolicy(BaseModel):
    """``[aliases.NAME]``: what a model version needs to get an alias.

    The default, of an alias without a table, asks for nothing but a safe format.

    Attributes
    ----------
    after
        The alias that it must have had before.
    gates
        Whether the gates of the pipeline that judged it last must have passed.
    approvals
        How many people must approve.
    role
        The least role that can approve.
    self_approval
        Whether who registered it, or asked for the promotion, may approve.
    unsafe
        Whether a format may have it that runs code when it is loaded.
    """

    # A misspelt demand would be no demand at all, so here an unknown key is refused.
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    after: str | None = Field(default=None, min_length=1, max_length=50)
    gates: bool = False
    approvals: int = Field(default=0, ge=0, le=20)
    role: Literal["contributor", "approver", "admin"] = "approver"
    self_approval: bool = False
    unsafe: bool = False


class Settings(_Section):
    """All settings of one project, immutable."""

    project: ProjectSettings = ProjectSettings()
    goals: dict[str, Literal["max", "min"]] = Field(default_factory=dict)
    tracking: TrackingSettings = TrackingSettings()
    aliases: dict[str, AliasPolicy] = Field(default_factory=dict)

    @field_validator("aliases", mode="after")
    @classmethod
    def _in_an_order(cls, aliases: dict[str, AliasPolicy]) -> dict[str, AliasPolicy]:
        for alias in aliases:
            alias_name(alias)
            seen, at = [alias], aliases[alias].after
            while at is not None:
                if at in seen:
                    raise ValueError(f"{alias} would have to come after itself.")
                seen.append(at)
                at = aliases[at].after if at in aliases else None
        return aliases


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
        if first["type"] == "extra_forbidden":
            raise InvalidInput(_unknown_demand(str(path), first["loc"])) from error
        if first["type"] == "value_error":  # our own words, about the section as a whole
            raise InvalidInput(f"{source}: [{where}] {first['ctx']['error']}") from error
        raise InvalidInput(
            f"{source}: {where} = {first['input']!r} is not possible: "
            f"{first['msg'][:1].lower()}{first['msg'][1:]}."
        ) from error


def _unknown_demand(path: str, where: tuple[int | str, ...]) -> str:
    *section, key = map(str, where)
    near = difflib.get_close_matches(key, AliasPolicy.model_fields, 1)
    known = (
        f"Did you mean {near[0]}?" if near else f"There are {', '.join(AliasPolicy.model_fields)}."
    )
    return f"{path}: [{'.'.join(section)}] {key} is no demand that we know. {known}"


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
        if section not in Settings.model_fields or not key or section in _FILE_ONLY:
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
