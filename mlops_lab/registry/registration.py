"""Keeping models with runs, and making versions of them."""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from mlops_lab.errors import Conflict, Corrupt, InvalidInput, NotFound
from mlops_lab.governance import Identity
from mlops_lab.names import name_of
from mlops_lab.registry.approvals import Approver
from mlops_lab.registry.facts import gather_facts
from mlops_lab.registry.records import LoggedModel, ModelVersion
from mlops_lab.registry.state import read_state
from mlops_lab.registry.verify import MANIFEST, is_trusted, is_unsafe, read_manifest
from mlops_lab.registry.wording import some_text
from mlops_lab.store.tree import Tree, TreeEntry
from mlops_lab.tracking.capture import wait_for_all
from mlops_lab.tracking.lines import artifact_path, now_us
from mlops_lab.tracking.media import media_type
from mlops_lab.tracking.source import current_cell

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

__all__ = ["Registrar"]

_LOGGED_ID: Final = re.compile(r"m-[0-9a-f]{32}")
_ENVIRONMENT_S: Final = 5.0


class _Exists(Exception):
    """The same content is a version already; nothing is to be decided."""


class Registrar(Approver):
    """Where models of one project come from. Safe to use from several threads and processes."""

    def log_package(
        self,
        run_id: str,
        name: str,
        folder: Path,
        *,
        latency_ms: Mapping[str, float] | None = None,
    ) -> LoggedModel:
        """Keep the folder of a saved model with a run, as its artifacts ``models/<name>/…``.

        Parameters
        ----------
        run_id
            The whole id of the run.
        name
            What the model is called inside the run.
        folder
            What `mlops_lab.registry.package.save_model` wrote; its ``model.json`` says what it is.
        latency_ms
            How long it took to predict, as `save_model` has measured it.
        """
        name = artifact_path(name)
        files = sorted(file for file in folder.rglob("*") if not file.is_dir())
        names = [file.relative_to(folder).as_posix() for file in files]
        if MANIFEST not in names:
            raise InvalidInput(f"{folder} is no saved model: it has no {MANIFEST}.")
        kept = self._store.objects.put_files(files)
        tree = Tree.of(
            TreeEntry(path, one.digest, one.size) for path, one in zip(names, kept, strict=True)
        )
        digest = self._store.objects.put_tree(tree)
        manifest = read_manifest(self._store, tree)
        types, signature = manifest.get("types"), manifest.get("signature")
        line: dict[str, Any] = {
            "e": "model",
            "r": run_id,
            "t": now_us(),
            "model": f"m-{secrets.token_hex(16)}",
            "name": name,
            "flavor": str(manifest.get("flavor") or "unknown"),
            "digest": digest,
            "size": tree.size_bytes,
            "unsafe": is_unsafe(tree, manifest),
            "types": types if isinstance(types, list) else [],
            "signature": signature if isinstance(signature, dict) else None,
            "facts": next(one.digest for one in tree.entries if one.path == MANIFEST),
            "latency": None if latency_ms is None else dict(latency_ms),
        }
        cell = current_cell()
        self._store.append(
            *[
                {
                    "e": "artifact",
                    "r": run_id,
                    "t": now_us(),
                    **({} if cell is None else {"c": cell}),
                    "path": f"models/{name}/{entry.path}",
                    "digest": entry.digest,
                    "size": entry.size,
                    "media": media_type(entry.path),
                    "kind": "model",
                }
                for entry in tree.entries
            ],
            line,
        )
        return self.logged_model(line["model"])

    def register(
        self,
        name: str,
        *,
        run_id: str | None = None,
        logged_model: str | None = None,
        alias: str | None = None,
        note: str | None = None,
        by_pipeline: str | None = None,
        by: Identity | None = None,
    ) -> ModelVersion:
        """Make a version of a model that a run kept; the same content is the same version.

        Parameters
        ----------
        name
            The model's name.
        run_id
            The run; needed unless `logged_model` is an id.
        logged_model
            Which of the run's models: its id (``m-…``) or its name. By default the only one.
        alias
            What the version is to become at once, if the alias's policy allows that.
        note
            A few words on it.
        by_pipeline
            The pipeline run that does so.

        Raises
        ------
        NotFound
            The run kept no such model.
        Conflict
            The run is deleted.
        Corrupt
            Its files are not what was kept.
        """
        who = by or self._identity
        self._access.require(who, "models:register")
        name = name_of(name, "A model")
        logged = self._one_logged(run_id, logged_model)
        tree = self._store.objects.tree(logged.digest)
        self._store.objects.trusted_all(entry.digest for entry in tree.entries)
        manifest = read_manifest(self._store, tree)
        # What a run keeps of its environment is gathered on the side.
        wait_for_all(_ENVIRONMENT_S)
        facts = json.dumps(
            gather_facts(self._store, self._runs, logged, manifest),
            ensure_ascii=False,
            sort_keys=True,
            allow_nan=False,
        )
        facts_digest = self._store.objects.put_bytes(facts.encode("utf-8", "replace"))
        self._store.objects.settle([facts_digest])
        version = 0

        def build(cursor: DuckDBPyConnection) -> dict[str, Any]:
            nonlocal version
            state = read_state(cursor, name)
            same = state.of_digest(logged.digest) if state is not None else None
            if same is not None:
                version = same.version
                raise _Exists
            self._refuse_gone(cursor, logged)
            version = state.next_version if state is not None else 1
            return {
                "model": name,
                "version": version,
                "digest": logged.digest,
                "logged_model": logged.id,
                "run": logged.run_id,
                "flavor": str(manifest.get("flavor") or logged.flavor),
                # By the files themselves: what a line in a journal says of them is no proof.
                "unsafe": is_unsafe(tree, manifest),
                "size": tree.size_bytes,
                "facts": facts_digest,
                "note": some_text(note or "", "A note"),
                "by_pipeline": by_pipeline,
            }

        with suppress(_Exists):
            self._store.decide("model.register", build, by=who.as_by())
        if alias is not None:
            self.promote(f"{name}@{version}", alias, reason="Registered as such.", by=who)
        return self.get(f"{name}@{version}")

    # ------------------------------------------------------------------ inside

    def _refuse_gone(self, cursor: DuckDBPyConnection, logged: LoggedModel) -> None:
        """Inside the lock: a version is made of a run that stays, and of files that are there."""
        rows = cursor.execute(
            "select name from lab.run where run_id = ? and lifecycle = 'deleted'", [logged.run_id]
        ).fetchall()
        if rows:
            raise Conflict(
                f"The run {rows[0][0]} is deleted: `mlops-lab run restore {logged.run_id[:8]}` "
                "first."
            )
        if not is_trusted(self._store, logged.digest):
            raise Corrupt(f"The files of the model {logged.name} are not what the run kept.")

    def _one_logged(self, run_id: str | None, which: str | None) -> LoggedModel:
        if which is not None and _LOGGED_ID.fullmatch(which):
            found = self.logged_model(which)
            if run_id is not None and found.run_id != run_id:
                raise NotFound(f"The run {run_id[:8]} did not keep the model {which}.")
            return found
        if run_id is None:
            raise InvalidInput("Say which run's model is to be registered.")
        kept = self.logged(self._runs.get(run_id).id)
        if which is not None:
            kept = [one for one in kept if which in (one.name, f"models/{one.name}")]
        if not kept:
            named = f" called {which!r}" if which else ""
            raise NotFound(
                f"The run {run_id[:8]} kept no model{named}. run.log_model(model) keeps one."
            )
        if len({one.name for one in kept}) > 1:
            names = ", ".join(sorted({one.name for one in kept}))
            raise InvalidInput(f"The run kept several models; say which one: {names}.")
        # One that was kept again under its name has replaced the one before.
        return kept[-1]
