"""Which types a model file may hold: our own reviewed list, and the reading of a file by it.

A skops file is an archive with ``schema.json``, a tree of nodes, and one file for each array. Every
node names a type and how to rebuild it. Before anything is built, this module walks that tree by
itself, knows every kind of node there is, and refuses what it does not know: a type that is not on
the list, a type that is used in another way than the list allows (called instead of held), and
everything that could call (partials, methods, operators). The list is ``allowed.toml``; nothing in
a file, not even its own metadata, adds to it.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, Final

from mlops_lab.errors import Corrupt

__all__ = ["AllowList", "Refusal", "Seen", "allowed", "audit"]

_DEPTH: Final = 200
"""How deep nodes may lie in each other: a stack of pipelines needs about 60."""

_NODES: Final = 20_000_000
_PROTOCOL: Final = 2
_GENERATORS: Final = frozenset({"PCG64", "PCG64DXSM", "SFC64"})
"""Bit generators whose state has no position that native code would follow unchecked."""

# How each kind of node uses the type it names, as the list calls it; what is missing here (methods,
# partials, operators, bytes, the nodes of old protocols) is refused whatever type it names.
_ROLES: Final = {
    "ConstructorFromReduceNode": "constructor",
    "DTypeNode": "dtype",
    "DefaultDictNode": "container",
    "DictNode": "container",
    "FunctionNode": "function",
    "ListNode": "container",
    "LossNode": "loss",
    "MaskedArrayNode": "masked",
    "NdArrayNode": "array",
    "ObjectNode": "object",
    "PartialNode": "partial",
    "RandomGeneratorNode": "random",
    "RandomStateNode": "random",
    "SetNode": "container",
    "SliceNode": "slice",
    "SparseMatrixNode": "sparse",
    "TreeNode": "tree",
    "TupleNode": "container",
    "TypeNode": "type",
}


@dataclass(frozen=True, slots=True)
class AllowList:
    """The reviewed list.

    Attributes
    ----------
    version
        Counts up with every change.
    reviewed
        The day of the last review.
    scikit_learn
        First and last minor version whose sources were read for it.
    roles
        For each type's name how it may be used: object, array, container …
    checks
        For a type's name the check of its structure that must pass before it is used.
    """

    version: int
    reviewed: str
    scikit_learn: tuple[str, str]
    roles: dict[str, frozenset[str]]
    checks: dict[str, str]


@dataclass(frozen=True, slots=True)
class Refusal:
    """A part of a model that must not be built.

    Attributes
    ----------
    type
        The type's full name as the file has it.
    where
        Where in the model: ``steps[0][1].func``.
    why
        What is wrong with it, as the end of a sentence.
    """

    type: str
    where: str
    why: str


@dataclass(frozen=True, slots=True)
class Seen:
    """What the walk through a schema found.

    Attributes
    ----------
    types
        Every type that would be used, sorted.
    refusals
        What must not be built, in the order of the file.
    files
        The members of the archive that the nodes refer to.
    versions
        The scikit-learn versions that the estimators say they were fitted with.
    root
        The full name of the model's own type.
    trees
        The nodes of decision trees, whose first arguments native code trusts when it builds them.
    """

    types: tuple[str, ...]
    refusals: tuple[Refusal, ...]
    files: frozenset[str]
    versions: tuple[str, ...]
    root: str
    trees: tuple[dict[str, Any], ...]


@cache
def allowed() -> AllowList:
    """Read the list that ships with this package."""
    data = tomllib.loads(files(__package__).joinpath("allowed.toml").read_text("utf-8"))
    roles: dict[str, set[str]] = {}
    checks: dict[str, str] = {}
    for group in data["group"]:
        for name in group["names"]:
            roles.setdefault(name, set()).add(group["role"])
            if "check" in group:
                checks[name] = group["check"]
    first, last = data["scikit_learn"]
    return AllowList(
        version=data["version"],
        reviewed=data["reviewed"],
        scikit_learn=(first, last),
        roles={name: frozenset(of) for name, of in roles.items()},
        checks=checks,
    )


def audit(schema: object) -> Seen:
    """Walk a skops schema without building anything and say what it would build.

    Parameters
    ----------
    schema
        The parsed ``schema.json``.

    Raises
    ------
    Corrupt
        It is no schema that this version of skops writes: nodes without what they need, nested
        without end, or one identity with two meanings.
    """
    if not isinstance(schema, dict):
        raise Corrupt("The model file's schema.json is not an object.")
    if type(schema.get("protocol")) is not int or schema["protocol"] != _PROTOCOL:
        raise Corrupt(
            f"The model file has skops protocol {_said(schema.get('protocol'))}; this version "
            f"reads {_PROTOCOL}. Save the model again with a current skops."
        )
    walk = _Walk(allowed())
    walk.node(schema, "", 0)
    return Seen(
        types=tuple(sorted(walk.types)),
        refusals=tuple(walk.refusals),
        files=frozenset(walk.files),
        versions=tuple(sorted(walk.versions)),
        root=_name(schema),
        trees=tuple(walk.trees),
    )


class _Walk:
    """One walk; collects as it goes."""

    def __init__(self, listed: AllowList) -> None:
        self._listed = listed
        self._count = 0
        self._by_id: dict[int, dict[str, Any]] = {}
        self._above: set[int] = set()
        self.types: set[str] = set()
        self.refusals: list[Refusal] = []
        self.files: set[str] = set()
        self.versions: set[str] = set()
        self.trees: list[dict[str, Any]] = []

    def node(self, state: object, where: str, depth: int, *, in_partial: bool = False) -> None:
        """Look at a node and at all below it.

        Parameters
        ----------
        state
            The node.
        where
            Where it is in the model.
        depth
            How deep it lies.
        in_partial
            Whether it is the function of a partial, which has a list of its own.
        """
        if not isinstance(state, dict):
            raise Corrupt(f"The model file's schema has no node at {_at(where)}.")
        if depth > _DEPTH:
            raise Corrupt(f"The model file is nested deeper than {_DEPTH} levels at {_at(where)}.")
        self._count += 1
        if self._count > _NODES:
            raise Corrupt(f"The model file has more than {_NODES:,} nodes.")
        loader = state.get("__loader__")
        identity = state.get("__id__")
        if not isinstance(loader, str):
            raise Corrupt(f"The model file's node at {_at(where)} does not say how to load it.")
        if identity is not None:
            if not isinstance(identity, int) or isinstance(identity, bool):
                raise Corrupt(f"The model file's node at {_at(where)} has a wrong identity.")
            # skops builds what it met first under an identity and ignores what it meets later. Both
            # are looked at, and must mean the same, or it is not known which of them is built.
            if identity in self._above:
                raise Corrupt(f"The model file contains itself at {_at(where)}.")
            known = self._by_id.setdefault(identity, state)
            if known is not state and _meant(known) != _meant(state):
                raise Corrupt(
                    f"The model file gives one identity to two things, one at {_at(where)}."
                )
        if loader == "JsonNode":
            _scalar(state.get("content"), where)
            return
        self._named(state, loader, where, in_partial)
        if identity is not None:
            self._above.add(identity)
        for key, below in self._below(state, loader, where, depth):
            self.node(below, f"{where}{key}", depth + 1)
        if identity is not None:
            self._above.discard(identity)

    def _named(self, state: dict[str, Any], loader: str, where: str, in_partial: bool) -> None:
        name = _name(state)
        role = "in partial" if in_partial else _ROLES.get(loader)
        self.types.add(name)
        if role is None:
            self._refuse(name, where, f"is rebuilt by calling ({loader[:60]}), which no file may")
            return
        roles = self._listed.roles.get(name)
        if roles is None:
            self._refuse(name, where, "is not on the list of types that were reviewed")
        elif role not in roles:
            self._refuse(name, where, f"may be used as {' or '.join(sorted(roles))}, not as {role}")

    def _refuse(self, name: str, where: str, why: str) -> None:
        if len(self.refusals) < 100:
            self.refusals.append(Refusal(name, where.lstrip("."), why))

    def _below(
        self, state: dict[str, Any], loader: str, where: str, depth: int
    ) -> Iterator[tuple[str, object]]:
        """Give the nodes below with what to add to the path."""
        content = state.get("content")
        match loader:
            case "DictNode":
                yield "", state.get("key_types")
                for key, value in _mapping(content, where).items():
                    yield f".{key}", value
                self._fitted_with(state)
            case "ListNode" | "SetNode" | "TupleNode":
                yield from ((f"[{i}]", value) for i, value in enumerate(_items(content, where)))
            case "ObjectNode":
                if content is not None:
                    yield "", content
            case "NdArrayNode" if state.get("type") == "json":
                yield from ((f"[{i}]", value) for i, value in enumerate(_items(content, where)))
                yield "", state.get("shape")
            case "NdArrayNode" if state.get("type") == "numpy":
                self._file(state, where, ".npy")
            case "SparseMatrixNode" if state.get("type") == "scipy":
                self._file(state, where, ".npz")
            case "NdArrayNode" | "SparseMatrixNode":
                raise Corrupt(f"The model file has an unknown kind of array at {_at(where)}.")
            case "MaskedArrayNode":
                parts = _mapping(content, where)
                yield from ((f".{key}", parts.get(key)) for key in ("data", "mask"))
            case "DefaultDictNode":
                parts = _mapping(content, where)
                yield from (("", parts.get(key)) for key in ("main", "default_factory"))
            case "RandomGeneratorNode":
                parts = _mapping(content, where)
                yield from ((f".{key}", parts.get(key)) for key in ("bit_generator", "seed_seq"))
                self._generator(parts["bit_generator"], where)
            case "TreeNode" | "LossNode":
                if loader == "TreeNode":
                    self.trees.append(state)
                yield "", _mapping(state.get("__reduce__"), where).get("args")
                yield "", content
            case "RandomStateNode" | "DTypeNode" | "ConstructorFromReduceNode":
                yield "", content
            case "PartialNode":
                parts = _mapping(content, where)
                func = _mapping(parts.get("func"), where)
                if func.get("__loader__") != "FunctionNode":
                    self._refuse(_name(func), where, "is called with arguments, which no file may")
                    return
                self.node(func, f"{where}.func", depth + 1, in_partial=True)
                yield from ((f".{key}", parts.get(key)) for key in ("args", "kwds", "namespace"))
            case "SliceNode":
                parts = _mapping(content, where)
                if not all(
                    parts.get(key) is None or type(parts.get(key)) is int
                    for key in ("start", "stop", "step")
                ):
                    raise Corrupt(f"The model file has a wrong slice at {_at(where)}.")
            case _:
                # Functions and types have nothing below; what is refused is not looked into.
                return

    def _file(self, state: dict[str, Any], where: str, suffix: str) -> None:
        name = state.get("file")
        if not isinstance(name, str) or not name.endswith(suffix):
            raise Corrupt(f"The model file's array at {_at(where)} is in no {suffix} file.")
        self.files.add(name)

    def _generator(self, state: object, where: str) -> None:
        # The kind of generator is a text in its state, and numpy looks up what it names.
        try:
            named = json.loads(state["content"]["bit_generator"]["content"])  # type: ignore[index]
        except (KeyError, TypeError, ValueError):
            named = None
        if named not in _GENERATORS:
            self._refuse(
                f"numpy.random.{_said(named)}",
                where,
                f"is none of {', '.join(sorted(_GENERATORS))}",
            )

    def _fitted_with(self, state: dict[str, Any]) -> None:
        version = state["content"].get("_sklearn_version")
        if isinstance(version, dict) and version.get("__loader__") == "JsonNode":
            said = json.loads(version["content"])
            if isinstance(said, str):
                self.versions.add(said[:40])


def _meant(state: dict[str, Any]) -> tuple[object, ...]:
    """What a node says by itself; objects are written anew each time, under other identities."""
    content = state.get("content")
    meant: object = None
    if state.get("__loader__") == "JsonNode":
        meant = content
    elif isinstance(content, list):
        meant = [_identity(item) for item in content]
    elif isinstance(content, dict) and state.get("__loader__") == "DictNode":
        meant = [(key, _identity(value)) for key, value in content.items()]
    return (
        state.get("__loader__"),
        state.get("__module__"),
        state.get("__class__"),
        state.get("type"),
        state.get("file"),
        meant,
    )


def _identity(state: object) -> object:
    return state.get("__id__") if isinstance(state, dict) else None


def _name(state: dict[str, Any]) -> str:
    module, name = state.get("__module__"), state.get("__class__")
    if not isinstance(module, str) or not isinstance(name, str):
        raise Corrupt("The model file has a node without a type.")
    return f"{module}.{name}"


def _scalar(content: object, where: str) -> None:
    """Text, number, truth or nothing: containers are nodes of their own."""
    try:
        value = json.loads(content) if isinstance(content, str) else content
    except (ValueError, RecursionError):
        value = content
    else:
        if isinstance(content, str) and not isinstance(value, (list, dict)):
            return
    raise Corrupt(f"The model file has a value that is no JSON scalar at {_at(where)}.")


def _mapping(content: object, where: str) -> dict[str, Any]:
    if not isinstance(content, dict):
        raise Corrupt(f"The model file's node at {_at(where)} has no content.")
    return content


def _items(content: object, where: str) -> list[Any]:
    if not isinstance(content, list):
        raise Corrupt(f"The model file's node at {_at(where)} has no items.")
    return content


def _said(value: object) -> str:
    return repr(value)[:60]


def _at(where: str) -> str:
    shown = where.lstrip(".") or "its top"
    shown = shown if len(shown) <= 120 else f"{shown[:119]}…"
    return "".join(c if c.isprintable() else "�" for c in shown)
