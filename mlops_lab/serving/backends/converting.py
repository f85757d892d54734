"""The program that converts a model to ONNX and proves it: in a process of its own.

    python -P -m mlops_lab.serving.backends.converting PACKAGE FOLDER SOURCE PARENT

What it loads are large libraries of native code that were not made for every model: here a crash,
an endless loop or all of the memory costs nobody a request. It writes ``parity.json`` into FOLDER,
and ``model.onnx`` and ``onnx.json`` when the form passes. ``rows.parquet`` in FOLDER are real rows;
without it the package's input example is what there is.
"""

from __future__ import annotations

import json
import math
import os
import resource
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final, Literal

from mlops_lab.errors import InvalidInput
from mlops_lab.registry.package import read_example, read_facts
from mlops_lab.registry.signature import Signature
from mlops_lab.serving.backends.backend import Result
from mlops_lab.serving.backends.onnx import GRAPH, LAYOUT, Form, Layout, open_session
from mlops_lab.serving.backends.parity import ParityReport
from mlops_lab.serving.backends.proving import PROOF_ROWS, prove
from mlops_lab.serving.backends.sklearn import SklearnBackend
from mlops_lab.serving.backends.tensors import CATEGORY, INPUT, Input
from mlops_lab.serving.inputs import Schema
from mlops_lab.wording import quoted

__all__ = ["LIBRARIES", "REPORT", "ROWS", "convert"]

REPORT: Final = "parity.json"
ROWS: Final = "rows.parquet"
LIBRARIES: Final = ("scikit-learn", "skl2onnx", "onnx", "onnxruntime")

_NUMBERS: Final = frozenset({"boolean", "integer", "number"})
_TEXTS: Final = frozenset({"category", "text"})


def convert(package: Path, folder: Path, source: str) -> ParityReport:
    """Convert a packed model, prove the form, and write what came of it into a folder."""
    report = _convert(package, folder, source)
    report = replace(
        report, versions={name: version(name) for name in LIBRARIES}, made=time.time_ns() // 1000
    )
    text = json.dumps(report.to_json(), indent=1, ensure_ascii=False)
    (folder / REPORT).write_text(text, "utf-8")
    return report


def _convert(package: Path, folder: Path, source: str) -> ParityReport:
    """Try what the graph's inputs could be, until a form passes; else tell the best reason."""
    signature = read_facts(package).signature
    refusals = []
    try:
        model = SklearnBackend.load(package)
        rows = _rows(package, folder, signature)
        assert signature is not None
        plans = list(_plans(signature))
        schema = Schema.read(package)
        result = model.predict(schema.rows_of(rows))
        for form, inputs in plans:
            try:
                graph = _graph(model.model, form, inputs, _width(signature), result)
                (folder / GRAPH).write_bytes(graph.SerializeToString())
                layout = _layout(form, inputs, graph, result)
                session = open_session(folder / GRAPH)
                layout, report = prove(schema, model, session, layout, rows, source)
            except Exception as error:  # noqa: BLE001 - skl2onnx raises whatever it trips over
                refusals.append(ParityReport(False, _said(error), source))
                continue
            if report.passed:
                (folder / LAYOUT).write_text(json.dumps(layout.to_json()), "utf-8")
                return report
            refusals.append(report)
    except Exception as error:  # noqa: BLE001 - a model that does not take its own example
        said = str(error) if isinstance(error, InvalidInput) else _said(error)
        refusals.append(ParityReport(False, said, source))
    (folder / GRAPH).unlink(missing_ok=True)
    # What was compared says more than what could not be made; of the latter the last is usual.
    return next((each for each in refusals if each.rows), refusals[-1])


def _said(error: Exception) -> str:
    text = " ".join(str(error).split())
    return f"It cannot be converted to ONNX ({type(error).__name__}: {text[:200].rstrip('.')})."


def _rows(package: Path, folder: Path, signature: Signature | None) -> Any:
    """The rows to compare on, as the model takes them."""
    import pandas as pd

    example = read_example(package)
    if example is None or signature is None:
        raise InvalidInput(
            "It was kept without an example, so that nothing tells what it takes: "
            "log_model(model, example=…)."
        )
    if not (folder / ROWS).is_file():
        return example
    frame = pd.read_parquet(folder / ROWS).iloc[:PROOF_ROWS]
    return frame.to_numpy() if signature.inputs[0].shape is not None else frame


