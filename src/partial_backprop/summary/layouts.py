"""Which axis of each tensor holds the channels, followed through every function of a pass.

PyTorch has channels first after convolutions and features last after linear layers, and functions such as
``permute`` go from one to the other; a module's class tells nothing of it.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

_FIRST = (
    "conv",
    "batch_norm",
    "instance_norm",
    "group_norm",
    "pixel_",
    "channel_shuffle",
    "unfold",
)
"""Beginnings of names of functions whose result has its channels at axis 1."""
_BY_HABIT_FIRST = ("_pool", "interpolate", "upsample", "local_response_norm")
"""Parts of names of functions that leave the channels where they are, at axis 1 if nothing is known."""
_LAST = (
    "linear", "bilinear", "embedding", "embedding_bag", "lstm", "gru", "rnn_tanh", "rnn_relu",
    "multi_head_attention_forward", "scaled_dot_product_attention",
)  # fmt: skip
_NORMS = ("layer_norm", "rms_norm")
_PERMUTE = (
    "permute", "transpose", "transpose_", "swapaxes", "swapdims", "movedim", "moveaxis", "t", "adjoint",
    "__get__",
)  # fmt: skip
"""Functions that change the order of axes; the last reads attributes, such as ``.T``."""
_RESHAPE = ("reshape", "view", "flatten", "unflatten", "view_as", "reshape_as")
_MIX = (
    "matmul",
    "__matmul__",
    "__rmatmul__",
    "mm",
    "bmm",
    "einsum",
    "tensordot",
    "addmm",
    "baddbmm",
)
"""Functions after which nothing is known."""


def tensors(values: object) -> list[Tensor]:
    """Find the tensors among the arguments or outputs of a module."""
    if isinstance(values, Tensor):
        return [values]
    if isinstance(values, dict):
        values = list(values.values())
    if isinstance(values, tuple | list):
        return [found for value in values for found in tensors(value)]
    return []


class Layouts(TorchFunctionMode):
    """Follows the axis of the channels while a network runs."""

    def __init__(self, examples: Iterable[Tensor]) -> None:
        super().__init__()
        # Tensors are told apart by identity, so all of them are kept.
        self._known: dict[int, tuple[Tensor, int | None]] = {}
        for example in examples:
            self._put(example, 1 if example.ndim == 4 else None)

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        """Run a function, and note where the channels of its results are."""
        kwargs = kwargs or {}
        taken = [one for one in tensors([args, list(kwargs.values())]) if one.ndim > 1]
        before = [(one.shape, self.axis(one)) for one in taken]
        result = func(*args, **kwargs)
        if isinstance(result, Tensor | tuple | list):
            for one in tensors(result):
                self._put(one, _follow(func, args, kwargs, before, one))
        return result

    def _put(self, tensor: Tensor, axis: int | None) -> None:
        self._known[id(tensor)] = tensor, 1 if tensor.ndim == 2 else axis

    def note(self, tensor: Tensor, axis: int | None) -> None:
        """Note what is known from elsewhere of a tensor, if nothing is known of it here."""
        if self.axis(tensor) is None:
            self._put(tensor, axis)

    def axis(self, tensor: Tensor) -> int | None:
        """Return the axis of a tensor's channels."""
        found = self._known.get(id(tensor))
        return found[1] if found else None


def _follow(
    func: Callable[..., Any],
    args: tuple[Any, ...],
    kwargs: Mapping[str, Any],
    before: list[tuple[torch.Size, int | None]],
    result: Tensor,
) -> int | None:
    name = getattr(func, "__name__", "")
    shape, axis = before[0] if before else (None, None)
    if name in _LAST:
        return result.ndim - 1
    if name in _NORMS:
        normalized = args[1] if len(args) > 1 else kwargs.get("normalized_shape", ())
        return result.ndim - 1 if len(normalized) == 1 else axis
    if name.startswith(_FIRST):
        return 1
    if any(part in name for part in _BY_HABIT_FIRST):
        return 1 if axis is None else axis
    if name in _MIX:
        return None
    if name in _PERMUTE:
        return None if axis is None else _permuted(func, args, kwargs, len(shape), axis)
    if name in _RESHAPE:
        return None if axis is None else _reshaped(shape, axis, result.shape)
    known = [axis for shape, axis in before if axis is not None and len(shape) == result.ndim]
    return known[0] if known else None


def _permuted(
    func: Callable[..., Any],
    args: tuple[Any, ...],
    kwargs: Mapping[str, Any],
    ndim: int,
    axis: int,
) -> int | None:
    """Send a tensor whose axes differ in length through the function."""
    example = torch.empty(list(range(2, 2 + ndim)), device="meta")
    try:
        shape = list(func(example, *args[1:], **kwargs).shape)
    except Exception:  # as of an attribute that it does not have
        return None
    return shape.index(2 + axis) if 2 + axis in shape else None


def _reshaped(shape: torch.Size, axis: int, result: torch.Size) -> int | None:
    """Keep an axis before which, or behind which, nothing changes."""
    if result[: axis + 1] == shape[: axis + 1]:
        return axis
    behind = len(shape) - axis
    if len(result) >= behind and result[-behind:] == shape[axis:]:
        return len(result) - behind
    return None
