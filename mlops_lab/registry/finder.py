"""Finding models and versions, and reading what belongs to them."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from mlops_lab.config import AliasPolicy
from mlops_lab.errors import Corrupt, InvalidInput, NotFound
from mlops_lab.expressions.suggest import nearest
from mlops_lab.governance import Identity
from mlops_lab.names import Reference, alias_name, name_of, parse_reference
from mlops_lab.registry.records import AliasMove, LoggedModel, ModelRecord, ModelVersion
from mlops_lab.registry.state import ModelState, VersionRow, read_state, read_states

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

    from mlops_lab.governance import Access
    from mlops_lab.store import Store
    from mlops_lab.store.tree import Tree
    from mlops_lab.tracking import RunManager

__all__ = ["ModelFinder", "record_of"]

_LOGGED: Final = """
select m.logged_model, m.run_id, m.name, m.flavor, m.digest, m.size, m.unsafe, m.types::varchar,
       m.signature::varchar, m.facts, m.t,
       (select list({'model': v.model, 'version': v.version} order by v.n)
        from lab.model_version v where v.logged_model = m.logged_model
          or v.digest = m.digest), m.latency::varchar
from lab.logged_model m
where ($run is null or m.run_id = $run) and ($id is null or m.logged_model = $id)
qualify row_number() over (partition by m.logged_model order by m.t desc, m.writer desc,
                           m.off desc) = 1
