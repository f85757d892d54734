"""The handles of monitors and alerts: looked at, checked, settled."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from mlops_lab.errors import LabError
from mlops_lab.handles.card import age
from mlops_lab.handles.dataset import producer
from mlops_lab.handles.evaluation import Evaluation
from mlops_lab.handles.explanation import Explanation
from mlops_lab.handles.habits import MONITOR, Answering
from mlops_lab.handles.html import FONT, MUTED, isolated
from mlops_lab.handles.monitor_rows import MARKS, Alerts, Evaluations, Monitors
from mlops_lab.handles.progress import progress_line
from mlops_lab.handles.table import Table
from mlops_lab.markup import printable
from mlops_lab.monitoring.alerts import AlertEvent, AlertRecord, Status
from mlops_lab.monitoring.results import Check as Checked
from mlops_lab.monitoring.results import EvaluationRecord, MonitorRecord
from mlops_lab.project import Project

if TYPE_CHECKING:
    from mlops_lab.monitoring.delivering import Delivery
    from mlops_lab.monitoring.records import WindowFound

__all__ = ["Alert", "Check", "Monitor", "alert", "alerts", "monitor", "monitors"]


class Monitor(Answering):
    """A monitor of the project: a file ``monitors/NAME.yaml``, and what its checks found.

    Whatever is asked of it is read at that moment. Safe to use from several threads; a check takes
    the thread that calls it.
    """

    __slots__ = ("_name", "_project")
    _habits = MONITOR

    def __init__(self, project: Project, name: str) -> None:
        self._project = project
        self._name = name

    @property
    def name(self) -> str:
        """What it is called."""
        return self._name

    @property
    def record(self) -> MonitorRecord:
        """How it stands: its file, its last check, what is open.

        Raises
        ------
        NotFound
            There is none of that name; the message has the nearest.
        """
        return self._project.monitors.get(self._name)

    @property
    def path(self) -> Path:
        """The file's absolute path."""
        return self._project.root / self.record.file.path

    @property
    def state(self) -> str:
        """Of the last check: ok, warn, alert, quality, small; never, or invalid with its file."""
        return self.record.state

    @property
    def sentence(self) -> str:
        """The whole in a sentence."""
        return self.record.sentence

    @property
    def alerts(self) -> Table[Alert]:
        """Its alerts that are not resolved, the most pressing first."""
        return _table(
            self._project, self._project.monitors.alerts(status="open", monitor=self.name)
        )

    @property
    def deliveries(self) -> list[Delivery]:
        """What became of the messages to its channels, newest first."""
        return self._project.monitors.deliveries(self._name)

    def check(self) -> Check:
        """Look at the data now, and open, change and end alerts by what is found.

        A run of kind ``monitor`` keeps it; inside a pipeline's step, or another run, it is a child
        of that. Only what is new since the last check is counted.

        Returns
        -------
        Check
            With ``state``, ``evaluation`` and the alerts that it opened, changed and ended.

        Raises
        ------
        NotFound, InvalidInput
            Its file has faults, or what it names is not there.

        Examples
        --------
        >>> lab.monitor("delay").check()  # doctest: +SKIP
        <Check delay alert · 1 opened: temp is out of range in 35 % of the rows.>
        """
        shown = progress_line()
        try:
            found = self._project.monitors.check(
                self._name, parent=producer(self._project), progress=shown
            )
        finally:
            if shown is not None:
                shown.close()
        return Check(self._project, found)

    @property
    def evaluation(self) -> Evaluation:
        """What its last check saw.

        Raises
        ------
        NotFound
            It has not been checked yet; the message has the line that does it.
        """
        return Evaluation(self._project.monitors.evaluation(self._name))

    def evaluation_of(self, run_id: str) -> Evaluation:
        """What one of its checks saw.

        Parameters
        ----------
        run_id
            Its run, or the first characters of that.
        """
        return Evaluation(self._project.monitors.evaluation(self._name, run_id))

    def evaluations(self) -> Table[EvaluationRecord]:
        """Its checks in a few facts, newest first; `evaluation_of` reads one."""
        return Table(Evaluations(self._project.monitors.evaluations(self._name)))

    def window(
        self, first: str, last: str | None = None, segment: str | None = None
    ) -> WindowFound:
        """Look at a range of chunks of the last check as if it were one.

        Parameters
        ----------
        first, last
            Keys of its first and last chunk; without `last` only the first.
        segment
            A value of the monitor's segment.
        """
        return self._project.monitors.window(self._name, first, last or first, segment=segment)

    def __repr__(self) -> str:
        try:
            record = self.record
        except LabError as error:
            return f"<Monitor {self._name}: {printable(str(error))}>"
        last = "" if record.last is None else f" {age(record.last.at)}"
        many = record.open_alerts
        some = f" · {many} open alert{'s' * (many != 1)}" if many else ""
        return f"<Monitor {self._name} {record.state}{last}{some}: {printable(record.sentence)}>"


