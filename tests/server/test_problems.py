from __future__ import annotations

import pytest
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from tornado.web import HTTPError

from mlops_lab.errors import Conflict, InvalidInput, NotFound, StoreBusy
from mlops_lab.server.problems import describe, misshapen


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (NotFound("no such run"), 404, "not-found"),
        (Conflict("it is running"), 409, "conflict"),
        (StoreBusy("held by python3 (pid 4211)"), 503, "store-busy"),
    ],
)
def test_an_error_of_ours_says_what_it_says(error: Exception, status: int, code: str) -> None:
    document = describe(500, error).document()
    assert (document["status"], document["code"]) == (status, code)
    assert document["detail"] == document["message"] == str(error)
    assert document["type"].endswith(f"/{code}")


def test_an_error_at_a_character_keeps_its_place() -> None:
    error = InvalidInput.at("parms.lr = 1", 0, "No name parms.", length=5, suggestion="params")
    document = describe(500, error).document()
    assert (document["position"], document["length"], document["suggestion"]) == (0, 5, "params")


def test_members_cannot_replace_the_document_s_own() -> None:
    error = NotFound("gone", status=200, detail="x", type="javascript:alert(1)")
    document = describe(500, error).document()
    assert (document["status"], document["detail"]) == (404, "gone")
    assert document["type"].startswith("https://")


def test_an_unexpected_error_tells_nothing_but_a_reference() -> None:
    problem = describe(500, RuntimeError("password=hunter2 in /home/mara/secret.py"))
    assert problem.status == 500
    assert problem.reference is not None
    assert problem.reference in problem.detail
    assert "hunter2" not in str(problem.document())


def test_a_server_error_of_tornado_tells_nothing_either() -> None:
    assert "secret" not in str(describe(500, HTTPError(500, "secret %s", "path")).document())


def test_tornado_s_own_refusals_keep_their_status() -> None:
    document = describe(405, HTTPError(405)).document()
    assert (document["status"], document["code"]) == (405, "method-not-allowed")
    assert describe(403, HTTPError(403, "no %s here")).detail == "no %s here"


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    ids: list[str] = Field(min_length=1, max_length=3)
    from_: int = Field(default=1, ge=1, alias="from")
    name: str = Field(default="a", pattern="^[a-z]$")


_HAS = "The body has ids, from, name."


@pytest.mark.parametrize(
    ("body", "sentences"),
    [
        ({"ids": [1]}, ["ids.0 is 1; it must be text."]),
        # What is misspelt is not also missing.
        ({"isd": ["a"]}, [f"'isd' is not known here. Did you mean ids? {_HAS}"]),
        ({"ids": ["a"], "from_": 2}, [f"'from_' is not known here. Did you mean from? {_HAS}"]),
        ({"other": 1}, [f"'other' is not known here. {_HAS}", "The body has no ids."]),
        ({"ids": ["a"], "from": 0}, ["from is 0; it must be greater than or equal to 1."]),
        ({"ids": ["a"], "name": "Z"}, ["name is 'Z'; it must match pattern '^[a-z]$'."]),
        ([], ["The body is a list; it must be an object."]),
        (None, ["The body is empty; it must be an object."]),
    ],
)
def test_a_wrong_body_is_told_in_our_words(body: object, sentences: list[str]) -> None:
    with pytest.raises(ValidationError) as wrong:
        _Body.model_validate(body)
    document = describe(500, misshapen(wrong.value, _Body, "body")).document()
    assert document["status"] == 400
    assert document["detail"] == sentences[0]
    assert [one["message"] for one in document["errors"]] == sentences


def test_nothing_of_what_was_sent_makes_an_answer_long() -> None:
    with pytest.raises(ValidationError) as wrong:
        _Body.model_validate(
            {"x" * 10_000: 1, "ids": ["y" * 10_000, "\x1b[31m"], "name": "z" * 9_000}
        )
    assert len(misshapen(wrong.value, _Body, "body").message) < 300