order by m.t, m.writer, m.off
"""
# The models whose files a file is one of.
_OF_FILE: Final = """
select distinct m.digest from lab.logged_model m
join lab.run r using (run_id) join lab.artifact a using (run)
where a.digest = ? and starts_with(a.path, 'models/' || m.name || '/')
"""
_DEFAULT: Final = AliasPolicy()
_MOST_KEPT: Final = 1_000
_FOLD_S: Final = 10.0


class ModelFinder:
    """The models of one project, to be read. Safe to use from several threads.

    Parameters
    ----------
    store, runs
        Where they are kept, and the runs they come from.
    identity
        Who acts, unless a call says otherwise.
    access
        Says who may what.
    policies
        Gives the alias policies of ``mlops.toml`` as they are now.
    """

    def __init__(
        self,
        store: Store,
        runs: RunManager,
        identity: Identity,
        access: Access,
        policies: Callable[[], Mapping[str, AliasPolicy]],
    ) -> None:
        self._store = store
        self._runs = runs
        self._identity = identity
        self._access = access
        self._policies = policies
        # What an object says never changes, so it is read and hashed once.
        self._read: dict[str, dict[str, Any]] = {}

    @property
    def store(self) -> Store:
        """Where they are kept."""
        return self._store

    @property
    def runs(self) -> RunManager:
        """The runs that they come from."""
        return self._runs

    @property
    def access(self) -> Access:
        """Who may do what."""
        return self._access

    # ------------------------------------------------------------------ models and versions

    def list(self) -> Sequence[ModelRecord]:
        """Give all models that have a version, the one with the newest news first."""
        with self._store.read() as cursor:
            states = read_states(cursor)
        records = [record_of(state) for state in states.values() if state.ready]
        return sorted(records, key=lambda record: record.updated_at, reverse=True)

    def record(self, name: str) -> ModelRecord:
        """Give one model in a few facts."""
        return record_of(self.state(name))

    def versions(self, name: str) -> Sequence[ModelVersion]:
        """Give a model's versions, newest first; deleted ones are left out."""
        state = self.state(name)
        return [self.version_of(state, row) for row in reversed(state.ready)]

    def get(self, ref: str) -> ModelVersion:
        """Give a version by ``name`` (the newest), ``name@3`` or ``name@champion``.

        Raises
        ------
        NotFound
            There is none; the message has what there is, or the line that makes it.
        """
        reference = parse_reference(ref, "A model")
        state = self.state(reference.name)
        return self.version_of(state, _resolve(state, reference))

    def find(self, ref: str) -> ModelVersion | None:
        """Give a version, or None."""
        try:
            return self.get(ref)
        except NotFound:
            return None

    def exists(self, name: str) -> bool:
        """Whether there is a model of this name."""
        with self._store.read() as cursor:
            state = read_state(cursor, name)
        return state is not None and bool(state.ready)

    def path(self, ref: str) -> Path:
        """Give a folder with the version's files under their own names, read-only.

        Every file's bytes are what was registered: what differs is never shown.
        """
        version = self.get(ref)
        return self._store.objects.view(version.digest, version.name, tree=True)

    def tree(self, ref: str) -> Tree:
        """Give the list of a version's files."""
        return self._store.objects.tree(self.get(ref).digest)

    def read_file(self, digest: str, path: str, *, most_bytes: int) -> bytes | None:
        """Read one file of a content, made sure of first; None when there is none or it is big."""
        for entry in self._store.objects.tree(digest).entries:
            if entry.path == path and entry.size <= most_bytes:
                return self._store.objects.trusted(entry.digest).read_bytes()
        return None

    def recognise(self, path: Path | str) -> ModelVersion | None:
        """Say which version a folder or file is, by its content."""
        from mlops_lab.registry.recognition import file_digest, tree_digest

        where = Path(path)
        if not where.exists():
            return None
        digest = tree_digest(self._store, where)
        with self._store.read() as cursor:
            if digest is not None:
                wanted = {digest}
            elif where.is_file():
                rows = cursor.execute(_OF_FILE, [file_digest(self._store, where)]).fetchall()
                wanted = {row[0] for row in rows}
            else:
                return None
            states = read_states(cursor)
        found = [
            self.version_of(state, row)
            for state in states.values()
            for row in state.ready
            if row.digest in wanted
        ]
        return max(found, key=lambda version: version.created_at, default=None)

    # ------------------------------------------------------------------ logged models

    def logged(self, run_id: str) -> Sequence[LoggedModel]:
        """Give the models that a run kept, oldest first."""
        return self._logged(run=run_id)

    def logged_model(self, id: str) -> LoggedModel:
        """Give a logged model by its id.

        Raises
        ------
        NotFound
            There is none.
        """
        found = self._logged(id=id)
        if not found:
            # Others who fold may have kept us from it, and it was kept a moment ago.
            self._store.fold(force=True, wait_s=_FOLD_S)
            found = self._logged(id=id)
        if not found:
            raise NotFound(f"There is no logged model {id!r}. run.log_model(…) keeps one.")
        return found[0]

    def _logged(self, *, run: str | None = None, id: str | None = None) -> Sequence[LoggedModel]:
        with self._store.read() as cursor:
            rows = cursor.execute(_LOGGED, {"run": run, "id": id}).fetchall()
        return [_logged_model(row) for row in rows]

    # ------------------------------------------------------------------ aliases

    def history(self, name: str, alias: str) -> Sequence[AliasMove]:
        """Say who had an alias when, newest first."""
        return self.state(name).history(alias_name(alias))[::-1]

    def on(self, name: str, alias: str, when: date | str) -> ModelVersion | None:
        """Give the version that had an alias at a moment, or None.

        Parameters
        ----------
        when
            A moment; without a time zone it is UTC, and a day alone means its end.
        """
        moment = _moment(when)
        state = self.state(name)
        for move in state.history(alias_name(alias)):
            if move.since <= moment and (move.until is None or moment < move.until):
                if move.version is None:
                    return None
                return self.version_of(state, state.versions[move.version])
        return None

    def policy(self, alias: str) -> AliasPolicy:
        """Give the policy of an alias; one without a table in ``mlops.toml`` has the default."""
        return self._policies().get(alias, _DEFAULT)

    def policies(self) -> Mapping[str, AliasPolicy]:
        """Give the policies that ``mlops.toml`` has, in its order."""
        return self._policies()

    def alias_to_give(self, alias: str) -> str:
        """Check an alias that a version is to get.

        Raises
        ------
        InvalidInput
            It is no alias, or differs only by its capitals from one that has a policy: it would
            look like that one, and ask for nothing.
        """
        alias = alias_name(alias)
        policies = self._policies()
        same = [known for known in policies if known.casefold() == alias.casefold()]
        if same and alias not in same:
            raise InvalidInput(
                f"mlops.toml has a policy for {same[0]}, and {alias} would be another alias: "
                f"write {same[0]}."
            )
        return alias

    # ------------------------------------------------------------------ inside

    def state(self, name: str) -> ModelState:
        """Give everything that was decided about a model.

        Raises
        ------
        NotFound
            There is no model of this name.
        """
        name = name_of(name, "A model")
        with self._store.read() as cursor:
            state = read_state(cursor, name)
        if state is None or not state.ready:
            # Folds are rationed: another process may have registered it a moment ago.
            self._store.fold(force=True, wait_s=1.0)
            with self._store.read() as cursor:
                state = read_state(cursor, name)
        if state is None:
            near = nearest(name, [one.name for one in self.list()])
            hint = f" Did you mean {near}?" if near else ""
            raise NotFound(
                f"There is no model {name!r}.{hint} run.log_model(model, register={name!r}) makes "
                "it."
            )
        return state

    def _state_at(self, cursor: DuckDBPyConnection, name: str) -> ModelState:
        """Read a model inside a decision."""
        state = read_state(cursor, name)
        if state is None:
            raise NotFound(f"There is no model {name!r}.")
        return state

    def version_of(self, state: ModelState, row: VersionRow) -> ModelVersion:
        """Give a version of a model that was read already."""
        facts = row.facts

        @cache
        def read_facts() -> Mapping[str, Any]:
            return self._read_json(facts, f"the facts of {row.model}@{row.version}")

        return ModelVersion(
            name=row.model,
            version=row.version,
            digest=row.digest,
            run_id=row.run_id,
            logged_model=row.logged_model,
            flavor=row.flavor,
            unsafe=row.unsafe,
            size_bytes=row.size_bytes,
            created_at=row.at,
            author=row.by,
            aliases=state.aliases_of(row.version),
            note=state.note(row.version),
            tags=state.tags(row.version),
            judgement=state.verdict(row.version),
            state="deleted" if row.version in state.deleted else "ready",
            facts_digest=row.facts or "",
            read_facts=read_facts,
        )

    def _read_json(self, digest: str | None, what: str) -> dict[str, Any]:
        """Read an object that holds a JSON object, checking its bytes."""
        from blake3 import blake3

        if not digest:
            return {}
        known = self._read.get(digest)
        if known is not None:
            return known
        with self._store.objects.open(digest) as file:
            data = file.read()
        if f"b3-{blake3(data).hexdigest()}" != digest:
            raise Corrupt(f"{what} ({digest}) are not what was registered: their bytes differ")
        value = json.loads(data)
        if len(self._read) >= _MOST_KEPT:
            self._read.clear()
        self._read[digest] = value if isinstance(value, dict) else {}
        return self._read[digest]