def _plans(signature: Signature) -> Iterator[tuple[Form, tuple[Input, ...]]]:
    """What a graph's inputs could be: whole numbers as floats first, then as integers.

    Steps that are told columns by name need a tensor for each of them, others need one for all.
    What a missing text is, shows only in what the graph makes of it.
    """
    fields = signature.inputs
    for field in fields:
        array = field.shape is not None
        if field.type not in (_NUMBERS if array else _NUMBERS | _TEXTS) or (
            field.shape is not None and len(field.shape) != 2
        ):
            raise InvalidInput(
                f"It takes {quoted(field.name)}, which is of a kind ({field.type}) that is not "
                "converted to ONNX."
            )
    floats = tuple(Input(f.name, "text" if f.type in _TEXTS else "number") for f in fields)
    if fields[0].shape is not None:
        yield "array", floats
        return
    if all(each.kind == "number" for each in floats):
        yield "matrix", floats
    whole = tuple(
        replace(each, kind="integer") if f.type == "integer" else each
        for f, each in zip(fields, floats, strict=True)
    )
    for inputs in dict.fromkeys((floats, whole)):
        yield "columns", inputs
    if any(each.kind == "text" for each in floats):
        # An encoder that has seen missing texts has a category for them.
        for inputs in dict.fromkeys((floats, whole)):
            yield "columns", tuple(replace(each, absent=CATEGORY) for each in inputs)


def _width(signature: Signature) -> int | None:
    shape = signature.inputs[0].shape
    return len(signature.inputs) if shape is None else shape[1]


def _graph(
    model: Any, form: Form, inputs: tuple[Input, ...], width: int | None, result: Result
) -> Any:
    from skl2onnx import __max_supported_opset__, convert_sklearn
    from skl2onnx.common.data_types import FloatTensorType, Int64TensorType, StringTensorType

    _mend_skl2onnx()
    tensor = {"number": FloatTensorType, "integer": Int64TensorType, "text": StringTensorType}
    types = (
        [(each.name, tensor[each.kind]([None, 1])) for each in inputs]
        if form == "columns"
        else [(INPUT, FloatTensorType([None, width]))]
    )
    # Without zipmap a classifier gives a table, and not a dictionary for each row.
    options = {id(model): {"zipmap": False}} if result.probability is not None else None
    # The newest trees of ONNX are not written by every converter.
    opset = {"": __max_supported_opset__, "ai.onnx.ml": 3}
    graph = convert_sklearn(model, initial_types=types, options=options, target_opset=opset)
    if any(each.absent == CATEGORY for each in inputs):
        _mend_missing(graph)
    return graph


def _layout(form: Form, inputs: tuple[Input, ...], graph: Any, result: Result) -> Layout:
    outputs = [output.name for output in graph.graph.output]
    gives: Literal["probability", "label", "number"]
    if result.probability is not None:
        gives, output = "probability", outputs[1]
    else:
        gives, output = ("label" if len(outputs) > 1 else "number"), outputs[0]
    classes = result.classes
    return Layout(
        form=form,
        inputs=inputs,
        output=output,
        gives=gives,
        flat=result.prediction.ndim == 1,
        classes=() if classes is None else tuple(classes.tolist()),
        classes_type="" if classes is None else classes.dtype.str,
        prediction_type=result.prediction.dtype.str,
    )


def _mend_skl2onnx() -> None:
    """Let skl2onnx 1.20 make nodes with onnx 1.23, which takes no booleans for integers any more.

    It gives them for trees with missing values. The change is in this process alone.
    """
    from skl2onnx.common import _container

    make = _container.make_node
    if getattr(make, "mended", False):
        return

    def made(*arguments: Any, **attributes: Any) -> Any:
        return make(*arguments, **{name: _whole(value) for name, value in attributes.items()})

    made.mended = True  # type: ignore[attr-defined]
    _container.make_node = made


def _mend_missing(graph: Any) -> None:
    """Let ordinal codes of missing texts be missing, as `OrdinalEncoder` has them by default.

    skl2onnx gives the category of what is missing a code like any other. The table becomes one of
    floats, since integers have no such value; what follows takes either.
    """
    from onnx import helper

    for node in graph.graph.node:
        table = {each.name: helper.get_attribute_value(each) for each in node.attribute}
        keys = table.get("keys_strings", ())
        if node.op_type != "LabelEncoder" or CATEGORY.encode() not in keys:
            continue
        codes = table.get("values_int64s") or table.get("values_floats") or ()
        table["values_floats"] = [
            math.nan if key == CATEGORY.encode() else float(code)
            for key, code in zip(keys, codes, strict=True)
        ]
        if "default_int64" in table:
            table["default_float"] = float(table.pop("default_int64"))
        table.pop("values_int64s", None)
        del node.attribute[:]
        node.attribute.extend(helper.make_attribute(name, table[name]) for name in sorted(table))


def _whole(value: Any) -> Any:
    if isinstance(value, (list, tuple)):
        return [_whole(each) for each in value]
    return int(value) if type(value).__name__ in ("bool", "bool_") else value


def _end_with(parent: int) -> None:
    """End when the process that asked for this is gone: nobody would take what is made."""

    def look() -> None:
        while os.getppid() == parent:
            time.sleep(0.5)
        os._exit(1)

    threading.Thread(target=look, daemon=True).start()


if __name__ == "__main__":
    _end_with(int(sys.argv[4]))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    convert(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3])
