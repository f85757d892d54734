"""The domain classifier: can anybody tell reference rows from current ones, and by what?

A classifier learns to say from which side a row came. Where it does no better than chance on rows
that it has not seen, no combination of the columns moved; its AUC is the effect. It sees what tests
of single columns cannot: a relation between columns that broke while each column stayed the same.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Final, Literal

from mlops_lab.monitoring.settings import Policy
from mlops_lab.wording import counted, listed, number

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pandas as pd

    Floats = npt.NDArray[np.float64]

__all__ = ["DESCRIPTORS", "Separation", "describe_texts", "multivariate", "text"]

SAMPLE: Final = 20_000
"""Rows of each side: the AUC of two samples of this size is known to ±.01."""

FOLDS: Final = 3

FEWEST: Final = 100
"""Rows that each side needs: three folds of fewer say nothing."""

PERMUTATIONS: Final = 99
"""The smallest p-value that so many give is .01, which is the policy's q."""

_LONGEST_CATEGORY = 200
_PERMUTED = 2_000
_DRIVERS = 3
_Z = 1.959964


@dataclass(frozen=True, slots=True)
class Separation:
    """How well two sets of rows can be told apart.

    Parameters
    ----------
    auc
        Of rows that the classifier has not seen; .5 is not at all, 1 is always. None where there
        was too little to learn from.
    low, high
        95 % interval over the folds (Student's t, two degrees of freedom).
    p_value
        Share of label permutations that separate as well; None where only the interval is known.
    state
        By the policy's levels; ``small`` where there are too few rows.
    drivers
        Columns or descriptors and what AUC loses without each, the largest first.
    rows
        Of the reference and of the current side, as used.
    sentence
        What all of this says.
    """

    auc: float | None
    low: float | None
    high: float | None
    p_value: float | None
    state: Literal["ok", "warn", "alert", "small"]
    drivers: tuple[tuple[str, float], ...]
    rows: tuple[int, int]
    sentence: str


def multivariate(
    reference: pd.DataFrame,
    current: pd.DataFrame,
    *,
    policy: Policy | None = None,
    sample: int = SAMPLE,
    seed: int = 0,
) -> Separation:
    """Try to tell current rows from reference rows by all columns together.

    Boosted trees, `FOLDS` folds: AUC is over rows that were held out. The alarm needs the lower end
    of the interval over folds, not the AUC alone, above the level.

    Parameters
    ----------
    reference, current
        Rows of both sides, shape ``(n_rows, n_columns)``; only numeric, boolean and category
        columns that both have are used. Identifiers and times must not be among them: they tell
        any two periods apart.
    policy
        Its levels `classifier_warn` and `classifier_alert`.
    sample
        Rows of each side, at most; drawn with `seed`.
    seed
        Of the sample, the folds and the trees.

    Returns
    -------
    Separation
        Of state ``small`` below `FEWEST` rows a side, or where there is no column to learn from.

    References
    ----------
    Lopez-Paz, Oquab, Revisiting classifier two-sample tests, 2017.
    """
    policy = policy or Policy()
    a, b = _drawn(reference, sample, seed), _drawn(current, sample, seed + 1)
    names = [name for name in a.columns if name in set(b.columns)]
    if not names:
        return _too_little(len(a), len(b), "The two sides have no column in common.")
    if min(len(a), len(b)) < FEWEST:
        return _too_little(len(a), len(b))
    table, categorical = _numeric(a[names], b[names])
    if not table.shape[1]:
        return _too_little(len(a), len(b), "No column has two values to learn from.")
    kept = list(table.columns)
    label = _labels(len(a), len(b))
    found = _folds(table, label, partial(_trees, categorical=categorical, seed=seed), seed)
    drivers = _drivers(found.models, table, label, found.folds, kept, seed)
    low, high = found.interval
    state: Literal["ok", "warn", "alert"] = "ok"
    if low >= policy.classifier_alert:
        state = "alert"
    elif low >= policy.classifier_warn:
        state = "warn"
    told = _told(found.auc, low, high, (len(a), len(b)), drivers, state, "All columns together")
    return Separation(found.auc, low, high, None, state, drivers, (len(a), len(b)), told)


