"""Sums over the sources' own printed numbers: what they print, and what comes out."""

from collections.abc import Callable

from partial_backprop import folders
from partial_backprop.errors import UserError
from partial_backprop.reported import Reported

Pair = tuple[float, float]
"""What is printed, and what follows from the source's other numbers."""

Check = Callable[[Reported], Pair]


def names() -> set[str]:
    """Name the sums of all folders: the keys of ``CHECKS`` in their ``checks.py``."""
    return set(_all())


def check(name: str) -> Check:
    """Find a sum."""
    if name not in _all():
        raise UserError(f"no checks.py has {name!r}: choose one of {', '.join(sorted(_all()))}")
    return _all()[name]


def _all() -> dict[str, Check]:
    modules = folders.modules("checks.py")
    return {name: one for module in modules for name, one in module.CHECKS.items()}
