"""What tables and figures are called, and what they show: ``config/captions.yaml``."""

from pathlib import Path

import pydantic

from partial_backprop import config
from partial_backprop.files import read_yaml, validated
from partial_backprop.run_config import Frozen

NAME = "captions.yaml"


class Caption(Frozen):
    """A table or figure in words."""

    title: str
    of: str = pydantic.Field(min_length=1)
    """The experiments that it belongs to: a heading of reports."""
    caption: str


def read(config_dir: Path = config.CONFIG_DIR) -> dict[str, Caption]:
    """Read all captions, in the order in which they are to be shown."""
    path = config_dir / NAME
    return {
        name: validated(Caption, fields, f"{path}: {name}")
        for name, fields in read_yaml(path).items()
    }
