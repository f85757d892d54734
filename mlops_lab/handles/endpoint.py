"""The handle of endpoints: deployed, asked, tried, promoted, rolled back."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from mlops_lab.errors import LabError, Unavailable
from mlops_lab.handles.endpoint_card import endpoint_card, endpoint_line
from mlops_lab.handles.endpoint_rows import Decisions, Endpoints, PredictionRows
from mlops_lab.handles.habits import ENDPOINT, Answering
from mlops_lab.handles.html import FONT, isolated
from mlops_lab.handles.table import Table
from mlops_lab.project import Project

if TYPE_CHECKING:
    import pandas as pd

    from mlops_lab.serving.asked import Ramp
    from mlops_lab.serving.client import Client
    from mlops_lab.serving.deciding import Change
    from mlops_lab.serving.finder import EndpointEvent
    from mlops_lab.serving.predictions.truth import Told
    from mlops_lab.serving.records import Desired, Guard, Limits
    from mlops_lab.serving.rollouts.comparison import Comparison
    from mlops_lab.serving.rollouts.replay import Replay
    from mlops_lab.serving.status import Status

__all__ = ["Endpoint", "endpoint", "endpoints"]

_log = logging.getLogger("mlops_lab")

_WAIT_S = 120.0


class Endpoint(Answering):
    """An endpoint of the project: an address where a model version answers, in its own processes.

    It survives the kernel and the Jupyter Server, until `stop`. Whatever is asked of the handle is
    read at that moment. Safe to use from several threads.
    """

    __slots__ = ("_asking", "_name", "_project")
    _habits = ENDPOINT

    def __init__(self, project: Project, name: str) -> None:
        self._project = project
        self._name = name
        self._asking: Client | None = None

    @property
    def name(self) -> str:
        """What it is called."""
        return self._name

    @property
    def record(self) -> Desired:
        """What it should serve.

        Raises
        ------
        NotFound
            Nothing was ever deployed to it; the message has the line that does.
        """
        return self._project.endpoints.get(self._name)

    @property
    def status(self) -> Status | None:
        """How it stands now: state, revisions, traffic, times; None when nothing of it runs."""
        return self._project.endpoints.status(self._name)

    @property
    def version(self) -> str:
        """The model version that it serves, as ``flight-delay@5``."""
        record = self.record
        return record.revision(record.stable).ref

    @property
    def url(self) -> str:
        """Where it is reached: ``unix:PATH``, or ``http://…`` where it has a TCP port.

        Raises
        ------
        Unavailable
            It is stopped.
        """
        record = self.record
        if record.port is not None and record.state == "serving":
            host = f"[{record.host}]" if ":" in record.host else record.host
            return f"http://{host}:{record.port}"
        return self._project.endpoints.address(self._name).url

    @property
    def token(self) -> str | None:
        """What its TCP port asks for, as ``Authorization: Bearer …``; None where it has no port."""
        return self._project.endpoints.token(self._name)

    # ------------------------------------------------------------------ what it serves

    def deploy(
        self,
        ref: str,
        *,
        workers: int | None = None,
        port: int | None = None,
        host: str | None = None,
        backend: str | None = None,
        limits: Limits | Mapping[str, Any] | None = None,
        allow_unsafe: bool = False,
        reason: str = "",
        timeout_s: float = _WAIT_S,
    ) -> Endpoint:
        """Serve a version, and return when it answers.

        What was served before answers until the new version is ready, and stays warm for
        `rollback`. The same version again changes nothing, and starts what had gone.

        Parameters
        ----------
        ref
            The version: ``flight-delay@champion``, ``flight-delay@5``.
        workers
            Processes; by default as before, one at first.
        port
            A TCP port beside the unix socket, which asks for `token`; by default as before, none at
            first; 0 closes it.
        host
            The address of that port; by default this machine alone.
        backend
            ``auto`` (the fastest that answers alike), ``onnx`` or ``sklearn``; by default as
            before, auto at first.
        limits
            ``{"timeout_s": 5, "body_mb": 4, "queue": 100 …}``; what is not named stays.
        allow_unsafe
            Serve also a format that runs whatever code is in it, with your rights.
        reason
            Why, kept in the decision log.
        timeout_s
            How long to wait until it answers, in seconds.

        Raises
        ------
        Refused, Waiting
            Its gates or somebody rejected the version, or it waits for approval.
        Conflict
            A rollout is on, or the port is taken.
        Unavailable
            It did not begin to answer; the message has the worker's own words. What was served
            before goes on.

        Examples
        --------
        >>> e = lab.endpoint("delay").deploy("flight-delay@champion")  # doctest: +SKIP
        >>> e.predict(frame)                                           # doctest: +SKIP
        """
        return self._settled(
            self._project.endpoints.deploy(
                self._name,
                ref,
                workers=workers,
                port=port,
                host=host,
                backend=backend,
                limits=limits,
                allow_unsafe=allow_unsafe,
                reason=reason,
            ),
            timeout_s,
        )

    def canary(
        self,
        ref: str,
        share: float = 5.0,
        *,
        guard: Guard | Mapping[str, Any] | None = None,
        by: str | None = None,
        ramp: Ramp = (),
        reason: str = "",
        allow_unsafe: bool = False,
        timeout_s: float = _WAIT_S,
    ) -> Endpoint:
        """Give a version a small share of the traffic; it is taken back by itself when it is worse.

        The same again with another share changes that, and moves nobody out who was in.

        Parameters
        ----------
        share
            In percent.
        guard
            ``{"error_rate": 0.02, "p99_ms": 80, "alpha": 0.05}``: what is worse, and how often a
            healthy version may be taken back.
        by
            The column whose value says who asks; by default what the request says.
        ramp
            Raises to come: ``{"24h": 20, "2d": 50}``.

        Raises
        ------
        Conflict
            Another rollout is on, or the endpoint serves this version.
        """
        return self._settled(
            self._project.endpoints.canary(
                self._name,
                ref,
                share,
                guard=guard,
                unit=by,
                ramp=ramp,
                reason=reason,
                allow_unsafe=allow_unsafe,
            ),
            timeout_s,
        )

    def shadow(
        self,
        ref: str,
        share: float = 100.0,
        *,
        reason: str = "",
        allow_unsafe: bool = False,
        timeout_s: float = _WAIT_S,
    ) -> Endpoint:
        """Copy requests to a version; nobody hears its answers or waits for them.

        Parameters
        ----------
        share
            What part of the requests is copied, in percent.
        """
        return self._settled(
            self._project.endpoints.shadow(
                self._name, ref, share, reason=reason, allow_unsafe=allow_unsafe
            ),
            timeout_s,
        )

    def split(
        self,
        shares: Mapping[str, float],
        by: str | None = None,
        *,
        reason: str = "",
        allow_unsafe: bool = False,
        timeout_s: float = _WAIT_S,
    ) -> Endpoint:
        """Split units between what is served and another version: an A/B test.

        Parameters
        ----------
        shares
            In percent by version, together 100: ``{"flight-delay@5": 50, "flight-delay@6": 50}``.
        by
            The column whose value is the unit, as ``tailnum``; by default what the request says.
        """
        return self._settled(
            self._project.endpoints.split(
                self._name, shares, unit=by, reason=reason, allow_unsafe=allow_unsafe
            ),
            timeout_s,
        )

    def promote(self, reason: str = "", *, timeout_s: float = _WAIT_S) -> Endpoint:
        """Have the version that is tried serve all requests; the former one stays warm."""
        return self._settled(self._project.endpoints.promote(self._name, reason=reason), timeout_s)

    def rollback(
        self, reason: str = "", *, to: str | None = None, timeout_s: float = _WAIT_S
    ) -> Endpoint:
        """End the rollout that is on; without one, serve the version before.

        Parameters
        ----------
        to
            A version that was served before, as ``flight-delay@4``, whatever is on.
        """
        return self._settled(
            self._project.endpoints.rollback(self._name, to=to, reason=reason), timeout_s
        )

    def stop(self, reason: str = "") -> Endpoint:
        """Serve nothing any more: every process of it ends, what was logged stays."""
        endpoints = self._project.endpoints
        self._told(endpoints.stop(self._name, reason=reason))
        endpoints.end(self._name)
        self._forget()
        return self

    # ------------------------------------------------------------------ asking it

    def predict(self, data: Any, *, unit: str | None = None) -> pd.DataFrame:
        """Have it predict: the same as any client gets, and in its log as well.

        Parameters
        ----------
        data
            What the model takes: a frame of any kind, an array, records, texts.
        unit
            Whom it is about: a rollout keeps each on one side.

        Returns
        -------
        pandas.DataFrame
            ``prediction_id``, ``prediction``, and ``probability_<class>`` of a classifier, with
            the index of the input.

        Raises
        ------
        InvalidInput
            The model does not take that, in a sentence for each column.
        Unavailable
            Nobody answers.
        """
        self._project.access.require(self._project.identity, "endpoints:predict")
        frame: pd.DataFrame = self._client().predict(data, unit=unit)
        return frame

    def _client(self) -> Client:
        """Connections to where it is now, kept for the next question."""
        from mlops_lab.serving.client import Client

        url = self._project.endpoints.address(self._name).url
        if self._asking is None or self._asking.url != url:
            self._forget()
            self._asking = Client(url, self._name)
        return self._asking

    def _forget(self) -> None:
        asking, self._asking = self._asking, None
        if asking is not None:
            asking.close()

    # ------------------------------------------------------------------ what came of it

    def predictions(self, since: Any = None, *, until: Any = None, **asked: Any) -> Table[Any]:
        """What it has answered, the newest first, with the truth as far as it is known.

        Parameters
        ----------
        since, until
            A datetime, text as ``2026-11-22``, or ``7d``: so long ago.
        asked
            Which: ``role``, ``version``, ``revision``, ``rollout``, ``status``, ``search`` (text
            that a row contains), ``where`` (a condition over the columns, as of ``lab.runs``).

        Returns
        -------
        Table
            Of rows as dicts; ``.df()`` has all of them in the order of time.
        """
        found = self._project.endpoints.predictions(self._name, since=since, until=until, **asked)
        return Table(PredictionRows(found))

    def log_ground_truth(
        self,
        truths: Any,
        on: str | Sequence[str] = "prediction_id",
        value: str | None = None,
        *,
        event: str | None = None,
    ) -> Told:
        """Keep what turned out to be true of predictions, however late and however few of them.

        Parameters
        ----------
        truths
            A frame, a file, or SQL.
        on
            The columns that say whose truth it is: ``prediction_id``, or columns that the requests
            had.
        value
            The column of the truth; predictions have it under this name. The last word counts.
        event
            In its place, of conversions: what happened to those that are listed.

        Returns
        -------
        Told
            How many were told, and how many belong to no prediction (yet).
        """
        return self._project.endpoints.log_truth(
            self._name, truths, on=on, value=value, event=event
        )

    def compare(self, **asked: Any) -> Comparison:
        """Compare the version that is tried with the one that serves: who wins, by how much, or
        that it is too early.

        Parameters
        ----------
        asked
            ``rollout`` (an id; default the one that is on, else the last), ``truth``, ``metric``,
            ``every`` (hour, day, week, unit), ``horizon``, ``time``.
        """
        return self._project.endpoints.compare(self._name, **asked)

    def replay(self, ref: str, since: Any = "7d", **asked: Any) -> Replay:
        """Ask another version what this endpoint was asked, without serving it.

        Parameters
        ----------
        ref
            The version that is tried.
        since
            From when on.
        asked
            ``truth``, ``metric``, ``every``, ``horizon``, ``time`` as of `compare`, and
            ``allow_unsafe``.
        """
        return self._project.endpoints.replay(self._name, ref, since=since, **asked)

    def history(self) -> Table[EndpointEvent]:
        """What was decided about it, the newest first."""
        return Table(Decisions(self._project.endpoints.history(self._name)))

    def logs(self, lines: int = 100) -> str:
        """What its processes have said last.

        Parameters
        ----------
        lines
            At most so many.
        """
        return "\n".join(self._project.endpoints.log_tail(self._name, lines))

    # ------------------------------------------------------------------ inside

    def _settled(self, change: Change, timeout_s: float) -> Endpoint:
        """Have it made so, and wait for that."""
        self._told(change)
        self._project.endpoints.run(self._name, change.desired.seq, timeout_s=timeout_s)
        return self

    def _told(self, change: Change) -> None:
        if not change.changed:
            _log.warning("MLOps Lab: %s", change.sentence)

    def __repr__(self) -> str:
        try:
            return endpoint_line(self._project.endpoints.page(self._name))
        except LabError as error:
            return f"<Endpoint {self._name}: {error}>"

    def _repr_html_(self) -> str:
        try:
            page = self._project.endpoints.page(self._name)
        except LabError as error:
            return f'<div style="{FONT}">{isolated(str(error), 400)}</div>'
        return endpoint_card(page, self._url_or_none())

    def _url_or_none(self) -> str | None:
        try:
            return self.url
        except Unavailable:
            return None


def endpoint(name: str) -> Endpoint:
    """Give the handle of an endpoint, which need not be there yet: `Endpoint.deploy` makes it.

    Parameters
    ----------
    name
        What it is called.
    """
    return Endpoint(Project.locate(), name)


def endpoints() -> Table[Endpoint]:
    """Give the project's endpoints as they stand, by name."""
    project = Project.locate(create=False)
    rows = project.endpoints.page_of_all()["endpoints"]
    return Table(Endpoints(rows, lambda row: Endpoint(project, row["name"])))
