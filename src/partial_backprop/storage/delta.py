"""A delta file: the values that a training changed, where they are, and a checksum of all others.

It is a ``.safetensors``: ``positions``, coded as `positions` says, of changed entries within all tensors
that are changed in part, laid end to end in C order; ``values.TYPE``, the values of these and of tensors
that are changed whole, type by type. The header's ``__metadata__`` tells names, shapes and checksums.
"""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from partial_backprop.errors import UserError
from partial_backprop.files import write_atomically
from partial_backprop.storage import positions, safetensors

FORMAT = "partial_backprop delta 1"
"""What the header says that the file is."""


class _Change(NamedTuple):
    """New values of a tensor, and where they go: None for the whole of it."""

    tensor: Tensor  # of the model, or of no memory
    index: Tensor | None  # places in C order
    values: Tensor  # as many, or as many as the tensor has


class AppliedDelta:
    """A delta in a model, that can be taken out again; `apply_delta` makes one.

    Parameters
    ----------
    changes : list
        Tensors of the model, and the values that they had.
    """

    def __init__(self, changes: list[_Change]) -> None:
        self._changes = changes

    def remove(self) -> None:
        """Give the model the values back that it had, bit for bit; a second call does nothing."""
        for change in self._changes:
            _exchange(change)
        self._changes = []


def tensors_of(model: nn.Module) -> dict[str, Tensor]:
    """Return the tensors that make a model what it is."""
    saved = model.state_dict().keys()
    named = dict(model.named_parameters())
    named |= {name: buffer for name, buffer in model.named_buffers() if name in saved}
    return {plain_name(name): tensor.detach() for name, tensor in named.items()}


def plain_name(name: str) -> str:
    """Leave the prefixes of wrappers out of a name."""
    return ".".join(part for part in name.split(".") if part not in ("_orig_mod", "module"))


def digest(tensor: Tensor, active: Tensor | None = None) -> str:
    """Compute a checksum of a tensor's entries."""
    values = tensor.detach().reshape(-1)
    if active is not None:
        values = values[~active.reshape(-1).to(values.device)]
    found = hashlib.blake2b(f"{tensor.dtype} {tuple(tensor.shape)}".encode(), digest_size=16)
    found.update(_bytes(values))
    return found.hexdigest()


def save(path: Path, tensors: Mapping[str, Tensor], active: Mapping[str, Tensor]) -> None:
    """Write a delta file."""
    active = {name: active[name].cpu() for name in tensors if name in active}
    entries, index, start = [], [], 0
    values: dict[str, list[Tensor]] = {}
    for name, flags in active.items():
        tensor, is_whole = tensors[name], bool(flags.all())
        flat = tensor.detach().reshape(-1).cpu()
        if not is_whole:
            places = flags.reshape(-1).nonzero().flatten()
            flat = flat[places]
            index.append(places + start)
            start += tensor.numel()
        kind = str(tensor.dtype).removeprefix("torch.")
        values.setdefault(kind, []).append(flat)
        entries.append([name, list(tensor.shape), kind, len(flat), is_whole])
    together = torch.cat(index) if index else torch.empty(0, dtype=torch.int64)
    bits, code = positions.pack(together)
    content = {f"values.{kind}": torch.cat(parts) for kind, parts in values.items()}
    content["positions"] = code
    about = {
        "format": FORMAT,
        "tensors": json.dumps(entries, separators=(",", ":")),
        "bits": str(bits),
        "base": _checksum(tensors, active),
        "content": _checksum(content),
    }
    write_atomically(Path(path), safetensors.to_bytes(content, about))


