"""What is where in a project's store, and which tables the index has.

The index is named by a hash of everything that decides its content, so a program with another
layout uses a file of its own and nobody migrates anything.
"""

from __future__ import annotations

import errno
import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

__all__ = [
    "DIGEST",
    "DISK_FULL",
    "FORMAT_VERSION",
    "LINE_VERSION",
    "STORAGE_VERSION",
    "ConceptTables",
    "Fold",
    "Layout",
    "index_schema",
    "lineage_views",
]

FORMAT_VERSION = 1
"""The version in ``.mlops/format``: which stores this program may read and write."""

LINE_VERSION = 1
"""The newest version of journal and decision lines that this program understands."""

DIGEST = re.compile(r"b3-[0-9a-f]{64}")
"""What a content id looks like."""

DISK_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
"""The error numbers of a disk, a quota or a file size that is used up."""

STORAGE_VERSION = "v2.0.0"
"""The DuckDB storage format of the index."""


@dataclass(frozen=True, slots=True)
class Fold:
    """How lines of some kinds become rows.

    Parameters
    ----------
    kinds
        The values of ``e`` (or a decision's ``kind``) that make this fold run.
    sql
        Statements over the temporary table ``lines(writer VARCHAR, off BIGINT, t BIGINT, kind
        VARCHAR,
        run VARCHAR, line JSON)``; base tables are written qualified, ``lab.<name>``. Competing
        lines must be resolved by ``(t, writer, off)``, never by the order in which they arrive.
    """

    kinds: tuple[str, ...]
    sql: str


@dataclass(frozen=True, slots=True)
class ConceptTables:
    """The tables of one concept: text only, registered with the store in layer order.

    Parameters
    ----------
    name
        The concept's folder name.
    ddl
        ``create table lab.<singular>(…)`` statements; telemetry tables have no keys and no indexes.
    folds
        Run in this order inside the fold's transaction, each when the batch holds one of its kinds.
    views
        Public name → select statement; what :func:`mlops_lab.sql` offers.
    deaths
        Statements run at each fold, over the temporary views ``dead(writer)`` and
        ``alive(writer)``.
    objects
        A select of (content id, what it is, whether it lists a folder's files, whether it is
        needed) that names every object the tables point to. What nothing alive needs any more,
        and did not within the last 14 days, may be collected.
    nodes
        A select of (node, kind, label, detail, at, alive): the concept's part of ``lab.nodes``.
        ``node`` is ``kind:id``, as ``run:<32 hex>`` and ``dataset:flights@3``; what is deleted
        stays, with ``alive`` false.
    edges
        A select of (source, target, role, strong): its part of ``lab.edges``. An edge leads from
        what something was made from to what was made; a strong one forbids deleting its source
        while its target is alive.
    """

    name: str
    ddl: str
    folds: tuple[Fold, ...] = ()
    views: dict[str, str] = field(default_factory=dict)
    deaths: str | None = None
    objects: str | None = None
    nodes: str | None = None
    edges: str | None = None


# The first select of a union names and types the columns, and is all there is without a concept.
_NO_NODES = """
select null::varchar as node, null::varchar as kind, null::varchar as label,
       null::varchar as detail, null::timestamp as "at", null::boolean as alive
where false"""
_NO_EDGES = """
select null::varchar as source, null::varchar as target, null::varchar as role,
       null::boolean as strong
where false"""


# The store's own tables. `journal` holds how far each writer's file has been folded: its row and
# the rows
# made from its lines are committed together, which is what makes folding exactly-once.
STORE_TABLES = ConceptTables(
    name="store",
    ddl="""
    create table lab.meta(key varchar, value varchar);
    create table lab.journal(writer varchar, off bigint, lines bigint, rejected bigint, unknown
    bigint,
                             newer bigint, state varchar, host varchar, pid bigint, program varchar,
                             t bigint);
    create table lab.rejected(writer varchar, off bigint, reason varchar);
    create table lab.decision(n bigint, t bigint, by_id varchar, via varchar, kind varchar, data
    json,
                              prev varchar, hash varchar);
    """,
    views={
        "decisions": """
        select n, make_timestamp(t) as decided_at, by_id as "by", via, kind, data, prev, hash
        from lab.decision
        """,
    },
)


class Layout:
    """The paths inside one project's ``.mlops`` folder."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.dir = root / ".mlops"
        self.format = self.dir / "format"
        self.ignore = self.dir / ".gitignore"
        self.decisions = self.dir / "decisions.jsonl"
        self.journal = self.dir / "journal"
        self.done = self.journal / "done"
        self.rejected = self.journal / "rejected"
        self.objects = self.dir / "objects"
        self.trash = self.dir / "trash"
        self.tmp = self.dir / "tmp"


def lineage_views(concepts: Iterable[ConceptTables]) -> dict[str, str]:
    """The views over what all concepts say of lineage: nodes, edges, and the public one."""
    stated = list(concepts)
    nodes = [_NO_NODES, *(f"from ({concept.nodes})" for concept in stated if concept.nodes)]
    edges = [_NO_EDGES, *(f"from ({concept.edges})" for concept in stated if concept.edges)]
    return {
        "nodes": "\nunion all\n".join(nodes),
        "edges": "\nunion all\n".join(edges),
        "lineage": "select source, target, role, strong from lab.edges",
    }


def index_schema(concepts: Iterable[ConceptTables]) -> str:
    """Eight hex digits that name the index's layout: equal layouts share a file, others do not."""
    digest = hashlib.sha256(f"{LINE_VERSION} {STORAGE_VERSION}".encode())
    concepts = tuple(concepts)
    for name, sql in lineage_views(concepts).items():
        digest.update(f"{name} {sql}\0".encode())
    for concept in (STORE_TABLES, *concepts):
        parts: Sequence[str] = (
            concept.name,
            concept.ddl,
            *(f"{fold.kinds} {fold.sql}" for fold in concept.folds),
            *(f"{name} {sql}" for name, sql in concept.views.items()),
            concept.deaths or "",
        )
        for part in parts:
            digest.update(part.encode())
            digest.update(b"\0")
    return digest.hexdigest()[:8]
