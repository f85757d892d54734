"""The archive itself may lie about names, sizes and shapes, or be cut, or be no archive at all."""

from __future__ import annotations

import io
import json
import struct
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any
from zipfile import ZIP_BZIP2, ZIP_DEFLATED, ZipFile, ZipInfo

import numpy as np
import pytest
from scipy import sparse
from sklearn import linear_model, random_projection

from mlops_lab.errors import Corrupt, InvalidInput, LabError, NotFound
from mlops_lab.registry import archive
from mlops_lab.registry.flavors import FLAVORS
from mlops_lab.registry.package import FACTS, load_file, load_model, read_example, save_model


@pytest.fixture
def data(numbers: Any) -> bytes:
    """An honest file."""
    return FLAVORS["sklearn"].pack(linear_model.LogisticRegression().fit(*numbers)).data


def members_of(data: bytes) -> dict[str, bytes]:
    with ZipFile(io.BytesIO(data)) as unpacked:
        return {name: unpacked.read(name) for name in unpacked.namelist()}


def written(path: Path, members: dict[str, bytes], **more: Any) -> Path:
    with ZipFile(path, "w", ZIP_DEFLATED, **more) as packed:
        for name, content in members.items():
            packed.writestr(name, content)
    return path


def refusal(path: Path) -> str:
    with pytest.raises(Corrupt) as error:
        load_file(path)
    message = str(error.value)
    assert message.isprintable()
    return message


@pytest.mark.parametrize(
    "name",
    [
        "../evil.npy",
        "/etc/cron.d/evil",
        "a/b.npy",
        "..\\evil.npy",
        "C:evil.npy",
        "evil.py",
        "1.npy\x00.py",
        "\u202eypn.npy",
        "x" * 5_000 + ".npy",
        ".npy",
        "folder/",
    ],
)
def test_member_with_a_name_of_its_own_is_refused(name: str, data: bytes, tmp_path: Path) -> None:
    path = written(tmp_path / "model.skops", {**members_of(data), name: b"evil"})
    refusal(path)
    assert not (tmp_path.parent / "evil.npy").exists()


def test_bomb_is_refused_before_it_is_unpacked(
    data: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archive, "_EXPANDED_FLOOR", 4 * 2**20)
    path = written(tmp_path / "model.skops", {**members_of(data), "9.npy": b"\0" * 2**26})
    assert path.stat().st_size < 2**17
    assert "bomb" in refusal(path)


def test_bomb_that_lies_about_its_size_is_refused(data: bytes, tmp_path: Path) -> None:
    """The size that the archive states is smaller than what the stream holds."""
    path = written(tmp_path / "model.skops", {**members_of(data), "9.npy": b"\0" * 2**24})
    raw = path.read_bytes()
    lie = raw.replace(struct.pack("<I", 2**24), struct.pack("<I", 100))
    assert lie != raw
    path.write_bytes(lie)
    refusal(path)


def test_bomb_inside_of_a_sparse_matrix_is_refused(
    numbers: Any, write: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archive, "_EXPANDED_FLOOR", 4 * 2**20)

    def change(members: dict[str, bytes]) -> None:
        (name,) = [name for name in members if name.endswith(".npz")]
        buffer = io.BytesIO()
        with ZipFile(buffer, "w", ZIP_DEFLATED) as packed:
            for part, content in members_of(members[name]).items():
                packed.writestr(part, content + b"\0" * 2**24)
        members[name] = buffer.getvalue()

    model = random_projection.SparseRandomProjection(3).fit(numbers[0])
    assert "bomb" in refusal(write(model, change))


def test_strange_part_of_a_sparse_matrix_is_refused(
    numbers: Any, write: Callable[..., Path]
) -> None:
    def change(members: dict[str, bytes]) -> None:
        (name,) = [name for name in members if name.endswith(".npz")]
        buffer = io.BytesIO()
        with ZipFile(buffer, "w") as packed:
            for part, content in {**members_of(members[name]), "../x.npy": b"x"}.items():
                packed.writestr(part, content)
        members[name] = buffer.getvalue()

    refusal(write(random_projection.SparseRandomProjection(3).fit(numbers[0]), change))


