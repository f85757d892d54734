"""What a user's type-checked script looks like: `make check` reads it, nothing runs it."""

import pandas as pd

import mlops_lab as lab


def script(estimator: object) -> None:
    """Use what the README shows, without an assertion, a cast or an ignore."""
    lab.dataset("flights").commit("data/flights.parquet", note="January")
    with lab.start_run("gbm", experiment="flight-delay", params={"max_depth": 6}) as run:
        frame: pd.DataFrame = run.use("flights@1").df()
        rows: int | None = run.use(lab.dataset("flights")).rows
        run.log_metrics({"loss": 0.4, "rows": rows or 0}, step=3)
        version: int = run.log_model(estimator, example=frame.head(), register="late").version
        kept: str = run.log_model(estimator).id
    runs = lab.runs("best(auc) > 0.7", order_by="best(auc) desc")
    last: list[float | None] = [one.metrics["auc"].last for one in runs]
    result = lab.pipeline("pipelines/late.yaml").run(params={"seed": 3})
    late = lab.model("late@champion")
    late.predict(frame)
    served = lab.endpoint("delay").deploy("late@champion", workers=2).canary("late@2", share=5)
    answers: pd.DataFrame = served.predict(frame)
    told: str = served.log_ground_truth(answers, value="late").sentence + served.url
    promoted: bool = late.promote("champion", "wins").promoted
    names: list[str] = [one.name for one in lab.datasets()] + [one.name for one in lab.models()]
    print(told, version, kept, last, result.outcome, promoted, names, lab.__version__)
