"""The rollout that is on, watched: its guard is fed, its ramp is looked at, and what follows is
decided by itself.
"""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

from mlops_lab.errors import Corrupt, LabError
from mlops_lab.serving import desired, places
from mlops_lab.serving.figures import Figures as LiveFigures
from mlops_lab.serving.records import Desired, Rollout
from mlops_lab.serving.rollouts import ramp
from mlops_lab.serving.rollouts.guard import Figures, Guard, Side
from mlops_lab.serving.rollouts.ordering import InOrder
from mlops_lab.tracking.lines import now_us

if TYPE_CHECKING:
    from mlops_lab.serving.manager import EndpointManager

__all__ = ["Deciding", "Watch"]

_log = logging.getLogger("mlops_lab")

_KEEP_US: Final = 5_000_000
_AGAIN_US: Final = 5_000_000
_MOST_BYTES: Final = 50_000_000

Verb = Literal["rollback", "share", "promote"]


class Deciding:
    """Takes decisions in a thread, one at a time: a busy store holds up no request's figures.

    Parameters
    ----------
    name
        The endpoint's.
    manager
        Opens what takes decisions; only called when there is one to take.
    """

    def __init__(self, name: str, manager: Callable[[], EndpointManager]) -> None:
        self._name = name
        self._manager = manager
        self._thread: threading.Thread | None = None

    @property
    def busy(self) -> bool:
        """Whether one is being taken."""
        return self._thread is not None and self._thread.is_alive()

    def take(
        self,
        rollout: str,
        verb: Verb,
        reason: str,
        *,
        share: float | None = None,
        evidence: Mapping[str, Any] | None = None,
        by_ramp: bool = False,
    ) -> None:
        """Begin to take one; what fails is logged, and whoever asked may ask again."""

        def settle() -> None:
            from mlops_lab.serving.deciding import GUARD, RAMP

            try:
                change = self._manager().settle(
                    self._name,
                    rollout,
                    verb,
                    share=share,
                    reason=reason,
                    evidence=evidence,
                    by=RAMP if by_ramp else GUARD,
                )
                _log.warning("%s %s", change.sentence, reason)
            except LabError as error:
                _log.error("%s was not decided: %s", verb, error)
            except Exception:  # noqa: BLE001 - whatever it is, the endpoint goes on being served
                _log.exception("%s was not decided", verb)

        self._thread = threading.Thread(target=settle, name=f"decide {verb}", daemon=True)
        self._thread.start()

    def wait(self, timeout_s: float) -> None:
        """Wait for the one that is being taken."""
        if self._thread is not None:
            self._thread.join(timeout_s)


