"""``unit``: a column in another unit: the same distribution after a known conversion."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from mlops_lab.monitoring.quality.kind import Check
from mlops_lab.monitoring.quality.shape import Shape, distance, nearest, shape_of
from mlops_lab.wording import MINUS, number

if TYPE_CHECKING:
    from mlops_lab.compute.counts import Counts
    from mlops_lab.monitoring.quality.look import Looking
    from mlops_lab.monitoring.quality.material import Material
    from mlops_lab.monitoring.records import QualityFinding

__all__ = ["CHECK", "CONVERSIONS", "Conversion"]


@dataclass(frozen=True, slots=True)
class Conversion:
    """What was done to the values: ``now = factor · before + offset``.

    Parameters
    ----------
    told
        The units, as "°C where °F was".
    """

    factor: float
    offset: float
    told: str

    @property
    def is_far(self) -> bool:
        """Whether no change of the world looks like it: ten times as much, or as little."""
        return self.offset == 0 and not 0.1 < abs(self.factor) < 10

    def undone(self, now: Shape) -> Shape:
        """What the values were before."""
        return now.mapped(1 / self.factor, -self.offset / self.factor)

    @property
    def back(self) -> str:
        """What makes the old values of the new ones."""
        away = 1 / self.factor
        if self.offset == 0:
            return f"× {number(away, 6)}" if abs(away) >= 1 else f"÷ {number(self.factor, 6)}"
        moved = -self.offset / self.factor
        added = f"{'+' if moved > 0 else MINUS} {number(abs(moved), 5)}"
        return added if self.factor == 1 else f"× {number(away, 4)} {added}"


def _both(factor: float, unit: str, other: str) -> tuple[Conversion, Conversion]:
    """From one unit to another, and back."""
    return (
        Conversion(factor, 0.0, f"{other} where {unit} was"),
        Conversion(1 / factor, 0.0, f"{unit} where {other} was"),
    )


CONVERSIONS: Final[tuple[Conversion, ...]] = (
    Conversion(1_000, 0, "a thousand times as large"),
    Conversion(1 / 1_000, 0, "a thousandth as large"),
    Conversion(1_000_000, 0, "a million times as large"),
    Conversion(1 / 1_000_000, 0, "a millionth as large"),
    *_both(100, "shares", "per cent"),
    Conversion(10, 0, "ten times as large"),
    Conversion(1 / 10, 0, "a tenth as large"),
    *_both(60, "minutes", "seconds"),
    *_both(3_600, "hours", "seconds"),
    *_both(24, "days", "hours"),
    *_both(1_440, "days", "minutes"),
    *_both(86_400, "days", "seconds"),
    Conversion(1 / 1.8, -32 / 1.8, "°C where °F was"),
    Conversion(1.8, 32, "°F where °C was"),
    Conversion(1, 273.15, "K where °C was"),
    Conversion(1, -273.15, "°C where K was"),
    Conversion(1 / 1.8, 459.67 / 1.8, "K where °F was"),
    Conversion(1.8, -459.67, "°F where K was"),
    *_both(2.204623, "kg", "pounds"),
    *_both(1.609344, "miles", "km"),
    *_both(3.280840, "m", "feet"),
    *_both(25.4, "inches", "mm"),
    *_both(2.54, "inches", "cm"),
    *_both(33.86389, "inHg", "hPa"),
    *_both(1.852, "knots", "km/h"),
    *_both(1.943844, "m/s", "knots"),
    *_both(3.6, "m/s", "km/h"),
    *_both(2.236936, "m/s", "mph"),
    *_both(1.150779, "knots", "mph"),
    *_both(3.785412, "gallons", "litres"),
    *_both(4.184, "kcal", "kJ"),
    Conversion(-1, 0, "the sign is turned round"),
)
"""What people and programs do to columns without telling."""

FAR: Final = 0.35
NEAR: Final = 0.1
AFFINE: Final = 0.2
"""How far the converted distribution may be from the nearest usual one: a factor of a thousand has
no other reason, a factor of 1.6 may well have."""

GAIN: Final = 0.3
"""By how much the conversion must bring the two nearer …"""
JUMP: Final = 0.6
"""… and how far apart they must be where the world may do it as well: a warm week is no unit …"""
BEYOND: Final = 1.5
"""… and how many times as far as any two chunks before."""


NARROW: Final = 0.1
"""A chunk has at least this share of the reference's width."""


