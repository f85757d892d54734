"""A folder that answers with onnxruntime alone: no scikit-learn, no MLOps Lab."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any, Final

from mlops_lab.errors import Refused
from mlops_lab.registry.package import read_example
from mlops_lab.serving.backends.converting import REPORT
from mlops_lab.serving.backends.onnx import GRAPH, LAYOUT
from mlops_lab.serving.package.target import Content, json_text

__all__ = ["OnnxTarget"]

_HERE: Final = Path(__file__).parent
_OURS: Final = "mlops_lab.serving.backends.tensors"
_PACKAGES: Final = ("numpy", "onnxruntime")


class OnnxTarget:
    """The converted form, the proof of it, and a file that uses it."""

    name = "onnx"

    def write(self, content: Content, folder: Path) -> None:
        """Write the form, with everything that it takes to use it."""
        if content.form is None:
            raise Refused(f"{content.ref} is not packaged as ONNX. {content.why}")
        for name in (GRAPH, LAYOUT, REPORT):
            shutil.copyfile(content.form / name, folder / name)
        # What is copied must find its neighbour, and not us.
        program = (_HERE / "predict.py").read_text("utf-8").replace(_OURS, "tensors")
        (folder / "predict.py").write_text(program, "utf-8")
        tensors = _HERE.parent / "backends" / "tensors.py"
        (folder / "tensors.py").write_text(tensors.read_text("utf-8"), "utf-8")
        (folder / "about.json").write_text(json_text(content.about()), "utf-8")
        rows = json.dumps(_rows(content.folder), indent=1, ensure_ascii=False)
        (folder / "rows.json").write_text(rows + "\n", "utf-8")
        (folder / "requirements.txt").write_text(_requirements(), "utf-8")
        (folder / "README.md").write_text(_read_me(content).rstrip() + "\n", "utf-8")


def _rows(package: Path) -> Any:
    """The input example as `predict.py` takes it."""
    example = read_example(package)
    if hasattr(example, "columns"):
        return json.loads(example.to_json(orient="records", date_format="iso"))
    return [[None if value != value else value for value in row] for row in example.tolist()]


def _requirements() -> str:
    from importlib.metadata import version

    return "".join(f"{name}=={version(name)}\n" for name in _PACKAGES)


def _read_me(content: Content) -> str:
    report = content.report
    assert report is not None
    rules = "".join(f"- {line}\n" for line in report.elsewhere)
    refused = rules.replace("are answered by scikit-learn", "are refused here")
    return f"""# {content.ref} in ONNX

{content.why}

    pip install -r requirements.txt
    python predict.py

| file | what it is |
|---|---|
| model.onnx | the model, for onnxruntime and every server that speaks ONNX |
| onnx.json | what its tensors are called and hold, and which values it was proved on |
| parity.json | the comparison with the original: rows, differences, times, versions |
| predict.py, tensors.py | rows to answers, in Python |
| rows.json | example rows |
| about.json | the model's name, version, content ({content.digest}) and signature |

A missing text is sent as the text that onnx.json calls `absent`, a missing number as NaN.

{refused}"""
