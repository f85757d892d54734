"""Who may do what: roles that Jupyter's configuration gives, outside of every project.

``c.MlopsLabApp.roles = {"ivo": "approver", "group:ops": "contributor"}`` and
``c.MlopsLabApp.default_role`` stand in ``jupyter_mlops_lab_config.py`` (or ``.json``) in a folder
of Jupyter's configuration path. The server, kernels and the command line read the same files.
Nothing that a pull request can change grants a right: files in the project, in its repository, and
in the current folder do not count.

A person with a kernel can write the project's files: roles are real on a team server whose users
have no kernel there; elsewhere they prevent accidents, and the chain of decisions shows tampering.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self

from mlops_lab.errors import Forbidden, InvalidInput
from mlops_lab.expressions import nearest
from mlops_lab.governance.roles import PERMISSIONS, Role, permissions_of, rank, role_of_text

if TYPE_CHECKING:
    from mlops_lab.governance.identity import Identity

__all__ = ["CONFIG_NAME", "Access", "Rules", "grants_inside", "read_hosts", "read_rules"]

CONFIG_NAME: Final = "jupyter_mlops_lab_config"
"""What the configuration's files are called: Jupyter's name for that of our extension."""

SECTION: Final = "MlopsLabApp"
GROUP: Final = "group:"
_OURS: Final = ("roles", "default_role", "webhook_hosts")
_JUPYTERS: Final = ("default_url",)
"""Options that every extension has, and that look like ours."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Rules:
    """Which role everybody has.

    Attributes
    ----------
    roles
        Role by user name, or by ``group:NAME``; a person's own entry wins over their groups'.
    default
        The role of everybody else; None: viewer when anybody has a role by name, else admin.
    """

    roles: Mapping[str, Role] = field(default_factory=dict)
    default: Role | None = None

    @classmethod
    def of(cls, roles: Any, default: Any) -> Self:
        """Check what a configuration says.

        Raises
        ------
        InvalidInput
            It names a role that there is not.
        """
        if not isinstance(roles, Mapping):
            raise InvalidInput(f"roles is a dict of user names and roles; got {roles!r}.")
        return cls(
            {str(name): role_of_text(role, f"The role of {name}") for name, role in roles.items()},
            role_of_text(default, "default_role") if default else None,
        )

    @property
    def of_others(self) -> Role:
        """The role of who is not named: with no configuration at all, everybody is admin."""
        return self.default or ("viewer" if self.roles else "admin")

    def role_of(self, identity: Identity) -> Role:
        """Give somebody's role."""
        # Whoever calls themselves group:ops is not the group.
        own = None if identity.id.startswith(GROUP) else self.roles.get(identity.id)
        if own is not None:
            return own
        groups = [self.roles.get(GROUP + name) for name in identity.groups]
        return max((role for role in groups if role), key=rank, default=self.of_others)


class Access:
    """Who may do what in one project. Safe to use from several threads.

    Parameters
    ----------
    roles, default
        As of `Rules`; by default everybody is admin.

    Examples
    --------
    >>> from mlops_lab.governance import Identity
    >>> access = Access({"ivo": "approver"})
    >>> access.role_of(Identity("ivo")), access.role_of(Identity("mara"))
    ('approver', 'viewer')
    """

    def __init__(self, roles: Mapping[str, Any] | None = None, default: str | None = None) -> None:
        self._rules: Rules | None = Rules.of(roles or {}, default)
        self._root: Path | None = None
        self._mutex = threading.Lock()

    @classmethod
    def configured(cls, root: Path) -> Self:
        """The access to the project in a folder that Jupyter's configuration gives; read when it
        is asked for the first time.
        """
        access = cls()
        access._rules, access._root = None, root
        return access

    @property
    def rules(self) -> Rules:
        """Which role everybody has."""
        with self._mutex:
            if self._rules is None:
                assert self._root is not None
                self._rules = read_rules(self._root)
            return self._rules

    def adopt(self, rules: Rules) -> None:
        """Take the rules of whoever runs this process: the server, from its own configuration."""
        with self._mutex:
            self._rules = rules

    def role_of(self, identity: Identity) -> Role:
        """Give somebody's role."""
        return self.rules.role_of(identity)

    def permissions(self, identity: Identity) -> tuple[str, ...]:
        """All that somebody may."""
        return permissions_of(self.role_of(identity))

    def may(self, identity: Identity, permission: str) -> bool:
        """Say whether somebody may do something, as ``models:approve``."""
        return rank(self.role_of(identity)) >= rank(PERMISSIONS[permission])

    def require(self, identity: Identity, permission: str) -> None:
        """Refuse somebody what their role does not include.

        Raises
        ------
        Forbidden
            The message says which role is needed and who gives it.
        """
        if self.may(identity, permission):
            return
        role, needed = self.role_of(identity), PERMISSIONS[permission]
        raise Forbidden(
            f"{identity.id} is {role} here, and this ({permission}) needs the role {needed}. "
            f"Whoever runs Jupyter gives roles: c.{SECTION}.roles in {CONFIG_NAME}.py, which the "
            "server, kernels and the command line read.",
            permission=permission,
            role=role,
            needed=needed,
        )


