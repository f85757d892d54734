"""A version's files as frames: Arrow, pandas, polars, or a relation of DuckDB."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlops_lab.errors import InvalidInput

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl
    import pyarrow as pa

__all__ = ["read_arrow", "read_pandas", "read_polars", "read_relation"]


def read_arrow(path: Path, told: str) -> pa.Table:
    """Read a table as Arrow.

    Parameters
    ----------
    path
        A Parquet, CSV or JSON file, or a folder of them. Text is read as the profile and the checks
        read it, so that what was checked is what is delivered.
    told
        How a sentence names it.

    Raises
    ------
    InvalidInput
        It is no table, or none that can be read.
    """
    from mlops_lab.compute import Source, open_engine, reading_as

    _refuse_no_table(path, told)
    with reading_as(told, path):
        if path.is_file() and path.suffix.lower() in (".parquet", ".pq"):
            import pyarrow.parquet as pq

            # Not through a dataset, which would read key=value in the path as columns.
            return pq.ParquetFile(path).read()
        with open_engine() as engine:
            # Through a table of its own: a relation would look through all lines of a text twice.
            view = Source.of(path).view(engine)
            relation = engine.connection.sql(f"select * from {view}")  # noqa: S608 quoted there
            table: pa.Table = engine.run(relation.to_arrow_table)
        return table


def read_pandas(path: Path, told: str) -> pd.DataFrame:
    """Read a table as a pandas frame; see `read_arrow`."""
    from mlops_lab.compute import reading_as

    table = read_arrow(path, told)
    with reading_as(told, path):
        frame: pd.DataFrame = table.to_pandas()
    return frame


def read_polars(path: Path, told: str) -> pl.DataFrame:
    """Read a table as a polars frame; see `read_arrow`."""
    try:
        import polars as pl
    except ModuleNotFoundError as error:
        raise InvalidInput(
            "polars is not installed: pip install 'mlops-lab[polars]'; .df() and .arrow() work "
            "without."
        ) from error
    frame = pl.from_arrow(read_arrow(path, told))
    assert isinstance(frame, pl.DataFrame)
    return frame


def read_relation(path: Path, told: str, connection: Any = None) -> Any:
    """Give a table as a relation of a DuckDB connection; nothing is read yet."""
    _refuse_no_table(path, told)
    from mlops_lab.compute import Source, reading_as

    with reading_as(told, path):
        return Source.of(path).relation(connection)


def _refuse_no_table(path: Path, told: str) -> None:
    from mlops_lab.compute import is_tabular

    if not is_tabular(path):
        what = "a folder that is no table" if path.is_dir() else f"no table but {path.name}"
        raise InvalidInput(
            f"{told} is {what}: Parquet, CSV and JSON files can be read as frames. Its files: "
            f'lab.dataset("{told}").path.'
        )