def text(
    reference: Sequence[str | None],
    current: Sequence[str | None],
    *,
    name: str = "text",
    policy: Policy | None = None,
    sample: int = SAMPLE,
    permutations: int = PERMUTATIONS,
    seed: int = 0,
) -> Separation:
    """Try to tell current texts from reference texts by how they are written, in any language.

    A logistic regression over `describe_texts` and hashed pieces of words; the alarm needs an AUC
    above the level that labels at random do not reach.

    Parameters
    ----------
    reference, current
        Texts of both sides; missing ones are left out.
    name
        Of the column, for the sentence.
    policy
        Its levels and its q.
    sample
        Texts of each side, at most.
    permutations
        Times that the labels are shuffled, on at most 2,000 texts.
    seed
        Of everything random.
    """
    import numpy as np

    policy = policy or Policy()
    random = np.random.default_rng(seed)
    a, b = (_texts(side, sample, random) for side in (reference, current))
    rows = (len(a), len(b))
    if min(rows) < FEWEST:
        return _too_little(*rows)
    described = describe_texts([*a, *b])
    table = _standard(np.column_stack([*described.values(), _pieces([*a, *b])]))
    if not table.shape[1]:
        return _too_little(*rows, f"The texts of {name} are all the same.")
    label = _labels(*rows)
    found = _folds(table, label, partial(_linear, seed=seed), seed)
    few = random.permutation(len(label))[:_PERMUTED]
    p_value = _permuted(table[few], label[few], permutations, seed)
    single = {key: _auc(label, values) for key, values in described.items()}
    drivers = tuple(
        (key, abs(value - 0.5))
        for key, value in sorted(single.items(), key=lambda one: -abs(one[1] - 0.5))[:_DRIVERS]
        if abs(value - 0.5) >= policy.classifier_warn - 0.5
    )
    low, high = found.interval
    state: Literal["ok", "warn", "alert"] = "ok"
    if p_value <= policy.q:
        if found.auc >= policy.classifier_alert:
            state = "alert"
        elif found.auc >= policy.classifier_warn:
            state = "warn"
    told = _told(found.auc, low, high, rows, drivers, state, f"The texts of {name}")
    return Separation(found.auc, low, high, p_value, state, drivers, rows, told)


# ---------------------------------------------------------------------------- texts

_WORD = re.compile(r"\w+")
_DIGIT = re.compile(r"\d")
_LINK = re.compile(r"https?://|www\.|@\w")


def _per(text: str, count: int) -> float:
    return count / max(len(text), 1)


DESCRIPTORS: Final[Mapping[str, Callable[[str], float]]] = {
    "length": lambda text: math.log1p(len(text)),
    "words": lambda text: math.log1p(len(_WORD.findall(text))),
    "length of words": lambda text: _mean([len(word) for word in _WORD.findall(text)]),
    "different words": lambda text: _different([word.lower() for word in _WORD.findall(text)]),
    "share of digits": lambda text: _per(text, len(_DIGIT.findall(text))),
    "share of capitals": lambda text: _per(text, sum(map(str.isupper, text))),
    "share of spaces": lambda text: _per(text, sum(map(str.isspace, text))),
    "share of punctuation": lambda text: _per(
        text, sum(unicodedata.category(one).startswith("P") for one in text)
    ),
    "share of symbols": lambda text: _per(
        text, sum(unicodedata.category(one).startswith("S") for one in text)
    ),
    "share beyond ASCII": lambda text: _per(text, sum(ord(one) > 127 for one in text)),
    "lines": lambda text: math.log1p(text.count("\n")),
    "links": lambda text: math.log1p(len(_LINK.findall(text))),
}
"""What a text is like, in no language: each a number, by what it is called in sentences."""