class Alert:
    """An alert of a monitor: why it was raised, and what was decided about it.

    Whatever is asked of it is read at that moment. Safe to use from several threads.
    """

    __slots__ = ("_id", "_project")

    def __init__(self, project: Project, id: str) -> None:
        self._project = project
        self._id = id

    @property
    def id(self) -> str:
        """32 hexadecimal characters."""
        return self._id

    @property
    def record(self) -> AlertRecord:
        """As it is now."""
        return self._project.monitors.alert(self._id)

    @property
    def status(self) -> Status:
        """open, acknowledged, muted or resolved."""
        return self.record.status

    @property
    def kind(self) -> str:
        """What it is about: quality, drift, domain, performance, concept, fairness, prediction."""
        return self.record.kind

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns it is about, the loudest first."""
        return self.record.columns

    @property
    def severity(self) -> str:
        """alert, warn or info."""
        return self.record.severity

    @property
    def sentence(self) -> str:
        """What it says."""
        return self.record.sentence

    @property
    def monitor(self) -> Monitor:
        """Whose check found it."""
        return Monitor(self._project, self.record.monitor)

    @property
    def history(self) -> list[AlertEvent]:
        """What happened to it, oldest first."""
        return list(self._project.monitors.detail(self._id).history)

    @property
    def similar(self) -> Table[Alert]:
        """Alerts of the same cause before, newest first."""
        return _table(self._project, self._project.monitors.detail(self._id).similar)

    def explain(self) -> Explanation:
        """Say why, in computed sentences: what fired, where the mass moved, what did not change."""
        detail = self._project.monitors.detail(self._id)
        return Explanation(detail.record.sentence, detail.sections)

    def acknowledge(self, comment: str = "") -> Alert:
        """Say that you look after it: it waits for nobody, unless it gets worse."""
        self._project.monitors.acknowledge(self._id, comment)
        return self

    def mute(self, until: str | timedelta | datetime, comment: str = "") -> Alert:
        """Have it say nothing for a while.

        Parameters
        ----------
        until
            ``7d``, ``12h``, ``2w``, a `timedelta`, or a moment.
        """
        self._project.monitors.mute(self._id, until, comment)
        return self

    def resolve(self, comment: str = "") -> Alert:
        """Say that it is over; it comes back when a later chunk alarms."""
        self._project.monitors.resolve(self._id, comment)
        return self

    def reopen(self, comment: str = "") -> Alert:
        """Take back that it was resolved, acknowledged or muted."""
        self._project.monitors.reopen(self._id, comment)
        return self

    def __repr__(self) -> str:
        try:
            record = self.record
        except LabError as error:
            return f"<Alert {self._id[:8]}: {printable(str(error))}>"
        return (
            f"<Alert {self._id[:8]} {record.status} · {record.monitor} · {record.label}: "
            f"{printable(record.sentence)}>"
        )

    def _repr_html_(self) -> str:
        try:
            detail = self._project.monitors.detail(self._id)
        except LabError as error:
            return f'<div style="{FONT}">{isolated(str(error), 400)}</div>'
        one = detail.record
        glyph, colour = MARKS.get(one.severity, MARKS["warn"])
        facts = [one.status, one.monitor, one.label, f"opened {age(one.opened_at)}"]
        if one.impact is not None:
            facts.append(f"impact {one.impact:.3g}")
        head = (
            f'<div style="{FONT}"><span style="color:{colour}" title="{one.severity}">{glyph}'
            f'</span> <span style="{MUTED}">{" · ".join(isolated(fact) for fact in facts)}'
            "</span></div>"
        )
        return head + self.explain()._repr_html_()


class Check:
    """What a check came to: what it saw, and what it did to the alerts."""

    __slots__ = ("_found", "_project")

    def __init__(self, project: Project, found: Checked) -> None:
        self._project = project
        self._found = found

    @property
    def run_id(self) -> str:
        """The run that keeps it, for ``lab.run(…)``."""
        return self._found.run_id

    @property
    def state(self) -> str:
        """The worst that was open at its end: ok, warn, alert, quality or small."""
        return self._found.state

    @property
    def sentence(self) -> str:
        """The whole in a sentence."""
        return self._found.evaluation.summary.sentence

    @property
    def evaluation(self) -> Evaluation:
        """What it saw."""
        return Evaluation(self._found.evaluation)

    @property
    def opened(self) -> list[Alert]:
        """The alerts that it opened, and those that came again."""
        return [Alert(self._project, one.id) for one in self._found.opened]

    @property
    def updated(self) -> list[Alert]:
        """The alerts that go on."""
        return [Alert(self._project, one.id) for one in self._found.updated]

    @property
    def resolved(self) -> list[Alert]:
        """The alerts that are over."""
        return [Alert(self._project, one.id) for one in self._found.resolved]

    @property
    def deliveries(self) -> list[Delivery]:
        """What became of the messages that it sent."""
        return list(self._found.deliveries)

    def __repr__(self) -> str:
        return printable(repr(self._found))

    def _repr_html_(self) -> str:
        found = self._found
        glyph, colour = MARKS.get(found.state, MARKS["warn"])
        words = (("opened", found.opened), ("goes on", found.updated), ("over", found.resolved))
        lines = [
            f'<div><span style="{MUTED}">{word}</span> {isolated(one.sentence, 400)} '
            f'<code style="{MUTED}">{one.id[:8]}</code></div>'
            for word, ones in words
            for one in ones
        ]
        lines += [
            f'<div style="{MUTED}">{isolated(f"{one.channel}: {one.sentence}", 400)}</div>'
            for one in found.deliveries
            if not one.ok
        ]
        head = (
            f'<div><span style="color:{colour}" title="{found.state}">{glyph}</span> '
            f'<b dir="auto">{isolated(found.monitor)}</b> '
            f'<code style="{MUTED}">{found.run_id[:8]}</code> {isolated(self.sentence, 400)}</div>'
        )
        return f'<div style="{FONT}">{head}{"".join(lines)}</div>'


def monitor(name: str) -> Monitor:
    """Give the handle of a monitor.

    Parameters
    ----------
    name
        What its file in ``monitors/`` calls it, or the file's own name.
    """
    return Monitor(Project.locate(), name)


def monitors() -> Table[Monitor]:
    """Give the project's monitors as they stand, by name."""
    project = Project.locate(create=False)
    return Table(Monitors(project.monitors.list(), lambda one: Monitor(project, one.name)))


def alert(id: str) -> Alert:
    """Give an alert by its id, or a unique prefix of four characters or more.

    Raises
    ------
    NotFound
        There is none.
    """
    project = Project.locate(create=False)
    return Alert(project, project.monitors.alert(id).id)


def alerts(status: str = "open", *, monitor: str | None = None) -> Table[Alert]:
    """Give the project's alerts, the most pressing first.

    Parameters
    ----------
    status
        ``open``: whatever is not resolved; ``all``; or acknowledged, muted, resolved.
    monitor
        Only this monitor's.
    """
    project = Project.locate(create=False)
    return _table(project, project.monitors.alerts(status=status, monitor=monitor))


def _table(project: Project, records: Sequence[AlertRecord]) -> Table[Alert]:
    return Table(Alerts(records, lambda one: Alert(project, one.id)))
