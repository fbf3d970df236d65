"""Whatever stands in a configuration file or a record, it is read, or told in one line."""

import copy
import functools
import json
from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests import fakes

from partial_backprop import config, folders, record, reported
from partial_backprop.errors import UserError

CONFIG = Path(__file__).parents[1] / "config"
EXPERIMENTS = sorted(folders.every_experiment())

SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**20), 10**20),
    st.floats(allow_nan=True, allow_infinity=True),
    st.text(max_size=8),
    st.sampled_from(["base", "name", "trunk", "fixed", "demo", "lenet5", "../../etc/passwd"]),
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=6), inner, max_size=3)
    ),
    max_leaves=6,
)
FAST = settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


def paths(content, prefix=()):
    """Every place in nested mappings and lists."""
    items = content.items() if isinstance(content, dict) else enumerate(content)
    for key, value in items:
        yield (*prefix, key)
        if isinstance(value, dict | list):
            yield from paths(value, (*prefix, key))


def damaged(draw, content):
    """One place removed, replaced, or joined by a stranger."""
    content = copy.deepcopy(content)
    *way, last = draw(st.sampled_from(list(paths(content))))
    inner = functools.reduce(lambda found, key: found[key], way, content)
    what = draw(st.sampled_from(["remove", "replace", "add"]))
    if what == "remove":
        del inner[last]
    elif what == "replace" or isinstance(inner, list):
        inner[last] = draw(VALUES)
    else:
        inner[draw(st.text(min_size=1, max_size=8))] = draw(VALUES)
    return content


def dumped(content):
    """A mapping as YAML, by the fast writer where there is one."""
    return yaml.dump(content, Dumper=getattr(yaml, "CSafeDumper", yaml.SafeDumper))


def accepted(function, *arguments):
    """Whether a function takes its arguments; what it refuses is told in one line of some length."""
    refused = None
    try:
        function(*arguments)
    except UserError as error:
        refused = str(error)
    assert refused is None or (len(refused.splitlines()) == 1 and len(refused) > 20)
    return refused is None


@pytest.fixture
def folder(tmp_path):
    """A copy of the real configuration."""
    for path in CONFIG.rglob("*.yaml"):
        target = tmp_path / path.relative_to(CONFIG)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(path.read_bytes())
    (tmp_path / "experiments").mkdir()
    (tmp_path / "experiments" / "lab1.yaml").write_bytes(folders.experiment("lab1").read_bytes())
    return tmp_path


def resolve_all(experiment, folder):
    for scale in ("demo", "full"):
        if experiment not in config.read_scale(scale, folder).experiments:
            continue
        for arm in config.arms(scale, experiment, folder):
            config.resolve(scale, experiment, arm, 0, folder)


@FAST
@given(data=st.data())
def test_an_experiment_file(folder, data):
    name = data.draw(st.sampled_from(EXPERIMENTS))
    path = folder / "experiments" / f"{name}.yaml"
    original = folders.experiment(name).read_bytes()
    try:
        path.write_text(dumped(damaged(data.draw, yaml.safe_load(original))), "utf-8")
        accepted(resolve_all, name, folder)
    finally:
        path.write_bytes(original)


@FAST
@given(data=st.data())
def test_a_scale_file(folder, data):
    path = folder / "scales" / "demo.yaml"
    original = path.read_bytes()
    try:
        path.write_text(dumped(damaged(data.draw, yaml.safe_load(original))), "utf-8")
        name = data.draw(st.sampled_from(EXPERIMENTS))
        accepted(resolve_all, name, folder)
        accepted(config.seeds, "demo", name, folder)
    finally:
        path.write_bytes(original)


@FAST
@given(data=st.data())
def test_the_settings(folder, data):
    original = yaml.safe_load((CONFIG / "config.yaml").read_text(encoding="utf-8"))
    path = folder / "config.yaml"
    path.write_text(dumped(damaged(data.draw, original)), "utf-8")
    accepted(config.read_settings, folder)


@FAST
@given(data=st.data())
def test_the_printed_numbers(folder, data):
    original = yaml.safe_load((CONFIG / "reported.yaml").read_text(encoding="utf-8"))
    path = folder / "reported.yaml"
    path.write_text(dumped(damaged(data.draw, original)), "utf-8")
    accepted(reported.read, folder)


@pytest.mark.parametrize("name", ["config.yaml", "scales/demo.yaml", "experiments/lab1.yaml"])
@FAST
@given(content=st.binary(max_size=200))
def test_a_file_of_any_bytes(folder, name, content):
    path = folder / name
    original = path.read_bytes()
    try:
        path.write_bytes(content)
        accepted(config.read_settings, folder)
        accepted(resolve_all, "lab1", folder)
    finally:
        path.write_bytes(original)


@pytest.fixture(scope="module")
def good(tmp_path_factory):
    """A record as JSON."""
    root = tmp_path_factory.mktemp("record")
    path = fakes.write_run(root, fakes.write_config(root), "lenet5_mnist", "pb", 0)
    return json.loads(path.read_text())


@FAST
@given(data=st.data())
def test_a_record(good, tmp_path, data):
    path = tmp_path / "record.json"
    path.write_text(json.dumps(damaged(data.draw, good)), "utf-8")
    accepted(record.read, path)


@FAST
@given(content=st.binary(max_size=200))
def test_a_record_of_any_bytes(tmp_path, content):
    path = tmp_path / "record.json"
    path.write_bytes(content)
    assert not accepted(record.read, path)


@FAST
@given(length=st.integers(0, 10**6))
def test_a_truncated_record(good, tmp_path, length):
    content = json.dumps(good)
    path = tmp_path / "record.json"
    path.write_text(content[: length % len(content)], "utf-8")
    assert not accepted(record.read, path)


def test_what_is_whole_is_accepted(folder, good, tmp_path):
    """The other tests would pass if nothing were ever accepted."""
    for name in EXPERIMENTS:
        assert accepted(resolve_all, name, folder)
    assert accepted(config.read_settings, folder)
    assert accepted(reported.read, folder)
    path = tmp_path / "record.json"
    path.write_text(json.dumps(good), "utf-8")
    assert accepted(record.read, path)
