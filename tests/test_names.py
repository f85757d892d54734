"""Names of datasets, models and aliases: one rule, and no way around it."""

import unicodedata

import pytest

from mlops_lab.errors import InvalidInput
from mlops_lab.names import Reference, alias_name, name_of, parse_reference


@pytest.mark.parametrize(
    "name", ["flights", "3", "_x", "a.b_c-d", "Größe", "日本語", "हिन्दी", "a" * 100]
)
def test_a_name_of_any_script_is_good(name: str) -> None:
    assert name_of(name, "A dataset") == name


@pytest.mark.parametrize(
    "name",
    [
        "",
        "a" * 101,
        "a b",
        "a/b",
        "a\\b",
        "a@b",
        "a:b",
        "..",
        "-rf",
        ".hidden",
        "a\x00b",
        "a\nb",
        "a\u202eb",
        "a\u200bb",
        "a<b",
        "a%2fb",
        "🛫",
        "\u0301a",
        "\ud800",
        None,
        3,
        ["a"],
    ],
)
def test_everything_else_is_not(name: object) -> None:
    with pytest.raises(InvalidInput, match="A dataset's name has up to 100"):
        name_of(name, "A dataset")


def test_two_spellings_of_one_letter_are_one_name() -> None:
    assert name_of(unicodedata.normalize("NFD", "Größe"), "A model") == "Größe"


@pytest.mark.parametrize("alias", ["champion", "v1.0", "A-b_c"])
def test_an_alias_is_a_word(alias: str) -> None:
    assert alias_name(alias) == alias


@pytest.mark.parametrize(
    "alias", ["", "3", "latest", "a b", "a@b", "x" * 51, "-a", "ü", None, "a\n"]
)
def test_what_is_no_alias_is_said(alias: object) -> None:
    with pytest.raises(InvalidInput, match="An alias is a word"):
        alias_name(alias)


def test_a_reference_says_which_version() -> None:
    assert parse_reference("flights", "A dataset") == Reference("flights")
    assert parse_reference("flights@latest", "A dataset") == Reference("flights")
    assert parse_reference("flights@3", "A dataset") == Reference("flights", version=3)
    assert parse_reference("flights@train", "A dataset") == Reference("flights", alias="train")
    assert str(Reference("flights", version=3)) == "flights@3"
    assert str(Reference("flights")) == "flights"


@pytest.mark.parametrize("text", ["", "@3", "flights@", "flights@0", "flights@-1", "a@b@c", 3])
def test_what_is_no_reference_is_said(text: object) -> None:
    with pytest.raises(InvalidInput):
        parse_reference(text, "A dataset")


@pytest.mark.parametrize("text", ["models:/churn/3", "churn:3", "churn/v3"])
def test_version_named_as_elsewhere_is_told_as_here(text: str) -> None:
    with pytest.raises(InvalidInput, match=r"Version 3 of churn is churn@3\.$"):
        name_of(text, "A model")
