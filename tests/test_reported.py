"""Printed numbers: typed once, and as the documents print them."""

import re
from pathlib import Path

import pytest
from tests import fakes

from partial_backprop import reported
from partial_backprop.errors import UserError

CONFIG = Path(__file__).parents[1] / "config"


def test_every_number_stands_on_its_line(shared_data: Path) -> None:
    found = reported.read(CONFIG)
    for document, content in found.documents.items():
        (path,) = (shared_data.parent / "seeds").glob(f"{document}_*.txt")
        lines = path.read_text(encoding="utf-8").splitlines()
        for name, entry in content.entries.items():
            texts = re.findall(r"\d+(?:,\d{3})*(?:\.\d+)?", lines[entry.line - 1])
            texts += re.findall(r"\d+(?:\.\d+)?", lines[entry.line - 1])
            printed = {float(text.replace(",", "")) for text in texts}
            for quantity, value in entry.values.items():
                assert value in printed, (name, quantity)


def test_tables_1_and_2_are_complete() -> None:
    found = reported.read(CONFIG)
    for table in ("table_1", "table_2"):
        for experiment in fakes.EXPERIMENTS:
            values = found.entry("001", f"{table}.{experiment}").values
            assert set(values) == {
                "threshold",
                "fb_accuracy_percent",
                "pb_accuracy_percent",
                "frozen_percent",
            }


def test_an_unknown_entry_is_named() -> None:
    with pytest.raises(UserError, match=r"no entry 'table_9'"):
        reported.read(CONFIG).entry("001", "table_9")


def test_an_unknown_key_is_named(tmp_path: Path) -> None:
    (tmp_path / "reported.yaml").write_text("'001': {title: a, source: b, entries: {}, typo: 1}")
    with pytest.raises(UserError, match="typo"):
        reported.read(tmp_path)
