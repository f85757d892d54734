"""The non-decreasing function next to observed shares: what a score stands for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Floats: TypeAlias = npt.NDArray[np.float64]

__all__ = ["Curve", "isotonic"]


@dataclass(frozen=True, slots=True)
class Curve:
    """The share of positives by score: a straight line between knots, level outside of them.

    Parameters
    ----------
    scores, shares
        The knots, both ascending.
    rows, positive
        What it was learnt from.
    """

    scores: tuple[float, ...]
    shares: tuple[float, ...]
    rows: int
    positive: int

    def __call__(self, scores: Any) -> Floats:
        """The shares that scores stand for; not a number stays so.

        >>> Curve((0.0, 1.0), (0.0, 0.5), 10, 5)([0.5, 7.0]).tolist()
        [0.25, 0.5]
        """
        import numpy as np

        found: Floats = np.interp(scores, self.scores, self.shares)
        return found

    @classmethod
    def from_json(cls, value: Mapping[str, Any] | None) -> Curve | None:
        """Read it from a mapping of its fields."""
        if value is None:
            return None
        return cls(
            tuple(value["scores"]),
            tuple(value["shares"]),
            int(value["rows"]),
            int(value["positive"]),
        )


def isotonic(scores: Floats, positive: Any, rows: Any) -> Curve | None:
    """Learn the curve by pooling adjacent violators.

    Of all non-decreasing functions the one with the least Σ rows (share − f(score))² (Zadrozny and
    Elkan, Transforming classifier scores into accurate multiclass probability estimates, 2002). The
    same as scikit-learn's ``IsotonicRegression(out_of_bounds="clip")`` on the single rows.

    Parameters
    ----------
    scores
        Ascending and different, shape ``(n,)``.
    positive, rows
        Positive rows and rows of each score, shape ``(n,)``, at least one row each.

    Returns
    -------
    Curve | None
        None where all rows are of one label: there is nothing to learn.

    Examples
    --------
    >>> isotonic([0.1, 0.2, 0.3], [0, 1, 0], [1, 1, 1]).shares
    (0.0, 0.5, 0.5)
    """
    import numpy as np
    from scipy.optimize import isotonic_regression

    x, k, n = (np.asarray(one, dtype=float) for one in (scores, positive, rows))
    if not 0 < k.sum() < n.sum():
        return None
    shares = isotonic_regression(k / n, weights=n).x
    # The ends of each level piece are all that a straight line between knots needs.
    same = np.diff(shares) == 0
    inner = np.r_[False, same] & np.r_[same, False]
    return Curve(
        tuple(x[~inner].tolist()), tuple(shares[~inner].tolist()), int(n.sum()), int(k.sum())
    )
