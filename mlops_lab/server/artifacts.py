"""Routes of artifacts: lists, bytes that no browser runs, previews of tables."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import quote

from jupyter_server.auth.decorator import authorized
from pydantic import Field
from tornado.iostream import StreamClosedError
from tornado.web import HTTPError, authenticated

from mlops_lab.errors import NotFound
from mlops_lab.project import Project
from mlops_lab.server.encode import time_text
from mlops_lab.server.handler import LabHandler, Query, needs
from mlops_lab.server.paths import relative
from mlops_lab.server.preview import MAX_ROWS, preview
from mlops_lab.store.objects import Objects
from mlops_lab.tracking.records import ArtifactRecord

__all__ = ["ROUTES"]

CHUNK_BYTES = 256 * 1024
# Whoever opens the address itself gets a download in an origin of its own, without scripts.
SANDBOX = "sandbox; default-src 'none'; frame-ancestors 'self'"


class _UnderQuery(Query):
    under: str = ""


class _RowsQuery(Query):
    rows: int = Field(default=100, ge=0, le=MAX_ROWS)


class Artifacts(LabHandler):
    """``/projects/{key}/runs/{run_id}/artifacts``."""

    permissions = needs(get="runs:read")

    @authenticated
    @authorized
    async def get(self, key: str, run_id: str) -> None:
        """List the artifacts below a folder, and the folders there."""
        under = self.query(_UnderQuery).under.strip("/")
        folder = relative(under).as_posix() if under else ""
        await self.answer(key, lambda project: _list(project, run_id, folder))


class Artifact(LabHandler):
    """``/projects/{key}/runs/{run_id}/artifacts/{path}``."""

    permissions = needs(get="runs:read")

    @authenticated
    @authorized
    async def get(self, key: str, run_id: str, path: str) -> None:
        """Send the bytes, or one range of them, as they are kept."""
        known = await self.known(key)
        record = await self.services.in_thread(lambda: _find(known.project, run_id, path))
        etag = f'"{record.digest}"'
        self._describe(record, etag)
        if self.check_etag_header():
            self.set_status(304)
            return
        objects = known.project.store.objects
        file = await self.services.in_thread(lambda: _bytes_of(objects, record).open("rb"))
        try:
            start, end = self._range(record.size)
            self.set_header("Content-Length", str(end - start))
            await self._stream(file, start, end)
        finally:
            file.close()

    def _describe(self, record: ArtifactRecord, etag: str) -> None:
        name = record.path.rpartition("/")[2]
        self.set_header("Content-Type", "application/octet-stream")
        self.set_header("X-Content-Type-Options", "nosniff")
        self.set_header("Content-Security-Policy", SANDBOX)
        self.set_header("Cross-Origin-Resource-Policy", "same-origin")
        quoted = quote(name, safe="")
        self.set_header("Content-Disposition", f"attachment; filename*=UTF-8''{quoted}")
        self.set_header("Cache-Control", "private, no-cache")
        self.set_header("Accept-Ranges", "bytes")
        self.set_header("Etag", etag)

    def _range(self, size: int) -> tuple[int, int]:
        """The bytes that are asked for; several ranges at once get the whole, as HTTP allows."""
        asked = re.fullmatch(r"bytes=(\d*)-(\d*)", self.request.headers.get("Range", ""))
        if asked is None or asked.groups() == ("", ""):
            return 0, size
        first, last = asked.groups()
        start = int(first) if first else max(0, size - int(last))
        end = min(size, int(last) + 1) if first and last else size
        if start >= size or start >= end:
            self.set_header("Content-Range", f"bytes */{size}")
            raise HTTPError(416, "The artifact has %d bytes.", size)
        self.set_status(206)
        self.set_header("Content-Range", f"bytes {start}-{end - 1}/{size}")
        return start, end

    async def _stream(self, file: BinaryIO, start: int, end: int) -> None:
        await self.services.in_thread(lambda: file.seek(start))
        left = end - start
        while left > 0:
            size = min(left, CHUNK_BYTES)
            chunk = await self.services.in_thread(lambda size=size: file.read(size))  # type: ignore[misc]
            if not chunk:
                break
            left -= len(chunk)
            self.write(chunk)
            try:
                # Waits until the client has taken it: a large artifact never fills the memory.
                await self.flush()
            except StreamClosedError:
                return
        await self.finish(set_content_type="application/octet-stream")


class Preview(LabHandler):
    """``/projects/{key}/runs/{run_id}/previews/{path}``."""

    permissions = needs(get="runs:read")

    @authenticated
    @authorized
    async def get(self, key: str, run_id: str, path: str) -> None:
        """Give the first rows of a table."""
        rows = self.query(_RowsQuery).rows
        await self.answer(key, lambda project: _preview(project, run_id, path, rows))


def _list(project: Project, run_id: str, folder: str) -> dict[str, Any]:
    record = project.runs.get(run_id)
    found = project.runs.artifacts(record.id, folder)
    depth = len(folder.split("/")) if folder else 0
    parents = (one.path.split("/")[: depth + 1] for one in found if one.path.count("/") > depth)
    return {
        "artifacts": [
            {
                "path": one.path,
                "kind": one.kind,
                "media_type": one.media,
                "size_bytes": one.size,
                "digest": one.digest,
                "created_at": time_text(one.created_at),
            }
            for one in found
        ],
        "folders": sorted({"/".join(parts) for parts in parents}),
    }


def _find(project: Project, run_id: str, path: str) -> ArtifactRecord:
    """The artifact of this very path: it is looked up, never followed through the file system."""
    wanted = relative(path).as_posix()
    record = project.runs.get(run_id)
    for artifact in project.runs.artifacts(record.id, wanted):
        if artifact.path == wanted:
            return artifact
    raise NotFound(f"{record.name} has no artifact {path!r}.")


def _bytes_of(objects: Objects, record: ArtifactRecord) -> Path:
    path = objects.path(record.digest)
    if path.is_symlink() or not path.is_file():
        raise NotFound(f"The bytes of {record.path!r} are not in the store any more.")
    return path


def _preview(project: Project, run_id: str, path: str, rows: int) -> dict[str, Any]:
    record = _find(project, run_id, path)
    return preview(_bytes_of(project.store.objects, record), record.path, rows=rows)


ROUTES = [
    (r"/runs/([^/]+)/artifacts", Artifacts),
    (r"/runs/([^/]+)/artifacts/(.+)", Artifact),
    (r"/runs/([^/]+)/previews/(.+)", Preview),
]