def read_rules(root: Path, paths: Iterable[str | Path] | None = None) -> Rules:
    """Read the roles from Jupyter's configuration, as far as it lies outside of the project.

    Parameters
    ----------
    root
        The project's folder.
    paths
        The folders to look in, the first wins; by default Jupyter's configuration path.

    Raises
    ------
    InvalidInput
        A file cannot be read, or names a role that there is not: then nobody may do anything,
        instead of everybody everything.
    """
    merged = _merged(root, paths)
    return Rules.of(merged.get("roles", {}), merged.get("default_role"))


def read_hosts(root: Path, paths: Iterable[str | Path] | None = None) -> frozenset[str]:
    """Read which hosts of the inner network webhooks may call: ``c.MlopsLabApp.webhook_hosts``.

    Parameters
    ----------
    root, paths
        As of `read_rules`.

    Raises
    ------
    InvalidInput
        A file cannot be read, or it is no list of hosts.
    """
    hosts = _merged(root, paths).get("webhook_hosts", [])
    if not isinstance(hosts, list | tuple | set) or not all(isinstance(one, str) for one in hosts):
        raise InvalidInput(
            f'{SECTION}.webhook_hosts is a list such as ["hooks.internal:8443"]; got {hosts!r}.'
        )
    return frozenset(one.lower() for one in hosts)


def _merged(root: Path, paths: Iterable[str | Path] | None) -> dict[str, Any]:
    """What the configuration says of us, as far as it lies outside of the project."""
    if paths is None:
        from jupyter_core.paths import jupyter_config_path

        paths = jupyter_config_path()
    merged: dict[str, Any] = {}
    for folder in reversed(list(paths)):
        for path in _files(folder):
            if grants_inside(path, root):
                _log.warning(
                    "%s gives roles from inside the project or its repository: it is not read. "
                    "Roles belong into Jupyter's configuration of the user or the system.",
                    path,
                )
                continue
            merged |= _section(path)
    return merged


def grants_inside(path: Path, root: Path) -> bool:
    """Say whether a file lies where a pull request to the project could have put it, or right in
    the current folder, which may be anybody's.
    """
    project = root.resolve()
    places = {project, _repository(project) or project}
    for seen in (path.resolve(), path.absolute()):
        if seen.parent == Path.cwd() or any(seen.is_relative_to(place) for place in places):
            return True
    return False


def _repository(folder: Path) -> Path | None:
    return next((each for each in (folder, *folder.parents) if (each / ".git").exists()), None)


def _files(folder: str | Path) -> Iterator[Path]:
    """The configuration files of a folder; of both kinds the JSON one wins, as in Jupyter."""
    if not Path(folder).is_absolute():
        return  # an empty or relative entry of a search path leads to the current folder
    for suffix in (".py", ".json"):
        path = Path(folder) / f"{CONFIG_NAME}{suffix}"
        if path.is_file():
            yield path


def _section(path: Path) -> dict[str, Any]:
    """What a file says of us; a Python one is run, as Jupyter does."""
    from traitlets.config.loader import JSONFileConfigLoader, LazyConfigValue, PyFileConfigLoader

    loader = JSONFileConfigLoader if path.suffix == ".json" else PyFileConfigLoader
    try:
        section = loader(path.name, path=str(path.parent)).load_config().get(SECTION, {})
    except (
        Exception,
        SystemExit,
    ) as error:  # a Python file may end the process, as if all was well
        raise InvalidInput(f"{path} cannot be read, so nobody has a role: {error}") from error
    if not isinstance(section, Mapping):
        raise InvalidInput(f"{path}: {SECTION} is a section with roles; got {section!r}.")
    for key in section:
        meant = None if key in (*_OURS, *_JUPYTERS) else nearest(key, _OURS)
        if meant is not None:
            # Overlooked, a slip of the pen would make everybody admin.
            raise InvalidInput(f"{path}: {SECTION} has no {key}. Did you mean {meant}?")
    found = {key: section[key] for key in _OURS if key in section}
    # c.MlopsLabApp.roles.update({...}), which waits for the value that it is to change
    return {
        key: value.get_value([] if key == "webhook_hosts" else {})
        if isinstance(value, LazyConfigValue)
        else value
        for key, value in found.items()
    }
