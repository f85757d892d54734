from __future__ import annotations

from pathlib import Path

import pytest

from mlops_lab.errors import InvalidInput, NotFound
from mlops_lab.server.paths import confined_file, contents_folder, contents_path, relative


@pytest.mark.parametrize(
    "path", ["../x", "a/../../x", "/etc/passwd", "a\\..\\b", "a\0b", "a\nb", "..", "a/..", "\ud800"]
)
def test_refuses_what_leaves_the_project(path: str) -> None:
    with pytest.raises(InvalidInput):
        relative(path)


@pytest.mark.parametrize("path", ["a" * 256, "ü" * 200, "a/" * 2000, "b/" + "a" * 3000 + "/c"])
def test_refuses_what_no_file_system_takes(tmp_path: Path, path: str) -> None:
    for read in (confined_file, contents_folder):
        with pytest.raises(InvalidInput, match="Longer than a path can be") as caught:
            read(tmp_path, path)
        assert len(str(caught.value)) < 200


@pytest.mark.parametrize("path", ["a/b.yaml", "%2e%2e/x", "..a/b", "a b'[1]*{x}/ü.ipynb", "..."])
def test_takes_odd_names_as_they_are(path: str) -> None:
    assert relative(path).as_posix() == path


def test_a_link_out_of_the_project_is_refused(tmp_path: Path) -> None:
    project = tmp_path / "project"
    project.mkdir()
    secret = tmp_path / "secret.yaml"
    secret.write_text("steps: {}")
    (project / "link.yaml").symlink_to(secret)
    (project / "folder").symlink_to(tmp_path)
    for path in ("link.yaml", "folder/secret.yaml"):
        with pytest.raises(InvalidInput):
            confined_file(project, path)


def test_a_link_inside_the_project_is_followed(tmp_path: Path) -> None:
    (tmp_path / "real.yaml").write_text("steps: {}")
    (tmp_path / "link.yaml").symlink_to("real.yaml")
    assert confined_file(tmp_path, "link.yaml") == (tmp_path / "real.yaml").resolve()


def test_a_missing_file_or_a_folder_is_not_found(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    for path in ("nothing.yaml", "folder"):
        with pytest.raises(NotFound):
            confined_file(tmp_path, path)


def test_the_folder_of_a_contents_path_is_the_nearest_that_exists(tmp_path: Path) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "note.ipynb").touch()
    assert contents_folder(tmp_path, "a/b") == tmp_path / "a" / "b"
    assert contents_folder(tmp_path, "/a/note.ipynb") == tmp_path / "a"
    assert contents_folder(tmp_path, "a/gone/deep/x.ipynb") == tmp_path / "a"
    assert contents_folder(tmp_path, "") == tmp_path


def test_a_contents_path_is_relative_to_the_server_s_root(tmp_path: Path) -> None:
    (tmp_path / "root" / "deep").mkdir(parents=True)
    root = tmp_path / "root"
    assert contents_path(root, root / "deep") == "deep"
    assert contents_path(root, root) == ""
    assert contents_path(root, tmp_path) is None