def describe_texts(texts: Sequence[str]) -> dict[str, Floats]:
    """Give each descriptor of each text, as arrays of shape ``(n_texts,)``.

    Examples
    --------
    >>> [round(one, 2) for one in describe_texts(["Call 555!", ""])["share of digits"].tolist()]
    [0.33, 0.0]
    """
    import numpy as np

    return {
        name: np.fromiter((measure(text) for text in texts), float, len(texts))
        for name, measure in DESCRIPTORS.items()
    }


def _mean(values: Sequence[int]) -> float:
    return sum(values) / len(values) if values else 0.0


def _different(words: Sequence[str]) -> float:
    return len(set(words)) / len(words) if words else 0.0


def _texts(side: Sequence[str | None], sample: int, random: np.random.Generator) -> list[str]:
    there = [one[:10_000] for one in side if isinstance(one, str)]
    if len(there) <= sample:
        return there
    return [there[i] for i in sorted(random.choice(len(there), sample, replace=False))]


def _pieces(texts: Sequence[str], width: int = 256) -> Floats:
    """Hashed pieces of three characters: a vocabulary without a language, of fixed width."""
    import numpy as np
    from sklearn.feature_extraction.text import HashingVectorizer

    hashed = HashingVectorizer(analyzer="char_wb", ngram_range=(3, 3), n_features=width)
    return np.asarray(hashed.transform(texts).toarray(), float)


def _standard(table: Floats) -> Floats:
    import numpy as np

    spread = table.std(axis=0)
    kept = spread > 0
    return np.asarray((table[:, kept] - table[:, kept].mean(axis=0)) / spread[kept])


