"""What hands that know MLflow, W&B, DVC or pandas type first, answered with what it is here.

Only for names that do not exist: whoever types one is told the line that does it. Nothing is called
by two names, and what asks whether an attribute is there still hears that it is not.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Final

__all__ = [
    "DATASET",
    "ENDPOINT",
    "EVALUATION",
    "MODEL",
    "MODULE",
    "MONITOR",
    "RUN",
    "TABLE",
    "Answering",
    "missing",
]


def _each(names: str, line: str) -> dict[str, str]:
    return dict.fromkeys(names.split(), line)


MODULE: Final = {
    **_each("load_model get_model", 'lab.model("NAME@champion").load()'),
    **_each(
        "register_model create_registered_model create_model_version",
        'run.log_model(model, example=X[:5], register="NAME")',
    ),
    **_each("save_model", "lab.log_model(model, example=X[:5])"),
    **_each("search_runs list_runs", 'lab.runs("best(auc) > 0.7", order_by="best(auc) desc")'),
    **_each("get_run", 'lab.run("a1b2"), by the first characters of its id'),
    **_each("init start create_run", 'lab.start_run("NAME", params={…})'),
    **_each("finish close stop", "lab.end_run()"),
    **_each("log", "lab.log_metrics({…}) for numbers, lab.log_params({…}) for inputs"),
    **_each("autolog", "lab.log_params(model.get_params()) and lab.log_metrics({…})"),
    **_each("log_input log_dataset use use_artifact", 'lab.active_run().use("NAME")'),
    **_each("load_dataset load_data read get_dataset", 'lab.dataset("NAME").df()'),
    **_each("commit add add_dataset save_dataset push", 'lab.dataset("NAME").commit("data/…")'),
    **_each("promote set_registered_model_alias", 'lab.model("NAME").promote("champion")'),
    **_each("approve", 'lab.model("NAME@2").approve("why")'),
    **_each("create_experiment", 'lab.set_experiment("NAME")'),
    **_each(
        "experiments search_experiments list_experiments get_experiment_by_name",
        'lab.sql("select * from experiments")',
    ),
    **_each(
        "set_tracking_uri set_registry_uri get_tracking_uri login",
        "nothing: the project is the folder with mlops.toml around the notebook",
    ),
    **_each("run_pipeline execute_notebook", 'lab.pipeline("pipelines/NAME.yaml").run()'),
    **_each(
        "detect_drift data_drift drift_report calculate_drift compare profile why evaluate "
        "Dashboard DataDriftPreset DataSummaryPreset UnivariateDriftCalculator CBPE TestSuite",
        "lab.drift(reference, current)",
    ),
    **_each(
        "create_monitor add_monitor make_monitor create_alert add_alert notify webhook slack",
        'lab.drift(…).monitor_yaml("NAME"), written to monitors/NAME.yaml, with its channels',
    ),
}
"""After ``lab.``."""

RUN: Final = {
    **_each("log", "log_metrics({…}) for numbers, log_params({…}) for inputs"),
    **_each("log_input log_dataset use_artifact add_input", 'use("NAME")'),
    **_each("finish close stop terminate", "end()"),
    **_each("run_id uuid", "id"),
    **_each("info", "id, name, status, started_at, ended_at …"),
    **_each("data summary", "metrics and params"),
    **_each("config", "params"),
    **_each("add_tag add_tags", 'set_tag("NAME", "value")'),
    **_each("log_metadata", "log_params({…}) or set_tags({…})"),
    **_each("load_model model", "models, and lab.model(…) for what is registered"),
    **_each("state", "status, and outcome for what its gates said"),
}
"""Of a run."""

DATASET: Final = {
    **_each("load read to_pandas pandas to_df get_data", "df()"),
    **_each("head tail sample shape dtypes describe info iloc loc query", "df(), then pandas"),
    **_each("to_arrow", "arrow()"),
    **_each("to_polars", "polars()"),
    **_each("add save push put write log upload update track", 'commit("data/…")'),
    **_each("set_alias tag set_tag add_tag promote", 'alias("NAME")'),
    **_each("latest history list_versions", "versions()"),
    **_each("get download export pull restore", 'checkout("data/")'),
    **_each("validate test", 'check("SUITE")'),
    **_each("schema stats statistics summary", "profile"),
    **_each("rm remove drop", "delete()"),
    **_each("run", "run_id, for lab.run(…)"),
    **_each("description", "note"),
}
"""Of a dataset."""

MODEL: Final = {
    **_each("stage stages current_stage", "aliases"),
    **_each(
        "transition transition_stage transition_model_version_stage set_stage set_alias alias",
        'promote("champion")',
    ),
    **_each("set_tag set_tags add_tag", 'edit(tags={"NAME": "value"})'),
    **_each("set_description update description", 'describe("…") for the model, note and edit(…)'),
    **_each(
        "decision_function transform",
        "load(), which gives the estimator with all its methods",
    ),
    **_each("run", "run_id, for lab.run(…)"),
    **_each("latest latest_versions get_latest_versions list_versions", "versions()"),
    **_each("download export", "path, a folder with its files"),
    **_each("validate check", "verify(), and check_policy(alias)"),
    **_each("rm remove archive", "delete()"),
    **_each("register save", "run.log_model(model, register=NAME)"),
    **_each("datasets inputs", "lineage()"),
}
"""Of a model."""

EVALUATION: Final = {
    **_each("plot show view dashboard visualize visualise display", "lab.DriftExplorer(…) of it"),
    **_each(
        "report save save_html to_html as_html get_html html write write_html export",
        'lab.report([…], "drift.html") of it',
    ),
    **_each(
        "to_pandas pandas to_df to_dataframe as_dataframe results result metric_results", "df()"
    ),
    **_each("as_dict to_dict dict json as_json dump_dict", "to_json()"),
    **_each(
        "summary status describe dataset_drift drift_share is_drift drifted", "sentence, state"
    ),
    **_each("metrics estimated realised", "performance, or df() for drift"),
    **_each("incidents anomalies drifts", "alerts"),
    **_each("features by_columns drift_by_columns column_drift", "columns"),
    **_each("tests checks expectations constraints", "quality"),
    **_each("calculate run fit execute compute", "nothing: it is done; lab.drift(…) does another"),
    **_each("to_monitor monitor save_monitor to_yaml yaml", 'monitor_yaml("NAME")'),
}
"""Of an evaluation."""

ENDPOINT: Final = {
    **_each("start serve update run create launch", 'deploy("MODEL@champion")'),
    **_each("invoke score infer query request predict_proba call", "predict(frame)"),
    **_each("delete remove undeploy shutdown terminate kill", "stop()"),
    **_each("traffic set_traffic update_traffic set_share weight", 'canary("MODEL@6", share=20)'),
    **_each("ab_test ab experiment", 'split({"MODEL@5": 50, "MODEL@6": 50}, by="COLUMN")'),
    **_each("mirror", 'shadow("MODEL@6")'),
    **_each("revert undo restore", "rollback()"),
    **_each("state health is_ready ready metrics latency", "status"),
    **_each("endpoint_url address host port uri", "url"),
    **_each("api_key key password", "token"),
    **_each("model", "version, for lab.model(…)"),
    **_each(
        "feedback log_label log_labels log_actuals add_labels",
        'log_ground_truth(frame, value="COLUMN")',
    ),
    **_each("requests log inference_log captured_data", "predictions()"),
    **_each("log_tail get_logs stdout", "logs()"),
    **_each("decisions events revisions", "history()"),
}
"""Of an endpoint."""

MONITOR: Final = {
    **_each("run execute trigger start test evaluate calculate drift", "check()"),
    **_each("status result", "state, and sentence"),
    **_each("results latest last last_check metrics columns performance", "evaluation"),
    **_each("history runs checks list_evaluations", "evaluations"),
    **_each("incidents list_alerts open_alerts", "alerts"),
    **_each(
        "edit update save delete schedule enable disable channels add_channel notify webhook "
        "threshold thresholds policy config yaml",
        "path: all of it stands in that file",
    ),
    **_each("plot show view dashboard", 'lab.DriftExplorer("NAME")'),
    **_each("report to_html save_html html", 'lab.report(["monitor:NAME"], "monitor.html")'),
}
"""Of a monitor."""

TABLE: Final = {
    **_each("to_pandas pandas to_df toPandas", "df()"),
    **_each("to_arrow", "arrow()"),
    **_each("to_polars", "polars()"),
    **_each("head tail iloc", "a slice such as [:5], or df().head()"),
    **_each("shape columns dtypes describe", "len(…), or df() for all of it"),
    **_each("fetchall fetchone fetchdf", "df(), or iterate it"),
}
"""Of what a search gives."""


def missing(
    said: str, name: str, habits: Mapping[str, str], known: Iterable[str]
) -> AttributeError:
    """Make the error for a name that does not exist: what does it here, else what is near.

    Parameters
    ----------
    said
        Python's own sentence, without its full stop.
    name
        What was typed.
    habits
        What other tools call things, and the line that does it here.
    known
        The names that there are.
    """
    if name in habits:
        message = f"{said}. Use {habits[name]}."
    else:
        from mlops_lab.expressions.suggest import nearest

        near = nearest(name, (one for one in known if not one.startswith("_")))
        message = f"{said}. Did you mean {near}?" if near else said
    # Without an object Python adds no guess of its own behind ours; notebooks show none at all.
    return AttributeError(message, name=name, obj=None)


class Answering:
    """A handle that answers names of other tools with its own."""

    __slots__ = ()

    _habits: ClassVar[Mapping[str, str]] = {}

    if not TYPE_CHECKING:  # a type checker would take every name for one that is there

        def __getattr__(self, name: str) -> Any:
            if hasattr(type(self), name):
                # It is there and failed itself: its own error is the one to be seen.
                return object.__getattribute__(self, name)
            said = f"{type(self).__name__!r} object has no attribute {name!r}"
            if name.startswith("_"):
                raise AttributeError(said)
            raise missing(said, name, self._habits, dir(type(self)))
