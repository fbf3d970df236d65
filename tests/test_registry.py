"""Names are modules, options are keyword-only parameters; both are read without importing."""

import functools
import inspect
import subprocess
import sys

import pytest

from partial_backprop import registry
from partial_backprop.errors import UserError

EVERY = [(package, name) for package in registry.FUNCTIONS for name in registry.names(package)]


def options_of(function) -> dict:
    parameters = inspect.signature(function).parameters.values()
    return {p.name: p.default for p in parameters if p.kind is p.KEYWORD_ONLY}


@pytest.mark.parametrize(("package", "name"), EVERY)
def test_what_is_read_from_the_source_is_what_python_sees(package, name):
    function = registry.load(package, name)
    options = options_of(function)
    if isinstance(function, functools.partial):  # the selection by scores, and the score
        options |= options_of(*function.args)
    assert list(registry.options_of(package, name)) == list(options)
    if inspect.Parameter.empty not in options.values():
        resolved = registry.resolve(package, {"name": name})
        for key, default in options.items():
            expected = list(default) if isinstance(default, tuple) else default
            assert resolved[key] == expected


def test_a_score_has_the_options_of_the_selection_and_its_own():
    resolved = registry.resolve("freezing", {"name": "magnitude", "q": 0.5, "active": "smallest"})
    assert resolved == {
        "name": "magnitude", "q": 0.5, "scope": "network", "budget": None, "bytes_per_weight": 8,
        "keep": [], "active": "smallest",
    }  # fmt: skip
    with pytest.raises(UserError, match="'active'"):
        registry.resolve("freezing", {"name": "snip", "q": 0.5, "active": "smallest"})


def test_the_packages_are_not_empty():
    assert {"lenet5", "vgg19", "resnet110", "densenet121"} <= set(registry.names("networks"))
    assert {"digits", "scenes", "mnist", "cifar10"} <= set(registry.names("data"))
    assert {"fixed", "otsu_kde", "quantile", "random"} <= set(registry.names("freezing"))
    assert "classify" in registry.names("recipes")
    assert "partial_backprop" not in registry.names("freezing")


def test_an_unknown_name_lists_the_valid_ones():
    with pytest.raises(UserError, match="choose one of conv2, conv4, densenet121"):
        registry.resolve("networks", {"name": "lenet"})


def test_a_missing_option_is_told():
    with pytest.raises(UserError, match=r"'threshold'.*default"):
        registry.resolve("freezing", {"name": "fixed"})


def test_a_nested_specification_is_resolved_too():
    like = {"name": "fixed", "threshold": 1}
    resolved = registry.resolve("freezing", {"name": "random", "like": like})
    assert resolved["like"] == {"name": "fixed", "threshold": 1.0, "learning_rate": 0.001}
    with pytest.raises(UserError, match="unknown option 'treshold'"):
        registry.resolve("freezing", {"name": "random", "like": {"name": "fixed", "treshold": 1}})


@pytest.mark.parametrize("spec", [None, "lenet5", {}, {"name": 3}])
def test_what_is_no_specification_is_told(spec):
    with pytest.raises(UserError, match="mapping with a name"):
        registry.resolve("networks", spec)


def test_resolving_imports_no_torch():
    code = (
        "import sys; from pathlib import Path; from partial_backprop import config, sources;"
        "config.resolve('demo', 'lenet5_mnist', 'pb', 0); sources.closure('recipes.classify');"
        "sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
