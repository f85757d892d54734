"""A JupyterLab of our own for a browser to look at: isolated, with this tree's extension."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, Response

ROOT = Path(__file__).parents[2]
CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    # Nothing but our own server resolves: a page that needs a CDN fails here.
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
]


@dataclass(frozen=True, slots=True)
class Lab:
    """A running server: its address, its token, and the folder that it serves."""

    url: str
    token: str
    root: Path

    def call(self, path: str, body: Any = None, method: str | None = None) -> Any:
        """Ask the server; JSON in, JSON out."""
        request = urllib.request.Request(
            self.url + path,
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": f"token {self.token}"},
        )
        with urllib.request.urlopen(request, timeout=30) as response:
            return json.loads(response.read() or "null")


def set_width(page: Page, width: int) -> None:
    """Drag the sidebar's edge."""
    handle = page.locator("#jp-main-split-panel > .lm-SplitPanel-handle").first.bounding_box()
    sidebar = page.locator("#mlops-lab-sidebar").bounding_box()
    assert handle is not None
    assert sidebar is not None
    x, y = handle["x"] + handle["width"] / 2, handle["y"] + handle["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + width - sidebar["width"], y, steps=4)
    page.mouse.up()
    page.mouse.move(x + 500, y)  # away from the list, which moves no row under the pointer


def saved(what: str) -> Callable[[Response], bool]:
    """Whether an answer says that the layout is kept, and a text is in it."""

    def is_it(response: Response) -> bool:
        sent = response.request
        kept = sent.method == "PUT" and "/api/workspaces" in sent.url
        return kept and what in (sent.post_data or "").replace(" ", "")

    return is_it


@contextmanager
def jupyterlab(home: Path, root: Path) -> Iterator[Lab]:
    """Serve ``root`` with settings, kernels and layouts that live in ``home`` only."""
    _quiet(home / "settings")
    _link_extension(home / "data")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    lab = Lab(f"http://127.0.0.1:{port}", secrets.token_hex(16), root)
    environment = os.environ | {
        "HOME": str(home),
        "JUPYTER_CONFIG_DIR": str(home / "config"),
        "JUPYTER_DATA_DIR": str(home / "data"),
        # Else what is installed in the environment would come before this tree's build.
        "JUPYTER_PREFER_ENV_PATH": "0",
        "JUPYTER_RUNTIME_DIR": str(home / "runtime"),
        "IPYTHONDIR": str(home / "ipython"),
        "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]),
    }
    environment.pop("MLOPS_LAB_PROJECT", None)
    command = [
        *(sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root"),
        "--ServerApp.ip=127.0.0.1",
        f"--ServerApp.port={port}",
        "--ServerApp.port_retries=0",
        f"--ServerApp.root_dir={root}",
        "--ServerApp.jpserver_extensions={'mlops_lab': True}",
        f"--IdentityProvider.token={lab.token}",
        "--LabApp.expose_app_in_browser=True",
        f"--LabApp.user_settings_dir={home / 'settings'}",
        f"--LabApp.workspaces_dir={home / 'workspaces'}",
    ]
    log = home / "server.log"
    with log.open("w") as out:
        server = subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT, env=environment)
    try:
        _wait(lab, server, log)
        yield lab
    finally:
        server.terminate()
        try:
            server.wait(30)
        except subprocess.TimeoutExpired:
            server.kill()


def _quiet(settings: Path) -> None:
    """Ask for no news and no updates: they would lie over what is looked at."""
    news = settings / "@jupyterlab/apputils-extension/notification.jupyterlab-settings"
    news.parent.mkdir(parents=True, exist_ok=True)
    news.write_text('{"fetchNews": "false", "checkForUpdates": false, "doNotDisturbMode": false}')


def _link_extension(data: Path) -> None:
    """Show this tree's build, whatever is installed."""
    built = ROOT / "mlops_lab" / "_labextension"
    if not (built / "package.json").is_file():
        raise RuntimeError("the front end is not built: npm run build")
    link = data / "labextensions" / "mlops-lab"
    link.parent.mkdir(parents=True, exist_ok=True)
    link.symlink_to(built, target_is_directory=True)


def _wait(lab: Lab, server: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 120
    while True:
        try:
            lab.call("/api/status")
            return
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            if server.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(
                    f"JupyterLab did not start:\n{log.read_text()[-4000:]}"
                ) from None
            time.sleep(0.2)
