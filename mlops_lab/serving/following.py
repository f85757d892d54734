"""What runs of the endpoints of a project: starting it, waiting for it, looking at it."""

from __future__ import annotations

import builtins
import json
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from mlops_lab.errors import LabError, NotFound, Unavailable
from mlops_lab.registry.package import EXAMPLE
from mlops_lab.serving import desired, pages, places, processes, status
from mlops_lab.serving.decider import EndpointDecider
from mlops_lab.serving.deciding import Change
from mlops_lab.serving.finder import EndpointEvent
from mlops_lab.serving.records import Desired, Limits, Revision, Rollout
from mlops_lab.tracking.lines import now_us

if TYPE_CHECKING:
    from mlops_lab.serving.rollouts.comparison import Comparison, Every
    from mlops_lab.serving.rollouts.replay import Replay
    from mlops_lab.serving.status import Status

__all__ = ["Address", "EndpointFollower"]

_EXAMPLE_BYTES: Final = 200_000


@dataclass(frozen=True, slots=True)
class Address:
    """Where an endpoint is reached on this machine, and what it takes.

    Attributes
    ----------
    socket
        The path of its public unix socket.
    limits
        As they were deployed.
    """

    socket: str
    limits: Limits

    @property
    def url(self) -> str:
        """As clients take it."""
        return f"unix:{self.socket}"


