"""A sample of a source's rows as a frame: what classifiers and importance learn from."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from mlops_lab.compute.engine import open_engine, quote
from mlops_lab.compute.source import Source

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["sample_rows"]


def sample_rows(
    source: Source,
    columns: Sequence[str] | None = None,
    *,
    rows: int,
    seed: int = 0,
    where: str | None = None,
    tmp: Path | None = None,
) -> pd.DataFrame:
    """Draw rows at random, each as likely as any other; one pass, bounded memory.

    Parameters
    ----------
    source
        Any number of rows.
    columns
        Which; None is all. They must exist.
    rows
        How many at most; all of them where there are no more.
    seed
        The same one gives the same rows of the same data in the same order.
    where
        A condition in SQL over the columns; None is all rows.
    tmp
        Where scans may put what does not fit into memory.

    Returns
    -------
    pandas.DataFrame
        In no particular order.
    """
    wanted = "*" if columns is None else ", ".join(map(quote, columns))
    # One thread: which rows a reservoir keeps depends on the order in which they come.
    with open_engine(tmp, threads=1) as engine, source.reading():
        view = source.view(engine, once=True)
        kept = f" where {where}" if where else ""
        # Of a sub-query: else the draw comes before the condition.
        query = (
            f"select {wanted} from (select * from {view}{kept}) "
            f"using sample reservoir({rows:d} rows) repeatable ({seed:d})"
        )
        found: pd.DataFrame = engine.run(lambda: engine.connection.sql(query).df())
        return found