def apply_delta(model: nn.Module, path: str | Path) -> AppliedDelta:
    """Put a delta file's values into the model that it belongs to.

    Parameters
    ----------
    model : nn.Module
        The base: its weights as they were before the training that the delta is of, on any device.
    path : str or pathlib.Path
        File that `PartialBackprop.save_delta` wrote.

    Returns
    -------
    AppliedDelta
        Its ``remove()`` takes the delta out again.

    Raises
    ------
    UserError
        If the file is missing, truncated or damaged, or the model is not its base; the model is then as
        it was.

    Notes
    -----
    Both ways are exact to the bit. Checked are all entries that the delta leaves as they are: what it
    replaces, such as a new head, may differ.
    """
    path = Path(path)
    try:
        content = path.read_bytes()
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror}") from None
    try:
        about, changes = _read(content)
    except (ValueError, KeyError, TypeError, IndexError, RuntimeError) as error:
        reason = " ".join(str(error).split())[:100]
        raise UserError(f"{path} is no delta file, or damaged ({reason}): save it again") from None
    own = tensors_of(model)
    for name, change in changes.items():
        there = own.get(name)
        if there is None:
            raise UserError(f"{path} is of another model: this one has no {name}")
        if (there.shape, there.dtype) != (change.tensor.shape, change.tensor.dtype):
            raise UserError(
                f"{path} is of another model: {name} is {_form(change.tensor)} there and "
                f"{_form(there)} here"
            )
    active = {name: _flags(change) for name, change in changes.items()}
    if _checksum(own, active) != about["base"]:
        raise UserError(
            f"{path} is of another base: weights that it leaves alone differ from those that it was "
            "saved with; load the weights with which that training began"
        )
    applied = [change._replace(tensor=own[name]) for name, change in changes.items()]
    return AppliedDelta([_exchange(change) for change in applied])


def _read(content: bytes) -> tuple[dict[str, str], dict[str, _Change]]:
    """Read a file; the tensors of its changes have a shape and a type, and no memory."""
    tensors = safetensors.from_bytes(content)
    about = safetensors.metadata(content)
    if about.get("format") != FORMAT:
        raise ValueError("its header does not say that it is one")
    if _checksum(tensors) != about["content"]:
        raise ValueError("its content is not that of its checksum")
    entries = json.loads(about["tensors"])
    sizes = [n for _, _, _, n, is_whole in entries if not is_whole]
    together = positions.unpack(int(about["bits"]), sum(sizes), tensors["positions"])
    index = iter(together.split(sizes))
    left = {kind: tensors[f"values.{kind}"] for kind in {entry[2] for entry in entries}}
    changes, start = {}, 0
    for name, shape, kind, n, is_whole in entries:
        like = torch.empty(shape, dtype=getattr(torch, kind), device="meta")
        values, left[kind] = left[kind][:n], left[kind][n:]
        places = None if is_whole else next(index) - start
        if is_whole and n != like.numel():
            raise ValueError(f"{name} does not have the length of its shape")
        if places is not None:
            start += like.numel()
            if n and not 0 <= int(places.min()) <= int(places.max()) < like.numel():
                raise ValueError(f"positions of {name} lie outside of it")
        changes[name] = _Change(like, places, values)
    if any(len(rest) for rest in left.values()):
        raise ValueError("it has more values than its header tells")
    return about, changes


@torch.no_grad()
def _exchange(change: _Change) -> _Change:
    """Write values into a tensor, and return those that were there."""
    tensor, index, values = change
    flat = tensor.reshape(-1).clone()
    values = values.to(tensor.device)
    if index is None:
        old, flat = flat, values
    else:
        index = index.to(tensor.device)
        old = flat[index]
        flat[index] = values
    tensor.copy_(flat.view(tensor.shape))
    return _Change(tensor, index, old)


def _flags(change: _Change) -> Tensor:
    flags = torch.full((change.tensor.numel(),), change.index is None)
    if change.index is not None:
        flags[change.index] = True
    return flags.view(change.tensor.shape)


def _checksum(tensors: Mapping[str, Tensor], active: Mapping[str, Tensor] | None = None) -> str:
    """Compute the checksum of tensors, without the active entries."""
    active = active or {}
    found = hashlib.blake2b(digest_size=16)
    for name in sorted(tensors):
        found.update(f"{name} {digest(tensors[name], active.get(name))}\n".encode())
    return found.hexdigest()


def _bytes(values: Tensor) -> Any:
    values = values.cpu().contiguous()
    return values.view(torch.uint8).numpy() if values.numel() else b""


def _form(tensor: Tensor) -> str:
    kind = str(tensor.dtype).removeprefix("torch.")
    return f"{' x '.join(map(str, tensor.shape)) or 'a number'} of {kind}"
