"""A stage's source files are found through its imports."""

import pytest

from partial_backprop import sources


def stems(*modules):
    return {path.relative_to(sources._ROOT).as_posix() for path in sources.closure(*modules)}


def test_a_training_depends_on_the_loop_and_the_freezing_and_not_on_figures():
    found = stems("recipes.classify")
    assert {"recipes/classify.py", "training/loop.py", "freezing/partial_backprop.py"} <= found
    assert not {path for path in found if path.startswith(("figures", "tables", "paper"))}


def test_a_network_enters_by_name_alone():
    assert "networks/vgg19.py" not in stems("recipes.classify")
    networks = {path for path in stems("networks.vgg19") if path.startswith("networks/")}
    assert networks == {"networks/vgg19.py", "networks/scaling.py"}


def test_a_figure_depends_on_itself_and_not_on_others():
    found = stems("figures.figure_2")
    assert "figures/figure_2.py" in found
    assert "figures/figure_3.py" not in found
    assert not {path for path in found if path.startswith(("training", "recipes"))}


def test_leaves_are_left_out():
    assert not stems("recipes.classify") & {"config.py", "record.py", "registry.py", "cli.py"}


def test_an_unknown_module_is_told():
    with pytest.raises(FileNotFoundError, match=r"figures\.figure_99"):
        sources.closure("figures.figure_99")
