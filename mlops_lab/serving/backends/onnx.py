"""The model as a graph of ONNX, run by onnxruntime: a hundred times quicker for a single row.

It is used only after it was proved to answer as the model does (`backends.proving`), and rows that
the proof did not cover are answered by the model itself.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Final, Literal, Self

from mlops_lab.errors import Corrupt, InvalidInput, NotFound
from mlops_lab.serving.backends.backend import Backend, Result
from mlops_lab.serving.backends.sklearn import SklearnBackend
from mlops_lab.serving.backends.tensors import FAR, INPUT, Input, Tensors, tensors_of
from mlops_lab.serving.inputs import Rows

__all__ = ["GRAPH", "LAYOUT", "Form", "Layout", "OnnxBackend", "open_session"]

GRAPH: Final = "model.onnx"
LAYOUT: Final = "onnx.json"
_TIE: Final = 1e-5
"""Where the two most probable classes are closer than this in 32 bits, the model says which it is.

Forests of few trees have such ties often.
"""


Form = Literal["columns", "matrix", "array"]


@dataclass(frozen=True, slots=True)
class Layout:
    """What a graph takes and gives: the content of ``onnx.json``.

    Attributes
    ----------
    form
        ``columns``: a tensor for each column. ``matrix``: one for all columns, which are numbers.
        ``array``: the model takes an array, and so does the graph.
    inputs
        The columns; of an array one, that stands for all of its columns.
    output
        The name of the graph's output that is read.
    gives
        ``probability``: the classes' probabilities, the prediction is the most probable class.
        ``label``: the class. ``number``: the prediction itself.
    flat
        Whether the prediction has shape ``(n_rows,)``.
    classes, classes_type
        The classes and their numpy type; none of a model of numbers.
    prediction_type
        The numpy type of the prediction.
    """

    form: Form
    inputs: tuple[Input, ...]
    output: str
    gives: Literal["probability", "label", "number"]
    flat: bool = True
    classes: tuple[Any, ...] = ()
    classes_type: str = ""
    prediction_type: str = "float64"

    def to_json(self) -> dict[str, Any]:
        """Give it as JSON."""
        return {"v": 1, **asdict(self), "inputs": [each.to_json() for each in self.inputs]}

    @classmethod
    def from_json(cls, data: Any) -> Layout:
        """Read what `to_json` gave.

        Raises
        ------
        Corrupt
            It is something else.
        """
        try:
            known = {name: data[name] for name in cls.__slots__}
            return cls(
                **{
                    **known,
                    "inputs": tuple(Input.from_json(each) for each in data["inputs"]),
                    "classes": tuple(data["classes"]),
                }
            )
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise Corrupt(f"{LAYOUT} does not describe a converted model: {error!r}.") from None


@dataclass(slots=True)
class OnnxBackend:
    """A converted model. For one thread at a time.

    Parameters
    ----------
    session
        Of onnxruntime.
    layout
        What it takes and gives.
    whole
        Gives the model itself, for the rows that are not for the session; None: there is no other,
        and such rows are refused.
    """

    name: ClassVar[str] = "onnx"

    session: Any
    layout: Layout
    whole: Callable[[], Backend] | None = None
    _classes: Any = field(init=False, repr=False)
    _model: Backend | None = field(init=False, default=None, repr=False)

    def __post_init__(self) -> None:
        import numpy as np

        layout = self.layout
        self._classes = (
            np.array(list(layout.classes), dtype=layout.classes_type) if layout.classes else None
        )

    @classmethod
    def load(cls, folder: Path, *, package: Path | None = None) -> Self:
        """Load a converted model.

        Parameters
        ----------
        folder
            With ``model.onnx`` and ``onnx.json``.
        package
            The packed model that it was made of, for rows that only the model answers; it is loaded
            when the first such row comes.
        """
        try:
            layout = Layout.from_json(json.loads((folder / LAYOUT).read_bytes()))
        except FileNotFoundError:
            raise NotFound(f"There is no {LAYOUT} in {str(folder)!r}.") from None
        except ValueError as error:
            raise Corrupt(f"{LAYOUT} is no JSON: {error}.") from None
        whole = None if package is None else (lambda: SklearnBackend.load(package))
        return cls(open_session(folder / GRAPH), layout, whole)

    def predict(self, data: Any) -> Result:
        """Predict by the graph, and by the model itself what the graph is not proved for."""
        found = self._by_graph(data)
        if found is None:
            # Not what the graph takes: the model says what is wrong with it, or takes it.
            return self._by_model(data)
        result, odd = found
        return result if odd is None else self._mended(result, data, odd)

    def at_once(self, data: Any) -> Result | None:
        """Predict by the graph alone: no code of the model's own runs, so nothing can hang.

        None where the model itself would be asked; nothing is kept of the try.
        """
        found = self._by_graph(data)
        return None if found is None or found[1] is not None else found[0]

    def _by_graph(self, data: Any) -> tuple[Result, Any] | None:
        """What the graph says, and which rows it is not for; None if it is for none of them."""
        try:
            tensors = self._tensors(data)
        except (KeyError, TypeError, ValueError):
            return None
        odd = tensors.odd
        if odd is not None and odd.all():
            return None
        try:
            found = self.session.run([self.layout.output], tensors.feed)[0]
        except Exception:  # noqa: BLE001 - of no common kind; the model's own error counts
            return None
        result = self._result(found)
        if result.probability is not None:
            odd = _with_ties(odd, result.probability)
        return result, odd

    def _tensors(self, data: Any) -> Tensors:
        import numpy as np

        layout = self.layout
        rows = data.count if isinstance(data, Rows) else len(data)
        if not rows:
            raise ValueError("no rows")
        if layout.form != "array":
            columns = data.columns if isinstance(data, Rows) else data
            return tensors_of(layout.inputs, columns, rows, matrix=layout.form == "matrix")
        table = np.asarray(data.array if isinstance(data, Rows) else data, dtype=float)
        one = layout.inputs[0]
        odd = (np.abs(table) > FAR).any(axis=1)
        if odd.any():
            table = np.where(odd[:, None], 0.0, table)
        if not one.missing:
            odd |= np.isnan(table).any(axis=1)
        if one.span is not None:
            odd |= ((table < one.span[0]) | (table > one.span[1])).any(axis=1)
        return Tensors({INPUT: table.astype(np.float32)}, odd if odd.any() else None)

    def _result(self, found: Any) -> Result:
        import numpy as np

        layout = self.layout
        if layout.gives == "probability":
            chances = found.astype(np.float64)
            return Result(self._classes[np.argmax(found, axis=1)], chances, self._classes)
        if layout.flat:
            found = found.reshape(len(found))
        return Result(found.astype(layout.prediction_type))

    def _by_model(self, data: Any) -> Result:
        if self._model is None:
            if self.whole is None:
                raise InvalidInput(
                    "Only the model itself answers these rows (unknown or missing values that its "
                    f"ONNX form was not proved on: see {LAYOUT}), and it is not here."
                )
            self._model = self.whole()
        return self._model.predict(data)

    def _mended(self, result: Result, data: Any, odd: Any) -> Result:
        """Put the model's own answers in the places of the rows that the graph is not for."""
        import numpy as np

        own = self._by_model(_rows_at(data, np.flatnonzero(odd)))
        prediction = result.prediction.astype(np.result_type(result.prediction, own.prediction))
        prediction[odd] = own.prediction
        if result.probability is not None:
            result.probability[odd] = own.probability
        return Result(prediction, result.probability, result.classes)


