"""A stage's source files are found through its imports."""

from pathlib import Path

import pytest

from partial_backprop import config, registry, sources
from partial_backprop.errors import UserError


def stems(*modules):
    return {path.relative_to(sources._ROOT).as_posix() for path in sources.closure(*modules)}


def test_a_training_depends_on_the_loop_and_the_freezing_and_not_on_figures():
    found = stems("recipes.classify")
    assert {"recipes/classify.py", "training/loop.py", "freezing/partial_backprop.py"} <= found
    assert not {path for path in found if path.startswith(("figures", "tables", "paper"))}


def test_a_network_enters_by_name_alone():
    assert "networks/vgg19.py" not in stems("recipes.classify")
    own = {path for path in stems("networks.vgg19") if path.startswith("networks/")}
    assert own == {"networks/vgg19.py", "networks/scaling.py"}


def test_a_figure_depends_on_itself_and_not_on_others():
    found = stems("experiments.partial_backprop.figure_2")
    assert "experiments/partial_backprop/figure_2.py" in found
    assert "experiments/partial_backprop/figure_3.py" not in found
    assert not {path for path in found if path.startswith(("training", "recipes"))}


def test_a_run_depends_on_the_criterion_whose_score_its_own_takes():
    run = config.resolve("smoke", "criteria_lenet5", "rows", 0)
    assert {"freezing.rows", "freezing.gradient"} <= set(sources.modules(run))


def test_leaves_are_left_out():
    assert not stems("recipes.classify") & {"config.py", "record.py", "registry.py", "cli.py"}


def test_an_unknown_module_is_told():
    with pytest.raises(FileNotFoundError, match=r"figures\.figure_99"):
        sources.closure("figures.figure_99")


@pytest.fixture
def module(tmp_path, monkeypatch):
    """A module of a package of its own."""
    monkeypatch.setattr(sources, "_ROOT", tmp_path)
    path = tmp_path / "module.py"

    def digest(text):
        path.write_text(text, encoding="utf-8")
        return sources.digests([path])["module.py"]

    return digest


CODE = """\
import math

SHADE = "#fff"


def area(r):
    return math.pi * r**2


TEXT = \'\'\'
# no comment

\'\'\'
"""


@pytest.mark.parametrize(
    "change",
    [
        ("import math", '"""A module."""\n\nimport math  # pi'),
        ("def area", "\n# of a disc\ndef area"),
        ("    return", '    """Area, # and all.\n\n    More.\n    """\n\n    return'),
        ('SHADE = "#fff"', 'SHADE = "#fff"  # it\'s white\n"""A colour."""'),
    ],
)
def test_comments_docstrings_and_blank_lines_are_no_code(module, change):
    assert module(CODE.replace(*change)) == module(CODE)


@pytest.mark.parametrize(
    "change",
    [
        ("r**2", "r**3"),
        ("#fff", "#ffe"),
        ("# no comment\n", "# none\n"),
        ("comment\n\n", "comment\n"),
    ],
)
def test_whatever_a_program_can_see_is_code(module, change):
    assert module(CODE.replace(*change)) != module(CODE)


def test_a_file_that_does_not_parse_is_told(module):
    with pytest.raises(UserError, match=r"module\.py, line 1"):
        module("def :")


@pytest.mark.parametrize("recipe", registry.names("recipes"))
def test_no_run_depends_on_what_is_printed_of_it(recipe):
    """Nor on names for people: an edited one is no reason to train."""
    printed = ("labels", "facts", "inputs", "tables/", "figures/", "frames/", "paper/", "artifacts")
    found = stems(registry.module("recipes", recipe))
    assert not {path for path in found if path.startswith(printed)}
    there = {Path(path).stem for path in found if path.startswith("experiments/")}
    assert not there & {"tables", "rows", "checks", "paper"}
    assert not {stem for stem in there if stem.startswith("figure_")}


def test_where_a_file_lies_is_no_code():
    then = {"a.py": "1" * 16, "b.py": "2" * 16}
    assert sources.edited(then, {"c/a.py": "1" * 16, "b.py": "2" * 16}) == []
    assert sources.edited(then, {"a.py": "1" * 16}) == ["b.py"]
    assert sources.edited(then, {**then, "new.py": "3" * 16}) == ["new.py"]
