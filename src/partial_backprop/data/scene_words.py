"""What there is in a drawn scene, and five sentences about it; no pixels here.

A scene shows one or two groups of equal objects. Which words a sentence uses is drawn by chance, so
that five sentences about a scene differ as five people's would.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

NUMBERS = ("a", "two", "three", "four")
"""How many objects a group has, from 1."""

SIZES = ("small", "large")

COLOURS = ("red", "green", "blue", "yellow", "purple", "white")

KINDS = ("disc", "ring", "square", "triangle", "star", "cross")
"""Those of `shapes.KINDS` that scenes show."""

RELATIONS = {
    "above": ("above", "below", "at the top", "at the bottom"),
    "left": ("left of", "right of", "on the left", "on the right"),
}
"""How two groups lie -> the first to the second, the second to the first, the place of each."""


@dataclass(frozen=True)
class Group:
    """Equal objects."""

    number: int  # how many, from 1 to 4
    # size, colour, kind: one of `SIZES`, `COLOURS` and `KINDS`
    size: str
    colour: str
    kind: str
    # where in the picture they are, such as ``at the top``; empty where no words tell it
    place: str = ""

    def words(self, *properties: str) -> str:
        """Name the group."""
        plural = "es" if self.kind.endswith("s") else "s"
        kind = self.kind if self.number == 1 else self.kind + plural
        return " ".join(
            [NUMBERS[self.number - 1], *(getattr(self, name) for name in properties), kind]
        )


Draw = Iterator[float]
"""Numbers from 0 to below 1, drawn by chance."""


def _properties(draw: Draw) -> tuple[str, ...]:
    return (("size", "colour"), ("size",), ("colour",), ())[int(4 * next(draw))]


def _one(group: Group, draw: Draw) -> tuple[str, ...]:
    verb = "is" if group.number == 1 else "are"
    placed = group.place or "in the picture"
    return (
        group.words("size", "colour"),
        f"there {verb} {group.words('colour')} {placed}",
        f"{group.words('size', 'colour')} {placed}",
        f"a picture of {group.words(*_properties(draw))}",
        f"{group.words('size')} {placed}",
    )


def _two(first: Group, second: Group, relation: str, draw: Draw) -> tuple[str, ...]:
    forth, back, here, there = RELATIONS[relation]

    def related(describe: Callable[[Group], str]) -> str:
        a, b = describe(first), describe(second)
        return f"{a} {forth} {b}" if next(draw) < 0.5 else f"{b} {back} {a}"

    def joined(describe: Callable[[Group], str]) -> str:
        a, b = describe(first), describe(second)
        return f"{a} and {b}" if next(draw) < 0.5 else f"{b} and {a}"

    properties = _properties(draw)
    places = {first: here, second: there}
    return (
        related(lambda group: group.words("size", "colour")),
        joined(lambda group: group.words("size", "colour")),
        related(lambda group: group.words("colour")),
        f"a picture of {joined(lambda group: group.words(*properties))}",
        joined(lambda group: f"{group.words('colour')} {places[group]}"),
    )


def captions(groups: tuple[Group, ...], relation: str, draw: Draw) -> tuple[str, ...]:
    """Tell five times what a scene shows."""
    found = _one(groups[0], draw) if len(groups) == 1 else _two(*groups, relation, draw)
    keys = [next(draw) for _ in found]
    return tuple(found[i] for i in sorted(range(len(found)), key=keys.__getitem__))