class Watch:
    """Watches the rollouts of one endpoint, one after the other. Of the supervisor's loop.

    Parameters
    ----------
    root, name
        The project's folder and the endpoint's name.
    deciding
        Takes the decisions.
    """

    def __init__(self, root: Path, name: str, deciding: Deciding) -> None:
        self._path = places.guard(root, name)
        self._deciding = deciding
        self._rollout: Rollout | None = None
        self._guard: Guard | None = None
        self._names: dict[str, str] = {}
        self._loading: threading.Thread | None = None
        self._order = InOrder()
        self._asked_us = 0
        self._kept_us = 0
        self._fresh = False
        self.held: str | None = None

    @property
    def slow_ms(self) -> float | None:
        """What is a slow answer under the rollout that is on."""
        return None if self._guard is None else self._guard.slow_ms

    def follow(self, desired: Desired) -> None:
        """Take note of what is desired now."""
        rollout = desired.rollout
        before, self._rollout = self._rollout, rollout
        if rollout is None or (before is not None and before.id != rollout.id):
            self._guard = self.held = None
            self._order = InOrder()
        if rollout is None and before is not None:
            self._path.unlink(missing_ok=True)
        if rollout is None or rollout.kind != "canary":
            return
        self._names = {revision.id: str(revision.version) for revision in desired.revisions}
        if self._loading is None:
            # On a busy machine this takes seconds, in which the loop must not stand still.
            self._loading = threading.Thread(target=_load, name="load scipy", daemon=True)
            self._loading.start()
        if self._guard is None:
            return
        if self._guard.rollout != rollout:
            if self._guard.rollout.share != rollout.share:
                self._guard.feed(self._order.begin(now_us()))
            self._guard.follow(rollout)

    def feed(self, worker: int, t: int, events: Iterable[Any]) -> None:
        """Take what a worker reports as bad, at a moment in µs, UTC."""
        if self._guard is not None:
            told = [(str(m), str(r), str(unit), int(at)) for m, r, unit, at in events]
            self._order.add(worker, t, told)

    def look(
        self, now_us: int, figures: LiveFigures, *, crashes: int, unhealthy: str | None
    ) -> None:
        """Judge what has come in since the last look, and decide what follows from it.

        Parameters
        ----------
        now_us
            µs, UTC.
        figures
            Of all revisions.
        crashes
            Of the candidate's workers, since the last look.
        unhealthy
            Why the candidate cannot serve, when it cannot.
        """
        rollout, guard = self._rollout, self._begun()
        if rollout is None or (rollout.kind == "canary" and guard is None):
            return
        if guard is not None:
            base = Side(*figures.of(rollout.base).since_look())
            candidate = Side(*figures.of(rollout.candidate).since_look())
            if self._fresh:  # what came before it began is no evidence
                self._fresh, base, candidate = False, Side(), Side()
            guard.feed(self._order.until(now_us))
            verdict = guard.look(now_us, Figures(base, candidate, crashes, unhealthy))
            if now_us - self._kept_us >= _KEEP_US:
                self._kept_us = now_us
                self.keep()
            if verdict.state == "rollback":
                # At once, before anything is written: the traffic goes back while it is decided.
                self.held = rollout.id
                self._ask(now_us, rollout, "rollback", verdict.sentence)
                return
        evidence = None if guard is None else guard.evidence()
        raised = ramp.due(rollout, now_us, evidence)
        if raised is not None:
            verb: Verb = "promote" if raised.share >= 100 else "share"
            self._ask(now_us, rollout, verb, raised.reason, share=raised.share)

    def to_json(self, now_us: int) -> dict[str, Any] | None:
        """The rollout that is on, with its evidence and its plan, for the status."""
        if self._rollout is None:
            return None
        evidence = None if self._guard is None else self._guard.evidence()
        return {
            **asdict(self._rollout),
            "evidence": None if evidence is None else evidence.to_json(),
            "plan": ramp.plan_sentence(self._rollout),
            "waits": ramp.held(self._rollout, now_us, evidence),
        }

    def keep(self) -> None:
        """Write down what the guard knows, for the supervisor that comes after this one."""
        if self._guard is None or not self._path.parent.is_dir():
            return
        data = json.dumps(self._guard.to_json(), separators=(",", ":")).encode()
        try:
            desired.replace_file(self._path, data, mode=0o600, sync=False)
        except OSError as error:
            _log.error("the guard's evidence was not kept: %s", error)

    def _ask(
        self, now_us: int, rollout: Rollout, verb: Verb, reason: str, share: float | None = None
    ) -> None:
        if self._deciding.busy or now_us - self._asked_us < _AGAIN_US:
            return
        self._asked_us = now_us
        evidence = None if self._guard is None else self._guard.evidence().to_json()
        self._deciding.take(
            rollout.id,
            verb,
            reason,
            share=share if verb == "share" else None,
            evidence=evidence,
            by_ramp=verb != "rollback",
        )

    def _begun(self) -> Guard | None:
        """The guard of the canary that is on; it begins once what it computes with is loaded."""
        rollout, loading = self._rollout, self._loading
        if rollout is None or rollout.kind != "canary" or loading is None or loading.is_alive():
            return self._guard
        if self._guard is None:
            self._guard = self._restored(rollout) or Guard(rollout, names=self._names)
            self._fresh = True
        return self._guard

    def _restored(self, rollout: Rollout) -> Guard | None:
        try:
            with self._path.open("rb") as file:
                kept = json.loads(file.read(_MOST_BYTES))
            return Guard.from_json(rollout, kept, names=self._names)
        except FileNotFoundError:
            return None
        except (Corrupt, ValueError):
            return None  # of a rollout before


def _load() -> None:
    import scipy.special  # noqa: F401
