"""Trees: a folder has one way to be written, and nobody unpacks one that lies."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlops_lab.errors import Corrupt
from mlops_lab.store import Tree, TreeEntry
from mlops_lab.store.tree import MAGIC

DIGEST = "b3-" + "a" * 64

_NAMES = st.text(
    st.characters(blacklist_categories=("Cs",), blacklist_characters="/\0\n\r"), min_size=1
).filter(lambda name: name not in (".", ".."))
_PATHS = st.lists(_NAMES, min_size=1, max_size=4).map("/".join)


@given(paths=st.sets(_PATHS, max_size=20), size=st.integers(0, 2**60))
def test_what_is_written_is_read_whatever_the_order(paths: set[str], size: int) -> None:
    folders = {path.rsplit("/", n)[0] for path in paths for n in range(1, path.count("/") + 1)}
    entries = [TreeEntry(path, DIGEST, size) for path in paths - folders]
    tree = Tree.of(entries)
    assert Tree.of(reversed(entries)).digest == tree.digest
    assert Tree.from_bytes(tree.to_bytes()) == tree
    assert tree.size_bytes == size * len(entries)


def test_the_digest_is_that_of_its_bytes() -> None:
    from blake3 import blake3

    tree = Tree.of([TreeEntry("b", DIGEST, 2), TreeEntry("a/c", DIGEST, 1)])
    assert [entry.path for entry in tree.entries] == ["a/c", "b"]
    assert tree.digest == f"b3-{blake3(tree.to_bytes()).hexdigest()}"


@pytest.mark.parametrize(
    "listed",
    [
        '[["../x","D",1]]',
        '[["/x","D",1]]',
        '[["a/../x","D",1]]',
        '[["a/..","D",1]]',
        '[["a//x","D",1]]',
        '[["./x","D",1]]',
        '[["","D",1]]',
        '[["a/","D",1]]',
        '[["//x","D",1]]',
        '[["a\\u0000b","D",1]]',
        '[["a\\nb","D",1]]',
        '[["x","b3-short",1]]',
        '[["x","D",-1]]',
        '[["x","D",1.5]]',
        '[["x","D",true]]',
        '[["x","D"]]',
        '[["x","D",1,2]]',
        '[[1,"D",1]]',
        '[["x",1,1]]',
        '{"x":1}',
        "[1]",
        "7",
        "null",
        "not json",
        "",
        '[["a","D",1]',
        '[["b","D",1],["a","D",1]]',
        '[["a","D",1],["a","D",1]]',
        '[["a","D",1],["a/b","D",1]]',
        '[["a","D",1],["a/b/c","D",1]]',
        "[" * 50_000,
    ],
)
def test_a_tree_that_lies_is_refused(listed: str) -> None:
    with pytest.raises(Corrupt):
        Tree.from_bytes(MAGIC + listed.replace("D", DIGEST).encode())


@pytest.mark.parametrize("data", [b"", b"PAR1", MAGIC[:-2], b"\xff" * 100, MAGIC + b"\xff\n"])
def test_what_is_no_tree_is_refused(data: bytes) -> None:
    with pytest.raises(Corrupt):
        Tree.from_bytes(data)


def test_an_empty_tree_is_one() -> None:
    assert Tree.from_bytes(Tree(()).to_bytes()) == Tree(())
