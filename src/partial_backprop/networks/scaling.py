"""What the networks share: scaled widths and the check of the image size."""


def scaled(size: int, width: float) -> int:
    """Scale a number of channels."""
    if not width > 0:
        raise ValueError(f"width must be greater than 0, got {width}")
    return max(1, round(size * width))


def check_image(
    network: str, image_shape: tuple[int, int, int], *, multiple: int, at_least: int
) -> None:
    """Refuse images that a network cannot take."""
    for side in image_shape[1:]:
        if side % multiple or side < at_least:
            raise ValueError(
                f"{network} takes images whose sides are multiples of {multiple} and at least "
                f"{at_least}, got {image_shape[1]} x {image_shape[2]}: choose another data set"
            )
