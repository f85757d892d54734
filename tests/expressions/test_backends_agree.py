"""The two back ends compute the same, for any expression over any values (in a real DuckDB)."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlops_lab.expressions import Kind, Loose, Name, evaluate, number_of, parse, to_sql
from mlops_lab.expressions.values import Given

NOW = datetime(2026, 3, 8, 12, tzinfo=UTC)
KINDS = {
    "n1": Kind.NUMBER,
    "n2": Kind.NUMBER,
    "s1": Kind.TEXT,
    "s2": Kind.TEXT,
    "t1": Kind.TIME,
    "t2": Kind.TIME,
    "d1": Kind.DURATION,
    "p1": Kind.LOOSE,
    "p2": Kind.LOOSE,
}

numbers = st.one_of(
    st.sampled_from([0.0, -0.0, 1.0, 0.1, 1e308, 5e-324, math.nan, math.inf, -math.inf]),
    st.floats(),
)
words = st.one_of(
    st.sampled_from(["", "a", "ab", "7", "70", "1e-3", "nan", "É", "😀b", "a%", "a_b"]),
    st.text(alphabet=st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=6),
)
times = st.datetimes(datetime(1900, 1, 1), datetime(2200, 1, 1)).map(
    lambda moment: moment.replace(tzinfo=UTC)
)
durations = st.timedeltas(timedelta(days=-9999), timedelta(days=9999))
OF_KIND: dict[Kind, st.SearchStrategy[Given]] = {
    Kind.NUMBER: numbers,
    Kind.TEXT: words,
    Kind.TIME: times,
    Kind.DURATION: durations,
    Kind.LOOSE: st.one_of(words, numbers, st.booleans()).map(Loose.of),
}
rows = st.fixed_dictionaries(
    {name: st.one_of(st.none(), OF_KIND[kind]) for name, kind in KINDS.items()}
)


def quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


number_literals = st.one_of(
    st.integers(0, 100).map(str),
    st.floats(0, allow_infinity=False, allow_nan=False).map(repr),
    st.sampled_from(["0", "1e-3", ".5", "5.", "1e308"]),
)
duration_literals = st.builds(
    lambda n, unit: f"{n}{unit}", st.integers(0, 99), st.sampled_from(["s", "m", "h", "d", "w"])
)
LITERALS = {
    Kind.NUMBER: number_literals,
    Kind.TEXT: words.map(quoted),
    Kind.TIME: st.just("now"),
    Kind.DURATION: duration_literals,
}
dates = times.map(lambda moment: quoted(moment.strftime("%Y-%m-%d %H:%M:%S.%f").zfill(26)))


def named(kind: Kind) -> st.SearchStrategy[str]:
    return st.sampled_from([name for name, found in KINDS.items() if found is kind])


def joined(left: st.SearchStrategy[str], ops: str, right: st.SearchStrategy[str]):
    return st.builds(lambda a, op, b: f"({a} {op} {b})", left, st.sampled_from(ops.split()), right)


def nested(number, duration, time):
    """Numbers, durations and times, one deeper: they are made of one another."""
    return (
        st.deferred(
            lambda: st.one_of(
                number,
                number.map(lambda text: f"-{text}"),
                joined(number, "+ - * /", number),
                joined(number, "+ - * /", named(Kind.LOOSE)),
                joined(duration, "/", duration),
            )
        ),
        st.deferred(
            lambda: st.one_of(
                duration,
                joined(time, "-", time),
                joined(duration, "+ -", duration),
                joined(duration, "* /", number),
            )
        ),
        st.deferred(lambda: st.one_of(time, joined(time, "+ -", duration))),
    )


number, duration, time = nested(
    *nested(
        st.one_of(named(Kind.NUMBER), number_literals),
        st.one_of(named(Kind.DURATION), duration_literals),
        st.one_of(named(Kind.TIME), st.just("now")),
    )
)
text = st.one_of(named(Kind.TEXT), LITERALS[Kind.TEXT])
loose = named(Kind.LOOSE)
pairs = st.one_of(
    st.tuples(number, number),
    st.tuples(text, text),
    st.tuples(time, st.one_of(time, dates)),
    st.tuples(duration, duration),
    st.tuples(loose, st.one_of(loose, number, text)),
    st.tuples(st.one_of(number, text), loose),
)
COMPARATORS = ["=", "!=", "<", "<=", ">", ">="]
negation = st.sampled_from(["", "not "])
comparison = st.one_of(
    st.builds(lambda pair, op: f"{pair[0]} {op} {pair[1]}", pairs, st.sampled_from(COMPARATORS)),
    st.builds(
        lambda value, word, low, high: f"{value} {word}between {low} and {high}",
        st.one_of(number, loose), negation, number, number,
    ),
    st.builds(
        lambda value, word, options: f"{value} {word}in ({', '.join(options)})",
        number, negation, st.lists(number, min_size=1, max_size=3),
    ),
    st.builds(
        lambda value, word, options: f"{value} {word}in ({', '.join(options)})",
        loose, negation, st.lists(st.one_of(number, text, loose), min_size=1, max_size=3),
    ),
    st.builds(
        lambda value, word, shape: f"{value} {word}like {shape}",
        st.one_of(text, loose), negation,
        st.one_of(text, st.text("ab7%_", max_size=4).map(quoted)),
    ),
    st.builds(
        lambda value, word: f"{value} is {word}null",
        st.one_of(number, text, time, duration, loose), negation,
    ),
)  # fmt: skip
condition = st.recursive(
    comparison,
    lambda inner: st.one_of(
        inner.map(lambda one: f"not ({one})"),
        st.builds(
            lambda a, op, b: f"({a}) {op} ({b})", inner, st.sampled_from(["and", "or"]), inner
        ),
    ),
    max_leaves=4,
)


class Columns:
    """Names as columns of one row: a param has a text and a number."""

    def kind(self, name: Name) -> Kind:
        return KINDS[name.dotted]

    def number(self, name: Name) -> str:
        column = f"r.{name.dotted}"
        match KINDS[name.dotted]:
            case Kind.TIME:
                return f"epoch_us({column})::double"
            case Kind.LOOSE:
                return f"{column}_number"
        return column

    def text(self, name: Name) -> str:
        return f"r.{name.dotted}"


def sql_row(row: dict[str, Given]) -> tuple[str, list[object]]:
    columns: list[str] = []
    values: list[object] = []
    for name, kind in KINDS.items():
        value = row[name]
        match kind:
            case Kind.NUMBER:
                columns.append(f"?::double as {name}")
            case Kind.TEXT:
                columns.append(f"?::varchar as {name}")
            case Kind.TIME:
                columns.append(f"?::timestamp as {name}")
                assert value is None or isinstance(value, datetime)
                value = value and value.replace(tzinfo=None)
            case Kind.DURATION:
                columns.append(f"?::double as {name}")
                assert value is None or isinstance(value, timedelta)
                value = None if value is None else float(value // timedelta(microseconds=1))
            case Kind.LOOSE:
                assert value is None or isinstance(value, Loose)
                columns.append(f"?::double as {name}_number")
                values.append(value and value.number)
                columns.append(f"?::varchar as {name}")
                value = value and value.text
        values.append(value)
    return f"create or replace temp table r as select {', '.join(columns)}", values


@pytest.fixture(scope="module")
def index(tmp_path_factory):
    connection = duckdb.connect(tmp_path_factory.mktemp("agree") / "index.duckdb")
    yield connection
    connection.close()


@settings(max_examples=300)
@given(row=rows, typed=condition)
def test_sql_and_values_agree(index, row, typed):
    expression = parse(typed)
    by_value = evaluate(
        expression, lambda name: row[name.dotted], now=NOW, kind_of=lambda name: KINDS[name.dotted]
    )
    index.execute(*sql_row(row))
    sql, parameters = to_sql(expression, Columns(), now=NOW)
    [(by_sql,)] = index.execute(f"select {sql} from r", parameters).fetchall()
    assert by_sql is by_value


@settings(max_examples=200)
@given(
    st.one_of(
        st.text("0123456789+-.eE nNaAiIfF_x\t", max_size=8),
        st.floats().map(repr),
        st.text(max_size=4),
    )
)
def test_a_text_has_the_number_that_duckdb_finds(index, text):
    if "\0" in text or any("\ud800" <= character <= "\udfff" for character in text):
        return
    [(found,)] = index.execute(
        "select case when isfinite(n) then n end from (select try_cast(? as double) as n)", [text]
    ).fetchall()
    if "_" not in text:  # DuckDB reads 1_000; a param written so is a text to us
        assert number_of(text) == found


def test_what_a_user_typed_is_bound_never_written():
    sql, parameters = to_sql(parse("s1 = 'x''; drop table r; --' and n1 > 41.5"), Columns())
    assert "drop" not in sql
    assert "41" not in sql
    assert set(parameters.values()) == {"x'; drop table r; --", 41.5}