class Unit(Check):
    """A jump between two chunks that a conversion undoes."""

    name = "unit"
    about = "A column in another unit."
    rank = 20

    def look(self, looking: Looking) -> Iterator[QualityFinding]:
        """Go through the chunks of each column of numbers; a slow change is no other unit."""
        material = looking.material
        for name in material.names:
            if looking.moved(name):
                yield from self._column(name, looking)

    def _column(self, name: str, looking: Looking) -> Iterator[QualityFinding]:
        material = looking.material
        before: Counts | None = None
        widest = 0.0
        turned: tuple[Conversion, Shape] | None = None
        first = 0
        for place, now, usual in material.places(name, material.policy.small):
            if looking.is_explained(name, place):
                continue
            shape = shape_of(now) if place in looking.moved(name) else None
            known = None
            if shape is not None:
                clean = None if before is None else shape_of(before)
                like = [clean] if clean is not None else _usual(name, place, material, usual)
                # What is in the new unit already shows what it looks like by now.
                running = turned[0] if turned else None
                like += [turned[1]] if turned else []
                known = _conversion(shape, like, widest, running)
                if known is None and clean is not None:
                    widest = max(widest, distance(shape, clean))
            if shape is None or known is None:
                before, turned = now, None
                continue
            conversion, *distances = known
            first = first if turned is not None and turned[0] == conversion else place
            turned = (conversion, conversion.undone(shape))
            yield looking.found(
                self,
                "alert",
                _told(
                    conversion,
                    (now.mean, usual.mean),
                    distances,
                    name,
                    material.since(first, place),
                    material.unit(name),
                ),
                column=name,
                place=place,
                value=now.mean,
                usual=usual.mean,
                explains=True,
            )


CHECK = Unit()


def _usual(name: str, place: int, material: Material, usual: Counts) -> list[Shape]:
    """What the values looked like: in the whole reference, and in each of its own chunks."""
    parts = [part[name] for part, _ in material.own_at(place) if name in part.columns]
    shapes = [shape_of(one) for one in (usual, *parts)]
    return [one for one in shapes if one is not None]


def _conversion(
    now: Shape, usual: list[Shape], widest: float, running: Conversion | None = None
) -> tuple[Conversion, float, float] | None:
    """The conversion that explains the values, and the distance without and with it undone.

    Where several do, the one that was found in the chunk before, then one without an offset.
    """
    if not usual:
        return None
    raw = nearest(now, usual)
    if raw < GAIN:
        return None
    found = []
    jumped = raw >= max(JUMP, min(BEYOND * widest, 0.95))
    for one in CONVERSIONS:
        if not (jumped or one.is_far):
            continue
        back = one.undone(now)
        likely = [other for other in usual if _could_be(back, other)]
        left = nearest(back, likely)
        limit = FAR if one.is_far else AFFINE if one.offset else NEAR
        if left <= limit and raw - left >= GAIN:
            found.append((left, one))
    if not found:
        return None
    # Slots are coarse far from where the reference was: there, small differences say nothing.
    left, best = min(
        found, key=lambda pair: (pair[1] != running, round(pair[0], 2), bool(pair[1].offset))
    )
    return best, raw, left


def _could_be(back: Shape, usual: Shape) -> bool:
    """Whether middle, width and ends fit: cheap, and safe where slots are coarse."""
    width = max(usual.high - usual.low, 1e-12 * max(abs(usual.high), 1e-300))
    if back.high - back.low < NARROW * width and back.high > back.low:
        return False  # other numbers, not the same ones in another unit
    if back.low < usual.low - width / 2 or back.high > usual.high + width / 2:
        return False
    return abs(back.mean - usual.mean) <= 2 * usual.std + 1e-9 * abs(usual.mean)


def _told(
    conversion: Conversion,
    means: tuple[float, float],
    distances: Sequence[float],
    name: str,
    since: str,
    unit: str | None,
) -> str:
    now, usual = means
    # The unit is that of the numbers before: what the new ones are in is the question.
    mean = f"mean {number(usual, unit=unit)} → {number(now)}"
    raw, left = map(number, distances)
    return (
        f"{name} looks like another unit{since}: {conversion.told}; {mean}; {conversion.back} "
        f"brings it back (D {raw} → {left}). Convert it where it is read, or fit a new reference "
        "in the new unit."
    )
