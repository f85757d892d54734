from __future__ import annotations

import pytest
from pydantic import BaseModel, ValidationError
from tornado.web import HTTPError

from mlops_lab.errors import Conflict, InvalidInput, NotFound, StoreBusy
from mlops_lab.server.problems import describe


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


def test_a_wrong_body_names_the_field() -> None:
    class Body(BaseModel):
        ids: list[str]

    with pytest.raises(ValidationError) as wrong:
        Body.model_validate({"ids": [1]})
    document = describe(500, wrong.value).document()
    assert document["status"] == 400
    assert document["detail"].startswith("ids.0: ")
    assert document["errors"] == [{"field": "ids.0", "message": "Input should be a valid string"}]
