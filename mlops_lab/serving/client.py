"""Asking an endpoint: frames in and out, over its unix socket or the network.

Numbers travel as bytes, to the last bit; what has no form for a missing value as JSON.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final, Self
from urllib.parse import quote

from mlops_lab.errors import Forbidden, InvalidInput, LabError, NotFound, Unavailable
from mlops_lab.serving.protocol.asking import read_answer, write_request
from mlops_lab.serving.protocol.fault import ProtocolError

if TYPE_CHECKING:
    import httpx

__all__ = ["Client"]

_UNIX: Final = "unix:"
_TIMEOUT_S: Final = 60.0
_CONNECT_S: Final = 5.0


class Client:
    """Asks one endpoint. Keeps connections; safe to use from several threads.

    Parameters
    ----------
    url
        ``unix:/path/of/the.sock``, or ``http://host:port``.
    model
        What the endpoint or its model is called.
    token
        What is shown over the network.
    timeout_s
        How long an answer may take.

    Examples
    --------
    >>> Client("http://127.0.0.1:8080", "delay", token="…").predict(frame)  # doctest: +SKIP
                                  prediction_id prediction  probability_late
    0  5d0c6f…-0                                   in time              0.12
    """

    def __init__(
        self, url: str, model: str, *, token: str | None = None, timeout_s: float = _TIMEOUT_S
    ) -> None:
        self.url = url
        self.model = model
        self._path = f"/v2/models/{quote(model, safe='')}"
        self._headers = {} if token is None else {"authorization": f"Bearer {token}"}
        self._timeout_s = timeout_s
        self._http: httpx.Client | None = None
        self._lock = threading.Lock()

    # ------------------------------------------------------------------ what it can be asked

    def predict(
        self,
        data: Any,
        *,
        unit: str | None = None,
        version: int | None = None,
        outputs: Sequence[str] | None = None,
    ) -> Any:
        """Predict.

        Parameters
        ----------
        data
            What the model takes: a frame of any kind, an array, records, texts.
        unit
            Whom it is about: an A/B test keeps each on one side. Over the rows of one call it is
            the same.
        version
            Ask this version outright; default whichever the endpoint answers with.
        outputs
            ``prediction``, ``probability``, ``prediction_id``; default all.

        Returns
        -------
        pandas.DataFrame
            With the input's index: ``prediction_id``, ``prediction``, ``probability_<class>``.

        Raises
        ------
        InvalidInput
            The model does not take the input: a sentence for each column.
        Unavailable
            Nobody answers, not in time, or too many ask at once.
        """
        import pandas as pd

        body, headers = write_request(data, unit=unit, outputs=outputs)
        which = "" if version is None else f"/versions/{version}"
        answer = self._ask("POST", f"{self._path}{which}/infer", body, headers)
        try:
            columns = read_answer(
                answer.content, answer.headers.get("inference-header-content-length")
            )
        except ProtocolError as fault:
            raise LabError(f"{self.url} did not answer in protocol version 2: {fault}") from None
        return pd.DataFrame(columns, index=getattr(data, "index", None))

    def ready(self) -> bool:
        """Say whether it answers requests now."""
        try:
            self._ask("GET", f"{self._path}/ready")
        except (Unavailable, NotFound):
            return False
        return True

    def metadata(self) -> dict[str, Any]:
        """Give what the model says of itself: its versions, inputs and outputs."""
        found: dict[str, Any] = self._ask("GET", self._path).json()
        return found

    def close(self) -> None:
        """Close its connections; the next question opens new ones."""
        with self._lock:
            if self._http is not None:
                self._http.close()
                self._http = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<Client {self.model} at {self.url}>"

    # ------------------------------------------------------------------ over HTTP

    def _ask(
        self, method: str, path: str, body: bytes | None = None, headers: Any = None
    ) -> httpx.Response:
        import httpx

        if self.url.startswith(_UNIX) and not os.path.exists(self.url.removeprefix(_UNIX)):
            raise self._nobody("there is no such socket")
        for again in (True, False):
            try:
                answer = self._opened().request(method, path, content=body, headers=headers)
                break
            except httpx.TimeoutException:
                raise Unavailable(
                    f"{self.model} did not answer within {self._timeout_s:g} s."
                ) from None
            except (httpx.TransportError, OSError) as error:
                # A worker that ends closes its connections, maybe just as one is used again. To ask
                # twice changes nothing, and another worker answers.
                lost = (httpx.RemoteProtocolError, httpx.ReadError, httpx.WriteError)
                if not again or not isinstance(error, lost):
                    raise self._nobody(str(error) or type(error).__name__) from error
        if answer.is_success:
            return answer
        raise _fault(answer.status_code, _said(answer))

    def _nobody(self, why: str) -> Unavailable:
        return Unavailable(
            f"Nobody answers at {self.url}: {why}. "
            f"`mlops-lab endpoint show {self.model}` says more."
        )

    def _opened(self) -> httpx.Client:
        import httpx

        with self._lock:
            if self._http is None:
                unix = self.url.startswith(_UNIX)
                path = self.url.removeprefix(_UNIX) if unix else None
                self._http = httpx.Client(
                    base_url="http://endpoint" if unix else self.url,
                    # With a transport of our own, what the environment says of proxies is not
                    # asked: an endpoint is on this machine or nearby.
                    transport=httpx.HTTPTransport(uds=path, retries=1),
                    headers=self._headers,
                    timeout=httpx.Timeout(self._timeout_s, connect=_CONNECT_S),
                )
            return self._http


def _fault(status: int, message: str) -> LabError:
    if status in (400, 413, 415, 422):
        return InvalidInput(message)
    if status in (401, 403):
        return Forbidden(message)
    if status == 404:
        return NotFound(message)
    return Unavailable(message) if status in (408, 429, 502, 503, 504) else LabError(message)


def _said(answer: httpx.Response) -> str:
    try:
        told = answer.json()
    except ValueError:
        told = None
    if isinstance(told, dict):
        for key in ("error", "message", "detail"):
            if isinstance(told.get(key), str):
                return str(told[key])
    return f"It answered {answer.status_code} {answer.reason_phrase}."
