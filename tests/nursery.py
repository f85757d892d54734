"""Forks the processes of tests cheaply: ``python nursery.py WORKER`` imports a worker only once.

The worker has ``warm()``, which imports what its verbs need, and ``VERBS`` by name. For each line
``{"verb": …, …}`` that is read a process is forked, and its id is the answer; ``{"wait": pid}`` is
answered with its exit code.
"""

from __future__ import annotations

import importlib.util
import json
import os
import sys
import traceback
from collections.abc import Callable, Mapping
from types import ModuleType
from typing import Any


def load(path: str) -> ModuleType:
    """The module of a file that is in no package."""
    spec = importlib.util.spec_from_file_location("worker", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def fork(verb: Callable[..., None], arguments: Mapping[str, Any]) -> int:
    child = os.fork()
    if child:
        return child
    code = 1
    try:
        verb(**arguments)
        code = 0
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(code)


def main(path: str) -> None:
    worker = load(path)
    worker.warm()
    codes: dict[int, int] = {}
    for text in sys.stdin:
        order = json.loads(text)
        if (pid := order.pop("wait", None)) is not None:
            while pid not in codes:
                done, status = os.waitpid(-1, 0)
                codes[done] = os.waitstatus_to_exitcode(status)
            print(codes[pid], flush=True)
        else:
            print(fork(worker.VERBS[order.pop("verb")], order), flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
