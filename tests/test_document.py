from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ruamel.yaml import YAML

from mlops_lab.document import MAX_BYTES, MAX_DEPTH, Document, read_document, scalar
from mlops_lab.faults import Mark


def read(text: str) -> Document:
    return read_document(Path("p.yaml"), text=text)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("a: !x 1", "p.yaml:1:4: !x is a tag: only plain values are read here."),
        ("a: !!python/object:os.system x", "p.yaml:1:4: "),
        ("a: &q 1", "p.yaml:1:4: &q is an anchor: write the value out."),
        ("a: [1]\nb: *q", "p.yaml:2:4: *q is an alias: write the value out."),
        ("a: 1\n---\nb: 2", "p.yaml:2:1: A second document starts here: a file holds one."),
        (
            "a: 1\nb:\n  c: 1\n  c: 2",
            "p.yaml:4:3: 'c' is here a second time; the first is in line 3.",
        ),
        ("? [a]\n: 1", "p.yaml:1:3: A key must be text, not a map or list."),
        (
            "%YAML 1.1\n---\na: yes",
            "p.yaml:1:1: Directives are not read here: the file is YAML 1.2.",
        ),
        ("a:\n\t- b", "p.yaml:2:1: This is not YAML: "),
        ("a: [1", "p.yaml:1:6: This is not YAML: "),
        ("a: \x07", "p.yaml:1:1: This is not YAML: "),
        ("[" * (MAX_DEPTH + 1) + "]" * (MAX_DEPTH + 1), "p.yaml:1:31: Nested more than 30 levels"),
    ],
)
def test_what_is_not_plain_is_refused_where_it_stands(text: str, fault: str) -> None:
    [found] = read(text).faults

    assert str(found).startswith(fault)


def test_depth_up_to_the_limit_is_read() -> None:
    assert read("[" * MAX_DEPTH + "]" * MAX_DEPTH).faults == ()


def test_a_file_over_a_megabyte_is_refused_unread(tmp_path: Path) -> None:
    path = tmp_path / "big.yaml"
    path.write_bytes(b"a: 1\n" + b"#" * MAX_BYTES)

    [fault] = read_document(path, file="big.yaml").faults

    assert str(fault) == "big.yaml:1:1: The file is larger than 1,000,000 bytes."


def test_bytes_that_are_not_utf8_are_pointed_at(tmp_path: Path) -> None:
    path = tmp_path / "latin.yaml"
    path.write_bytes(b"a: 1\nb: caf\xe9\n")

    [fault] = read_document(path, file="latin.yaml").faults

    assert str(fault) == "latin.yaml:2:7: The file is not UTF-8 text."


def test_a_byte_order_mark_is_no_content() -> None:
    assert read("\ufeffa: 1").value == {"a": 1}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("yes", "yes"),
        ("on", "on"),
        ("no", "no"),
        ("2013-01-01", "2013-01-01"),
        ("1:30", "1:30"),
        ("1_000", "1_000"),
        ("0o17", 15),
        ("017", 17),
        ("0x1F", 31),
        ("1e3", 1000.0),
        (".5", 0.5),
        ("true", True),
        ("~", None),
        ("-.inf", float("-inf")),
        ("9" * 5000, "9" * 5000),
    ],
)
def test_scalars_follow_the_core_schema(text: str, value: object) -> None:
    assert scalar(text) == value
    assert type(scalar(text)) is type(value)


def test_quoted_scalars_stay_text() -> None:
    assert read("a: '7'\nb: \"true\"\nc: |\n  1\n").value == {"a": "7", "b": "true", "c": "1\n"}


def test_marks_lead_to_keys_values_and_characters() -> None:
    document = read("steps:\n  one:\n    list: [a, 'b c']\n")

    assert document.mark(("steps", "one"), key=True) == Mark(2, 3)
    assert document.mark(("steps", "one", "list", 0)) == Mark(3, 12)
    assert document.inside(("steps", "one", "list", 1), 2) == Mark(3, 18)
    assert document.mark(("steps", "one", "gone")) == Mark(3, 5)


def test_a_character_in_folded_text_is_pointed_at_by_its_beginning() -> None:
    document = read("a: >\n  x +\n  y\n")

    assert document.inside(("a",), 4) == document.mark(("a",))


@given(
    st.recursive(
        st.none()
        | st.booleans()
        | st.integers()
        | st.floats(allow_nan=False)
        | st.text("ab: #-{'\"\n"),
        lambda inner: (
            st.lists(inner, max_size=4)
            | st.dictionaries(st.text("abc", min_size=1), inner, max_size=4)
        ),
        max_leaves=12,
    )
)
def test_what_ruamel_writes_is_read_back_equal(value: object) -> None:
    import io

    yaml = YAML(typ="safe", pure=True)
    yaml.default_flow_style = False
    stream = io.StringIO()
    yaml.dump({"v": value}, stream)

    document = read(stream.getvalue())

    if "&" in stream.getvalue():
        return  # an equal list written once and referred to: aliases are refused
    assert document.faults == ()
    assert document.value == {"v": value}
