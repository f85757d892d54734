"""Answer rows by the model in this folder; onnxruntime and numpy are all that it takes.

    python predict.py                 the example in rows.json
    python predict.py rows.json       rows: a list of records, [{"hour": 7, "carrier": "UA"}]

Or in a program of your own:

    from predict import Model
    Model().predict([{"hour": 7, "carrier": "UA"}])
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime

from mlops_lab.serving.backends.tensors import FAR, INPUT, Input, tensors_of

__all__ = ["Model"]


class Model:
    """A model in ONNX, with what was proved about it. Safe to use from several threads.

    Parameters
    ----------
    folder
        With model.onnx and onnx.json; by default this file's own.
    """

    def __init__(self, folder: Path = Path(__file__).parent) -> None:
        self.layout: dict[str, Any] = json.loads((folder / "onnx.json").read_bytes())
        self.inputs = [Input.from_json(each) for each in self.layout["inputs"]]
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self._session = onnxruntime.InferenceSession(
            str(folder / "model.onnx"), options, providers=["CPUExecutionProvider"]
        )

    def predict(self, rows: Sequence[Any]) -> dict[str, Any]:
        """Predict.

        Parameters
        ----------
        rows
            Records; of a model that takes an array: lists of numbers. A missing value is None.

        Returns
        -------
        dict
            ``prediction``, and of a classifier ``probability`` and ``classes``: lists.

        Raises
        ------
        ValueError
            A row holds what the model was not proved to answer in this form, such as an unknown
            category: the original model decides about it.
        """
        feed, odd = self._feed(rows)
        if odd is not None and odd.any():
            raise ValueError(
                f"Row {int(np.flatnonzero(odd)[0]) + 1} holds a value that this form was not "
                "proved to answer as the model does; onnx.json names the values that it was."
            )
        layout = self.layout
        found = self._session.run([layout["output"]], feed)[0]
        if layout["gives"] == "probability":
            classes = layout["classes"]
            best = np.argmax(found, axis=1).tolist()
            return {
                "prediction": [classes[place] for place in best],
                "probability": found.astype(float).tolist(),
                "classes": classes,
            }
        if layout["flat"]:
            found = found.reshape(len(found))
        return {"prediction": found.astype(layout["prediction_type"]).tolist()}

    def _feed(self, rows: Sequence[Any]) -> tuple[dict[str, Any], Any]:
        if self.layout["form"] == "array":
            table = np.array(rows, dtype=float)  # None becomes NaN
            only = self.inputs[0]
            odd = (np.abs(table) > FAR).any(axis=1)
            if not only.missing:
                odd |= np.isnan(table).any(axis=1)
            if only.span is not None:
                odd |= ((table < only.span[0]) | (table > only.span[1])).any(axis=1)
            return {INPUT: np.where(odd[:, None], 0, table).astype(np.float32)}, odd
        columns = {each.name: _column(each, rows) for each in self.inputs}
        made = tensors_of(self.inputs, columns, len(rows), matrix=self.layout["form"] == "matrix")
        return made.feed, made.odd


def _column(each: Input, rows: Sequence[Mapping[str, Any]]) -> Any:
    values = [row[each.name] for row in rows]
    return np.array(values, dtype=object if each.kind == "text" else float)


if __name__ == "__main__":
    asked = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).with_name("rows.json")
    answer = Model().predict(json.loads(asked.read_bytes()))
    sys.stdout.write(json.dumps(answer, ensure_ascii=False) + "\n")