def open_session(graph: Path) -> Any:
    """A session on one thread: a worker has one, and batches requests itself.

    Raises
    ------
    Corrupt
        It is no graph that this onnxruntime runs.
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = 4  # what it refuses is an exception, and not a line in the log
    # Batches differ in size: an arena would keep the memory of the largest of them for good.
    options.enable_cpu_mem_arena = False
    options.enable_mem_pattern = False
    try:
        return onnxruntime.InferenceSession(str(graph), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # its kinds of errors have no common parent of their own
        raise Corrupt(
            f"{graph.name} is no graph that onnxruntime {onnxruntime.__version__} runs: "
            f"{str(error)[:300]}"
        ) from error


def _with_ties(odd: Any, chances: Any) -> Any:
    """Mark the rows whose most probable class is in doubt, too."""
    if chances.shape[1] == 2:
        near = abs(chances[:, 1] - chances[:, 0]) < _TIE
    else:
        import numpy as np

        if chances.shape[1] < 2:
            return odd
        two = np.partition(chances, -2, axis=1)[:, -2:]
        near = two[:, 1] - two[:, 0] < _TIE
    if not near.any():
        return odd
    return near if odd is None else odd | near


def _rows_at(data: Any, places: Any) -> Any:
    given = data.given() if isinstance(data, Rows) else data
    return given.iloc[places] if hasattr(given, "iloc") else given[places]
