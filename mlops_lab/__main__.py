"""``python -m mlops_lab`` is the command line; detached work starts this."""

from __future__ import annotations

from mlops_lab.cli import main

if __name__ == "__main__":
    main()
