"""What a decision says to people: one sentence for each kind, never trusting the line.

A decision's data may have been written by hand: whatever is missing or of another kind is left
out, and every text is cut and freed of characters that would fool a reader.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

__all__ = ["KINDS", "Ref", "ref_of", "sentence_of"]

Ref = tuple[str, str]
"""A kind and an id, as ``("model", "flight-delay@6")``."""

_LONGEST: Final = 300

Data = Mapping[str, Any]
RunNames = Mapping[str, str]


def sentence_of(kind: str, data: object, by: str | None, run_names: RunNames) -> str:
    """Say what was decided.

    Parameters
    ----------
    kind
        Concept and verb.
    data
        What the line has settled.
    by
        Who decided.
    run_names
        The names of runs by their ids; a run that is not in it is called by its id.
    """
    facts: Data = data if isinstance(data, Mapping) else {}
    write = KINDS.get(kind)
    who = _text(by) or "somebody"
    said = f"{who} decided {_text(kind)}" if write is None else write(who, facts, run_names)
    return said if len(said) <= 2 * _LONGEST else f"{said[: 2 * _LONGEST - 1]}…"


def ref_of(kind: str, data: object) -> Ref | None:
    """Name what a decision is about, where there is one thing to open."""
    if not isinstance(data, Mapping):
        return None
    concept = kind.partition(".")[0]
    name = data.get(concept)
    if concept in ("alert", "endpoint") and isinstance(name, str) and name:
        return concept, name
    if concept in ("monitor", "trigger") and isinstance(data.get("run"), str):
        return "run", data["run"]
    if concept in ("dataset", "model") and isinstance(name, str) and name:
        version = data.get("version")
        return concept, f"{name}@{version}" if isinstance(version, int) else name
    if kind in ("run.cancel", "run.restore"):
        runs = data.get("runs", [data.get("run")])
        if isinstance(runs, list) and len(runs) == 1 and isinstance(runs[0], str):
            return "run", runs[0]
    return None


# ---------------------------------------------------------------------------------- kinds


def _experiment_create(who: str, data: Data, _: RunNames) -> str:
    return f"{who} made the experiment {_text(data.get('name'))}"


def _runs(verb: str) -> Callable[[str, Data, RunNames], str]:
    def write(who: str, data: Data, names: RunNames) -> str:
        runs = data.get("runs", [data.get("run")])
        ids = [run for run in runs if isinstance(run, str)] if isinstance(runs, list) else []
        if not ids:
            return f"{who} {verb} a run"
        # A run that was deleted with all below it: whoever has a name is the one that is meant.
        first = _text(names.get(ids[0]) or ids[0][:8])
        more = len(ids) - 1
        return f"{who} {verb} {first}{f' and {more} more' if more else ''}"

    return write


def _dataset_commit(who: str, data: Data, names: RunNames) -> str:
    said = f"{who} committed {_version('dataset', data)}"
    if isinstance(data.get("run"), str):
        said += f" in {_run(data['run'], names)}"
    if _blocked(data):
        said += ", which its checks block"
    elif _text(data.get("alias")):
        said += f" as {_text(data['alias'])}"
    return said + _because(data.get("note"))


def _dataset_alias(who: str, data: Data, _: RunNames) -> str:
    return _alias_moved(who, "dataset", data)


def _dataset_check(who: str, data: Data, _: RunNames) -> str:
    failed = data.get("failed")
    count = f", {failed} failed" if isinstance(failed, int) and failed else ""
    words = {"passed": "it passed", "warned": "it warns", "blocked": "it blocks"}
    state = words.get(str(data.get("state")), "it was run")
    suite = _text(data.get("suite"))
    return f"{who} checked {_version('dataset', data)} by {suite}: {state}{count}"


def _deleted(concept: str) -> Callable[[str, Data, RunNames], str]:
    def write(who: str, data: Data, _: RunNames) -> str:
        return f"{who} deleted {_version(concept, data)}"

    return write


def _model_register(who: str, data: Data, names: RunNames) -> str:
    said = f"{who} registered {_version('model', data)}"
    if isinstance(data.get("run"), str):
        said += f" from {_run(data['run'], names)}"
    if data.get("unsafe") is True:
        said += ", in an unsafe format"
    return said + _because(data.get("note"))


def _model_edit(who: str, data: Data, _: RunNames) -> str:
    changed = [word for word in ("description", "note", "tags") if word in data]
    what = " and ".join(changed) or "facts"
    return f"{who} changed the {what} of {_version('model', data)}"


def _model_judge(who: str, data: Data, names: RunNames) -> str:
    gates = data.get("gates")
    passed = total = None
    if isinstance(gates, Mapping):
        passed, total = gates.get("passed"), gates.get("total")
    known = isinstance(total, int) and isinstance(passed, int) and total
    count = f": {passed} of {total} gates passed" if known else ""
    model, outcome = _version("model", data), data.get("outcome")
    if outcome == "rejected":
        sentences = data.get("sentences")
        why = sentences[0] if isinstance(sentences, list) and sentences else None
        return f"{model} was rejected{_because(why) or count}"
    where = f" in {_run(data['run'], names)}" if isinstance(data.get("run"), str) else ""
    if outcome == "passed" and count:
        return f"{model} passed {passed} of {total} gates{where}"
    word = {"passed": "passed its gates", "waiting": "waits"}.get(str(outcome), "was judged")
    return f"{model} {word}{where}{count}"


def _model_request(who: str, data: Data, _: RunNames) -> str:
    said = f"{who} asked approval of {_version('model', data)} to become {_text(data.get('alias'))}"
    return said + _because(data.get("comment"))


def _model_approve(who: str, data: Data, _: RunNames) -> str:
    alias = _text(data.get("alias"))
    promotes = data.get("promotes")
    now = f", {alias} now" if isinstance(promotes, Mapping) else f" as {alias}"
    return f"{who} approved {_version('model', data)}{now}{_because(data.get('comment'))}"


def _model_reject(who: str, data: Data, _: RunNames) -> str:
    said = f"{who} rejected {_version('model', data)} as {_text(data.get('alias'))}"
    return said + _because(data.get("comment"))


def _model_alias(who: str, data: Data, names: RunNames) -> str:
    said = _alias_moved(who, "model", data)
    if isinstance(data.get("run"), str):
        said += f" in {_run(data['run'], names)}"
    return said + _because(data.get("reason"))


def _model_card(who: str, data: Data, _: RunNames) -> str:
    return f"{who} wrote in the card of {_text(data.get('model'))}"


def _alert_found(verb: str) -> Callable[[str, Data, RunNames], str]:
    """What a check found, whoever ran it: the check speaks, not the person."""

    def write(_: str, data: Data, names: RunNames) -> str:
        severity = {"warn": "a warning", "info": "a note"}.get(str(data.get("severity")))
        said = f"{_text(data.get('monitor')) or 'a monitor'} {verb} {severity or 'an alert'}"
        return said + _because(data.get("sentence"))

    return write


def _alert_settled(verb: str) -> Callable[[str, Data, RunNames], str]:
    def write(who: str, data: Data, _: RunNames) -> str:
        monitor = _text(data.get("monitor")) or "a monitor"
        if verb == "resolved" and data.get("how") in ("quiet", "promotion"):
            why = "a promotion" if data["how"] == "promotion" else "it is quiet again"
            return f"an alert of {monitor} is over{_because(data.get('comment')) or f': {why}'}"
        if data.get("how") == "again":
            return f"an alert of {monitor} came again{_because(data.get('sentence'))}"
        until = f" until {_text(data.get('until'))[:10]}" if verb == "muted" else ""
        return f"{who} {verb} an alert of {monitor}{until}{_because(data.get('comment'))}"

    return write


def _monitor_slot(who: str, data: Data, _: RunNames) -> str:
    missed = data.get("missed")
    told = f", and for {missed} missed before" if isinstance(missed, int) and missed > 0 else ""
    slot = _text(data.get("slot")).replace("T", " ").rstrip("Z")
    return f"{_text(data.get('monitor')) or 'a monitor'} is checked for {slot} UTC{told}"


def _endpoint(who: str, data: Data, _: RunNames) -> str:
    """What became of an endpoint: the sentence that was kept, whoever decided."""
    said = _text(data.get("sentence")) or f"the endpoint {_text(data.get('endpoint'))} was changed"
    return f"{who}: {said.rstrip('.')}{_because(data.get('reason'))}"


def _trigger_start(who: str, data: Data, names: RunNames) -> str:
    causes = data.get("causes")
    said = (
        [one.get("sentence") for one in causes if isinstance(one, Mapping)]
        if isinstance(causes, list)
        else []
    )
    again = ", which nobody had launched" if data.get("again") is True else ""
    pipeline = _text(data.get("pipeline")) or "a pipeline"
    return f"a trigger started {pipeline} for {who}{again}{_because(said[0] if said else None)}"


def _trigger_watch(who: str, data: Data, _: RunNames) -> str:
    pipeline, triggers = _text(data.get("pipeline")) or "a pipeline", data.get("triggers")
    new = [_text(one) for one in triggers] if isinstance(triggers, list) else []
    if not new:
        return f"{who} found triggers of {pipeline} gone"
    more = f" and {len(new) - 3} more" if len(new) > 3 else ""
    return f"{who} watches for {pipeline}: {', '.join(new[:3])}{more}"


KINDS: Final[Mapping[str, Callable[[str, Data, RunNames], str]]] = {
    "experiment.create": _experiment_create,
    "run.delete": _runs("deleted"),
    "run.restore": _runs("restored"),
    "run.cancel": _runs("stopped"),
    "dataset.commit": _dataset_commit,
    "dataset.alias": _dataset_alias,
    "dataset.check": _dataset_check,
    "dataset.delete": _deleted("dataset"),
    "model.register": _model_register,
    "model.edit": _model_edit,
    "model.judge": _model_judge,
    "model.request": _model_request,
    "model.approve": _model_approve,
    "model.reject": _model_reject,
    "model.alias": _model_alias,
    "model.card": _model_card,
    "model.delete": _deleted("model"),
    "alert.open": _alert_found("opened"),
    "alert.update": _alert_found("goes on with"),
    "alert.acknowledge": _alert_settled("acknowledged"),
    "alert.mute": _alert_settled("muted"),
    "alert.resolve": _alert_settled("resolved"),
    "alert.reopen": _alert_settled("reopened"),
    "monitor.slot": _monitor_slot,
    "trigger.start": _trigger_start,
    "trigger.watch": _trigger_watch,
    "endpoint.deploy": _endpoint,
    "endpoint.canary": _endpoint,
    "endpoint.shadow": _endpoint,
    "endpoint.split": _endpoint,
    "endpoint.share": _endpoint,
    "endpoint.promote": _endpoint,
    "endpoint.rollback": _endpoint,
    "endpoint.stop": _endpoint,
}
"""Every kind of decision that this program takes, and how it is said."""


# ---------------------------------------------------------------------------------- words


def _alias_moved(who: str, concept: str, data: Data) -> str:
    """How an alias moved: given, moved on, rolled back, or taken away."""
    name, alias = _text(data.get(concept)), _text(data.get("alias"))
    version, before = data.get("version"), data.get("from")
    if version is None:
        was = f" from {name} {before}" if isinstance(before, int) else f" from {name}"
        return f"{who} took {alias}{was}"
    if data.get("how") == "rollback":
        replaced = f" from {before}" if isinstance(before, int) else ""
        return f"{who} rolled {alias} of {name} back{replaced} to {version}"
    replaced = f", it replaces {before}" if isinstance(before, int) else ""
    return f"{who} made {_version(concept, data)} {alias}{replaced}"


def _version(concept: str, data: Data) -> str:
    name, version = _text(data.get(concept)) or f"a {concept}", data.get("version")
    return f"{name} {version}" if isinstance(version, int) else name


def _run(run_id: str, names: RunNames) -> str:
    return _text(names.get(run_id) or run_id[:8])


def _because(text: object) -> str:
    said = _text(text)
    return f": {said}" if said else ""


def _blocked(data: Data) -> bool:
    checks = data.get("checks")
    return isinstance(checks, list) and any(
        isinstance(check, Mapping) and check.get("state") == "blocked" for check in checks
    )


def _text(value: object) -> str:
    """One line of harmless text, or nothing."""
    if not isinstance(value, str | int | float):
        return ""
    text = str(value)[: 2 * _LONGEST]
    line = " ".join("".join(c if c.isprintable() or c.isspace() else "�" for c in text).split())
    return line if len(line) <= _LONGEST else f"{line[: _LONGEST - 1]}…"
