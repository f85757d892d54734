"""The models of a project: keeping, registering, judging, editing and deleting them."""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from mlops_lab.errors import Conflict, Corrupt, InvalidInput, NotFound
from mlops_lab.governance import Identity
from mlops_lab.lineage import refuse_if_needed
from mlops_lab.names import name_of
from mlops_lab.registry.approvals import Approver
from mlops_lab.registry.card import SECTIONS, write_card
from mlops_lab.registry.facts import gather_facts
from mlops_lab.registry.records import Fault, Judgement, LoggedModel, ModelVersion
from mlops_lab.registry.state import read_state
from mlops_lab.registry.verify import (
    MANIFEST,
    faults_of,
    is_trusted,
    is_unsafe,
    read_manifest,
    refuse_faulty,
)
from mlops_lab.store.tree import Tree, TreeEntry
from mlops_lab.tracking.capture import wait_for_all
from mlops_lab.tracking.lines import artifact_path, now_us
from mlops_lab.tracking.media import media_type
from mlops_lab.tracking.source import current_cell

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


__all__ = ["ModelManager"]

_LOGGED_ID: Final = re.compile(r"m-[0-9a-f]{32}")
_ENVIRONMENT_S: Final = 5.0
_TEXT_CHARACTERS: Final = 10_000
_OUTCOMES: Final = ("passed", "rejected", "waiting")


class _Exists(Exception):
    """The same content is a version already; nothing is to be decided."""


