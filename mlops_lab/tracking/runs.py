"""The runs of a project: starting, logging, ending and settling them."""

from __future__ import annotations

import os
import secrets
import threading
import weakref
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from mlops_lab.errors import Conflict, InvalidInput
from mlops_lab.governance import Access, Identity, claimed_user
from mlops_lab.store import Store
from mlops_lab.tracking import lines
from mlops_lab.tracking.experiments import DEFAULT_EXPERIMENT, ExperimentManager
from mlops_lab.tracking.finder import RUN_ID, SearchRuns
from mlops_lab.tracking.goals import Direction
from mlops_lab.tracking.media import media_type
from mlops_lab.tracking.records import STATUSES, ArtifactRecord, RunRecord, Status
from mlops_lab.tracking.settling import RunSettler
from mlops_lab.tracking.source import current_cell

__all__ = ["RunManager", "check_end"]

# Tracebacks and messages are bounded: a line is read by every fold.
_ERROR_CHARACTERS: Final = 16_000


_managers: weakref.WeakSet[RunManager] = weakref.WeakSet()


def _after_fork() -> None:
    for manager in list(_managers):
        manager.forget()


os.register_at_fork(after_in_child=_after_fork)


class RunManager(RunSettler):
    """All that can be done with the runs of one project. Safe to use from several threads.

    Parameters
    ----------
    store
        Where they are kept.
    experiments
        The project's experiments.
    identity
        Who acts, unless a call says otherwise.
    goals
        Gives the project's goals as they are now.
    search
        Finds runs by an expression; given, so that logging need not load the language of searches.
    access
        Who may delete and stop runs; by default everybody.
    """

    def __init__(
        self,
        store: Store,
        experiments: ExperimentManager,
        identity: Identity,
        goals: Callable[[], Mapping[str, Direction]],
        search: SearchRuns,
        access: Access | None = None,
    ) -> None:
        super().__init__(store, goals, search, identity, access)
        self._experiments = experiments
        self._lock = threading.Lock()
        # The runs that this process owns and has not ended: run id to its last run line.
        self._open: dict[str, lines.Line] = {}
        self._experiment_of: dict[str, str] = {}
        self._numbers: dict[str, int] = {}
        self._steps: dict[str, dict[str, int]] = {}
        store.on_new_journal(lambda: list(self._open.values()))
        _managers.add(self)

    def forget(self) -> None:
        """In a forked child: the open runs are the parent's. Called by itself."""
        self._lock = threading.Lock()
        self._open = {}

    # ------------------------------------------------------------------ starting and ending

    def start(
        self,
        *,
        name: str | None = None,
        experiment: str | None = None,
        params: Mapping[str, Any] | None = None,
        tags: Mapping[str, Any] | None = None,
        parent: str | None = None,
        kind: str = "training",
        run_id: str | None = None,
        source: Mapping[str, Any] | None = None,
        steps: int | None = None,
        status: Status = "running",
        owner: str = "journal",
        stem: str | None = None,
        by: Identity | None = None,
    ) -> str:
        """Start a run and give its id; what it returned from survives the process.

        Parameters
        ----------
        name
            Any text; without one the run is called ``<stem>-<n>``.
        experiment
            By name; by default the parent's, else *Default*. Created when it is new.
        parent
            The whole id of the run it belongs to.
        kind
            training, pipeline, step …
        run_id
            The id it should have. An id that exists answers with that run, unless it is only
            scheduled: then this process takes it over.
        source
            ``{"notebook": …, "pipeline": …, "program": …}``, paths relative to the project.
        steps
            How many metric steps are planned.
        status
            ``scheduled`` announces a run that another process will start.
        owner
            ``remote`` for runs that no process stands for: no fold judges them.
        stem
            What an unnamed run is called after; by default its kind.
        """
        scheduled: RunRecord | None = None
        if run_id is not None:
            if not RUN_ID.fullmatch(run_id):
                raise InvalidInput(f"A run id is 32 lower-case hex characters; got {run_id!r}.")
            found = self._find(run_id)
            if found is not None and found.status != "scheduled":
                return run_id
            scheduled = found
        else:
            run_id = secrets.token_hex(16)
        if name is not None:
            name = lines.label(name, "A run's name")
        elif scheduled is None:
            name = self._next_name(stem or kind)
        if experiment is None and scheduled is None:
            experiment = self._inherited(parent)
        if experiment is not None:
            self._experiments.ensure(experiment, by=by)
            self._experiment_of[run_id] = experiment
        who = by or self._identity
        line: lines.Line = {
            "e": "run",
            "r": run_id,
            "t": lines.now_us(),
            "name": name,
            "experiment": experiment,
            "kind": kind,
            "parent": parent,
            "status": status,
            "owner": owner,
            "author": who.id,
            "claimed_user": claimed_user(),
            "source": dict(source or {}),
            "steps": None if steps is None else lines.step_number(steps),
        }
        cell = current_cell()
        self._begin(
            line,
            [
                *lines.param_lines(run_id, params or {}, line["t"], cell),
                *lines.tag_lines(run_id, tags or {}, line["t"], cell),
            ],
            cell,
        )
        self._steps[run_id] = {}
        return run_id

    def resume(
        self,
        run_id: str,
        *,
        source: Mapping[str, Any] | None = None,
        steps: int | None = None,
    ) -> None:
        """Let a run go on in this process: it is running again and this process stands for it.

        Parameters
        ----------
        run_id
            The whole id of a run that exists.
        source
            Where it goes on, if that is not where it began.
        steps
            How many metric steps are planned now.
        """
        record = self.get(run_id)
        if record.lifecycle == "deleted":
            raise Conflict(f"{record.name} is deleted: `mlops-lab run restore {run_id[:8]}` first.")
        # Later than all that was said of it, whoever's clock that was.
        line: lines.Line = {"e": "run", "r": record.id, "t": lines.now_us(_last_us(record))}
        line["status"] = "running"
        if source:
            line["source"] = dict(source)
        if steps is not None:
            line["steps"] = lines.step_number(steps)
        self._begin(line, [], current_cell())

    def end(
        self,
        run_id: str,
        status: Status = "finished",
        *,
        outcome: str | None = None,
        reason: str | None = None,
        error: Mapping[str, Any] | None = None,
        cell: str | None = None,
    ) -> None:
        """End a run; when it returns, the disk has it.

        Parameters
        ----------
        status
            finished, failed or killed.
        outcome
            What the gates said: passed, rejected or waiting.
        reason
            Why it ended so, as a sentence.
        error
            ``{"name", "message", "cell_index", "traceback"}`` of what went wrong.
        cell
            The cell it ended in, by default the one that is running.
        """
        if outcome not in (None, "passed", "rejected", "waiting"):
            raise InvalidInput(f"An outcome is passed, rejected or waiting; got {outcome!r}.")
        begun = self._open.get(run_id, {}).get("t")
        self._end(run_id, lines.now_us(begun), status, outcome, reason, error, cell)

    def _end(
        self,
        run_id: str,
        t: int,
        status: Status,
        outcome: str | None = None,
        reason: str | None = None,
        error: Mapping[str, Any] | None = None,
        cell: str | None = None,
    ) -> None:
        check_end(status)
        line: lines.Line = {"e": "end", "r": run_id, "t": t, "status": status}
        for key, value in (("outcome", outcome), ("reason", reason)):
            if value is not None:
                line[key] = value
        if error is not None:
            line["error"] = {
                key: value[-_ERROR_CHARACTERS:] if isinstance(value, str) else value
                for key, value in error.items()
            }
        self._append(line, cell or current_cell())
        with self._lock:
            held = self._open.pop(run_id, None) is not None
        if held:
            self._store.release()
        self._store.sync()

    def close(self, run_id: str, status: Status = "killed", *, by: Identity | None = None) -> None:
        """End a run from outside, because whoever should have will not.

        Raises
        ------
        Conflict
            The run has ended already.
        """
        who = by or self._identity
        self._access.require(who, "runs:write")
        record = self.get(run_id)
        if not record.is_open:
            raise Conflict(f"{record.name} has ended already: it is {record.status}.")
        self._end(record.id, lines.now_us(_last_us(record)), status, reason=f"Closed by {who.id}.")

    # ------------------------------------------------------------------ logging

    def log_metrics(
        self,
        run_id: str,
        metrics: Mapping[str, Any],
        *,
        step: int | None = None,
        t: int | None = None,
    ) -> None:
        """Log numbers that belong together; one write, no lock file, no database.

        Parameters
        ----------
        metrics
            Name to number; NaN and infinities are values.
        step
            The x-position; by default one more than the last of these metrics in this run.
        t
            Microseconds since 1970, UTC; by default now.
        """
        if not metrics:
            return
        if not isinstance(metrics, Mapping):
            raise InvalidInput(f"Metrics are a dict of names and numbers; got {metrics!r}.")
        known = self._steps.get(run_id)
        if known is None:
            known = self._known_steps(run_id)
        if step is None:
            step = max([known.get(key, -1) for key in metrics]) + 1
            if step >= 2**63:
                step = lines.step_number(step)
        elif type(step) is not int or not -(2**63) <= step < 2**63:
            step = lines.step_number(step)
        when = lines.now_us() if t is None else t
        self._store.append(*lines.metric_lines(run_id, metrics, step, when, current_cell()))
        for key in metrics:
            if step > known.get(key, -1):
                known[key] = step

    def log_params(self, run_id: str, params: Mapping[str, Any]) -> None:
        """Log inputs; a param logged again with another value is kept as its new value."""
        cell = current_cell()
        self._store.append(*lines.param_lines(run_id, params, lines.now_us(), cell))

    def set_tags(self, run_id: str, tags: Mapping[str, Any]) -> None:
        """Set labels; values become text."""
        cell = current_cell()
        self._store.append(*lines.tag_lines(run_id, tags, lines.now_us(), cell))

    def delete_tags(self, run_id: str, keys: Iterable[str]) -> None:
        """Take labels away; one that is not there is no error."""
        self._store.append(lines.untag_line(run_id, list(keys), lines.now_us()))

    def note(self, run_id: str, text: str, *, by: Identity | None = None) -> None:
        """Leave a remark on a run."""
        author = (by or self._identity).id
        self._store.append(lines.note_line(run_id, text, lines.now_us(), current_cell(), author))

    def log_cell(
        self,
        run_id: str,
        cell: str | None,
        *,
        index: int,
        total: int | None,
        state: str,
        seconds: float | None = None,
        source: str | None = None,
    ) -> None:
        """Note how far a notebook has come.

        Parameters
        ----------
        cell
            The cell's id.
        index, total
            Its number, from 1, and how many there are.
        state
            running, done or failed.
        seconds
            How long it took, once it is over.
        source
            Its first line, to be shown.
        """
        line: lines.Line = {"e": "cell", "r": run_id, "t": lines.now_us(), "i": index, "n": total}
        line |= {"state": state, "s": seconds, "source": None if source is None else source[:500]}
        self._append(line, cell)

    def put_artifact(
        self,
        run_id: str,
        path: str,
        data: bytes | Path,
        *,
        media: str | None = None,
        kind: str = "file",
        environment: Mapping[str, Any] | None = None,
        in_cell: bool = True,
    ) -> ArtifactRecord:
        """Keep a file under ``path``; an older one there is replaced, its bytes stay in the store.

        Parameters
        ----------
        path
            Relative, with ``/``, without ``..``.
        data
            The bytes, or the file to copy.
        media
            The media type, by default by the suffix; stored and never sniffed.
        kind
            figure, table, text, dict, image, file or notebook.
        environment
            What the index should know of an environment file.
        in_cell
            Whether the cell that is running keeps it; not so when it is kept on the side.
        """
        path = lines.artifact_path(path)
        objects = self._store.objects
        digest = objects.put_bytes(data) if isinstance(data, bytes) else objects.put_file(data)
        size = len(data) if isinstance(data, bytes) else objects.path(digest).stat().st_size
        media = media or media_type(path)
        t = lines.now_us()
        line: lines.Line = {"e": "artifact", "r": run_id, "t": t, "path": path, "digest": digest}
        line |= {"size": size, "media": media, "kind": kind}
        if environment is not None:
            line["environment"] = dict(environment)
        self._append(line, current_cell() if in_cell else None)
        return ArtifactRecord(path, digest, size, media, kind, datetime.fromtimestamp(t / 1e6, UTC))

    # ------------------------------------------------------------------ marking

    def rename(self, run_id: str, name: str) -> None:
        """Give a run another name."""
        self.set_tags(run_id, {"mlops.name": lines.label(name, "A run's name")})

    def star(self, run_id: str, starred: bool = True) -> None:
        """Mark a run, or take the mark away."""
        self.set_tags(run_id, {"mlops.star": "true" if starred else "false"})

    def tag(self, run_id: str, changes: Mapping[str, str | None]) -> None:
        """Set tags, and take away those whose value is None."""
        gone = [key for key, value in changes.items() if value is None]
        if len(gone) < len(changes):
            self.set_tags(run_id, {k: v for k, v in changes.items() if v is not None})
        if gone:
            self.delete_tags(run_id, gone)

    def dismiss(self, run_id: str) -> None:
        """Take a run off the list of what waits for a person."""
        self.set_tags(run_id, {"mlops.seen": "true"})

    # ------------------------------------------------------------------ inside
    def name_of(self, run_id: str) -> str:
        """Give a run's name; of one that this process has open without reading the store."""
        line = self._open.get(run_id)
        return str(line["name"]) if line and "name" in line else self.get(run_id).name

    def _append(self, line: lines.Line, cell: str | None) -> None:
        if cell is not None:
            line["c"] = cell
        self._store.append(line)

    def _begin(self, line: lines.Line, more: list[lines.Line], cell: str | None) -> None:
        if cell is not None:
            line["c"] = cell
        self._store.append({k: v for k, v in line.items() if v is not None}, *more)
        if line["status"] != "running" or line.get("owner") == "remote":
            return
        with self._lock:
            held = line["r"] in self._open
            self._open[line["r"]] = line
        if not held:
            self._store.hold()

    def _inherited(self, parent: str | None) -> str:
        if parent is None:
            return DEFAULT_EXPERIMENT
        if parent not in self._experiment_of:
            record = self._find(parent)
            self._experiment_of[parent] = record.experiment if record else DEFAULT_EXPERIMENT
        return self._experiment_of[parent]

    def _next_name(self, stem: str) -> str:
        with self._lock:
            if stem not in self._numbers:
                # Read once: from then on this process counts for itself. Two processes may give
                # one name twice, which does no harm.
                rows = self._store.query(
                    "select max(try_cast(substr(name, length($stem) + 2) as integer)) "
                    "from lab.run where starts_with(name, $stem || '-')",
                    {"stem": stem},
                )
                self._numbers[stem] = max(0, rows[0][0] or 0)
            self._numbers[stem] += 1
            return f"{stem}-{self._numbers[stem]}"

    def _known_steps(self, run_id: str) -> dict[str, int]:
        rows = self._store.query(
            "select m.key, m.last.step from lab.metric_summary m join lab.run r using (run) "
            "where r.run_id = ?",
            [run_id],
        )
        return self._steps.setdefault(run_id, dict(rows))


def check_end(status: object) -> None:
    """Refuse a status that no run ends with."""
    if status not in STATUSES[2:]:
        raise InvalidInput(f"A run ends finished, failed or killed; got {status!r}.")


def _last_us(record: RunRecord) -> int:
    """Give the time of the last that was said of a run, in microseconds."""
    times = (record.started_at, record.ended_at, record.last_at)
    return max(int(time.timestamp() * 1e6) + 1 for time in times if time is not None)
