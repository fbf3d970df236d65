"""A results page of made-up runs."""

import dataclasses
from pathlib import Path
from typing import ClassVar

import pandas as pd
import pytest
from PIL import Image
from tests import fakes

from partial_backprop import inputs
from partial_backprop.results_page import build, runs

ROOT = Path(__file__).parents[2]
COLUMNS = "document source id line claim test reported margin estimate low high n_seeds n_images"
COLUMNS += " method p p_holm p_sign_flip verdict reason p_mcnemar tags main"
PB = {"document": "001", "source": "pb2020", "n_seeds": 2, "method": "t"}
CLAIMS = [
    {
        **PB,
        **{"id": "P4.vgg19", "line": 11, "claim": "PB is as accurate as FB, VGG19"},
        **{"estimate": 0.1, "low": -0.2, "high": 0.4, "p": 0.01, "verdict": "reproduced"},
    },
    {
        **PB,
        **{"id": "P4.lenet5", "line": 11, "claim": "the same, LeNet-5"},
        **{"estimate": -0.11, "low": -0.18, "high": -0.04, "verdict": "undecided"},
        "reason": "wide",
    },
    {**PB, "id": "P39", "line": 131, "claim": "most weights may be frozen", "verdict": "not run"},
    {
        **PB,
        **{"document": "003", "source": "sparse_homework", "id": "L2", "line": 11},
        **{"claim": "sparsity hardly speeds up", "verdict": "not run", "reason": "no_experiment"},
    },
]


@dataclasses.dataclass
class Made:
    """A page, what it is made from, and how to make it again."""

    folder: Path
    config: Path
    records: list[Path]
    tables: list[Path]
    claims: Path
    figures: list[Path]
    page: Path
    EVIL: ClassVar[str] = "<script>alert(1)</script>"

    def build(self, name: str, records: list[Path] | None = None) -> Path:
        """Make the page, maybe under another name or of other records."""
        given = self.records if records is None else records
        page = self.page.with_name(name)
        build.build(
            fakes.SCALE,
            records=given,
            tables=self.tables,
            figures=self.figures,
            out=page,
            config_dir=self.config,
        )
        return page

    @property
    def rows(self) -> list[dict]:
        """The runs as the page shows them."""
        found = inputs.read_inputs(fakes.SCALE, self.records, config_dir=self.config)
        return runs.tabulate(found.runs, self.page.parent, fakes.SCALE)


@pytest.fixture(scope="session")
def made(tmp_path_factory) -> Made:
    """Two networks, five arms, two seeds; two tables and a figure."""
    folder = tmp_path_factory.mktemp("page")
    settings = fakes.write_config(folder)
    names = ("vgg19_cifar10", "lenet5_mnist")
    records, _ = fakes.write_campaign(folder, settings, experiments=names, seeds=(0, 1))
    results = folder / "results" / fakes.SCALE
    (results / "tables").mkdir()
    tables = [results / "tables" / f"{name}.csv" for name in ("table_2", "table_claims")]
    tables[0].write_text(f"experiment,value\nlenet5_mnist,{Made.EVIL}\nvgg19_cifar10,2.5\n")
    pd.DataFrame(CLAIMS).reindex(columns=COLUMNS.split()).to_csv(tables[1], index=False)
    figure = folder / "figure_1.png"
    Image.linear_gradient("L").save(figure)
    page = Made(folder, settings, records, tables, tables[1], [figure], results / "index.html")
    page.build(page.page.name)
    return page
