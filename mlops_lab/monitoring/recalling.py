"""What is made of data that stays as it is, is made once."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from typing import Any, Final

from mlops_lab.monitoring.settings import Keep

__all__ = ["recalled"]

_FORMAT: Final = 1
"""Of what is kept: raised where it changes between two releases; each release counts anew."""


def recalled(
    keep: Keep | None, content: str | None, what: str, told: Any, make: Callable[[], Any]
) -> Any:
    """Give what was kept of a content, else make and keep it.

    Parameters
    ----------
    content
        What it is made of; None is not kept.
    what, told
        What it is, and everything else that it depends on, as JSON has it.
    make
        Gives it as JSON has it: numbers come back to the last digit.
    """
    if keep is None or content is None:
        return make()
    text = json.dumps([_FORMAT, told], sort_keys=True)
    key = f"{what}:{hashlib.sha256(text.encode()).hexdigest()}"
    return json.loads(keep.kept(content, key, lambda: json.dumps(make()).encode()))
