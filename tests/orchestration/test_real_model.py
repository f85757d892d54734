"""A pipeline as people write it: data in, a fitted model registered, judged, promoted; lineage."""

from __future__ import annotations

PREPARE = """
import duckdb
rows = duckdb.read_csv(raw)
rows.limit(200).write_parquet(train)
rows.limit(200, 200).write_parquet(holdout)
"""

TRAIN = """
import mlops_lab as lab, pandas as pd
from sklearn.linear_model import LogisticRegression

frame = pd.read_parquet(train)
with lab.start_run("fit") as run:
    fitted = LogisticRegression(C=c).fit(frame[["a", "b"]], frame["y"])
    run.log_model(fitted, example=frame[["a", "b"]].head(), register=model)
"""

EVALUATE = """
import mlops_lab as lab, pandas as pd
from sklearn.metrics import roc_auc_score

frame = pd.read_parquet(holdout)
fitted = lab.model(model)
assert fitted.name == "delay", "a path knows what it is"
scores = fitted.load().predict_proba(frame[["a", "b"]])[:, 1]
lab.log_metric("auc", roc_auc_score(frame["y"], scores))
"""

PIPELINE = """
name: delay
params: {c: 1.0}
steps:
  prepare:
    notebook: ../notebooks/prepare.ipynb
    inputs: {raw: dataset:flights}
    outputs: {train: train.parquet, holdout: holdout.parquet}
  train:
    notebook: ../notebooks/train.ipynb
    inputs: {train: prepare.train}
    outputs: {model: model:delay}
  evaluate:
    notebook: ../notebooks/evaluate.ipynb
    inputs: {model: train.model, holdout: prepare.holdout}
gates:
  - metric: evaluate.auc >= 0.6
  - metric: train.model.size_bytes <= 50000000
  - metric: train.model.latency_p95_ms <= 60000
  - metric: evaluate.auc >= champion.evaluate.auc - 0.2
promote: {model: train.model, alias: champion}
"""


def test_a_fitted_model_goes_from_data_to_champion(workshop) -> None:
    rows = [f"{n % 7},{n % 11},{int(n % 7 + n % 11 > 8)}" for n in range(400)]
    (workshop.root / "flights.csv").write_text("a,b,y\n" + "\n".join(rows) + "\n")
    project = workshop.project
    project.datasets.commit("flights", workshop.root / "flights.csv")
    workshop.notebook("prepare", PREPARE, params="raw = train = holdout = ''")
    workshop.notebook("train", TRAIN, params="train = ''\nmodel = 'delay'\nc = 1.0")
    workshop.notebook("evaluate", EVALUATE, params="model = holdout = ''")

    first = workshop.run(PIPELINE)
    assert first.outcome == "passed", first
    assert first.promotion.sentence == "delay 1 is champion now"
    assert "model.size_bytes" in first.gates[1].sentence

    second = workshop.run(PIPELINE, {"c": 0.001})
    assert second.outcome == "passed", second
    assert "champion 1's" in second.gates[3].sentence
    assert project.models.get("delay@champion").version == 2

    # from the data to the model, through the files that went from step to step
    above = project.lineage.graph("model:delay@2", direction="up")
    assert "dataset:flights@1" in {node.id for node in above.nodes}
    facts = project.models.get("delay@2").facts
    assert ("flights", 1) in [(one["name"], one["version"]) for one in facts["inputs"]]
