"""The command line: ``mlops-lab NOUN VERB``, one module per noun, loaded when it is asked for."""

from __future__ import annotations

from mlops_lab.cli.app import main

__all__ = ["main"]
