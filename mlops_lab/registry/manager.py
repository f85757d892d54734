"""The models of a project: judging, editing, describing, proving and deleting versions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from mlops_lab.errors import Conflict, InvalidInput, NotFound
from mlops_lab.governance import Identity
from mlops_lab.lineage import refuse_if_needed
from mlops_lab.registry.card import SECTIONS, write_card
from mlops_lab.registry.records import Fault, Judgement, ModelVersion
from mlops_lab.registry.registration import Registrar
from mlops_lab.registry.verify import faults_of, refuse_faulty
from mlops_lab.registry.wording import some_text
from mlops_lab.tracking.lines import now_us

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

__all__ = ["ModelManager"]

_OUTCOMES: Final = ("passed", "rejected", "waiting")


class ModelManager(Registrar):
    """All that can be done with the models of one project.

    Safe to use from several threads and processes.
    """

    def use(self, run_id: str, ref: str, *, role: str | None = None) -> ModelVersion:
        """Note a version as an input of a run, and give it.

        Parameters
        ----------
        run_id
            The whole id of the run.
        ref
            The version: ``name``, ``name@3`` or ``name@champion``; what it is now is pinned.
        role
            What it is to the run, as ``judged``.
        """
        if role is not None and not isinstance(role, str):
            raise InvalidInput(f"A role is text, as 'judged'; got {role!r}.")
        version = self.get(ref)
        self._store.append(
            {
                "e": "input",
                "r": run_id,
                "t": now_us(),
                "model": version.name,
                "version": version.version,
                "digest": version.digest,
                "role": role,
            }
        )
        return version

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
        if total < 1:
            raise InvalidInput(f"A judgement is what gates said; got {total} gates.")
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
            data["description"] = some_text(description, "A description")
        if note is not None:
            data["note"] = some_text(note, "A note")
        if tags:
            data["tags"] = {
                some_text(key, "A tag's name", 200): None
                if value is None
                else some_text(str(value), "A tag's value", 1_000)
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
        written = {key: some_text(text, "A part of a card") for key, text in sections.items()}
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
            refuse_if_needed(cursor, [version.node], what)
            return {"model": version.name, "version": version.version, "digest": version.digest}

        self._store.decide("model.delete", build, by=who.as_by())
