"""What is proved equal by syntax trees is equal, and what is not is not."""

import json

import pytest

from partial_backprop import sources
from scripts import equal_code

LOOP = """
from partial_backprop.steps import step


def train(n):
    for i in range(n):
        step(i)
"""
STEP = "def step(i):\n    return i + 1\n"
OLD = {"loop.py": LOOP, "steps.py": STEP}


@pytest.fixture
def table(tmp_path, monkeypatch):
    """An empty table of equal code."""
    path = tmp_path / "equal.json"
    path.write_text("{}")
    monkeypatch.setattr(sources, "EQUAL", path)
    sources.forget()
    yield path
    sources.forget()


def digests(files):
    return {path: sources.hash_code(path, text) for path, text in files.items()}


def test_a_moved_module_and_its_importer_are_equal():
    moved = LOOP.replace("partial_backprop.steps", "partial_backprop.parts.steps")
    new = {"run/loop.py": moved, "parts/steps.py": f'"""One step."""\n{STEP}'}
    assert equal_code.proved(OLD, new, {}) == {"loop.py": ["run/loop.py"]}


def test_a_renamed_function_is_equal_with_its_name_alone():
    new = {path: text.replace("step(", "advance(") for path, text in OLD.items()}
    new["loop.py"] = new["loop.py"].replace("import step", "import advance")
    assert equal_code.proved(OLD, new, {}) == {}
    assert set(equal_code.proved(OLD, new, {"step": "advance"})) == set(OLD)


def test_an_import_may_move_to_where_it_is_used():
    new = LOOP.replace("from partial_backprop.steps import step\n", "import typing\n")
    new = new.replace(
        "train(n):\n", 'train(n: "int"):\n    from partial_backprop.steps import step\n'
    )
    old = LOOP.replace("train(n):", "train(n: int):")
    assert "loop.py" not in equal_code.proved({**OLD, "loop.py": old}, {**OLD, "loop.py": new}, {})
    new = new.replace("import typing\n", "")
    assert "loop.py" in equal_code.proved({**OLD, "loop.py": old}, {**OLD, "loop.py": new}, {})


@pytest.mark.parametrize(
    "new",
    [
        {**OLD, "loop.py": LOOP.replace("range(n)", "range(n + 1)")},
        # The same line of import brings another function.
        {
            "loop.py": LOOP.replace("partial_backprop.steps", "partial_backprop.other"),
            "steps.py": STEP,
            "other.py": STEP.replace("1", "2"),
        },
        {"loop.py": LOOP.replace("import step", "import leap as step"), "steps.py": STEP},
    ],
)
def test_other_code_is_not_equal(new):
    assert "loop.py" not in equal_code.proved(OLD, new, {})


def test_a_name_that_is_taken_is_no_renaming():
    taken = {"loop.py": "a = 1\nb = 2\nprint(a, b)\n"}
    new = {"loop.py": "b = 1\nb = 2\nprint(b, b)\n"}
    assert equal_code.proved(taken, new, {"a": "b"}) == {}


def test_an_entry_makes_runs_current_again(table):
    new = {"loop.py": LOOP + "\nTHREADS = 1\n", "steps.py": STEP, "more.py": "MORE = 1\n"}
    then, now = digests(OLD), digests(new)
    assert sources.edited(then, now) == ["loop.py", "more.py"]
    entry = "loop.py", [now["loop.py"], now["more.py"]], "trained the same bits"
    equal_code.add({then["loop.py"]: entry})
    sources.forget()
    assert sources.edited(then, now) == []
    assert sources.edited(then, {**now, "steps.py": "0" * 16}) == ["steps.py"]
    assert sources.edited(then, then) == []  # the old code itself is as it was


def test_the_table_names_today_or_leads_there():
    for digest, entry in json.loads(sources.EQUAL.read_bytes()).items():
        assert entry.keys() == {"file", "now", "proof"}
        assert entry["proof"]
        assert len(digest) == 16
        assert digest not in entry["now"]
