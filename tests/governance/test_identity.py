"""Identity: who the system says, and apart from it whom the environment claims."""

import os
import pwd

import pytest

from mlops_lab.governance import Identity, claimed_user, current_identity


def test_identity_is_the_account_whatever_the_environment_says(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("USER", "LOGNAME", "USERNAME", "JUPYTERHUB_USER"):
        monkeypatch.setenv(name, "somebody-else")
    assert current_identity() == Identity(pwd.getpwuid(os.getuid()).pw_name, "os")


def test_identity_of_an_account_without_name_is_its_number(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(os, "getuid", lambda: 987_654_321)
    assert current_identity() == Identity("uid-987654321", "os")


def test_claim_takes_the_first_variable_that_is_set() -> None:
    assert claimed_user({"JUPYTERHUB_USER": "", "GITHUB_ACTOR": "mara"}) == "mara"
    assert claimed_user({}) is None


def test_decision_names_who_and_by_which_surface() -> None:
    assert Identity("mara", "jupyter").as_by() == {"id": "mara", "via": "jupyter"}
