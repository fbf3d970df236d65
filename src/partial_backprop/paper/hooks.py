"""What folders of experiments add to the paper: functions of their module ``paper.py``.

``context(inputs, ledger)`` gives names for the templates, ``facts(reported)`` numbers for ``macros.tex``, and
``drawn(inputs)`` tells of figures whether they show anything, where they may not.
"""

from collections.abc import Callable, Iterator
from typing import Any

from partial_backprop import folders


def of(name: str) -> Iterator[Callable[..., dict[str, Any]]]:
    """Yield a function of every folder that has it, in the order of the folders."""
    for module in folders.modules("paper.py"):
        if hasattr(module, name):
            yield getattr(module, name)
