"""A folder that `docker build` makes an image of, which answers as an endpoint does."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path
from typing import Final

from mlops_lab.errors import Refused
from mlops_lab.serving.package.target import (
    ABOUT,
    FORMS,
    MODEL,
    Content,
    copy_files,
    json_text,
)

__all__ = ["DockerTarget"]

_PORT: Final = 8080


class DockerTarget:
    """The package, its form, and the recipe of an image."""

    name = "docker"

    def write(self, content: Content, folder: Path) -> None:
        """Write what an image is built from."""
        if content.facts.unsafe:
            raise Refused(
                f"{content.ref} is a pickle: an image that runs whatever code is in it is not "
                "made. Keep the model safely: run.log_model(model) without unsafe=True."
            )
        app = folder / "app"
        copy_files(content.folder, app / MODEL)
        (app / FORMS).mkdir()
        if content.form is not None:
            copy_files(content.form, app / FORMS / content.form.name)
        (app / ABOUT).write_text(json_text(content.about()), "utf-8")
        wheels = folder / "wheels"
        wheels.mkdir()
        (wheels / "README.md").write_text(_WHEELS, "utf-8")
        (folder / "requirements.txt").write_text(_requirements(content), "utf-8")
        python = ".".join(content.facts.versions.get("python", "3.11").split(".")[:2])
        (folder / "Dockerfile").write_text(_DOCKERFILE.format(python=python, port=_PORT), "utf-8")
        (folder / ".dockerignore").write_text("README.md\n", "utf-8")
        (folder / "README.md").write_text(_read_me(content), "utf-8")


def _requirements(content: Content) -> str:
    """The versions that the model was made with, and those that its form was proved with."""
    wanted = {"mlops-lab": version("mlops-lab")}
    wanted |= {name: found for name, found in content.facts.versions.items() if name != "python"}
    if content.form is not None:
        wanted["onnxruntime"] = version("onnxruntime")
    return "".join(f"{name}=={found}\n" for name, found in wanted.items())


_WHEELS: Final = "Wheels that pip takes before it asks an index, such as one of mlops-lab itself.\n"

_DOCKERFILE: Final = """\
FROM python:{python}-slim

ENV PYTHONUNBUFFERED=1 PIP_NO_CACHE_DIR=1 OMP_NUM_THREADS=1

# Changes with the versions alone: a new model of the same kind is a small layer on top.
COPY requirements.txt /build/
COPY wheels /build/wheels
RUN pip install --find-links /build/wheels -r /build/requirements.txt && rm -r /build

RUN useradd --create-home --uid 10001 serving && install -d -o serving /data
COPY --chown=root:root app /app
USER serving

# Predictions are logged here.
VOLUME /data
EXPOSE {port}
HEALTHCHECK --start-period=30s --interval=10s --timeout=5s CMD ["python", "-c", \\
  "from urllib.request import urlopen; urlopen('http://127.0.0.1:{port}/v2/health/ready')"]

# Clients send the token in MLOPS_LAB_TOKEN, or in the file that MLOPS_LAB_TOKEN_FILE names.
ENTRYPOINT ["python", "-P", "-m", "mlops_lab.serving.package.serve", "/app", "--data", "/data"]
CMD ["--host", "0.0.0.0", "--port", "{port}", "--workers", "1"]
"""


def _read_me(content: Content) -> str:
    tag = f"{content.model}:{content.version}"
    return f"""# {content.ref} in a container

{content.why}

    docker build -t {tag} .
    docker run -p {_PORT}:{_PORT} -e MLOPS_LAB_TOKEN=… -v predictions:/data {tag}

It answers Open Inference Protocol v2 at `/v2/models/{content.model}/infer` and rows at `/predict`:

    curl -H "Authorization: Bearer $MLOPS_LAB_TOKEN" -H "Content-Type: application/json" \\
      http://127.0.0.1:{_PORT}/v2/models/{content.model}

`/v2/health/live`, `/v2/health/ready` need no token. Predictions are logged below `/data`.
Before it answers, the files in `app/model` are compared with {content.digest}: others are not
served. `mlops-lab` is taken from `wheels/` if it is there (`make dist` builds one), else from the
index that pip uses.
"""
