"""Every image is a crop of its padded self; shifts and flips are even, and drawn reproducibly."""

import pytest
import torch

from partial_backprop.torchvision_compat import import_torchvision
from partial_backprop.training.augment import crop_and_flip

MEAN, STD = torch.tensor([0.4, 0.5, 0.6]), torch.tensor([0.2, 0.25, 0.3])
BLACK = -MEAN / STD


def pictures(n, height=6, width=5):
    """Images without two equal pixels, so that a crop tells where it is from."""
    draw = torch.Generator().manual_seed(0)
    return torch.randn(n, 3, height, width, generator=draw)


def choices(image, padding):
    """All that torchvision's pad, crop and flip make of an image, by shift and flip."""
    import_torchvision()
    from torchvision.transforms.v2 import functional as transforms

    _, height, width = image.shape
    padded = transforms.pad(image * STD[:, None, None] + MEAN[:, None, None], [padding], fill=0)
    padded = (padded - MEAN[:, None, None]) / STD[:, None, None]
    for top in range(2 * padding + 1):
        for left in range(2 * padding + 1):
            crop = transforms.crop(padded, top, left, height, width)
            yield (top, left, False), crop
            yield (top, left, True), transforms.horizontal_flip(crop)


def drawn(images, found, padding):
    """Recover each image's shift and flip; raise where there is none."""
    origin = []
    for image, result in zip(images, found, strict=True):
        near = [
            key
            for key, crop in choices(image, padding)
            if torch.allclose(crop, result, rtol=0, atol=1e-5)
        ]
        assert len(near) == 1
        origin += near
    return origin


def test_each_image_is_one_of_torchvisions_crops():
    torch.manual_seed(0)
    images = pictures(40)
    found = crop_and_flip(images, padding=2, fill=BLACK)
    origins = drawn(images, found, 2)
    assert len(set(origins)) > 20  # each image draws for itself


def test_shifts_and_flips_are_even_and_independent():
    """Over 5 x 5 x 2 outcomes; a chi-squared of 49 degrees of freedom lies below 94.6 in all but
    1 of 10,000 cases (scipy.stats.chi2.isf(1e-4, 49))."""
    torch.manual_seed(1)
    n, padding = 20_000, 2
    # One pixel's place tells its image's shift and flip apart, once the others are 0.
    image = torch.zeros(1, 1, 8, 9)
    image[0, 0, 4, 3] = 1
    found = crop_and_flip(image.expand(n, -1, -1, -1), padding=padding, fill=torch.zeros(1))
    places = found.flatten(1).argmax(1)
    rows, columns = places // 9, places % 9
    assert (found.flatten(1).sum(1) == 1).all()
    # Unflipped the column is 3 ± 2; flipped, 5 ± 2: they share columns, so count what is expected.
    expected = torch.zeros(8, 9)
    expected[2:7, 1:6] += n / 50
    expected[2:7, 3:8] += n / 50
    counted = torch.zeros(8, 9).index_put_((rows, columns), torch.ones(n), accumulate=True)
    possible = expected > 0
    assert not counted[~possible].any()
    squares = (counted - expected)[possible].square() / expected[possible]
    assert squares.sum() < 94.6


def test_pixels_are_copied_and_not_computed():
    torch.manual_seed(0)
    images = pictures(64)
    found = crop_and_flip(images, padding=3, fill=BLACK)
    for image, result in zip(images, found, strict=True):
        for channel in range(3):
            known = {*image[channel].flatten().tolist(), BLACK[channel].item()}
            assert set(result[channel].flatten().tolist()) <= known


def test_what_is_shifted_in_is_black():
    torch.manual_seed(0)
    images = torch.full((200, 3, 4, 4), 9.0)
    found = crop_and_flip(images, padding=4, fill=BLACK)
    filled = (found != 9).any(1)
    assert filled.any()
    assert torch.equal(found.permute(0, 2, 3, 1)[filled], BLACK.expand(int(filled.sum()), 3))


def test_without_padding_it_only_mirrors():
    torch.manual_seed(0)
    images = pictures(100)
    found = crop_and_flip(images, padding=0, fill=BLACK)
    mirrored = torch.tensor([torch.equal(f, i.flip(2)) for f, i in zip(found, images, strict=True)])
    as_it_is = torch.tensor([torch.equal(f, i) for f, i in zip(found, images, strict=True)])
    assert (mirrored ^ as_it_is).all()
    assert 30 <= int(mirrored.sum()) <= 70


def test_the_seed_decides():
    images = pictures(30)

    def again(seed):
        torch.manual_seed(seed)
        return crop_and_flip(images, padding=4, fill=BLACK)

    first = again(5)
    assert torch.equal(again(5), first)
    assert not torch.equal(again(6), first)
    assert not torch.equal(crop_and_flip(images, padding=4, fill=BLACK), again(6))


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float16])
def test_types_and_layouts(layout, dtype):
    images = pictures(10).to(dtype)
    torch.manual_seed(3)
    expected = crop_and_flip(images, padding=2, fill=BLACK)
    before = images.clone()
    torch.manual_seed(3)
    found = crop_and_flip(
        images.to(memory_format=layout), padding=2, fill=BLACK.reshape(1, 3, 1, 1)
    )
    assert torch.equal(found, expected)
    assert found.dtype == dtype
    assert found.is_contiguous(memory_format=torch.channels_last)
    assert torch.equal(images, before)
