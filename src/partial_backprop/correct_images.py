"""Which examples of a split a run got right: one bit for each, in its record."""

import base64
import hashlib
import zlib

import pydantic

from partial_backprop.run_config import StrictModel


class CorrectImages(StrictModel):
    """Which examples of a split were classified correctly, in the order of the data set."""

    n_examples: int = pydantic.Field(ge=1)
    sha256: str
    """Checksum of the bits: one per example, 1 where correct, eight to a byte, the first one highest."""
    bits: str
    """These bytes, compressed by zlib, in base64."""

    @classmethod
    def of(cls, packed: bytes, n_examples: int) -> "CorrectImages":
        """Store bits that `numpy.packbits` packed."""
        return cls(
            n_examples=n_examples,
            sha256=hashlib.sha256(packed).hexdigest(),
            bits=base64.b64encode(zlib.compress(packed, 9)).decode(),
        )

    def packed(self) -> bytes:
        """Return the bits as `numpy.unpackbits` wants them."""
        return zlib.decompress(base64.b64decode(self.bits, validate=True))

    def n_correct(self) -> int:
        """Count the correct examples."""
        return int.from_bytes(self.packed(), "big").bit_count()

    @pydantic.model_validator(mode="after")
    def _as_checked(self) -> "CorrectImages":
        try:
            packed = self.packed()
        except (ValueError, zlib.error) as error:
            raise ValueError(f"its bits cannot be unpacked ({error})") from None
        if hashlib.sha256(packed).hexdigest() != self.sha256:
            raise ValueError("its bits do not have the checksum that stands beside them")
        if len(packed) != -(-self.n_examples // 8):
            raise ValueError(f"{len(packed)} bytes do not hold {self.n_examples} examples")
        return self
