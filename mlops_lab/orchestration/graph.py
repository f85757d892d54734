"""The order of steps, from who needs whose outputs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

__all__ = ["find_cycle", "order"]


def order(needs: Mapping[str, Iterable[str]]) -> list[str]:
    """Every step after those it needs; among free ones, in the order of the mapping.

    Parameters
    ----------
    needs
        For each step the steps whose outputs it takes, all of them keys, without a cycle.

    Examples
    --------
    >>> order({"evaluate": ["train"], "train": ["prepare"], "prepare": []})
    ['prepare', 'train', 'evaluate']
    """
    done: dict[str, None] = {}
    waiting = {step: set(needed) for step, needed in needs.items()}
    while waiting:
        free = next((step for step, needed in waiting.items() if needed <= done.keys()), None)
        if free is None:
            raise ValueError(f"a cycle among {sorted(waiting)}")
        done[free] = None
        del waiting[free]
    return list(done)


def find_cycle(needs: Mapping[str, Iterable[str]]) -> list[str] | None:
    """A cycle as its steps in order, the first one again at the end; None without one.

    >>> find_cycle({"a": ["b"], "b": ["c"], "c": ["b"]})
    ['b', 'c', 'b']
    """
    clean: set[str] = set()
    for start in needs:
        # Depth first without recursion: a chain of a thousand steps is a legal pipeline.
        path: list[str] = []
        stack: list[tuple[str, bool]] = [(start, False)]
        while stack:
            step, leaving = stack.pop()
            if leaving:
                clean.add(path.pop())
                continue
            if step in path:
                return [*path[path.index(step) :], step]
            if step in clean or step not in needs:
                continue
            path.append(step)
            stack.append((step, True))
            stack.extend((needed, False) for needed in needs[step])
    return None
