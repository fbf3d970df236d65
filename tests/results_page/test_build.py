"""The results page as a file: whole, offline, small, the same every time, and nothing in it is markup."""

import re
from pathlib import Path

import pandas as pd
import pytest
from tests import fakes

from partial_backprop import captions
from partial_backprop.results_page import build, cells, ledger, runs

ROOT = Path(__file__).parents[2]
FULL = 603
"""Runs of scale full."""
MAX_BYTES = 10_000_000
"""Of a page that can be sent by mail."""


def test_is_the_same_byte_for_byte(made):
    before = made.page.read_bytes()
    assert made.build(made.page.name).read_bytes() == before


def test_needs_no_other_file(made):
    text = made.page.read_text(encoding="utf-8")
    markup = re.sub(r"<script.*?</script>|<style.*?</style>", "", text, flags=re.DOTALL)
    assert not re.findall(r'<(?:link|script|img|iframe)[^>]*(?:src|href)="(?!data:)', markup)
    assert "@import" not in text


def test_what_is_shown_is_never_markup(made):
    text = made.page.read_text(encoding="utf-8")
    assert made.EVIL not in text
    assert made.EVIL not in made.tables[0].with_suffix(".html").read_text(encoding="utf-8")
    assert fakes.TITLE.replace("&", "&amp;").rstrip(".") in text


def test_a_scale_of_six_hundred_runs_fits(made):
    """The library, the figures as they are committed, and what each run takes."""
    text = made.page.read_text(encoding="utf-8")
    a_run = len(text.encode()) - len(made.build("none.html", records=[]).read_bytes())
    figures = [path.stat().st_size for path in (ROOT / "figures" / "published").glob("*.png")]
    assert len(figures) > 10
    library = sum(map(len, build._library().values()))
    n_bytes = library + sum(figures) * 4 / 3 + FULL * a_run / len(made.records)
    assert n_bytes < MAX_BYTES


def test_what_is_shown_has_its_caption(made):
    known = captions.read(ROOT / "config")
    text = made.page.read_text(encoding="utf-8")
    for name in ("table_2", "figure_1"):
        assert known[name].title in text
        assert known[name].caption in text


def test_cells_leave_out_what_is_empty_and_turn_what_is_wide(tmp_path):
    path = tmp_path / "table_1.csv"
    rows = [
        {f"column_{n}_percent": value for n, value in enumerate((*range(20), ""))} | {"arm": arm}
        for arm in ("fb", "pb_random")
    ]
    pd.DataFrame(rows).to_csv(path, index=False)
    found = cells.read(path)
    assert found.on_its_side
    assert found.rows[-1] == ("arm", "FB", "PB, random mask")
    assert len(found.rows) == 20
    path.write_text("experiment,value,none\nlenet5_mnist,0.123456,\nlenet5_mnist,123456.7,\n")
    found = cells.read(path)
    assert found == (
        ("experiment", "value"),
        (("LeNet-5", "0.1235"), ("LeNet-5", "123,456.7")),
        False,
    )


def test_a_claim_is_linked_to_the_runs_that_it_compares(made):
    rows = {row["id"]: row for row in ledger.tabulate(made.claims, ROOT / "config")}
    assert rows["P4.lenet5"]["runs"] == [
        f"{name}/{arm}" for arm in ("pb", "fb") for name in ("lenet5_mnist_60000", "lenet5_mnist")
    ]
    assert "as accurate as FB" in rows["P4.lenet5"]["claim"]
    assert set(rows["P39"]["runs"]) >= set(rows["P4.lenet5"]["runs"])


def test_numbers_of_a_claim_have_the_same_decimals():
    assert ledger.alike("92.36", "70.4", "") == ["92.36", "70.40", ""]
    assert ledger.alike("", "0.0123", "-0.5") == ["", "0.012", "-0.500"]
    assert ledger.alike("552874.0", "552874") == ["552,874", "552,874"]


def test_a_long_curve_is_thinned_and_a_lost_one_has_gaps(tmp_path):
    path = tmp_path / "history.csv"
    frame = pd.DataFrame({"epoch": range(1000), "train_loss": 0.123456, "test_loss": float("nan")})
    frame.loc[0, "train_loss"] = float("inf")
    frame.to_csv(path, index=False)
    found = runs.curves(path)
    assert len(found["epoch"]) <= runs.N_POINTS
    assert found["train_loss"][:2] == [None, 0.1235]
    assert "test_loss" not in found


def test_pairs_are_of_the_same_seed(made):
    by_key = {row["key"]: row for row in made.rows}
    for seed in (0, 1):
        fb, pb = (by_key[f"lenet5_mnist/{arm}/seed{seed}"] for arm in ("fb", "pb"))
        assert not fb["minus"]
        assert pb["minus"]["last"] == pytest.approx(pb["accuracy"]["last"] - fb["accuracy"]["last"])
