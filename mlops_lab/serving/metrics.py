"""An endpoint's metrics for Prometheus: whichever worker is asked answers for all of them."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import PurePath
from typing import TYPE_CHECKING, Any, Final

import msgspec
import psutil

from mlops_lab.serving.forwarding import Forwarder, Unreachable
from mlops_lab.serving.latency import upper_s

if TYPE_CHECKING:
    from prometheus_client import Metric

    from mlops_lab.serving.answering import Answering
    from mlops_lab.serving.rollouts.routing import Table

__all__ = ["CONTENT_TYPE", "FIGURES", "exposition", "figures", "gather"]

FIGURES: Final = "/figures"
"""Where a worker tells its own figures; on its private socket only."""

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"

_WITHIN_S: Final = 1.0

_BOUNDS_S: Final = (
    *(0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05),
    *(0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0),
)
"""The histogram's, in seconds: coarser than what is counted, so a scrape stays small."""

_COUNTERS: Final = {
    "requests": "Requests that were answered, whatever the answer.",
    "rows": "Rows that were sent.",
    "errors": "Answers of 500 and above.",
    "rejected": "Answers of 400 to 499.",
    "timeouts": "Answers of 504: the model took too long.",
    "overload": "Answers of 429: too many waited.",
    "forwarded": "Requests that were passed on to another revision.",
}

_GAUGES: Final[dict[str, tuple[str, Callable[[Mapping[str, Any]], float]]]] = {
    "ready": ("Whether a worker takes requests and can log them.", lambda one: one["ready"]),
    "queue": ("Requests that wait or are being answered.", lambda one: one["queue"]),
    "busy_seconds": ("How long the model has been at work.", lambda one: one["busy_s"]),
    "resident_memory_bytes": ("Memory of a worker.", lambda one: one["rss"]),
    "load_seconds": ("What loading the model took.", lambda one: one["load_s"]),
    "log_dead": ("Whether predictions cannot be logged.", lambda one: one["log"]["dead"]),
}


def figures(answering: Answering, *, ready: bool) -> dict[str, Any]:
    """Give what one worker has counted since it began, as JSON."""
    busy, log, shadow = answering.batcher.busy_since, answering.log, answering.shadow
    return {
        "revision": answering.revision.id,
        "model": answering.revision.model,
        "version": answering.revision.version,
        "backend": answering.loaded.backend.name,
        "pid": os.getpid(),
        "ready": ready,
        "queue": answering.batcher.pending,
        "busy_s": 0.0 if busy is None else max(time.time() - busy, 0.0),
        "rss": psutil.Process().memory_info().rss,
        "load_s": answering.loaded.load_s,
        "log": {"written": log.written, "dropped": log.dropped, "dead": log.dead},
        "shadow": {"sent": shadow.sent, "dropped": shadow.dropped},
        **answering.counts.to_json(),
    }


async def gather(
    forwarder: Forwarder, table: Table, private: str, own: Mapping[str, Any]
) -> dict[str, Mapping[str, Any] | None]:
    """Ask all workers of the endpoint for their figures.

    Parameters
    ----------
    table
        With their sockets.
    private, own
        The path and the figures of the worker that asks.

    Returns
    -------
    dict
        By worker (``r1-0``: its revision and number, as its socket is called); None of one that did
        not answer.
    """
    others = [path for paths in table.sockets.values() for path in paths if path != private]
    asked = await asyncio.gather(*(_of(forwarder, path) for path in others))
    found = dict(zip(map(_worker, others), asked, strict=True))
    return {_worker(private): own, **found}


async def _of(forwarder: Forwarder, path: str) -> Mapping[str, Any] | None:
    try:
        reply = await forwarder.send(
            [path], FIGURES.encode(), (), timeout_s=_WITHIN_S, method=b"GET"
        )
        value = msgspec.json.decode(reply.body)
    except (TimeoutError, Unreachable, msgspec.DecodeError):
        return None
    return value if reply.status == 200 and isinstance(value, dict) else None


def _worker(path: str) -> str:
    return PurePath(path).stem


def exposition(name: str, workers: Mapping[str, Mapping[str, Any] | None]) -> bytes:
    """Write the figures of all workers in Prometheus' text format.

    Parameters
    ----------
    name
        The endpoint's: a label of every sample.
    workers
        What `gather` gave.
    """
    from prometheus_client import CollectorRegistry, generate_latest
    from prometheus_client.registry import Collector

    class Everybody(Collector):
        def collect(self) -> Iterable[Metric]:
            return _families(name, workers)

    registry = CollectorRegistry(auto_describe=False)
    registry.register(Everybody())
    return generate_latest(registry)


def _families(name: str, workers: Mapping[str, Mapping[str, Any] | None]) -> Iterable[Metric]:
    from prometheus_client.core import (
        CounterMetricFamily,
        GaugeMetricFamily,
        HistogramMetricFamily,
        InfoMetricFamily,
    )

    labels = ["endpoint", "worker", "revision", "version"]
    live = {worker: one for worker, one in workers.items() if one is not None}

    def of(worker: str, one: Mapping[str, Any]) -> list[str]:
        return [name, worker, str(one["revision"]), f"{one['model']}@{one['version']}"]

    up = GaugeMetricFamily(
        "mlops_lab_worker_up", "Whether a worker answers.", labels=["endpoint", "worker"]
    )
    for worker, found in workers.items():
        up.add_metric([name, worker], float(found is not None))
    yield up
    for count, said in _COUNTERS.items():
        counter = CounterMetricFamily(f"mlops_lab_{count}", said, labels=[*labels, "role"])
        for worker, one in live.items():
            for role, counts in one["roles"].items():
                counter.add_metric([*of(worker, one), role], counts.get(count, 0))
        yield counter
    latency = HistogramMetricFamily(
        "mlops_lab_latency_seconds",
        "How long answers took, from the whole request to the answer.",
        labels=labels,
    )
    for worker, one in live.items():
        latency.add_metric(of(worker, one), _buckets(one["latency"]), one["seconds"])
    yield latency
    for gauge, (said, read) in _GAUGES.items():
        family = GaugeMetricFamily(f"mlops_lab_{gauge}", said, labels=labels)
        for worker, one in live.items():
            family.add_metric(of(worker, one), float(read(one)))
        yield family
    for what, of_it, said in (
        ("log", "written", "Rows of predictions that are on file."),
        ("log", "dropped", "Rows of predictions that are lost."),
        ("shadow", "sent", "Requests that a shadow has answered too."),
        ("shadow", "dropped", "Requests that a shadow was not given, or did not answer."),
    ):
        counter = CounterMetricFamily(f"mlops_lab_{what}_{of_it}", said, labels=labels)
        for worker, one in live.items():
            counter.add_metric(of(worker, one), one[what][of_it])
        yield counter
    info = InfoMetricFamily("mlops_lab_worker", "What runs in a worker.", labels=labels)
    for worker, one in live.items():
        info.add_metric(of(worker, one), {"backend": str(one["backend"]), "pid": str(one["pid"])})
    yield info


def _buckets(counts: Sequence[Sequence[int]]) -> list[tuple[str, float]]:
    """Add fine buckets up into the coarse ones; one on a bound's edge counts to the higher."""
    left = sorted((int(index), int(n)) for index, n in counts)
    made: list[tuple[str, float]] = []
    total = at = 0
    for bound in _BOUNDS_S:
        while at < len(left) and upper_s(left[at][0]) <= bound:
            total += left[at][1]
            at += 1
        made.append((str(bound), float(total)))
    return [*made, ("+Inf", float(total + sum(n for _, n in left[at:])))]