class EndpointFollower(EndpointDecider):
    """What runs of the endpoints of one project. Safe to use from several threads."""

    # ------------------------------------------------------------------ having it made so

    def run(self, name: str, seq: int, *, timeout_s: float = 120.0) -> Status:
        """Have an endpoint served by a supervisor of its own, and wait until a decision is made so.

        Parameters
        ----------
        seq
            The decision's number; a later one that replaces it counts as well.
        timeout_s
            How long to wait, in seconds.

        Raises
        ------
        Unavailable
            It is not served, in the worker's own words, or not in time.
        """
        should = self.get(name)
        processes.start(self.root, should.name)
        return processes.wait(self.root, should.name, seq, timeout_s)

    def begin(self, change: Change) -> dict[str, Any]:
        """Have a decision made so without waiting for it, and say what was decided."""
        name = change.desired.name
        processes.start(self.root, name)
        return pages.change_page(change, self._status_json(name))

    def end(self, name: str) -> None:
        """Wait until nothing of a stopped endpoint runs; what does not end by itself is killed."""
        processes.stop(self.root, self.get(name).name)

    # ------------------------------------------------------------------ looking

    def status(self, name: str) -> Status | None:
        """How an endpoint stands; None when nothing of it runs."""
        return status.read(self.root, self.get(name).name)

    def address(self, name: str) -> Address:
        """Where an endpoint answers.

        Raises
        ------
        Unavailable
            It is stopped, or nothing of it runs.
        """
        # No question to the store: every request that the Jupyter Server passes on asks for it.
        should = desired.read(self.root, name) or self.get(name)
        if should.state == "stopped":
            raise Unavailable(
                f"{should.name} is stopped. `mlops-lab endpoint deploy {should.name} "
                "MODEL@VERSION` starts it."
            )
        found = status.read(self.root, should.name)
        if found is None or found.socket is None or found.state in ("stopped", "failed"):
            why = f": {found.sentence}" if found is not None and found.sentence else "."
            raise Unavailable(
                f"Nobody serves {should.name}{why} `mlops-lab endpoint logs {should.name}` has "
                "more."
            )
        return Address(str(found.socket), should.limits)

    def page_of_all(self) -> dict[str, Any]:
        """All endpoints with how they stand, as REST shows them."""
        return pages.endpoints_page((one, self._status_json(one.name)) for one in self.list())

    def page(self, name: str) -> dict[str, Any]:
        """Everything about one endpoint, as REST shows it."""
        events = self.history(name)
        should = events[0].desired
        signature, example = self._taken_by(should)
        return pages.endpoint_page(
            should,
            self._status_json(should.name),
            events,
            signature=signature,
            example=example,
        )

    def log_path(self, name: str) -> Path:
        """The file that the endpoint's processes print to."""
        return places.log(self.root, self.get(name).name)

    def log_tail(self, name: str, lines: int) -> builtins.list[str]:
        """What the endpoint's processes have said last.

        Parameters
        ----------
        lines
            At most so many.
        """
        try:
            with self.log_path(name).open(encoding="utf-8", errors="replace") as file:
                return [line.rstrip("\n") for line in deque(file, maxlen=lines)]
        except FileNotFoundError:
            return []

    # ------------------------------------------------------------------ comparing

    def compare(
        self,
        name: str,
        *,
        rollout: str | None = None,
        truth: str | None = None,
        metric: str | None = None,
        every: Every = "day",
        horizon: int | None = None,
        time: str = "t",
    ) -> Comparison:
        """Compare the two versions of a rollout by what they answered and what became true.

        Parameters
        ----------
        rollout
            Its id; by default the one that is on, else the last one.
        truth, metric, every, horizon, time
            As of `mlops_lab.serving.rollouts.logged.compare_logged`.

        Raises
        ------
        NotFound
            There was no rollout.
        """
        from mlops_lab.serving.rollouts.logged import compare_logged

        events = self.history(name)
        which, then = _rollout_of(events, name, rollout)
        return compare_logged(
            self.root,
            then.name,
            which,
            now=now_us(),
            names={one.id: str(one.version) for one in then.revisions},
            truth=truth,
            metric=metric,
            every=every,
            horizon=horizon,
            time=time,
            tmp=self._store.tmp,
        )

    def replay(
        self,
        name: str,
        ref: str,
        *,
        since: Any = None,
        allow_unsafe: bool = False,
        **asked: Any,
    ) -> Replay:
        """Ask a version what an endpoint was asked, in this process, and compare.

        Parameters
        ----------
        ref
            The version.
        since
            From when on: a datetime, text, ``7d``; None is all that is kept.
        allow_unsafe
            Load also a format that runs whatever code is in it.
        asked
            truth, metric, every, horizon, time as of `compare`.
        """
        from mlops_lab.serving.loading import load
        from mlops_lab.serving.rollouts.logged import replay_logged

        should, models = self.get(name), self._models()
        version = models.refuse_faulty(ref)
        tried = Revision(
            "replay", version.name, version.version, version.digest, "sklearn", unsafe=allow_unsafe
        )
        loaded = load(models.path(version.ref), tried, cache=None)
        return replay_logged(
            self.root,
            should.name,
            loaded,
            base=should.revision(should.stable).ref,
            revision=should.stable,
            name=version.ref,
            now=now_us(),
            since=since,
            tmp=self._store.tmp,
            **asked,
        )

    # ------------------------------------------------------------------ inside

    def _status_json(self, name: str) -> dict[str, Any] | None:
        found = status.read(self.root, name)
        return None if found is None else found.to_json()

    def _taken_by(
        self, should: Desired
    ) -> tuple[Mapping[str, Any] | None, Mapping[str, Any] | None]:
        """The signature and the input example of the version that is served, where it has them."""
        models = self._models()
        try:
            version = models.get(should.revision(should.stable).ref)
            signature = version.facts.get("signature")
            data = models.read_file(version.digest, EXAMPLE, most_bytes=_EXAMPLE_BYTES)
            example = None if data is None else json.loads(data)
        except (LabError, ValueError):
            return None, None
        return (
            signature if isinstance(signature, Mapping) else None,
            example if isinstance(example, Mapping) else None,
        )


def _rollout_of(
    events: builtins.list[EndpointEvent], name: str, id: str | None
) -> tuple[Rollout, Desired]:
    """A rollout as it stood last, and what the endpoint should serve then."""
    for event in events:
        rollout = event.desired.rollout
        if rollout is not None and id in (None, rollout.id):
            return rollout, event.desired
    what = "tries no other version, and never did" if id is None else f"has no rollout {id}"
    raise NotFound(f"{name} {what}. `mlops-lab endpoint canary {name} MODEL@VERSION` begins one.")
