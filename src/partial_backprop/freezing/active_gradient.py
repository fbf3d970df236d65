"""A gradient that takes the memory of its active entries alone, where torch's utilities look for it."""

import dataclasses
from typing import Any, SupportsIndex

import torch
from torch import Tensor
from torch.utils._pytree import tree_map

from partial_backprop.freezing import active_adam
from partial_backprop.freezing.active import ActiveEntries

_aten = torch.ops.aten
_BY_A_NUMBER = {
    _aten.mul_.Tensor,
    _aten.mul_.Scalar,
    _aten.div_.Tensor,
    _aten.div_.Scalar,
    _aten.zero_.default,
    _aten._foreach_mul_.Scalar,
    _aten._foreach_mul_.Tensor,
    _aten._foreach_zero_.default,
    _aten._amp_foreach_non_finite_check_and_unscale_.default,
}
"""What clipping, ``GradScaler`` and ``zero_grad`` do: 0 stays 0, so that active entries are enough."""


@dataclasses.dataclass
class _Content:
    """What a gradient and those detached from it have in common."""

    stored: Tensor
    """The active entries; or the whole gradient, once `is_whole`."""
    entries: ActiveEntries
    is_whole: bool = False


class ActiveGradient(Tensor):
    """A gradient of its parameter's shape that is 0 where frozen and stores the rest alone."""

    # Gradients that are added, and numbers that all entries are multiplied by, work on active entries. All
    # else that is only read is computed of a whole copy, which is dropped again. Whoever writes to single
    # entries, or takes a view through which he might, makes it whole for good.

    @staticmethod
    def __new__(cls, stored: Tensor, entries: ActiveEntries) -> "ActiveGradient":
        """Make a tensor without memory of its own."""
        return Tensor._make_wrapper_subclass(
            cls, entries.shape, strides=entries.strides, dtype=stored.dtype, device=stored.device
        )

    def __init__(self, stored: Tensor, entries: ActiveEntries) -> None:
        self._content = _Content(stored, entries)

    @property
    def is_whole(self) -> bool:
        """Whether it had to become whole, since somebody wrote to it or took a view of it."""
        return self._content.is_whole

    def __repr__(self) -> str:
        """Show the whole gradient."""
        return f"ActiveGradient({self.whole()})"

    def __reduce_ex__(self, protocol: SupportsIndex) -> Any:
        """Pickle and copy it as a tensor."""
        return self.whole().__reduce_ex__(protocol)

    def __deepcopy__(self, memo: dict) -> Tensor:
        """Copy it as a tensor."""
        return self.whole().clone()

    def numpy(self, *, force: bool = False) -> Any:
        """Return the whole gradient as an array."""
        return self.whole().numpy(force=force)

    def tolist(self) -> list:
        """Return the whole gradient as a list."""
        return self.whole().tolist()

    def whole(self) -> Tensor:
        """Build the whole gradient."""
        content = self._content
        return content.stored if content.is_whole else content.entries.spread(content.stored)

    def active_part(self, entries: ActiveEntries) -> Tensor:
        """Return the active entries."""
        if entries is self._content.entries and not self.is_whole:
            return self._content.stored
        return active_adam.gather(self.whole(), entries)

    def _like_stored(self, values: Any) -> Any:
        """Bring what is added to a gradient into the form of the stored one."""
        if self.is_whole:
            return _whole(values)
        if isinstance(values, ActiveGradient):
            return values.active_part(self._content.entries)
        return active_adam.gather(values, self._content.entries)

    @classmethod
    def __torch_dispatch__(
        cls, function: Any, types: Any, args: tuple = (), kwargs: dict | None = None
    ) -> Any:
        """Do what torch asks for on the active entries, if they are enough."""
        kwargs = kwargs or {}
        own = args[0]
        if function is _aten.detach.default:
            found = cls(own._content.stored, own._content.entries)
            found._content = own._content
            return found
        added = function in (_aten.add_.Tensor, _aten.copy_.default) and isinstance(own, cls)
        if added and getattr(args[1], "shape", None) == own.shape:
            function(own._content.stored, own._like_stored(args[1]), *args[2:], **kwargs)
            return own
        if function in _BY_A_NUMBER and not _several(args[1:]):
            function(*tree_map(_stored, args), **kwargs)
            return own if isinstance(own, Tensor) else None
        # Through a view somebody may write later: from then on the whole gradient is kept.
        writes = any(argument.alias_info is not None for argument in function._schema.arguments)
        form = _made_whole if writes else _whole
        return function(*tree_map(form, args), **tree_map(form, kwargs))


def _several(arguments: tuple) -> bool:
    """Tell whether there is a tensor of several numbers, such as a factor of each entry."""
    return any(isinstance(one, Tensor) and one.numel() != 1 for one in arguments)


def _stored(value: Any) -> Any:
    return value._content.stored if isinstance(value, ActiveGradient) else value


def _whole(value: Any) -> Any:
    return value.whole() if isinstance(value, ActiveGradient) else value


def _made_whole(value: Any) -> Any:
    if not isinstance(value, ActiveGradient):
        return value
    content = value._content
    content.stored, content.is_whole = value.whole(), True
    return content.stored
