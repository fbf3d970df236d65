"""Entries of tables: what is wrong is told in one line, and a table is stamped with its entry alone."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from partial_backprop import experiments, stamps, table_entries
from partial_backprop.errors import UserError

CONFIG = Path(__file__).parents[1] / "config"
COLUMN = {"head": ["Accuracy (%)", "last"], "metric": "test_accuracy_percent", "at": {"arm": "fb"}}
ENTRY = {
    "experiments": ["lenet5_mnist"],
    "columns": [{"head": "Arm", "text": "name"}, COLUMN],
    "groups": [{"rows": [{"name": "FB"}]}],
}


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    def made(**changes: object) -> Path:
        folder = tmp_path / "experiments" / "mine"
        folder.mkdir(parents=True, exist_ok=True)
        content = {"_shared": {"not": "a table"}, "table_mine": ENTRY | changes}
        (folder / "tables.yaml").write_text(yaml.safe_dump(content))
        return tmp_path

    return made


def test_an_entry_is_read(write: Callable[..., Path]) -> None:
    folder = write()
    assert "table_mine" in table_entries.names(folder)
    assert table_entries.read("table_mine", folder).columns[1].metric == "test_accuracy_percent"


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"metrik": "loss"}, "metrik"),
        ({"metric": "loss_in_the_end"}, "loss_in_the_end"),
        ({"at": {"epoch": 3}}, "epoch"),
        ({"csv": {"accuracy": "mean median"}}, "median"),
        ({"counts": {"n": "n_rigth"}}, "n_rigth"),
        ({"show": "bold"}, "show"),
        ({"digits": -1}, "digits"),
    ],
)
def test_a_bad_key_is_one_line_with_file_table_and_column(
    change: dict, named: str, write: Callable[..., Path]
) -> None:
    folder = write(columns=[ENTRY["columns"][0], COLUMN | change])
    with pytest.raises(UserError) as caught:
        table_entries.read("table_mine", folder)
    message = str(caught.value)
    for part in ("mine/tables.yaml", "table_mine", "column 2 (Accuracy (%) last)", named):
        assert part in message
    assert "\n" not in message


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"experiment": "lab1"}, "experiment"),
        ({"groups": [{"row": []}]}, "group 1"),
        ({"groups": [{"columns": [COLUMN | {"metric": "x"}]}]}, "group 1, column 1"),
        ({"groups": ["rows"]}, "group 1"),
        ({"columns": ["text"]}, "column 1"),
        ({"values": {"n": {"metric": "x"}}}, "value n"),
        ({"notes": [3]}, "notes"),
    ],
)
def test_a_bad_entry_is_one_line_with_file_and_table(
    change: dict, named: str, write: Callable[..., Path]
) -> None:
    folder = write(**change)
    with pytest.raises(UserError) as caught:
        table_entries.read("table_mine", folder)
    for part in ("mine/tables.yaml", "table_mine", named):
        assert part in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_unknown_table_lists_the_known_ones(write: Callable[..., Path]) -> None:
    with pytest.raises(UserError, match=r"choose one of .*table_mine"):
        table_entries.read("table_yours", write())


def test_an_unknown_function_is_named() -> None:
    with pytest.raises(UserError, match="'tables:nothing'"):
        table_entries.Call(call="tables:nothing", folder="linear_models")()


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    """A configuration with a copy of a folder of experiments."""
    shutil.copytree(CONFIG, tmp_path / "config")
    name = "pruning_quantization"
    real = Path(experiments.__path__[0], name)
    shutil.copytree(real, tmp_path / "config" / "experiments" / name)
    return tmp_path / "config"


def stamped(name: str, folder: Path) -> dict[str, str | None]:
    return stamps.of_print("table", name, "smoke", (), folder)


def test_editing_an_entry_changes_the_stamp_of_that_table_alone(copied: Path) -> None:
    names = ("table_lab2_pruning", "table_lab3_joint", "table_2")
    before = {name: stamped(name, copied) for name in names}
    path = copied / "experiments" / "pruning_quantization" / "tables.yaml"
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("Pruned and fine-tuned", "Fine-tuned"), encoding="utf-8")
    after = {name: stamped(name, copied) for name in names}
    assert [name for name in names if before[name] != after[name]] == ["table_lab2_pruning"]
    differ = {key for key in before[names[0]] if before[names[0]][key] != after[names[0]][key]}
    assert differ == {"entry"}


def test_a_comment_changes_no_stamp(copied: Path) -> None:
    before = stamped("table_lab2_pruning", copied)
    path = copied / "experiments" / "pruning_quantization" / "tables.yaml"
    path.write_text("# More.\n" + path.read_text(encoding="utf-8"), encoding="utf-8")
    assert stamped("table_lab2_pruning", copied) == before


def test_another_name_in_print_changes_the_stamp(copied: Path) -> None:
    before = stamped("table_lab2_pruning", copied)
    path = copied / "experiments" / "pruning_quantization" / "about.yaml"
    path.write_text(
        path.read_text(encoding="utf-8").replace("Lab 2", "Second lab"), encoding="utf-8"
    )
    after = stamped("table_lab2_pruning", copied)
    assert {key for key in before if before[key] != after[key]} == {
        "pruning_quantization/about.yaml"
    }


def test_a_table_is_stamped_with_the_modules_of_its_functions() -> None:
    named = stamped("table_lab2_layers", CONFIG)
    assert "code of experiments/pruning_quantization/tables.py" in named
    assert "code of report/gather.py" in named
    assert "code of experiments/partial_backprop/tables.py" not in named