def test_members_that_share_their_bytes_are_refused(data: bytes, tmp_path: Path) -> None:
    path = written(tmp_path / "model.skops", {**members_of(data), "8.npy": b"8", "9.npy": b"9"})
    raw = bytearray(path.read_bytes())
    # Let the directory's last entry point to the member before.
    first, last = raw.rindex(b"8.npy"), raw.rindex(b"9.npy")
    raw[last - 4 : last] = raw[first - 4 : first]
    path.write_bytes(bytes(raw))
    refusal(path)


def test_member_given_twice_is_refused(data: bytes, tmp_path: Path) -> None:
    path = tmp_path / "model.skops"
    members = members_of(data)
    name = next(name for name in members if name.endswith(".npy"))
    with ZipFile(path, "w") as packed:
        for member, content in members.items():
            packed.writestr(member, content)
        with pytest.warns(UserWarning, match="Duplicate name"):
            packed.writestr(name, members[name])
    assert "two members" in refusal(path)


def test_encrypted_and_strangely_packed_members_are_refused(data: bytes, tmp_path: Path) -> None:
    path = tmp_path / "model.skops"
    with ZipFile(path, "w") as packed:
        for name, content in members_of(data).items():
            packed.writestr(name, content, compress_type=ZIP_BZIP2)
    assert "packed" in refusal(path)
    raw = bytearray(data)
    at = raw.rindex(b"PK\x01\x02")
    raw[at + 8] |= 1
    path.write_bytes(bytes(raw))
    assert "encrypted" in refusal(path)


@pytest.mark.parametrize("share", [0.0, 0.01, 0.3, 0.7, 0.99])
def test_truncated_file_is_refused(share: float, data: bytes, tmp_path: Path) -> None:
    path = tmp_path / "model.skops"
    path.write_bytes(data[: int(len(data) * share)])
    message = refusal(path)
    assert ("empty" in message) == (share == 0.0)


def test_flipped_bytes_are_refused_or_harmless(data: bytes, tmp_path: Path) -> None:
    """The checksums of the archive see most of it; nothing else than ours is ever raised."""
    rng = np.random.default_rng(5)
    path = tmp_path / "model.skops"
    for at in rng.integers(0, len(data), 150):
        raw = bytearray(data)
        raw[at] ^= 1 << int(rng.integers(8))
        path.write_bytes(bytes(raw))
        with suppress(LabError):
            load_file(path)


def test_what_is_no_archive_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "model.skops"
    for content in (b"", b"PK", b"hello", b"\x80\x04.", b"PK\x05\x06" + b"\0" * 18, b"{}" * 500):
        path.write_bytes(content)
        refusal(path)


def test_missing_file_and_folder_are_named(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match=r"nothing\.skops"):
        load_file(tmp_path / "nothing.skops")
    with pytest.raises(NotFound, match=FACTS):
        load_model(tmp_path)


@pytest.mark.parametrize(
    ("schema", "said"),
    [
        (b"", "no JSON"),
        (b"{", "no JSON"),
        (b"[]", "no object|not an object"),
        (b"null", "not an object"),
        (b"\xff\xfe", "no JSON"),
        (b"[" * 100_000, "nested deeper"),
        (b'{"a":' * 100_000 + b"1" + b"}" * 100_000, "nested deeper"),
        (b'{"protocol": 2}', "does not say how to load"),
        (b'{"protocol": 2, "__loader__": "ListNode"}', "without a type"),
        (b'{"protocol": 2, "__loader__": 5}', "does not say how to load"),
        (b'{"protocol": 2, "__loader__": "JsonNode", "content": "[1]"}', "scalar"),
        (b'{"protocol": 2, "__loader__": "JsonNode", "content": 7}', "scalar"),
    ],
)
def test_schema_that_is_none_is_refused(
    schema: bytes, said: str, data: bytes, tmp_path: Path
) -> None:
    path = written(tmp_path / "model.skops", {**members_of(data), "schema.json": schema})
    with pytest.raises(Corrupt, match=said):
        load_file(path)


