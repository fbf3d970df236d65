"""What the README shows is what the records and the library say."""

import re
import subprocess
import sys
from pathlib import Path

from partial_backprop import reported
from partial_backprop.experiments.partial_backprop import cnns

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_tables_are_those_of_the_records(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "scripts"))
    import readme_table

    for page, tables in readme_table.PAGES.items():
        text = (ROOT / page).read_text(encoding="utf-8")
        assert readme_table.written(page, text) == text, "run python scripts/readme_table.py"
        assert all(len(table().splitlines()) > 4 for table in tables.values())


def test_the_first_screen_names_what_failed_and_what_did_not_run():
    for words in ("contradicted", "not run", "at chance", "openreview.net/forum?id=rkg6PhNKDr"):
        assert words in README.partition("## Two commands")[0]


def test_the_shares_that_the_source_reports_are_its_own():
    document = reported.read(ROOT / "config").documents["001"]
    shares = [document.entries[f"table_2.{name}"].values["frozen_percent"] for name in cnns.CNNS]
    assert f"reports {min(shares):.0f} to {max(shares):.0f} %" in " ".join(README.split())


def test_the_example_is_at_most_fifteen_lines_and_works_when_pasted(tmp_path):
    (code,) = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    assert len(code.splitlines()) <= 15
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert "1,231 of 1,539 weights frozen" in done.stdout


def test_the_pruning_loop_of_the_library_s_page_prunes_what_it_says(tmp_path):
    page = (ROOT / "docs" / "library.md").read_text(encoding="utf-8")
    (code,) = (
        one for one in re.findall(r"```python\n(.*?)```", page, re.DOTALL) if "Pruner" in one
    )
    count = "print(sum(int((w == 0).sum()) for w in prunable(model).values()))"
    done = subprocess.run(
        [sys.executable, "-c", f"{code}\n{count}"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    n_weights = 20 * 64 + 64 * 3
    assert int(done.stdout) == int(0.8 * (n_weights - 1)) + 1  # all up to the 80th percentile
