"""MLflow: keep a pickled scikit-learn model as MLflow serves it.

python serving_mlflow.py MODEL.joblib EXAMPLE.json FOLDER
"""

from __future__ import annotations

import sys
import warnings

import joblib
import mlflow.sklearn
import pandas as pd
from mlflow.models import infer_signature

if __name__ == "__main__":
    warnings.filterwarnings("ignore")
    model = joblib.load(sys.argv[1])
    example = pd.read_json(sys.argv[2], orient="split")
    mlflow.sklearn.save_model(
        model,
        sys.argv[3],
        signature=infer_signature(example, model.predict(example)),
        serialization_format="cloudpickle",
        pip_requirements=["scikit-learn"],
    )
