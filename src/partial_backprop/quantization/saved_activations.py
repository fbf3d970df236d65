"""Keep what the backward pass needs of activations in few bits."""

import contextlib
import weakref
from collections.abc import Mapping
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.multiprocessing.reductions import StorageWeakRef

from partial_backprop.quantization.packed_values import PackedValues
from partial_backprop.quantization.weibull import LEVELS, check_bits


class _Shared:
    """Packed memory, which several saved tensors may look at."""

    def __init__(self, values: PackedValues, storage: StorageWeakRef) -> None:
        self.values = values
        self.storage = storage  # while this lives, no other storage has its address


class _Saved(NamedTuple):
    memory: _Shared
    shape: torch.Size
    stride: tuple[int, ...]
    """In values."""


class ActivationQuantizer:
    """Quantize the activations that a forward pass saves for the backward pass.

    Use it around the network's forward pass, the loss outside: ``with quantizer.saving(): y = model(x)``.

    Parameters
    ----------
    bits : int
        From 1 to 8; one more per value keeps the sign.
    levels : {"uniform", "weibull"}
        How levels are chosen, for each tensor anew.
    min_size : int
        Tensors of fewer values are kept as they are.
    seed : int
        Of the rounding.

    Attributes
    ----------
    n_bytes : int
        Bytes of the packed tensors, summed over all forward passes.
    n_bytes_before : int
        Bytes of these tensors before.

    Raises
    ------
    ValueError
        If the bits are out of range, or the levels unknown.

    Notes
    -----
    Parameters (transposed or converted too), integers, vectors (such as the means of a normalisation) and
    small tensors are kept as they are; but a frozen parameter that autocast converts is taken for an
    activation. The forward pass is not altered, and a tensor that is saved twice is packed once. Which values
    are above 0 is kept exactly, so that gradients stay unbiased through rectifiers and linear layers; through
    a normalisation or a softmax, whose gradients are no linear functions of what they save, they do not.

    References
    ----------
    TinyScript: see `partial_backprop.quantization.weibull`.
    """

    def __init__(
        self, bits: int, levels: str = "weibull", *, min_size: int = 4096, seed: int = 0
    ) -> None:
        check_bits(bits)
        check_levels(levels)
        self._bits, self._levels, self._min_size = bits, levels, min_size
        self._generators: dict[torch.device, torch.Generator] = {}
        self._shared: weakref.WeakValueDictionary[tuple, _Shared] = weakref.WeakValueDictionary()
        self.n_bytes = self.n_bytes_before = 0
        self.begin_epoch(seed)

    def begin_epoch(self, seed: int) -> None:
        """Begin an epoch's draws.

        Parameters
        ----------
        seed : int
            Of the epoch: what is drawn in it does not depend on the epochs before.
        """
        self._seed = seed
        self._generators.clear()

    def saving(self) -> contextlib.AbstractContextManager:
        """Quantize what is saved inside a ``with`` block.

        Returns
        -------
        context manager
            The backward pass may be outside.
        """
        return torch.autograd.graph.saved_tensors_hooks(self._pack, _unpack)

    def state_dict(self) -> dict[str, int]:
        """Return what has to be kept to go on exactly, at the beginning of an epoch.

        Returns
        -------
        dict
            The counts.
        """
        return {"n_bytes": self.n_bytes, "n_bytes_before": self.n_bytes_before}

    def load_state_dict(self, state: Mapping[str, int]) -> None:
        """Go on from where another quantizer was.

        Parameters
        ----------
        state : mapping
            What `state_dict` gave.
        """
        self.n_bytes, self.n_bytes_before = state["n_bytes"], state["n_bytes_before"]

    @torch.no_grad()
    def _pack(self, tensor: Tensor) -> Tensor | _Saved:
        if (
            not tensor.is_floating_point()
            or tensor.dim() < 2
            or tensor.numel() < self._min_size
            or _is_of_a_parameter(tensor)
        ):
            return tensor
        tensor = tensor.detach()
        # Memory is packed in its own order, so that a tensor comes back with its strides.
        if tensor.stride() != torch.empty_like(tensor, device="meta").stride():
            tensor = tensor.clone()
        storage = StorageWeakRef(tensor.untyped_storage())
        key = (
            storage.cdata,
            *(tensor.storage_offset(), tensor.numel(), tensor.dtype, tensor._version),
        )
        memory = self._shared.get(key)
        if memory is None:
            flat = tensor.as_strided((tensor.numel(),), (1,))
            generator = self._generators.get(tensor.device)
            if generator is None:
                generator = torch.Generator(tensor.device).manual_seed(self._seed)
                self._generators[tensor.device] = generator
            packed = PackedValues.of(flat, self._bits, self._levels, generator)
            memory = self._shared[key] = _Shared(packed, storage)
            self.n_bytes += packed.content.nbytes
            self.n_bytes_before += flat.nbytes
        return _Saved(memory, tensor.shape, tensor.stride())


def check_levels(name: str) -> None:
    """Refuse an unknown way to choose levels."""
    if name not in LEVELS:
        raise ValueError(f"unknown levels {name!r}: choose {', '.join(LEVELS)}")


@torch.no_grad()
def _unpack(saved: Tensor | _Saved) -> Tensor:
    if isinstance(saved, Tensor):
        return saved
    return saved.memory.values.unpack().as_strided(saved.shape, saved.stride)


def _is_of_a_parameter(tensor: Tensor) -> bool:
    """Tell whether a tensor is a parameter, a view of one, or all of one in another order or type."""
    if isinstance(tensor, nn.Parameter) or isinstance(tensor._base, nn.Parameter):
        return True
    if tensor.is_leaf:
        return tensor.requires_grad
    node = tensor.grad_fn
    while node is not None and len(node.next_functions) == 1:
        node = node.next_functions[0][0]
    variable = getattr(node, "variable", None)
    return variable is not None and variable.numel() == tensor.numel()
