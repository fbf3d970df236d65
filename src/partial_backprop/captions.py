"""What tables and figures are called, what they show and read: ``captions.yaml`` of the experiments' folders.

For the terminal, Snakemake's report and the results page; the paper has its own captions.
"""

from pathlib import Path
from typing import Literal

import pydantic

from partial_backprop import config, folders
from partial_backprop.errors import UserError
from partial_backprop.files import read_yaml, validated
from partial_backprop.run_config import StrictModel

NAME = "captions.yaml"


class Reads(StrictModel):
    """What a figure is made from; a table's entry names its experiments and arms."""

    experiments: tuple[str, ...] | Literal["all"] = ()
    arms: tuple[str, ...] = ()
    """Arms of them; empty is all."""
    first_seed: bool = False
    """Whether one seed is enough."""
    gradients: tuple[str, ...] | Literal["all"] = ()
    """Experiments whose gradient samples are read."""
    gradients_of_published: bool = False
    """Whether the gradient samples of all stand in for arms that published records lack."""
    beside: tuple[str, ...] = ()
    """Files beside the records; of published ones those that are there."""
    beside_if_there: tuple[str, ...] = ()
    """The same, where there are any."""
    benchmarks: bool = False
    """Whether it shows what ``make bench`` measured."""
    claims: bool = False
    """Whether it shows the claims of the sources."""


class Caption(StrictModel):
    """A table or figure in words."""

    title: str
    of: str = pydantic.Field(min_length=1)
    """The experiments that it belongs to: a heading of reports."""
    caption: str
    reads: Reads = Reads()


def read(config_dir: Path = config.CONFIG_DIR) -> dict[str, Caption]:
    """Read all captions, in the order in which they are to be shown."""
    found: dict[str, Caption] = {}
    for _, path in folders.files(NAME, config_dir):
        for name, fields in read_yaml(path).items():
            if name in found:
                raise UserError(f"{path}: {name}: another folder has a caption of this name")
            found[name] = validated(Caption, fields, f"{path}: {name}")
    return found


def about_claims(name: str, config_dir: Path = config.CONFIG_DIR) -> bool:
    """Whether a table or figure shows the claims of the sources."""
    found = read(config_dir).get(name)
    return found is not None and found.reads.claims
