"""From a file of ``torch.save`` or safetensors to a sparse one, and back."""

from pathlib import Path

from partial_backprop.errors import UserError
from partial_backprop.files import write_atomically
from partial_backprop.storage import sparse_file, state_dict
from partial_backprop.storage.measure import as_torch_file


def shrink(weights: Path, out: Path) -> tuple[int, int]:
    """Write weights in the sparse format.

    Parameters
    ----------
    weights : pathlib.Path
        File that ``torch.save(model.state_dict(), weights)`` wrote, or ``.safetensors``; nothing in it
        is executed.
    out : pathlib.Path
        The sparse file.

    Returns
    -------
    int, int
        Bytes of both files. The second is the smaller one where a share of the weights is zero.

    Raises
    ------
    UserError
        If a file cannot be read or written, or the first is no ``state_dict``.
    """
    try:
        sparse_file.write(state_dict.read(weights), out)
    except ValueError as error:
        raise UserError(f"{weights}: {error}") from None
    return weights.stat().st_size, out.stat().st_size


def expand(sparse: Path, out: Path) -> tuple[int, int]:
    """Write the weights of a sparse file as ``torch.save`` does.

    Parameters
    ----------
    sparse : pathlib.Path
        File that `shrink` wrote.
    out : pathlib.Path
        File for ``torch.load``.

    Returns
    -------
    int, int
        Bytes of both files.

    Raises
    ------
    UserError
        If a file cannot be read or written, or the first is truncated, damaged or of another kind.
    """
    write_atomically(out, as_torch_file(sparse_file.read(sparse)))
    return sparse.stat().st_size, out.stat().st_size
