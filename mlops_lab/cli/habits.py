"""What people type who know other programs, and the line that does it here.

Only for commands that do not exist: nothing is called by two names.
"""

from __future__ import annotations

from typing import Final

__all__ = ["HABITS"]


def _each(words: str, line: str) -> dict[str, str]:
    return dict.fromkeys(words.split(), line)


HABITS: Final = {
    "mlops-lab": {
        **_each("add commit push import", "mlops-lab data commit NAME PATH"),
        **_each("checkout pull get", "mlops-lab data checkout NAME@3 DEST"),
        **_each("dataset datasets", "mlops-lab data"),
        **_each("experiment experiments", "mlops-lab run list \"experiment = 'NAME'\""),
        **_each("repro dag exec notebook papermill", "mlops-lab pipeline run FILE"),
        **_each("promote", "mlops-lab model promote NAME@3 ALIAS"),
        **_each("gc", "mlops-lab store gc"),
        **_each("status", "mlops-lab store status, or mlops-lab doctor"),
        **_each("lineage", 'lab.dataset("NAME").lineage() in Python, or its view in JupyterLab'),
        **_each("ui server lab", "jupyter lab: its sidebar has runs, data and models"),
        **_each("serve deploy", "mlops-lab endpoint deploy NAME MODEL@VERSION"),
        **_each("canary rollout", "mlops-lab endpoint canary NAME MODEL@VERSION"),
        **_each("log history", "mlops-lab audit show"),
        **_each("search", "mlops-lab run list EXPRESSION"),
        **_each("drift check", "mlops-lab monitor check NAME"),
        **_each("alerts", "mlops-lab alert list"),
        **_each("version", "mlops-lab --version"),
        **_each("new create", "mlops-lab init DIR"),
    },
    "data": {
        **_each("add push put save import register", "mlops-lab data commit NAME PATH"),
        **_each("ls", "mlops-lab data list"),
        **_each("get pull download export restore", "mlops-lab data checkout NAME@3 DEST"),
        **_each("log history versions", "mlops-lab data list NAME"),
        **_each("profile describe head cat", "mlops-lab data show NAME"),
        **_each("validate test", "mlops-lab data check NAME"),
        **_each("suite draft", "mlops-lab data infer NAME -o suites/NAME.yaml"),
        **_each("alias tag promote", 'lab.dataset("NAME@3").alias("ALIAS") in Python'),
        **_each("rm remove delete", 'lab.dataset("NAME@3").delete() in Python'),
        **_each("lineage", 'lab.dataset("NAME").lineage() in Python'),
        **_each("gc", "mlops-lab store gc"),
    },
    "model": {
        **_each("ls versions", "mlops-lab model list, and mlops-lab model show NAME"),
        **_each("register add create log save", 'run.log_model(model, register="NAME") in Python'),
        **_each("load predict", 'lab.model("NAME@ALIAS").predict(frame) in Python'),
        **_each("rm remove delete", 'lab.model("NAME@3").delete() in Python'),
        **_each("alias tag transition stage", "mlops-lab model promote NAME@3 ALIAS"),
        **_each("revert undo", "mlops-lab model rollback NAME ALIAS"),
        **_each("lineage", 'lab.model("NAME").lineage() in Python'),
    },
    "endpoint": {
        **_each("ls", "mlops-lab endpoint list"),
        **_each("create update start restart", "mlops-lab endpoint deploy NAME MODEL@VERSION"),
        **_each("delete rm remove undeploy", "mlops-lab endpoint stop NAME"),
        **_each("status history describe get", "mlops-lab endpoint show NAME"),
        **_each("log", "mlops-lab endpoint logs NAME"),
        **_each("predict invoke", 'lab.endpoint("NAME").predict(frame) in Python'),
        **_each("traffic share", "mlops-lab endpoint canary NAME MODEL@VERSION --share 20"),
        **_each("cancel abort", "mlops-lab endpoint rollback NAME"),
        **_each("labels feedback", "mlops-lab endpoint truth NAME FILE --value COLUMN"),
    },
    "run": {
        **_each("ls search", "mlops-lab run list EXPRESSION"),
        **_each("rm remove", "mlops-lab run delete RUN"),
        **_each("log start create", 'lab.start_run("NAME") in Python'),
        **_each("notebook exec", "mlops-lab pipeline run FILE"),
        **_each("stop end finish kill", "mlops-lab run close RUN"),
        **_each("compare diff", "lab.runs(EXPRESSION).compare() in Python"),
    },
    "pipeline": {
        **_each("ls", "mlops-lab pipeline list"),
        **_each("exec start repro execute", "mlops-lab pipeline run FILE"),
        **_each("stop kill", "mlops-lab pipeline cancel RUN"),
        **_each("validate check lint dag graph", "mlops-lab pipeline show FILE"),
        **_each("logs log status", "mlops-lab pipeline show RUN"),
    },
    "monitor": {
        **_each("ls status", "mlops-lab monitor list"),
        **_each("run start exec evaluate", "mlops-lab monitor check NAME"),
        **_each("create new add init", "print(lab.drift(…).monitor_yaml()) in Python"),
        **_each("alerts", "mlops-lab alert list --monitor NAME"),
    },
    "alert": {
        **_each("ls", "mlops-lab alert list"),
        **_each("create new add webhook notify", "channels: in the file monitors/NAME.yaml"),
        **_each("ack", "mlops-lab alert acknowledge ALERT"),
        **_each("close done", "mlops-lab alert resolve ALERT"),
        **_each("silence snooze", "mlops-lab alert mute ALERT 7d"),
        **_each("explain why", "mlops-lab alert show ALERT"),
    },
    "store": {
        **_each("clean prune", "mlops-lab store gc"),
        **_each("check fsck", "mlops-lab store verify"),
        **_each("rebuild repair", "mlops-lab store fold --rebuild"),
    },
    "audit": {
        **_each("log ls list", "mlops-lab audit show"),
        **_each("check", "mlops-lab audit verify"),
    },
}
"""By the group that was asked: the word that it does not know, and what to type."""