def _permuted(table: Floats, label: npt.NDArray[np.int64], times: int, seed: int) -> float:
    """Share of shuffled labels that are separated at least as well, the true ones among them."""
    import numpy as np
    from sklearn.linear_model import LogisticRegression

    random = np.random.default_rng(seed + 2)
    half = random.permutation(len(label))
    learn, ask = half[: len(half) // 2], half[len(half) // 2 :]

    def separated(labels: npt.NDArray[np.int64]) -> float:
        if len(set(labels[learn].tolist())) < 2 or len(set(labels[ask].tolist())) < 2:
            return 0.5
        model = LogisticRegression(C=0.1, max_iter=50).fit(table[learn], labels[learn])
        return _auc(labels[ask], model.decision_function(table[ask]))

    true = separated(label)
    beaten = sum(separated(random.permutation(label)) >= true for _ in range(times))
    return (beaten + 1) / (times + 1)


# ---------------------------------------------------------------------------- learning


@dataclass(frozen=True, slots=True)
class _Folds:
    auc: float
    interval: tuple[float, float]
    models: tuple[Any, ...]
    folds: tuple[Any, ...]


def _folds(table: Any, label: npt.NDArray[np.int64], new: Callable[[], Any], seed: int) -> _Folds:
    """Learn on all folds but one, ask the one that is left."""
    import numpy as np
    from scipy import stats
    from sklearn.model_selection import StratifiedKFold

    rows = table.iloc if hasattr(table, "iloc") else table
    folds = tuple(StratifiedKFold(FOLDS, shuffle=True, random_state=seed).split(label, label))
    models, aucs = [], []
    for learn, ask in folds:
        model = new().fit(rows[learn], label[learn])
        models.append(model)
        aucs.append(_auc(label[ask], model.predict_proba(rows[ask])[:, 1]))
    mean = float(np.mean(aucs))
    # Three folds agree by luck now and then: never narrower than the AUC's own error without drift.
    n, m = np.bincount(label)
    floor = _Z * math.sqrt((n + m + 1) / (12 * n * m))
    spread = float(stats.t.ppf(0.975, FOLDS - 1) * np.std(aucs, ddof=1) / math.sqrt(FOLDS))
    half = max(spread, floor)
    return _Folds(mean, (max(0.0, mean - half), min(1.0, mean + half)), tuple(models), folds)


def _trees(*, categorical: Sequence[bool], seed: int) -> Any:
    from sklearn.ensemble import HistGradientBoostingClassifier

    return HistGradientBoostingClassifier(
        max_iter=60,
        max_leaf_nodes=15,
        learning_rate=0.1,
        min_samples_leaf=20,
        categorical_features=list(categorical) if any(categorical) else None,
        early_stopping=False,
        random_state=seed,
    )


def _linear(*, seed: int) -> Any:
    from sklearn.linear_model import LogisticRegression

    return LogisticRegression(C=0.1, max_iter=200, random_state=seed)


def _drivers(
    models: Sequence[Any],
    table: pd.DataFrame,
    label: npt.NDArray[np.int64],
    folds: Sequence[Any],
    names: Sequence[str],
    seed: int,
) -> tuple[tuple[str, float], ...]:
    """What AUC loses on held-out rows when a column is shuffled, the largest first."""
    import numpy as np

    random = np.random.default_rng(seed)
    ask = folds[0][1][:4_000]
    model, held, truth = models[0], table.iloc[ask], label[ask]
    whole = _auc(truth, model.predict_proba(held)[:, 1])
    lost = []
    for name in names[:200]:
        shuffled = held.copy()
        shuffled[name] = held[name].to_numpy()[random.permutation(len(held))]
        lost.append((name, whole - _auc(truth, model.predict_proba(shuffled)[:, 1])))
    best = sorted(lost, key=lambda one: (-one[1], one[0]))[:_DRIVERS]
    return tuple((name, round(value, 4)) for name, value in best if value >= 0.01)


def _auc(label: Any, score: Any) -> float:
    from sklearn.metrics import roc_auc_score

    return float(roc_auc_score(label, score))


def _labels(n: int, m: int) -> npt.NDArray[np.int64]:
    import numpy as np

    return np.repeat([0, 1], [n, m])


def _drawn(frame: pd.DataFrame, sample: int, seed: int) -> pd.DataFrame:
    return frame if len(frame) <= sample else frame.sample(sample, random_state=seed)


def _numeric(a: pd.DataFrame, b: pd.DataFrame) -> tuple[pd.DataFrame, list[bool]]:
    """Both sides as one table of numbers: categories become codes, rare ones one code together."""
    import numpy as np
    import pandas as pd

    columns: dict[str, Any] = {}
    categorical = []
    both = pd.concat([a, b], ignore_index=True)
    for name in both.columns:
        values = both[name]
        if pd.api.types.is_datetime64_any_dtype(values):
            continue
        is_number = pd.api.types.is_numeric_dtype(values) or pd.api.types.is_bool_dtype(values)
        if is_number:
            numbers = pd.to_numeric(values, errors="coerce").astype(float)
            # Infinite is beyond every cut, as a large number is.
            codes = numbers.clip(-1e300, 1e300)
        else:
            told = values.astype("string")
            common = told.value_counts().index[:_LONGEST_CATEGORY]
            codes = pd.Series(pd.Categorical(told, categories=common).codes, dtype=float)
            codes[told.notna().to_numpy() & (codes < 0).to_numpy()] = float(len(common))
            codes = codes.where(codes >= 0, np.nan)
        if codes.nunique(dropna=False) > 1:
            columns[str(name)] = codes
            categorical.append(not is_number)
    return pd.DataFrame(columns), categorical


# ---------------------------------------------------------------------------- words


def _too_little(n: int, m: int, why: str | None = None) -> Separation:
    least = min(n, m)
    said = why or (
        f"Too few rows to tell the two sides apart: {counted(least, 'row')} on one side, and "
        f"{FEWEST} are needed."
    )
    return Separation(None, None, None, None, "small", (), (n, m), said)


def _told(
    auc: float,
    low: float,
    high: float,
    rows: tuple[int, int],
    drivers: Sequence[tuple[str, float]],
    state: str,
    what: str,
) -> str:
    figures = f"AUC {number(auc)} ({number(low)} to {number(high)}; .5 is chance)"
    sides = f"{counted(rows[0], 'row')} against {rows[1]:,}"
    if state == "ok":
        return f"{what} do not tell the two sides apart: {figures}, {sides}."
    by = f", by {listed(name for name, _ in drivers)}" if drivers else ""
    return f"{what} tell the two sides apart{by}: {figures}, {sides}."
