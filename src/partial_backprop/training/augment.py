"""Random crops and flips of a whole batch at once, on whichever device it is."""

import torch
from torch import Tensor


def crop_and_flip(images: Tensor, *, padding: int, fill: Tensor) -> Tensor:
    """Shift each image at random and mirror half of them."""
    # Shapes: images (batch, channels, height, width), fill (channels,), result (batch, channels,
    # height, width)
    # Source: sparse_homework, Lab 2, whose pipeline pads by 4; He et al., CVPR 2016, section 4.2
    n, channels, height, width = images.shape
    padded = images.new_empty(n, channels, height + 2 * padding, width + 2 * padding)
    padded[:] = fill.reshape(1, -1, 1, 1)
    padded[:, :, padding : padding + height, padding : padding + width] = images
    down, right = torch.randint(0, 2 * padding + 1, (2, n)).to(images.device)
    mirrored = (torch.rand(n) < 0.5).to(images.device)
    rows = down[:, None] + torch.arange(height, device=images.device)
    columns = right[:, None] + torch.arange(width, device=images.device)
    columns = torch.where(mirrored[:, None], columns.flip(1), columns)
    picture = torch.arange(n, device=images.device)[:, None, None]
    pixels = padded.permute(0, 2, 3, 1)[picture, rows[:, :, None], columns[:, None, :]]
    return pixels.permute(0, 3, 1, 2)
