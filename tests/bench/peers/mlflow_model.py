"""MLflow: save and load a forest, and log and register it in a run on SQLite.

Prints milliseconds and bytes for each of its formats.

    python mlflow_model.py FOLDER REPEATS
"""

from __future__ import annotations

import json
import logging
import shutil
import sys
import time
import warnings
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))


def size_of(folder: Path) -> int:
    """The bytes of all files below."""
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


def milliseconds(start: float) -> float:
    """Since then."""
    return (time.perf_counter() - start) * 1000


FORMS: dict[str, dict[str, Any]] = {
    "cloudpickle": {"serialization_format": "cloudpickle"},
    # skops asks for the types that are to be trusted; MLflow then keeps them with the model.
    "skops": {
        "serialization_format": "skops",
        "skops_trusted_types": ["sklearn.tree._tree.Tree"],
    },
    "cloudpickle_requirements_given": {
        "serialization_format": "cloudpickle",
        "pip_requirements": ["scikit-learn"],
    },
}


def measure(
    model: Any, example: Any, folder: Path, repeats: int, more: dict[str, Any]
) -> dict[str, Any]:
    """Save with an example and load, several times."""
    import mlflow.sklearn

    saves, loads = [], []
    for _ in range(repeats):
        shutil.rmtree(folder, ignore_errors=True)
        start = time.perf_counter()
        mlflow.sklearn.save_model(model, str(folder), input_example=example, **more)
        saves.append(milliseconds(start))
        start = time.perf_counter()
        again = mlflow.sklearn.load_model(str(folder))
        loads.append(milliseconds(start))
        assert (again.predict(example) == model.predict(example)).all()
    return {"save_ms": min(saves), "load_ms": min(loads), "bytes": size_of(folder)}


def main(folder: str, repeats: int) -> None:
    """Measure every format that this MLflow has."""
    warnings.filterwarnings("ignore")
    logging.disable(logging.WARNING)
    import mlflow
    import mlflow.sklearn
    from forest import forest

    top = Path(folder)
    model, example = forest()
    told: dict[str, Any] = {}
    for form, more in FORMS.items():
        try:
            told[form] = measure(model, example, top / form, repeats, more)
        except Exception as error:
            told[form] = {"failed": f"{type(error).__name__}: {str(error)[:160]}"}
    mlflow.set_tracking_uri(f"sqlite:///{top}/mlflow.db")
    mlflow.set_experiment(
        experiment_id=mlflow.create_experiment("bench", artifact_location=str(top / "artifacts"))
    )
    for form in ("cloudpickle", "cloudpickle_requirements_given"):
        registers = []
        for i in range(repeats):
            model.set_params(random_state=i)
            with mlflow.start_run():
                start = time.perf_counter()
                mlflow.sklearn.log_model(
                    model,
                    name="model",
                    input_example=example,
                    registered_model_name="forest",
                    **FORMS[form],
                )
                registers.append(milliseconds(start))
        told[form]["log_and_register_ms"] = min(registers)
    print(json.dumps(told))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