def record_of(state: ModelState) -> ModelRecord:
    """Give a model in a few facts."""
    return ModelRecord(
        name=state.name,
        description=state.description,
        tags=state.tags(None),
        versions=len(state.ready),
        latest=state.latest,
        aliases=dict(sorted(state.aliases.items())),
        waiting=len(state.open_requests()),
        updated_at=state.updated_at,
    )


def _resolve(state: ModelState, reference: Reference) -> VersionRow:
    name = state.name
    if reference.alias is not None:
        version = state.aliases.get(reference.alias)
        if version is None:
            has = ", ".join(f"{a} ({v})" for a, v in sorted(state.aliases.items())) or "none yet"
            raise NotFound(
                f"No version of {name} is {reference.alias}; its aliases: {has}. "
                f"lab.model('{name}@{state.latest}').promote('{reference.alias}') makes one."
            )
        return state.versions[version]
    version = state.latest if reference.version is None else reference.version
    if version is None:
        raise NotFound(f"All versions of {name} are deleted.")
    row = state.versions.get(version)
    if row is None:
        there = ", ".join(str(one.version) for one in state.ready[-10:]) or "none"
        raise NotFound(f"{name} has no version {version}; there are: {there}.")
    return row


def _logged_model(row: tuple[Any, ...]) -> LoggedModel:
    types = json.loads(row[7]) if row[7] else []
    signature = json.loads(row[8]) if row[8] else None
    latency = json.loads(row[12]) if row[12] else None
    made = dict.fromkeys((one["model"], int(one["version"])) for one in row[11] or ())
    return LoggedModel(
        id=row[0],
        run_id=row[1],
        name=row[2],
        flavor=row[3],
        digest=row[4],
        size_bytes=row[5],
        unsafe=row[6],
        types=tuple(map(str, types)) if isinstance(types, list) else (),
        signature=signature if isinstance(signature, dict) else None,
        facts=row[9] or "",
        created_at=datetime.fromtimestamp(row[10] / 1e6, UTC),
        registered=tuple(made),
        latency_ms=latency if isinstance(latency, dict) else None,
    )


def _moment(when: date | str) -> datetime:
    if isinstance(when, date) and not isinstance(when, datetime):
        when = when.isoformat()
    if isinstance(when, str):
        try:
            moment = datetime.fromisoformat(when)
        except ValueError as error:
            raise InvalidInput(
                f"A moment is a date or an ISO time such as 2026-11-17T12:00; got {when!r}."
            ) from error
        if len(when.strip()) <= 10:
            moment = moment.replace(hour=23, minute=59, second=59, microsecond=999_999)
    else:
        moment = when
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
