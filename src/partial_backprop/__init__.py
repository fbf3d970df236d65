"""Partial backpropagation: which weights of a network need training?

The name that users import, `PartialBackprop`, is loaded on first use, so that the parts that need
no torch (configuration, records, tables, figures) start quickly.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # what type checkers see; the rest of us imports on first use
    from partial_backprop.errors import UserError
    from partial_backprop.freezing.partial_backprop import PartialBackprop
    from partial_backprop.mask import Mask
    from partial_backprop.storage.delta import apply_delta

__version__ = "0.1.0"
__all__ = ["Mask", "PartialBackprop", "UserError", "apply_delta"]


def __getattr__(name: str) -> Any:
    if name == "PartialBackprop":
        from partial_backprop.freezing.partial_backprop import PartialBackprop

        return PartialBackprop
    if name == "apply_delta":
        from partial_backprop.storage.delta import apply_delta

        return apply_delta
    if name == "Mask":
        from partial_backprop.mask import Mask

        return Mask
    if name == "UserError":
        from partial_backprop.errors import UserError

        return UserError
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
