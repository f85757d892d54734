"""What runs were given: a line in the run's journal pins the exact version."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Sequence
from datetime import UTC
from pathlib import Path
from typing import Any

from mlops_lab.data.finder import WHAT, DatasetFinder
from mlops_lab.data.hashing import digest_on_disk
from mlops_lab.data.records import ExternalInput, InputRecord, VersionRecord
from mlops_lab.errors import InvalidInput, NotFound
from mlops_lab.names import parse_reference

__all__ = ["DatasetUser"]


class DatasetUser(DatasetFinder):
    """Datasets as runs use them. Safe to use from several threads."""

    def use(
        self,
        run_id: str,
        what: str | Path | VersionRecord,
        *,
        role: str | None = None,
    ) -> VersionRecord | ExternalInput:
        """Note that a run was given a version, or something that is none.

        Parameters
        ----------
        run_id
            The run's whole id.
        what
            A reference (``flights``, ``flights@3``, ``flights@train``) or a path. A path that holds
            a version's content is that version; any other file or folder is external: its content
            id is noted, its bytes are not kept.
        role
            What it is to the run, as ``train`` or ``holdout``.

        Raises
        ------
        NotFound
            It is neither a dataset nor on the disk.
        """
        if role is not None and not isinstance(role, str):
            raise InvalidInput(f"A role is text, as 'train'; got {role!r}.")
        found = self._meant(what)
        line: dict[str, Any] = {"e": "input", "r": run_id, "t": time.time_ns() // 1000}
        if isinstance(found, VersionRecord):
            line |= {"dataset": found.name, "version": found.version, "digest": found.digest}
        else:
            line["external"] = {
                "name": found.name,
                "digest": found.digest,
                "source": found.source,
                "context": found.context,
            }
        self._store.append({**line, "role": role})
        return found

    def inputs(self, run_id: str) -> Sequence[InputRecord]:
        """What a run was given: datasets, models and external files, in the order of their use."""
        return self.inputs_of([run_id]).get(run_id, [])

    def inputs_of(self, run_ids: Sequence[str]) -> dict[str, list[InputRecord]]:
        """What each of some runs was given, as `inputs` has it; those without any are left out."""
        rows = self._store.query(
            'select run_id, kind, name, version, digest, role, used_at, "external" from lab.inputs '
            "where run_id in (select unnest($runs::varchar[])) "
            "order by used_at, kind, name, version",
            {"runs": [*run_ids]},
        )
        found: dict[str, list[InputRecord]] = {}
        for run_id, kind, name, version, digest, role, used_at, external in rows:
            found.setdefault(run_id, []).append(
                InputRecord(
                    kind,
                    name,
                    version,
                    digest,
                    role,
                    used_at.replace(tzinfo=UTC),
                    json.loads(external) if external else {},
                )
            )
        return found

    def _meant(self, what: str | Path | VersionRecord) -> VersionRecord | ExternalInput:
        if isinstance(what, VersionRecord):
            return self.get(what.ref)
        if isinstance(what, str) and (found := self._named(what)) is not None:
            return found
        if not isinstance(what, str | os.PathLike):
            raise InvalidInput(
                f"A run uses a dataset by reference ('flights@3') or a path; got {what!r}."
            )
        path = Path(os.path.expanduser(what))
        if not os.path.exists(path):  # unlike `Path.exists` it takes text of any length
            raise self._nothing(str(what))
        found = self.recognise(path)
        if found is not None:
            return found
        absolute = Path(os.path.abspath(path))
        inside = absolute.is_relative_to(self._root)
        source = absolute.relative_to(self._root).as_posix() if inside else str(absolute)
        digest = digest_on_disk(self._store.objects, path, self._store.dir)
        return ExternalInput(absolute.name, digest, source)

    def _named(self, text: str) -> VersionRecord | None:
        """The version of a reference; None when it reads like a path, or names no dataset."""
        try:
            ref = parse_reference(text, WHAT)
        except InvalidInput:
            return None
        found = self.find(text)
        if found is not None:
            return found
        known = self._store.query(
            "select 1 from lab.datasets where dataset = ? limit 1", [ref.name]
        )
        # Of a dataset that exists, a version that does not is a mistake and no path.
        return self.get(text) if known else None

    def _nothing(self, text: str) -> NotFound:
        try:
            self.get(text)
        except NotFound as error:
            return NotFound(
                f"{error} There is no file of that name either (seen from {Path.cwd()})."
            )
        except InvalidInput:
            pass
        return NotFound(
            f"There is no file or folder {text!r} (seen from {Path.cwd()}), and no dataset can be "
            "called so."
        )