def test_schema_nested_within_the_limit_of_json_is_refused_by_its_nodes(
    data: bytes, tmp_path: Path
) -> None:
    node: dict[str, Any] = {"__loader__": "JsonNode", "content": "1"}
    kind = {"__class__": "list", "__module__": "builtins", "__loader__": "ListNode"}
    for _ in range(250):
        node = {**kind, "content": [node]}
    content = json.dumps({**node, "protocol": 2}).encode()
    path = written(tmp_path / "model.skops", {"schema.json": content})
    with pytest.raises(Corrupt, match="nested deeper"):
        load_file(path)


def test_brackets_in_texts_are_no_depth(write: Callable[..., Path]) -> None:
    from sklearn.feature_extraction.text import CountVectorizer

    model = CountVectorizer(vocabulary={"[" * 2_000: 0, '"{\\': 1})
    assert load_file(write(model)).vocabulary == {"[" * 2_000: 0, '"{\\': 1}


def test_missing_and_left_over_members_are_named(data: bytes, tmp_path: Path) -> None:
    members = members_of(data)
    path = written(tmp_path / "model.skops", {**members, "77.npy": b"x"})
    assert "77.npy" in refusal(path)
    first = next(name for name in members if name.endswith(".npy"))
    del members[first]
    assert first in refusal(written(tmp_path / "model.skops", members))
    del members["schema.json"]
    assert "schema.json" in refusal(written(tmp_path / "model.skops", members))


def npy(header: str, data: bytes = b"", version: tuple[int, int] = (1, 0)) -> bytes:
    text = header.encode("latin1") + b"\n"
    length = struct.pack("<H" if version == (1, 0) else "<I", len(text))
    return b"\x93NUMPY" + bytes(version) + length + text + data


@pytest.mark.parametrize(
    "array",
    [
        b"",
        b"PK\x03\x04 an archive in the place of an array",
        b"\x80\x04\x95 a pickle in the place of an array",
        npy("{'descr': '<f8', 'fortran_order': False, 'shape': (1000000000000,)}"),
        npy("{'descr': '<f8', 'fortran_order': False, 'shape': (-1,)}", b"12345678"),
        npy("{'descr': '<f8', 'fortran_order': False, 'shape': (3,)}", b"12345678"),
        npy("{'descr': '|O', 'fortran_order': False, 'shape': (1,)}", b"\x80\x04."),
        npy("{'descr': [('a', '|O')], 'fortran_order': False, 'shape': (1,)}", b"\x80\x04."),
        npy("{'descr': '|V8', 'fortran_order': False, 'shape': (1,)}", b"12345678"),
        npy("__import__('os').system('true')", b""),
        npy("{'descr': '<f8', 'fortran_order': False}", b"12345678"),
        npy("{" + "'a'," * 5_000 + "}", b""),
        npy("(" * 3_000, b""),
        npy("{'descr': '<f8', 'fortran_order': False, 'shape': (1,)}", b"12345678", (3, 0)),
        npy("{'descr': '<f8', 'fortran_order': False, 'shape': (1,)}", b"12345678", (9, 9)),
    ],
)
def test_array_that_is_none_is_refused(array: bytes, data: bytes, tmp_path: Path) -> None:
    members = members_of(data)
    first = next(name for name in members if name.endswith(".npy"))
    refusal(written(tmp_path / "model.skops", {**members, first: array}))


def test_sparse_coefficients_of_mostly_zeros_are_no_bomb(tmp_path: Path) -> None:
    """Honest arrays may shrink a thousandfold: they are kept so that they do not look like one."""
    model = linear_model.LogisticRegression().fit([[0.0], [1.0]], [0, 1])
    model.coef_ = np.zeros((1, 3 * 2**20))
    model.coef_[0, 5] = 1.0
    facts = save_model(model, tmp_path)
    assert (load_model(tmp_path).coef_ == model.coef_).all()
    assert facts.size_bytes > 2**20


