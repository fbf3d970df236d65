"""The style of the paper, and what a figure says."""

from collections.abc import Iterator

import pytest

from partial_backprop.figures import style


@pytest.fixture(autouse=True)
def the_style() -> Iterator[None]:
    with style.applied():
        yield
