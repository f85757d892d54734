"""kserve's own client asks an endpoint: rows from a file, answers to stdout.

    python kserve_client.py URL TOKEN MODEL ROWS.json

Runs in build/peers-kserve. ROWS has a list for each column; what comes out has the answers that
tensors as JSON got and those that tensors as bytes got, and how an error is told.
"""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
from kserve import InferenceRESTClient, InferInput, InferRequest, RESTConfig
from kserve.protocol.infer_type import RequestedOutput


def tensors(columns: dict[str, list[Any]], *, binary: bool) -> list[InferInput]:
    made = []
    for name, values in columns.items():
        text = isinstance(values[0], str)
        tensor = InferInput(name, [len(values)], "BYTES" if text else "FP64")
        array = np.array(values, dtype=object if text else np.float64)
        tensor.set_data_from_numpy(array, binary_data=binary)
        made.append(tensor)
    return made


async def main(url: str, token: str, model: str, columns: dict[str, Any]) -> dict[str, Any]:
    client = InferenceRESTClient(RESTConfig(protocol="v2"))
    headers = {"Authorization": f"Bearer {token}"}
    told: dict[str, Any] = {
        "live": await client.is_server_live(url, headers=headers),
        "ready": await client.is_server_ready(url, headers=headers),
        "model_ready": await client.is_model_ready(url, model, headers=headers),
    }
    for form in ("json", "bytes"):
        binary = form == "bytes"
        request = InferRequest(
            model,
            tensors(columns, binary=binary),
            request_id=form,
            request_outputs=[
                RequestedOutput(name, {"binary_data": binary})
                for name in ("probability", "prediction")
            ],
        )
        answer = await client.infer(url, request, model_name=model, headers=dict(headers))
        outputs = {one.name: one.as_numpy() for one in answer.outputs}
        told[form] = {
            "id": answer.id,
            "version": answer.model_version,
            "probability": outputs["probability"].tolist(),
            "prediction": outputs["prediction"].tolist(),
        }
    wrong = InferRequest(model, tensors({"x0": ["warm"]}, binary=True))
    try:
        await client.infer(url, wrong, model_name=model, headers=dict(headers))
    except Exception as error:
        told["error"] = str(error)
    await client.close()
    return told


if __name__ == "__main__":
    url, token, model, rows = sys.argv[1:]
    print(json.dumps(asyncio.run(main(url, token, model, json.loads(Path(rows).read_text())))))
