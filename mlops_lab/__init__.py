"""MLOps Lab: from a notebook to monitored production without leaving JupyterLab.

>>> import mlops_lab as lab
>>> with lab.start_run("gbm", params={"max_depth": 6}) as run:  # doctest: +SKIP
...     run.log_metric("auc", 0.74)

Everything is loaded when it is first used: importing this package costs a few milliseconds.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    __version__: str

    from mlops_lab.errors import (
        Conflict,
        Corrupt,
        Forbidden,
        InvalidInput,
        LabError,
        NotFound,
        Refused,
        StepFailed,
        StorageFull,
        StoreBusy,
        Unavailable,
        Waiting,
    )
    from mlops_lab.handles.active import (
        active_run,
        delete_tag,
        end_run,
        log_artifact,
        log_artifacts,
        log_dict,
        log_figure,
        log_image,
        log_metric,
        log_metrics,
        log_model,
        log_param,
        log_params,
        log_table,
        log_text,
        note,
        run,
        set_experiment,
        set_tag,
        set_tags,
        start_run,
    )
    from mlops_lab.handles.dataset import Dataset, dataset, datasets
    from mlops_lab.handles.drift import drift
    from mlops_lab.handles.endpoint import Endpoint, endpoint, endpoints
    from mlops_lab.handles.evaluation import Evaluation
    from mlops_lab.handles.model import Model, model, models
    from mlops_lab.handles.model_file import ModelFile
    from mlops_lab.handles.monitor import Alert, Monitor, alert, alerts, monitor, monitors
    from mlops_lab.handles.pipeline import Pipeline, pipeline, pipelines
    from mlops_lab.handles.run import Run
    from mlops_lab.handles.runs import Runs, runs
    from mlops_lab.handles.table import Table, sql
    from mlops_lab.reports.report import Report, report
    from mlops_lab.widgets.drift import DriftExplorer
    from mlops_lab.widgets.registry import RegistryBrowser

__all__ = [
    "Alert",
    "Conflict",
    "Corrupt",
    "Dataset",
    "DriftExplorer",
    "Endpoint",
    "Evaluation",
    "Forbidden",
    "InvalidInput",
    "LabError",
    "Model",
    "ModelFile",
    "Monitor",
    "NotFound",
    "Pipeline",
    "Refused",
    "RegistryBrowser",
    "Report",
    "Run",
    "Runs",
    "StepFailed",
    "StorageFull",
    "StoreBusy",
    "Table",
    "Unavailable",
    "Waiting",
    "active_run",
    "alert",
    "alerts",
    "dataset",
    "datasets",
    "delete_tag",
    "drift",
    "end_run",
    "endpoint",
    "endpoints",
    "log_artifact",
    "log_artifacts",
    "log_dict",
    "log_figure",
    "log_image",
    "log_metric",
    "log_metrics",
    "log_model",
    "log_param",
    "log_params",
    "log_table",
    "log_text",
    "model",
    "models",
    "monitor",
    "monitors",
    "note",
    "pipeline",
    "pipelines",
    "report",
    "run",
    "runs",
    "set_experiment",
    "set_tag",
    "set_tags",
    "sql",
    "start_run",
]

# Where each public name lives; the verbs that act on the active run are the rule.
_HOME = {
    **dict.fromkeys(__all__, "mlops_lab.handles.active"),
    **dict.fromkeys(
        (
            "Conflict",
            "Corrupt",
            "Forbidden",
            "InvalidInput",
            "LabError",
            "NotFound",
            "Refused",
            "StepFailed",
            "StorageFull",
            "StoreBusy",
            "Unavailable",
            "Waiting",
        ),
        "mlops_lab.errors",
    ),
    **dict.fromkeys(("Dataset", "dataset", "datasets"), "mlops_lab.handles.dataset"),
    **dict.fromkeys(("Endpoint", "endpoint", "endpoints"), "mlops_lab.handles.endpoint"),
    "Evaluation": "mlops_lab.handles.evaluation",
    "drift": "mlops_lab.handles.drift",
    **dict.fromkeys(("Model", "model", "models"), "mlops_lab.handles.model"),
    "ModelFile": "mlops_lab.handles.model_file",
    **dict.fromkeys(
        ("Alert", "Monitor", "alert", "alerts", "monitor", "monitors"),
        "mlops_lab.handles.monitor",
    ),
    **dict.fromkeys(("Pipeline", "pipeline", "pipelines"), "mlops_lab.handles.pipeline"),
    **dict.fromkeys(("Runs", "runs"), "mlops_lab.handles.runs"),
    **dict.fromkeys(("Table", "sql"), "mlops_lab.handles.table"),
    "DriftExplorer": "mlops_lab.widgets.drift",
    "RegistryBrowser": "mlops_lab.widgets.registry",
    **dict.fromkeys(("Report", "report"), "mlops_lab.reports.report"),
    "Run": "mlops_lab.handles.run",
}


if not TYPE_CHECKING:  # a type checker would take every name for one that is there

    def __getattr__(name: str) -> Any:
        home = _HOME.get(name)
        if home is not None:
            value = getattr(import_module(home), name)
        elif name == "__version__":
            value = import_module("importlib.metadata").version("mlops-lab")
        else:
            raise _missing(name)
        globals()[name] = value
        return value


def _missing(name: str) -> AttributeError:
    said = f"module {__name__!r} has no attribute {name!r}"
    # Python asks for names of its own, such as __path__, and expects to be told no.
    if name.startswith("_"):
        return AttributeError(said)
    from mlops_lab.handles import habits

    return habits.missing(said, name, habits.MODULE, __all__)


def __dir__() -> list[str]:
    return sorted({*__all__, "__version__", *(name for name in globals() if name.startswith("__"))})


def _jupyter_labextension_paths() -> list[dict[str, str]]:
    """Tell JupyterLab where the built extension is."""
    return [{"src": "_labextension", "dest": "mlops-lab"}]


def _jupyter_server_extension_points() -> list[dict[str, Any]]:
    """Tell Jupyter Server what to load."""
    points: list[dict[str, Any]] = import_module("mlops_lab.server").extension_points()
    return points
