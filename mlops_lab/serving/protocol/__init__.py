"""The Open Inference Protocol, version 2, over HTTP: requests in, answers out, errors in its words.

Beside it what people write by hand is taken, pandas' split and records, and answered likewise.
"""

from mlops_lab.serving.protocol.answers import encode, prediction_ids, respond
from mlops_lab.serving.protocol.fault import ProtocolError
from mlops_lab.serving.protocol.metadata import model_metadata, server_metadata
from mlops_lab.serving.protocol.request import PREDICTION_ID, Request, Wanted
from mlops_lab.serving.protocol.requests import parse

__all__ = [
    "PREDICTION_ID",
    "ProtocolError",
    "Request",
    "Wanted",
    "encode",
    "model_metadata",
    "parse",
    "prediction_ids",
    "respond",
    "server_metadata",
]