def test_zip64_and_other_dates_are_read(data: bytes, tmp_path: Path) -> None:
    path = tmp_path / "model.skops"
    with ZipFile(path, "w") as packed:
        for name, content in members_of(data).items():
            with packed.open(ZipInfo(name, (2026, 1, 2, 3, 4, 6)), "w", force_zip64=True) as file:
                file.write(content)
    assert load_file(path).classes_.tolist() == [0, 1, 2]


def test_file_that_skops_itself_wrote_is_read(numbers: Any, tmp_path: Path) -> None:
    import skops.io

    model = linear_model.LogisticRegression().fit(sparse.csr_matrix(numbers[0]), numbers[1])
    skops.io.dump(model, tmp_path / "plain.skops")
    again = load_file(tmp_path / "plain.skops")
    assert (again.coef_ == model.coef_).all()


# ---------------------------------------------------------------------- the folder around it


@pytest.fixture
def folder(tmp_path: Path, numbers: Any) -> Path:
    model = linear_model.LogisticRegression().fit(*numbers)
    save_model(model, tmp_path / "package", example=numbers[0])
    return tmp_path / "package"


@pytest.mark.parametrize(
    "facts",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b"5",
        b"{}",
        b'{"flavor": "evil", "size_bytes": 1}',
        b'{"flavor": ["sklearn"], "size_bytes": 1}',
        b'{"flavor": "sklearn"}',
        b'{"flavor": "sklearn", "size_bytes": "many"}',
        b'{"flavor": "sklearn", "size_bytes": Infinity}',
        b'{"flavor": "sklearn", "size_bytes": 1, "signature": [1]}',
        b"[" * 100_000,
        b"\xff\xfe\x00",
    ],
)
def test_facts_that_are_none_are_refused(facts: bytes, folder: Path) -> None:
    (folder / FACTS).write_bytes(facts)
    with pytest.raises(Corrupt, match=r"model\.json|signature"):
        load_model(folder)


@pytest.mark.parametrize(
    "example",
    [
        b"",
        b"{}",
        b"[1]",
        b'{"kind": "frame", "columns": ["a"], "types": ["os.system"], "rows": 5}',
        b'{"kind": "array", "columns": ["0"], "types": ["O"], "shape": [null, 9], "rows": [[1]]}',
        b'{"kind": "array", "columns": ["0"], "types": ["f8"], "shape": [null, 1e99], "rows": []}',
        b'{"kind": "array", "columns": ["0"], "types": ["(2,"], "shape": [null], "rows": [[1]]}',
        b'{"kind": "frame", "columns": ["a", "b"], "types": ["int64"], "rows": [[1]]}',
        b'{"kind": "frame", "columns": ["a"], "types": ["int64"], "rows": [["x"]]}',
        b'{"kind": "frame", "columns": ["a"], "types": ["int64", "float64"], "rows": [[1]]}',
    ],
)
def test_example_that_is_none_is_refused(example: bytes, folder: Path) -> None:
    (folder / "input_example.json").write_bytes(example)
    with pytest.raises(Corrupt):
        read_example(folder)


def test_example_that_claims_long_texts_takes_no_room_for_them(folder: Path) -> None:
    facts = {"kind": "array", "columns": ["0"], "types": ["<U400000000"], "shape": [None]}
    (folder / "input_example.json").write_text(json.dumps({**facts, "rows": [["late"]]}))
    assert read_example(folder).nbytes == 16


def test_checksum_of_the_archive_is_looked_at(data: bytes, tmp_path: Path) -> None:
    members = members_of(data)
    name = next(name for name in members if name.endswith(".npy"))
    path = tmp_path / "model.skops"
    with ZipFile(path, "w") as packed:
        for member, content in members.items():
            packed.writestr(member, content)
    raw = bytearray(path.read_bytes())
    at = raw.index(members[name]) + len(members[name]) - 1
    raw[at] ^= 1
    path.write_bytes(bytes(raw))
    refusal(path)


def test_model_that_is_not_fitted_for_its_example_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="does not take the example"):
        save_model(linear_model.LogisticRegression(), tmp_path / "new", example=[[1.0]])
    assert not (tmp_path / "new").exists()
