"""What a channel is, what it sends, and what it stands on."""

from __future__ import annotations

import os
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Final, Literal, TypeAlias

if TYPE_CHECKING:
    from mlops_lab.shapes import Shape

__all__ = ["EVENTS", "Channel", "ChannelKind", "Delivered", "Event", "Ground", "Message"]

Event: TypeAlias = Literal["alert", "warn", "resolved"]

EVENTS: Final[tuple[Event, ...]] = ("alert", "warn", "resolved")
"""What can be told: an alert opened, came again or got worse; a warning did; one is over."""


@dataclass(frozen=True, slots=True)
class Message:
    """One thing to be told.

    Parameters
    ----------
    event
        What happened.
    id
        Unique, and the same when it is sent again: receivers can drop what they have had.
    body
        As JSON can say it.
    """

    event: Event
    id: str
    body: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Delivered:
    """What became of a message, as a sentence that is shown."""

    ok: bool
    tries: int
    sentence: str


@dataclass(frozen=True, slots=True)
class Ground:
    """What channels stand on: the machine's configuration, its environment, its clock.

    Parameters
    ----------
    hosts
        Addresses of the inner network that may be called: ``host`` or ``host:port``.
    environ
        Where secrets are.
    now, sleep
        Seconds since 1970; waits.
    """

    hosts: frozenset[str] = frozenset()
    environ: Mapping[str, str] = field(default_factory=lambda: dict(os.environ))
    now: Callable[[], float] = time.time
    sleep: Callable[[float], None] = time.sleep


class Channel(ABC):
    """Somewhere messages go, as a monitor's file says.

    Attributes
    ----------
    kind
        Which of the kinds it is.
    on
        What it is told of.
    """

    kind: ClassVar[str]
    on: tuple[Event, ...]

    @property
    @abstractmethod
    def label(self) -> str:
        """What people call it; never holds a secret."""

    @property
    @abstractmethod
    def key(self) -> str:
        """What tells it from others, and is the same while it stands in the file."""

    @property
    def variables(self) -> tuple[str, ...]:
        """The environment variables that must be set where a check runs."""
        return ()

    @abstractmethod
    def send(self, message: Message, ground: Ground) -> Delivered:
        """Deliver a message. What goes wrong is the answer's sentence, never an exception."""


class ChannelKind(ABC):
    """One kind of channel: a file beside this one that ends with ``KIND = …``.

    Attributes
    ----------
    name
        Its key in a monitor's file.
    shape
        The map that stands there: a field of the kind's own name, and its options.
    """

    name: ClassVar[str]
    shape: ClassVar[type[Shape]]

    @abstractmethod
    def channel(self, value: Any) -> Channel:
        """Make a channel of what its shape has read.

        Raises
        ------
        InvalidInput
            What was written cannot be meant.
        """
