"""``unit``: a column in another unit: the same distribution after a known conversion."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from mlops_lab.monitoring.quality.kind import Check
from mlops_lab.monitoring.quality.shape import Shape, is_moved, nearest, shape_of
from mlops_lab.monitoring.wording import change, number

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

    @property
    def back(self) -> str:
        """What makes the old values of the new ones."""
        if self.offset == 0 and self.factor == -1:
            return "−1 times the values"
        if self.offset == 0:
            away = 1 / self.factor
            return f"× {number(away, 6)}" if abs(away) >= 1 else f"÷ {number(self.factor, 6)}"
        if self.factor == 1:
            sign = "−" if self.offset > 0 else "+"
            return f"{sign} {number(abs(self.offset), 6)}"
        sign = "−" if self.offset > 0 else "+"
        return f"({sign}{number(abs(self.offset), 5)}) ÷ {number(self.factor, 4)}"


def _both(factor: float, unit: str, other: str) -> tuple[Conversion, Conversion]:
    """From one unit to another, and back."""
    return (
        Conversion(factor, 0.0, f"{other} where {unit} was"),
        Conversion(1 / factor, 0.0, f"{unit} where {other} was"),
    )


CONVERSIONS: Final[tuple[Conversion, ...]] = (
    *_both(1_000, "the unit", "its thousandth"),
    *_both(1_000_000, "the unit", "its millionth"),
    *_both(100, "shares", "per cent"),
    *_both(10, "the unit", "its tenth"),
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

FAR: Final = 0.6
NEAR: Final = 0.1
AFFINE: Final = 0.2
"""How far the converted distribution may be from the nearest usual one: a factor of a thousand has
no other reason, a factor of 1.6 may well have."""

GAIN: Final = 0.3
"""By how much the conversion must bring the two nearer."""


class Unit(Check):
    """A jump between two chunks that a conversion undoes."""

    name = "unit"
    about = "A column in another unit."
    rank = 20

    def look(self, looking: Looking) -> Iterator[QualityFinding]:
        """Go through the chunks of each column of numbers; a slow change is no other unit."""
        material = looking.material
        for name in material.names:
            grid = material.grids[name]
            if grid.ordered and grid.kind in ("number", "integer"):
                yield from self._column(name, looking)

    def _column(self, name: str, looking: Looking) -> Iterator[QualityFinding]:
        material = looking.material
        before: tuple[int, Conversion | None] | None = None
        first = 0
        for place, now, usual in material.places(name, material.policy.small):
            known = None
            if is_moved(now, usual) and not looking.is_explained(name, place):
                shape = shape_of(now)
                if shape is not None:
                    known = _conversion(shape, _usual(name, place, before, material, usual))
            if known is not None:
                conversion, raw, left = known
                same = before is not None and before[1] == conversion
                first = first if same and before is not None else place
                yield looking.found(
                    self,
                    "alert",
                    _told(name, conversion, now, usual, raw, left, material)
                    + material.since(first, place).replace(", since", " Since")
                    + "." * (first < place),
                    column=name,
                    place=place,
                    value=now.median,
                    usual=usual.median,
                    explains=True,
                )
            before = (place, known[0] if known else None)


CHECK = Unit()


def _usual(
    name: str,
    place: int,
    before: tuple[int, Conversion | None] | None,
    material: Material,
    usual: Counts,
) -> list[Shape]:
    """What the values could look like: as in the chunk before, in its old unit; else as ever."""
    if before is not None and before[0] == place - 1:
        shape = shape_of(material.now(before[0], name))
        done = before[1]
        if shape is not None and done is not None:
            shape = shape.mapped(1 / done.factor, -done.offset / done.factor)
        return [shape] if shape is not None else []
    parts = [part[name] for part, _ in material.own_at(place) if name in part.columns]
    shapes = [shape_of(one) for one in (usual, *parts)]
    return [one for one in shapes if one is not None]


def _conversion(now: Shape, usual: list[Shape]) -> tuple[Conversion, float, float] | None:
    """The conversion that explains the values, and the distance without and with it undone."""
    if not usual:
        return None
    raw = nearest(now, usual)
    if raw < GAIN:
        return None
    found = []
    for one in CONVERSIONS:
        back = now.mapped(1 / one.factor, -one.offset / one.factor)
        likely = [other for other in usual if _could_be(back, other)]
        left = nearest(back, likely)
        limit = FAR if one.is_far else AFFINE if one.offset else NEAR
        if left <= limit and raw - left >= GAIN:
            found.append((left, one))
    if not found:
        return None
    found.sort(key=lambda pair: pair[0])
    left, best = found[0]
    return best, raw, left


def _could_be(back: Shape, usual: Shape) -> bool:
    """Whether middle, width and ends fit: cheap, and safe where slots are coarse."""
    width = max(usual.high - usual.low, 1e-12 * max(abs(usual.high), 1e-300))
    if back.low < usual.low - width / 2 or back.high > usual.high + width / 2:
        return False
    return abs(back.mean - usual.mean) <= 2 * usual.std + 1e-9 * abs(usual.mean)


def _told(
    name: str,
    conversion: Conversion,
    now: Counts,
    usual: Counts,
    raw: float,
    left: float,
    material: Material,
) -> str:
    unit = material.unit(name)
    median = f"median {change(usual.median, now.median, unit)}"
    return (
        f"{name} looks like another unit, {conversion.told}: {median}; {conversion.back} brings it "
        f"back (D {number(raw)} → {number(left)}). Convert it where it is read, or fit a new "
        "reference in the new unit."
    )
