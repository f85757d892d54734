"""Whether a version is still what was registered: the hash of every file, and what names it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

from mlops_lab.errors import Corrupt, LabError, NotFound, Untrusted
from mlops_lab.registry.records import Fault, ModelVersion

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

    from mlops_lab.store import Store
    from mlops_lab.store.tree import Tree

__all__ = [
    "MANIFEST",
    "chain_fault",
    "faults_of",
    "is_trusted",
    "is_unsafe",
    "read_manifest",
    "refuse_broken_chain",
    "refuse_faulty",
]

MANIFEST: Final = "model.json"
"""The file in which a saved model says what it is."""

# What is pickle whatever the manifest calls it.
PICKLES: Final = (".pkl", ".pickle", ".joblib", ".dill")


def faults_of(store: Store, version: ModelVersion) -> Iterator[Fault]:
    """Read every byte of a version and name what is not as it was registered."""
    try:
        tree = store.objects.tree(version.digest)
    except NotFound:
        yield Fault("digest", f"the list of its files, {version.digest}, is not in the store")
        return
    except LabError as error:
        yield Fault("digest", f"the list of its files is not what was registered: {error}")
        return
    whole = True
    for entry in tree.entries:
        try:
            same = store.objects.verify(entry.digest)
        except NotFound:
            yield Fault(entry.path, _why_missing(store, entry.digest))
            whole = False
            continue
        if not same:
            yield Fault(entry.path, "has other bytes than were registered")
            whole = False
    if tree.size_bytes != version.size_bytes:
        yield Fault(
            "size_bytes", f"is {version.size_bytes:,}, and its files have {tree.size_bytes:,}"
        )
    if whole:
        yield from _faults_of_manifest(store, tree, version)
    try:
        if version.facts_digest and not store.objects.verify(version.facts_digest):
            yield Fault("facts", "have other bytes than were registered")
    except NotFound:
        yield Fault("facts", f"are not in the store any more: {version.facts_digest}")


def is_trusted(store: Store, digest: str) -> bool:
    """Whether the files are as they were when they were last read: one ``stat`` each."""
    try:
        for entry in store.objects.tree(digest).entries:
            store.objects.trusted(entry.digest)
    except LabError:
        return False
    return True


def refuse_faulty(store: Store, version: ModelVersion, what: str) -> None:
    """Refuse to go on with a version that is not what was registered.

    Raises
    ------
    Untrusted
        The message names the first file or field that is wrong.
    """
    found = next(faults_of(store, version), None)
    if found is not None:
        raise Untrusted(
            f"{version.name} {version.version} is not what was registered: {found.where} "
            f"{found.message}. {what}",
            where=found.where,
        )


def read_manifest(store: Store, tree: Tree) -> dict[str, Any]:
    """Read what a saved model says of itself; a missing or broken manifest is an empty one."""
    for entry in tree.entries:
        if entry.path == MANIFEST:
            with store.objects.open(entry.digest) as file:
                try:
                    value = json.loads(file.read())
                except ValueError:
                    return {}
            return value if isinstance(value, dict) else {}
    return {}


def is_unsafe(tree: Tree, manifest: dict[str, Any]) -> bool:
    """Whether loading may run code: by its own word, or because a file in it is a pickle."""
    pickled = any(entry.path.lower().endswith(PICKLES) for entry in tree.entries)
    return pickled or manifest.get("unsafe") is not False


def _faults_of_manifest(store: Store, tree: Tree, version: ModelVersion) -> Iterator[Fault]:
    manifest = read_manifest(store, tree)
    if not manifest:
        yield Fault(MANIFEST, "is missing or no JSON object")
        return
    if manifest.get("flavor") != version.flavor:
        yield Fault(
            "flavor", f"is {version.flavor!r}, and {MANIFEST} says {manifest.get('flavor')!r}"
        )
    if is_unsafe(tree, manifest) and not version.unsafe:
        yield Fault("unsafe", f"is false, and its files are {manifest.get('flavor')!r}")


def _why_missing(store: Store, digest: str) -> str:
    try:
        store.objects.trusted(digest)
    except Corrupt as error:
        return f"was changed: {error}"
    except LabError:
        pass
    return "is not in the store any more"


def chain_fault(store: Store, cursor: DuckDBPyConnection) -> tuple[int, str] | None:
    """Find the first line of the decision log that is not what was written.

    The chain shows what happened to all lines but the last, and what the index has read of them
    shows the rest: a line at the end that was changed, or is gone. A last line without an end was
    never committed: a process died there, and nobody changed anything.

    Parameters
    ----------
    cursor
        Of the decision that is being taken: the index is as new as the log.
    """
    from mlops_lab.store.decisions import TORN, DecisionLog

    log = DecisionLog(store.dir / "decisions.jsonl")
    for line, message in log.faults():
        if message != TORN:
            return line, message
    known = dict(cursor.execute("select n, hash from lab.decision").fetchall())
    line = 0
    for line, decision in enumerate(log.read(), start=1):
        if known.pop(decision.n, decision.hash) != decision.hash:
            return line, "is another one than was written"
    return (line + 1, f"is missing: decision {min(known)} is gone") if known else None


def refuse_broken_chain(store: Store, cursor: DuckDBPyConnection, what: str) -> None:
    """Refuse to build on a decision log that somebody has changed.

    Raises
    ------
    Untrusted
        The message names the line.
    """
    fault = chain_fault(store, cursor)
    if fault is not None:
        line, message = fault
        raise Untrusted(
            f"{what}, because the decision log is broken: line {line} {message}. Put "
            ".mlops/decisions.jsonl right from a backup; `mlops-lab audit verify` names every "
            "line that is wrong.",
            line=line,
        )
