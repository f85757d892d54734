"""What a model is given: columns by name or one array, the same whatever way they came in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final, Self

from mlops_lab.errors import InvalidInput
from mlops_lab.expressions import nearest
from mlops_lab.registry.fields import as_frame, length_of
from mlops_lab.registry.package import read_example, read_facts
from mlops_lab.registry.signature import Signature
from mlops_lab.serving.columns import Column, as_given, from_series, take
from mlops_lab.wording import counted, listed, quoted

__all__ = ["Rows", "Schema", "concat"]

_NAMED: Final = 8
_LOOKED_AT: Final = 1_000


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """Rows on their way to a model. Immutable; the arrays are not to be written to.

    Attributes
    ----------
    schema
        What the model takes.
    count
        How many rows there are.
    columns
        Of a model that takes columns: arrays of shape ``(count,)`` in the model's order, as
        `mlops_lab.serving.columns.take` makes them; else None.
    array
        Of a model that takes one array: its rows; else None.
    """

    schema: Schema
    count: int
    columns: Mapping[str, Any] | None = None
    array: Any = None

    def given(self) -> Any:
        """Make what the model's own ``predict`` takes: a frame with the example's dtypes, an array,
        a sparse matrix, a list of records.
        """
        if self.columns is not None:
            import pandas as pd

            made = {
                column.name: as_given(column, self.columns[column.name])
                for column in self.schema.columns
            }
            return pd.DataFrame(made, copy=False)
        if self.schema.container == "sparse":
            from scipy.sparse import csr_matrix

            return csr_matrix(self.array)
        if self.schema.container == "records":
            return list(self.array)
        return as_given(self.schema.cells, self.array) if self.schema.cells else self.array

    def slice(self, start: int, stop: int) -> Rows:
        """Give some of the rows; they share memory with these."""
        stop = min(stop, self.count)
        if self.columns is not None:
            some = {name: values[start:stop] for name, values in self.columns.items()}
            return replace(self, count=stop - start, columns=some)
        return replace(self, count=stop - start, array=self.array[start:stop])


@dataclass(frozen=True, slots=True)
class Schema:
    """What a model takes, ready to read rows with. Make it once per model.

    Attributes
    ----------
    columns
        The columns in the model's order; empty when it takes an array, or when nobody knows.
    cells
        Of an array: what its cells are.
    shape
        Of an array: its lengths, None where they are free (the rows).
    container
        What the model's ``predict`` takes: frame, array, sparse (a matrix) or records; ``open``
        of a model that was kept without an example: whatever comes.
    by_name
        The columns, by their names.
    """

    columns: tuple[Column, ...] = ()
    cells: Column | None = None
    shape: tuple[int | None, ...] = ()
    container: str = "open"
    by_name: Mapping[str, Column] = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "by_name", {column.name: column for column in self.columns})

    @classmethod
    def of(cls, signature: Signature | None, example: Any = None) -> Self:
        """Make it of a signature, and of the input example that it was inferred from.

        Parameters
        ----------
        signature
            None lets everything through.
        example
            It knows the dtypes, which the signature does not.
        """
        if signature is None:
            return cls()
        inputs = signature.inputs
        if len(inputs) == 1 and inputs[0].shape is not None:
            only = inputs[0]
            container = {"sparse matrix": "sparse", "records": "records"}.get(only.name, "array")
            held = example if hasattr(example, "dtype") and container == "array" else None
            return cls((), Column.of(only, held), only.shape or (), container)
        frame = as_frame(example, [one.name for one in inputs])
        places = {} if frame is None else {str(name): i for i, name in enumerate(frame.columns)}
        columns = tuple(
            Column.of(one, frame.iloc[:, places[one.name]] if one.name in places else None)
            for one in inputs
        )
        return cls(columns, container="frame")

    @classmethod
    def read(cls, folder: Path) -> Self:
        """Make it of a model's package.

        Raises
        ------
        NotFound, Corrupt
            The folder holds no model.
        """
        return cls.of(read_facts(folder).signature, read_example(folder))

    @property
    def names(self) -> tuple[str, ...]:
        """The columns' names, in the model's order."""
        return tuple(self.by_name)

    def rows(self, columns: Mapping[str, Sequence[Any]]) -> Rows:
        """Read columns; those that the model does not take are left out.

        Parameters
        ----------
        columns
            Lists or arrays of equal length, by name.

        Raises
        ------
        InvalidInput
            A column is missing, or holds what it must not; a sentence for each.
        """
        wanted = self.columns
        if self.container == "open":
            wanted = tuple(Column(str(name), "other") for name in columns)
        elif self.container != "frame":
            raise InvalidInput(f"The model takes {self.told()}, not columns.")
        if not wanted:
            raise InvalidInput("There are no columns, so there is nothing to predict for.")
        self.require(columns)
        lengths = {column.name: len(columns[column.name]) for column in wanted}
        count = lengths[wanted[0].name]
        if any(length != count for length in lengths.values()):
            uneven = next(name for name, length in lengths.items() if length != count)
            raise InvalidInput(
                f"Column {quoted(uneven)} has {counted(lengths[uneven], 'row')}, column "
                f"{quoted(wanted[0].name)} has {count:,}: all must be equally long."
            )
        made: dict[str, Any] = {}
        faults = []
        for column in wanted:
            try:
                made[column.name] = take(column, columns[column.name])
            except InvalidInput as fault:
                faults.append(fault.message)
        if faults:
            raise InvalidInput(_joined(faults))
        return Rows(
            self if self.container != "open" else replace(self, columns=wanted), count, made
        )

    def rows_of_array(self, values: Any) -> Rows:
        """Read one array: of a model that takes one, or of one that takes only numbers, by place.

        Parameters
        ----------
        values
            An array, or nested lists.

        Raises
        ------
        InvalidInput
            It has another shape, or holds what it must not.
        """
        import numpy as np

        if self.container == "records":
            raise InvalidInput("The model takes records, one object for each row.")
        if self.container == "frame":
            self._require_numbers()
        if not isinstance(values, np.ndarray):
            try:
                values = np.array(values, dtype=object)
            except ValueError:
                raise InvalidInput("The rows of the array have different lengths.") from None
        if self.container == "frame":
            return self._by_place(values)
        if values.ndim == 0:
            raise InvalidInput("An array has rows; got one value.")
        if self.container == "open" or self.cells is None:
            flat = values.tolist() if values.dtype == object else None
            return Rows(self, len(values), array=values if flat is None else np.array(flat))
        fits = values.ndim == len(self.shape) and all(
            want is None or want == got for want, got in zip(self.shape, values.shape, strict=True)
        )
        if not fits:
            got = ", ".join(map(str, values.shape))
            raise InvalidInput(f"The model takes {self.told()}; got an array of shape ({got}).")
        return Rows(self, len(values), array=take(self.cells, values.ravel()).reshape(values.shape))

    def rows_of_records(self, records: Sequence[Mapping[str, Any]]) -> Rows:
        """Read records, one for each row.

        Raises
        ------
        InvalidInput
            One lacks a column that the model takes, or holds what it must not.
        """
        if self.container == "records":
            return Rows(self, len(records), array=take(Column("records", "other"), list(records)))
        columns: dict[str, list[Any]] = {}
        wanted = self.names or tuple(dict.fromkeys(name for one in records for name in one))
        for name in wanted:
            try:
                columns[name] = [one[name] for one in records]
            except KeyError:
                lacks = next(row for row, one in enumerate(records) if name not in one)
                # In the first rows: a row of one character costs a client nothing.
                if any(name in one for one in records[:_LOOKED_AT]):
                    column = self.by_name.get(name) or Column(name, "other")
                    raise InvalidInput(
                        f"{column} is missing in row {lacks + 1}; a missing value is null."
                    ) from None
        self.require(columns, dict.fromkeys(name for one in records[:_NAMED] for name in one))
        return self.rows(columns)

    def rows_of(self, data: Any) -> Rows:
        """Read what the model's own ``predict`` takes: a frame of any kind, an array, records.

        Raises
        ------
        InvalidInput
            It does not fit.
        """
        if self.container in ("frame", "open"):
            frame = as_frame(data, self.names)
            if frame is not None:
                return self._of_frame(frame)
        frame = None if isinstance(data, list) else as_frame(data)
        if self.container == "records":
            return self.rows_of_records(data if frame is None else frame.to_dict("records"))
        if frame is not None and self.cells is not None:
            data = self._of_cells(self.cells, frame)
        if hasattr(data, "tocsr"):
            data = data.toarray()
        return self.rows_of_array(data.to_numpy() if hasattr(data, "to_numpy") else data)

    def told(self) -> str:
        """Say in words what the model takes."""
        if self.container == "frame":
            return f"columns: {listed(map(quoted, self.names), _NAMED)}"
        if self.container == "open":
            return "whatever it was fitted on"
        if self.container == "records":
            return "records, one object for each row"
        noun = "texts" if self.cells is not None and self.cells.type == "text" else "numbers"
        return f"an array of {noun} of shape ({', '.join(length_of(n) for n in self.shape)})"

    def _of_frame(self, frame: Any) -> Rows:
        if not frame.columns.is_unique:
            twice = frame.columns[frame.columns.duplicated()][0]
            raise InvalidInput(f"Column {quoted(str(twice))} is there twice.")
        places = {str(name): i for i, name in enumerate(frame.columns)}
        columns = self.columns or tuple(Column(name, "other") for name in places)
        self.require(places)
        made: dict[str, Any] = {}
        faults = []
        for column in columns:
            try:
                made[column.name] = from_series(column, frame.iloc[:, places[column.name]])
            except InvalidInput as fault:
                faults.append(fault.message)
        if faults:
            raise InvalidInput(_joined(faults))
        return Rows(self if self.columns else replace(self, columns=columns), len(frame), made)

    def _of_cells(self, cells: Column, frame: Any) -> Any:
        """The columns of a frame as one array, by their places."""
        import numpy as np

        made = [from_series(cells, frame.iloc[:, i]) for i in range(frame.shape[1])]
        one = len(made) == 1 and len(self.shape) == 1
        return made[0] if one else np.column_stack(made) if made else frame.to_numpy()

    def _require_numbers(self) -> None:
        if any(column.type not in ("number", "integer", "boolean") for column in self.columns):
            raise InvalidInput(f"The model takes {self.told()}: send them by name.")

    def _by_place(self, values: Any) -> Rows:
        """A table without names: what the columns are must follow from their places alone."""
        if values.ndim != 2 or values.shape[1] != len(self.columns):
            got = ", ".join(map(str, values.shape))
            raise InvalidInput(
                f"The model takes {counted(len(self.columns), 'column')}; got an array of shape "
                f"({got})."
            )
        return self.rows({name: values[:, i] for i, name in enumerate(self.names)})

    def require(self, columns: Mapping[str, Any], there: Mapping[str, Any] | None = None) -> None:
        """Refuse what lacks a column.

        Parameters
        ----------
        columns
            What there is, by name.
        there
            What else there is: one of it may be a lacking column, misspelt.

        Raises
        ------
        InvalidInput
            A sentence for each column that lacks.
        """
        lacking = [column for column in self.columns if column.name not in columns]
        if lacking:
            others = [name for name in (there or columns) if name not in self.by_name]
            raise InvalidInput(_joined([_lacking(column, others) for column in lacking]))


def concat(parts: Sequence[Rows]) -> Rows:
    """Put rows for the same model one after the other.

    Raises
    ------
    InvalidInput
        Without a signature rows may differ in their columns; these do.
    """
    import numpy as np

    first = parts[0]
    if len(parts) == 1:
        return first
    count = sum(part.count for part in parts)
    if first.columns is not None:
        if any(part.columns is None or [*part.columns] != [*first.columns] for part in parts):
            raise InvalidInput("The requests do not have the same columns.")
        joined = {
            name: np.concatenate([part.columns[name] for part in parts if part.columns])
            for name in first.columns
        }
        return replace(first, count=count, columns=joined)
    if any(part.array is None or part.array.shape[1:] != first.array.shape[1:] for part in parts):
        raise InvalidInput("The requests do not have arrays of the same shape.")
    return replace(first, count=count, array=np.concatenate([part.array for part in parts]))


def _lacking(column: Column, others: Sequence[str]) -> str:
    near = nearest(column.name, others)
    return f"{column} is missing{f'; there is {quoted(near)}' if near else ''}."


def _joined(faults: Sequence[str]) -> str:
    more = f" And {len(faults) - _NAMED} more." if len(faults) > _NAMED else ""
    return f"The model does not take this input. {' '.join(faults[:_NAMED])}{more}"
