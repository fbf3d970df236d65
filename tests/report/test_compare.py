"""Two folders of results: the same, the same but for seeds, or different."""

import json
import shutil
from pathlib import Path

import pytest

from partial_backprop import cli
from partial_backprop.report import compare

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("few_draws")]
ROOT = Path(__file__).parents[2]
RUNS = ROOT / "results" / "published" / "runs"


@pytest.fixture
def folders(tmp_path):
    """FB and PB on MNIST, and a copy of them."""
    for name in ("a", "b"):
        for arm in ("fb", "pb"):
            shutil.copytree(RUNS / "lenet5_mnist" / arm, tmp_path / name / "lenet5_mnist" / arm)
    return tmp_path / "a", tmp_path / "b"


def change(folder, edit, arm="pb", seed=0):
    path = folder / "lenet5_mnist" / arm / f"seed{seed}" / "record.json"
    content = json.loads(path.read_text(encoding="utf-8"))
    edit(content)
    path.write_text(json.dumps(content), encoding="utf-8")


def shifted(n_images):
    def edit(content):
        for selection in content["selections"]:
            selection["test"]["n_correct"] += n_images

    return edit


def outcomes(folders):
    records, claims = compare.compare(*folders, ROOT / "config")
    return {line.name: line.outcome for line in records}, {
        line.name: line.outcome for line in claims
    }


def test_equal_records_are_equal_whatever_the_machine(folders):
    change(folders[1], lambda content: content["provenance"].update(device="another", wall_s=1.0))
    records, claims = outcomes(folders)
    assert len(records) == 6
    assert set(records.values()) == set(claims.values()) == {compare.EQUAL}


def test_a_few_images_are_within_the_seeds_spread(folders):
    change(folders[1], shifted(3))
    records, claims = outcomes(folders)
    assert records.pop("lenet5_mnist/pb/seed0") == compare.WITHIN
    assert set(records.values()) == {compare.EQUAL}
    assert claims["P4.lenet5"] == compare.WITHIN


def test_many_images_are_different(folders):
    for seed in range(3):
        change(folders[1], shifted(-500), seed=seed)
    records, claims = outcomes(folders)
    assert records["lenet5_mnist/pb/seed1"] == compare.DIFFERENT
    assert records["lenet5_mnist/fb/seed1"] == compare.EQUAL
    assert claims["P9.loss.lenet5"] == compare.DIFFERENT


def test_one_seed_has_no_spread_to_be_within(folders):
    for folder in folders:
        for seed in (1, 2):
            shutil.rmtree(folder / "lenet5_mnist" / "pb" / f"seed{seed}")
    change(folders[1], shifted(3))
    assert outcomes(folders)[0]["lenet5_mnist/pb/seed0"] == compare.DIFFERENT


def test_a_run_of_one_folder_only_is_told(folders):
    shutil.rmtree(folders[1] / "lenet5_mnist" / "pb" / "seed2")
    assert outcomes(folders)[0]["lenet5_mnist/pb/seed2"] == compare.ONLY["A"]


def test_the_command_says_so_by_its_exit_status(folders, capsys):
    command = ["compare", *map(str, folders), "--config", str(ROOT / "config")]
    assert cli.main(command) == 0
    assert "records: 6 equal" in capsys.readouterr().out
    change(folders[1], shifted(-500))
    with pytest.raises(SystemExit) as left:
        cli.main(command)
    assert left.value.code == 1
    assert cli.main(["compare", str(folders[0]), str(ROOT / "docs")]) == 2
    assert capsys.readouterr().err.count("\n") == 1
