"""Who is told of alerts: a file for each kind of channel, found by being there.

A channel that fails never fails a check: what became of each message is kept and shown.
"""

from __future__ import annotations

from mlops_lab.monitoring.channels.channel import (
    EVENTS,
    Channel,
    ChannelKind,
    Delivered,
    Ground,
    Message,
)
from mlops_lab.monitoring.channels.registry import channel_of, entry_schemas, find_kinds

__all__ = [
    "EVENTS",
    "Channel",
    "ChannelKind",
    "Delivered",
    "Ground",
    "Message",
    "channel_of",
    "entry_schemas",
    "find_kinds",
]