class ModelManager(Approver):
    """All that can be done with the models of one project.

    Safe to use from several threads and processes.
    """

    # ------------------------------------------------------------------ keeping

    def log_package(
        self, run_id: str, name: str, folder: Path, facts: object = None
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
        facts
            What `save_model` returned. The files are what counts, so nothing of it is believed.
        """
        del facts
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
                "note": _text(note or "", "A note"),
                "by_pipeline": by_pipeline,
            }

        with suppress(_Exists):
            self._store.decide("model.register", build, by=who.as_by())
        if alias is not None:
            self.promote(f"{name}@{version}", alias, reason="Registered as such.", by=who)
        return self.get(f"{name}@{version}")

    # ------------------------------------------------------------------ judging

    def judge(
        self,
        ref: str,
        *,
        run: str | None,
        outcome: str,
        passed: int,
        total: int,
        sentences: Sequence[str] = (),
        metrics: Mapping[str, float] | None = None,
        champion: Mapping[str, Any] | None = None,
        judged: Mapping[str, Any] | None = None,
        approval: Mapping[str, Any] | None = None,
        by: Identity | None = None,
    ) -> Judgement:
        """Record what the gates of a pipeline said of a version.

        Parameters
        ----------
        run
            The pipeline run.
        outcome
            passed, rejected or waiting.
        passed, total
            How many of the gates passed.
        sentences
            Of the gates that did not.
        metrics
            Of the version, by key.
        champion
            ``{"version", "metrics"}`` of the champion on the same rows, or None.
        judged
            ``{"digest"}`` or ``{"path"}`` of what was judged; by default the version's content.
        approval
            ``{"role", "count"}`` when one of the gates is an approval.
        """
        who = by or self._identity
        self._access.require(who, "models:register")
        version = self.get(ref)
        if outcome not in _OUTCOMES:
            raise InvalidInput(f"An outcome is passed, rejected or waiting; got {outcome!r}.")
        if not 0 <= passed <= total or (outcome == "passed" and passed != total):
            raise InvalidInput(f"{passed} of {total} gates passed cannot be {outcome}.")
        if run is not None and self._runs.find(run) is None:
            raise NotFound(f"There is no run {run!r} that could have judged {version.ref}.")
        self._store.decide(
            "model.judge",
            {
                "model": version.name,
                "version": version.version,
                "digest": version.digest,
                "run": run,
                "outcome": outcome,
                "gates": {"passed": passed, "total": total},
                "sentences": list(sentences),
                "metrics": dict(metrics or {}),
                "champion": dict(champion) if champion else None,
                "judged": dict(judged) if judged else {"digest": version.digest},
                "approval": dict(approval) if approval else None,
            },
            by=who.as_by(),
        )
        found = self.get(version.ref).judgement
        assert found is not None
        return found

    # ------------------------------------------------------------------ what stays editable

    def edit(
        self,
        ref: str,
        *,
        description: str | None = None,
        note: str | None = None,
        tags: Mapping[str, str | None] | None = None,
        by: Identity | None = None,
    ) -> None:
        """Change what people say of a model (``name``) or of a version (``name@3``).

        Parameters
        ----------
        description
            Of a model: what it is for.
        note
            Of a version.
        tags
            Name to text; None takes a tag away.
        """
        who = by or self._identity
        self._access.require(who, "models:edit")
        whole = "@" not in ref
        if note is not None and whole:
            raise InvalidInput(f"A note is on a version, such as {ref}@1; a model is described.")
        if description is not None and not whole:
            raise InvalidInput(f"A description is of the whole model; {ref} takes a note.")
        version = self.get(ref)
        data: dict[str, Any] = {
            "model": version.name,
            "version": None if whole else version.version,
        }
        if description is not None:
            data["description"] = _text(description, "A description")
        if note is not None:
            data["note"] = _text(note, "A note")
        if tags:
            data["tags"] = {
                _text(key, "A tag's name", 200): None
                if value is None
                else _text(str(value), "A tag's value", 1_000)
                for key, value in tags.items()
            }
        if len(data) > 2:
            self._store.decide("model.edit", data, by=who.as_by())

    def card(self, ref: str) -> str:
        """Give the model card of a version as Markdown, in the layout of Hugging Face."""
        version = self.get(ref)
        return write_card(self.state(version.name), version)

    def card_sections(self, name: str) -> dict[str, str]:
        """Give the parts of a model's card that only people write; those nobody wrote are empty."""
        written = self.state(name).card_sections
        return {key: written.get(key, "") for key in SECTIONS}

    def edit_card(
        self, name: str, sections: Mapping[str, str], *, by: Identity | None = None
    ) -> None:
        """Write parts of a model's card; they stay for all its versions.

        Parameters
        ----------
        sections
            Text by section: intended_use, limitations, ethical_considerations …
        """
        who = by or self._identity
        self._access.require(who, "models:edit")
        name = self.state(name).name
        unknown = [key for key in sections if key not in SECTIONS]
        if unknown:
            raise InvalidInput(
                f"The card has no part {unknown[0]!r} that people write; there are: "
                f"{', '.join(SECTIONS)}."
            )
        written = {key: _text(text, "A part of a card") for key, text in sections.items()}
        if written:
            self._store.decide("model.card", {"model": name, "sections": written}, by=who.as_by())

    # ------------------------------------------------------------------ proving and deleting

    def verify(self, ref: str) -> list[Fault]:
        """Read every byte of a version and name what is not as it was registered."""
        return list(faults_of(self._store, self.get(ref)))

    def refuse_faulty(self, ref: str) -> ModelVersion:
        """Give a version whose every file is what was registered: before it is loaded.

        Raises
        ------
        Corrupt
            The message names the first file or field that is wrong.
        """
        version = self.get(ref)
        refuse_faulty(self._store, version, "It was not loaded.")
        return version

    def delete(self, ref: str, *, by: Identity | None = None) -> None:
        """Delete a version that has no alias and that nothing was made from.

        Raises
        ------
        Conflict
            It has an alias, or something needs it; the message names it.
        """
        who = by or self._identity
        self._access.require(who, "models:delete")
        if "@" not in ref:
            raise InvalidInput(f"Say which version of {ref} is to go, such as {ref}@1.")
        version = self.get(ref)

        def build(cursor: DuckDBPyConnection) -> dict[str, Any]:
            state = self._state_at(cursor, version.name)
            if version.version in state.deleted:
                raise Conflict(f"{version.name} {version.version} is deleted already.")
            aliases = state.aliases_of(version.version)
            if aliases:
                raise Conflict(
                    f"{version.name} {version.version} cannot be deleted: it is "
                    f"{' and '.join(aliases)}."
                )
            what = f"{version.name} {version.version}"
            refuse_if_needed(cursor, [f"model:{version.ref}"], what)
            return {"model": version.name, "version": version.version, "digest": version.digest}

        self._store.decide("model.delete", build, by=who.as_by())

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


def _text(text: Any, what: str, most: int = _TEXT_CHARACTERS) -> str:
    if not isinstance(text, str):
        raise InvalidInput(f"{what} is text; got {type(text).__name__}.")
    if len(text) > most:
        raise InvalidInput(f"{what} has at most {most:,} characters; got {len(text):,}.")
    return text
