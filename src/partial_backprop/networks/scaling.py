"""What the networks share: scaled widths and the check of the image size."""


def scaled(size: int, width: float) -> int:
    """Scale a number of channels.

    Parameters
    ----------
    size : int
        Channels of the source's network.
    width : float
        Factor, greater than 0.

    Returns
    -------
    int
        The nearest whole number of channels, at least 1.

    Raises
    ------
    ValueError
        If the factor is not positive.
    """
    if not width > 0:
        raise ValueError(f"width must be greater than 0, got {width}")
    return max(1, round(size * width))


def check_image(
    network: str, image_shape: tuple[int, int, int], *, multiple: int, at_least: int
) -> None:
    """Refuse images that a network cannot take.

    Parameters
    ----------
    network : str
        Name for the message.
    image_shape : tuple of int
        Channels, height, width.
    multiple, at_least : int
        What height and width must be a multiple of, and at least.

    Raises
    ------
    ValueError
        If height or width does not fit.
    """
    for side in image_shape[1:]:
        if side % multiple or side < at_least:
            raise ValueError(
                f"{network} takes images whose sides are multiples of {multiple} and at least "
                f"{at_least}, got {image_shape[1]} x {image_shape[2]}: choose another data set"
            )
