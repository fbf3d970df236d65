"""Quantized values in as few bytes as their bits need: codes of magnitudes, signs and levels. n: values."""

from typing import Self

import torch
from torch import Tensor

from partial_backprop.quantization.weibull import LEVELS, check_bits, round_to_levels


def pack_bits(codes: Tensor, bits: int) -> Tensor:
    """Pack codes without gaps."""
    # Shapes: codes (n,), result (bits · ceil(n / 8)
    check_bits(bits)
    groups = torch.nn.functional.pad(codes, (0, -len(codes) % 8)).view(-1, 8)
    words = torch.zeros(len(groups), dtype=torch.int64, device=codes.device)
    for place in range(8):
        words |= groups[:, place].to(torch.int64) << (bits * place)
    octets = words.view(torch.uint8).view(-1, 8)[:, :bits]
    return octets.clone(memory_format=torch.contiguous_format).flatten()


def unpack_bits(packed: Tensor, bits: int, n: int) -> Tensor:
    """Undo `pack_bits`."""
    # Shapes: packed (bits · ceil(n / 8), result (n,)
    if bits == 8:
        return packed[:n]
    words = torch.nn.functional.pad(packed.view(-1, bits), (0, 8 - bits)).view(torch.int64)
    codes = torch.empty(len(words), 8, dtype=torch.uint8, device=packed.device)
    for place in range(8):
        codes[:, place] = (words[:, 0] >> (bits * place)) & (2**bits - 1)
    return codes.flatten()[:n]


class PackedValues:
    """A vector of which a code of few bits, and a bit for the sign, is kept of each value."""

    # Shapes: content (n_bytes(n, bits)
    # The bit of the sign tells whether a value is above 0, and such a value comes back above 0 even
    # if it is rounded to the level 0: the backward pass of a rectifier lets through what it would
    # have let through

    def __init__(self, content: Tensor, bits: int, n: int, dtype: torch.dtype) -> None:
        self.content = content
        self._bits, self._n, self._dtype = bits, n, dtype

    @classmethod
    def of(
        cls,
        values: Tensor,
        bits: int,
        levels: str,
        generator: torch.Generator | None = None,
        *,
        nearest: bool = False,
    ) -> Self:
        """Quantize a vector."""
        # Shapes: values (n,)
        at = LEVELS[levels](values, bits)
        codes = round_to_levels(values, at, generator, nearest=nearest)
        parts = [
            at.view(torch.uint8),
            pack_bits(codes, bits),
            pack_bits((values > 0).view(torch.uint8), 1),
        ]
        return cls(torch.cat(parts), bits, len(values), values.dtype)

    def unpack(self) -> Tensor:
        """Return the quantized values."""
        # Shapes: result (n,)
        kind = _level_type(self._dtype)
        n_codes = self._bits * -(-self._n // 8)
        n_levels = 2**self._bits * kind.itemsize
        levels, codes, signs = self.content.split(
            [n_levels, n_codes, len(self.content) - n_levels - n_codes]
        )
        levels = levels.clone().view(kind)
        # To both signs of each level in one look-up.
        smallest = levels.new_tensor(_smallest(self._dtype))
        signed = torch.cat([-levels, torch.maximum(levels, smallest)]).to(self._dtype)
        signed[0] = levels[0]  # not -0
        index = unpack_bits(codes, self._bits, self._n).to(torch.int32)
        index += unpack_bits(signs, 1, self._n).to(torch.int32) << self._bits
        return signed.index_select(0, index)


def n_bytes(n: int, bits: int, dtype: torch.dtype) -> int:
    """Count the bytes of packed values."""
    return (bits + 1) * -(-n // 8) + 2**bits * _level_type(dtype).itemsize


def _level_type(dtype: torch.dtype) -> torch.dtype:
    return torch.promote_types(dtype, torch.float32)


def _smallest(dtype: torch.dtype) -> float:
    """Return a value above 0 that a processor which flushes denormal numbers does not take for 0."""
    return 2.0**-24 if dtype == torch.float16 else torch.finfo(dtype).tiny
