"""What people ask of an endpoint, checked: shares, workers, ports, guards, limits."""

from __future__ import annotations

import errno
import math
import socket
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Final, TypeAlias, TypeVar

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from mlops_lab.errors import Conflict, Forbidden, InvalidInput
from mlops_lab.faults import sentence
from mlops_lab.serving.records import Guard, Limits
from mlops_lab.shapes import Duration, seconds, unknown_word

__all__ = [
    "GuardAsked",
    "LimitsAsked",
    "Ramp",
    "guard_of",
    "limits_of",
    "port_of",
    "ramp_of",
    "refuse_taken",
    "share_of",
    "workers_of",
]

_MOST_WORKERS: Final = 64
_PORTS: Final = range(1, 65_536)
_HOUR: Final = 3_600.0
_DURATION: Final = TypeAdapter[str](Duration)

Ramp: TypeAlias = Mapping[Any, float] | Iterable[tuple[Any, float]]
"""The raises of a share that are to come, as people write them."""

_Milliseconds = Annotated[float, Field(gt=0, le=_HOUR * 1000, allow_inf_nan=False)]


class _Asked(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class GuardAsked(_Asked):
    """When a canary is to be taken back; see `mlops_lab.serving.records.Guard`."""

    error_rate: float = Field(Guard().error_rate, gt=0, le=1)
    p99_ms: _Milliseconds | None = None
    alpha: float = Field(Guard().alpha, gt=0, le=0.5)


class LimitsAsked(_Asked):
    """What a worker takes; see `mlops_lab.serving.records.Limits`."""

    body_mb: float = Field(Limits().body_mb, gt=0, le=1_024)
    queue: int = Field(Limits().queue, ge=1, le=100_000)
    rows: int = Field(Limits().rows, ge=1, le=1_000_000)
    timeout_s: float = Field(Limits().timeout_s, gt=0, le=_HOUR)
    drain_s: float = Field(Limits().drain_s, ge=0, le=_HOUR)
    keep_days: float = Field(Limits().keep_days, gt=0, le=36_500)


_M = TypeVar("_M", bound=_Asked)


def guard_of(value: Guard | Mapping[str, Any] | None) -> Guard:
    """Read a guard as people write it: ``{"error_rate": 0.02, "p99_ms": 80}``.

    Raises
    ------
    InvalidInput
        It has a key that a guard has not, or a value out of its range.

    Examples
    --------
    >>> guard_of({"p99_ms": 80}).p99_ms
    80.0
    """
    if isinstance(value, Guard):
        value = asdict(value)
    asked = _checked(GuardAsked, value, "A guard")
    return Guard(asked.error_rate, asked.p99_ms, asked.alpha)


def limits_of(value: Limits | Mapping[str, Any] | None, present: Limits) -> Limits:
    """Read limits as people write them; what they do not name stays as it is."""
    if isinstance(value, Limits):
        value = asdict(value)
    if value is not None and not isinstance(value, Mapping):
        raise InvalidInput(f'Limits are such as {{"timeout_s": 5}}; got {value!r}.')
    asked = _checked(LimitsAsked, {**asdict(present), **(value or {})}, "Limits")
    return Limits(**asked.model_dump())


def _checked(model: type[_M], value: Any, what: str) -> _M:
    try:
        return model.model_validate({} if value is None else value)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        if not first["loc"]:
            raise InvalidInput(f"{what}: {first['msg']}; got {value!r}.") from None
        key = str(first["loc"][0])
        if first["type"] == "extra_forbidden":
            told = sentence(**unknown_word(key, [*model.model_fields], what))
            raise InvalidInput(told) from None
        said = first["msg"]
        raise InvalidInput(
            f"{what}: {key} = {first['input']!r} is not possible: {said[:1].lower()}{said[1:]}."
        ) from None


def share_of(value: Any, what: str = "A share") -> float:
    """Check a share of the traffic in percent, above 0 and up to 100.

    Examples
    --------
    >>> share_of(5)
    5.0
    """
    good = isinstance(value, int | float) and not isinstance(value, bool)
    if not good or not math.isfinite(value) or not 0 < value <= 100:
        raise InvalidInput(f"{what} is in percent, above 0 and up to 100; got {value!r}.")
    return float(value)


def workers_of(value: Any) -> int:
    """Check a number of worker processes."""
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= _MOST_WORKERS:
        raise InvalidInput(f"An endpoint has 1 to {_MOST_WORKERS} workers; got {value!r}.")
    return value


def port_of(value: Any) -> int:
    """Check a TCP port's number."""
    if not isinstance(value, int) or isinstance(value, bool) or value not in _PORTS:
        raise InvalidInput(f"A TCP port is from 1 to {_PORTS[-1]}; got {value!r}.")
    return value


def ramp_of(value: Ramp, share: float, now: int) -> tuple[tuple[int, float], ...]:
    """Read the raises of a share that are to come: ``{"24h": 20, "2d": 50}``.

    Parameters
    ----------
    value
        Times and shares in percent, as a mapping or in pairs. A time is a length from now, a
        datetime, text in ISO 8601, or µs, UTC. Times rise, and so do the shares.
    share
        What it begins with, in percent.
    now
        µs, UTC.

    Raises
    ------
    InvalidInput
        A time is none, or a step goes back.

    Examples
    --------
    >>> ramp_of({"1s": 20}, 5, now=0)
    ((1000000, 20.0),)
    """
    pairs = value.items() if isinstance(value, Mapping) else value
    try:
        raises = tuple((_time_of(at, now), share_of(to, "A share of a ramp")) for at, to in pairs)
    except (TypeError, ValueError) as error:
        if isinstance(error, InvalidInput):
            raise
        raise InvalidInput(f'A ramp is such as {{"24h": 20, "2d": 50}}; got {value!r}.') from None
    before = (0, share)
    for each in raises:
        if each[0] <= before[0] or each[1] <= before[1]:
            raise InvalidInput(
                "A ramp raises the share step by step: each later and higher than the one before; "
                f"after {before[1]:g} % comes {each[1]:g} %."
            )
        before = each
    return raises


def _time_of(value: Any, now: int) -> int:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, timedelta):
        return now + value // timedelta(microseconds=1)
    with suppress(ValidationError):
        return now + int(seconds(_DURATION.validate_python(value)) * 1e6)
    if isinstance(value, str):
        with suppress(ValueError):
            value = datetime.fromisoformat(value)
    if not isinstance(value, datetime):
        raise InvalidInput(
            f"A ramp's time is a length from now as 24h, or a moment as 2026-12-24T12:00; got "
            f"{value!r}."
        )
    return int((value if value.tzinfo else value.replace(tzinfo=UTC)).timestamp() * 1e6)


def refuse_taken(host: str, port: int) -> None:
    """Refuse a TCP port on which somebody else listens.

    Raises
    ------
    Conflict
        It is in use.
    InvalidInput
        There is no such address on this machine.
    Forbidden
        This user may not listen on it.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        # What lingers of a connection that was closed is nobody who listens.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
            probe.listen(1)
        except (OSError, UnicodeError) as error:
            number = getattr(error, "errno", None)
            if number == errno.EADDRINUSE:
                raise Conflict(
                    f"The port {port} of {host} is in use by another program: choose another one, "
                    "or none: without a port it serves on its unix socket, which the Jupyter "
                    "Server reaches."
                ) from None
            if number in (errno.EACCES, errno.EPERM):
                raise Forbidden(
                    f"This user may not listen on port {port}: choose one above 1023."
                ) from None
            raise InvalidInput(
                f"Nobody can listen on {host!r}, port {port}: {error}. 127.0.0.1 is for this "
                "machine alone, 0.0.0.0 for all that reach it."
            ) from None
