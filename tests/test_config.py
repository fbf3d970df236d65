"""From configuration files to one resolved and hashed configuration a run."""

from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from partial_backprop import config, config_files, files, registry, reported
from partial_backprop.errors import UserError
from partial_backprop.experiments.partial_backprop import cnns

ROOT = Path(__file__).parents[1]
CONFIG = ROOT / "config"
SCALES = sorted(path.stem for path in (CONFIG / "scales").glob("*.yaml"))


@pytest.fixture
def folder(tmp_path):
    """A configuration folder of one experiment and one scale, to be damaged."""
    (tmp_path / "scales").mkdir()
    (tmp_path / "experiments").mkdir()
    scale = {
        "title": "a test",
        "seeds": [0],
        "roles": {"mnist": {"dataset": {"name": "digits"}, "n_validation": 10}},
        "defaults": {"training": {"epochs": 5}},
        "experiments": {"one": {"network": {"name": "lenet5", "width": 0.5}}},
    }
    experiment = {
        "title": "One",
        "data": {"role": "mnist"},
        "network": {"name": "lenet5"},
        "training": {"epochs": 9, "batch_size": 7},
        "arms": {
            "fb": {},
            "pb": {"freezing": {"criterion": {"name": "fixed", "threshold": 0.5}}},
        },
    }

    def write(*, scale_change=None, experiment_change=None):
        for path, content, change in (
            ("scales/s.yaml", scale, scale_change),
            ("experiments/one.yaml", experiment, experiment_change),
        ):
            text = yaml.safe_dump(config.merge(content, change or {}))
            (tmp_path / path).write_text(text, encoding="utf-8")
        return tmp_path

    return write


@pytest.mark.parametrize("scale", SCALES)
def test_every_run_of_every_scale_resolves(scale):
    the_scale = config.read_scale(scale, CONFIG)
    if the_scale.published:
        assert not the_scale.roles
        return
    runs = [
        (experiment, arm, seed)
        for experiment in the_scale.experiments
        for arm in _arms(scale, experiment)
        for seed in config.seeds(scale, experiment, CONFIG)
    ]
    assert runs
    hashes = {config.resolve(scale, *run, CONFIG).sha256() for run in runs}
    assert len(hashes) == len(runs)


def _arms(scale, experiment):
    """Arms of an experiment, and its trunk where they share one."""
    arms = config.arms(scale, experiment, CONFIG)
    training = config.resolve(scale, experiment, arms[0], 0, CONFIG).training
    return [config.TRUNK, *arms] if training and training.shared_epochs else arms


def test_full_scale_is_the_papers_protocol():
    run = config.resolve("full", "vgg19_cifar10", "pb", 0, CONFIG)
    training = run.training
    assert (training.epochs, training.batch_size, training.milestones) == (110, 100, (40, 80))
    assert (training.optimizer.name, training.optimizer.learning_rate) == ("amsgrad", 1e-3)
    assert (training.decay, training.shared_epochs, training.optimizer.weight_decay) == (0.1, 2, 0)
    thresholds = {
        name: config.resolve("full", name, "pb", 0, CONFIG).freezing.criterion["threshold"]
        for name in cnns.CNNS
    }
    assert thresholds == {
        "vgg19_cifar10": 0.04,
        "resnet110_cifar10": 0.19,
        "densenet121_cifar10": 0.45,
        "lenet5_mnist": 0.50,
    }


def test_layers_are_merged_later_ones_winning(folder):
    run = config.resolve("s", "one", "pb", 3, folder())
    assert run.training.epochs == 5  # the scale's default over the experiment's 9
    assert run.training.batch_size == 7  # the experiment's
    assert run.network == {"name": "lenet5", "width": 0.5}  # the scale's entry
    assert run.freezing.criterion == {"name": "fixed", "threshold": 0.5, "learning_rate": 0.001}
    assert run.data.dataset["name"] == "digits"


def test_the_hash_covers_defaults_and_every_leaf(folder):
    directory = folder()
    base = config.resolve("s", "one", "pb", 0, directory)
    same = folder(experiment_change={"training": {"decay": 0.1}})  # the default, spelled out
    assert config.resolve("s", "one", "pb", 0, same).sha256() == base.sha256()
    other = folder(experiment_change={"training": {"decay": 0.2}})
    assert config.resolve("s", "one", "pb", 0, other).sha256() != base.sha256()


def test_the_hash_is_pinned():
    # Computed once from this very configuration; it changes when a default or the schema does,
    # and then every record must be made again: that is what this test is to say.
    run = config.RunConfig(scale="s", experiment="e", arm="a", seed=0)
    text = (
        '{"arm":"a","data":null,"experiment":"e","freezing":null,"network":null,'
        '"recipe":{"name":"classify"},"scale":"s","schema_version":1,"seed":0,"training":null}'
    )
    import hashlib

    assert run.sha256() == hashlib.sha256(text.encode()).hexdigest()


def test_the_trunk_does_not_depend_on_the_length_of_the_arms(folder):
    short = config.resolve("s", "one", config.TRUNK, 0, folder())
    change = {"defaults": {"training": {"epochs": 50}}}
    long = config.resolve("s", "one", config.TRUNK, 0, folder(scale_change=change))
    assert short.sha256() == long.sha256()
    assert short.training.epochs == short.training.shared_epochs == 2
    assert short.freezing is None


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"training": {"epoch": 3}}, "training.epoch: unknown key"),
        ({"training": {"batch_size": -1}}, "training.batch_size"),
        ({"training": {"batch_size": "many"}}, "training.batch_size"),
        ({"training": {"shared_epochs": 99}}, "shared_epochs"),
        ({"network": {"name": "alexnet"}}, "choose one of .*lenet5"),
        ({"network": {"depth": 3}}, "unknown option 'depth'.*width"),
        ({"network": {"width": "wide"}}, "'width'.*must be float"),
        ({"data": {"role": "imagenet"}}, "'imagenet'"),
        ({"freezing": {"mode": "soft"}}, "freezing.mode"),
        ({"freezing": {"start_epoch": 1}}, "shared epochs"),
        ({"freezing": {"criterion": {"threshold": None}}}, "number"),
        ({"freezing": {"criterion": {"threshold": -0.1}}}, "number"),
        ({"freezing": {"criterion": {"threshold": float("nan")}}}, "threshold.*from 0 up"),
        ({"freezing": {"criterion": {"name": "quantile", "q": 1.5}}}, "q.*from 0 to 1"),
        ({"colour": "red"}, "colour: unknown key"),
    ],
)
def test_a_bad_run_is_told_in_one_line(folder, change, message):
    with pytest.raises(UserError, match=message) as caught:
        config.resolve("s", "one", "pb", 0, folder(experiment_change={"arms": {"pb": change}}))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"seeds": []}, "seeds"),
        ({"seeds": [1, 1]}, "differ"),
        ({"sedes": [1]}, "sedes: unknown key"),
        ({"title": None}, "title"),
    ],
)
def test_a_bad_scale_is_told_in_one_line(folder, change, message):
    with pytest.raises(UserError, match=message) as caught:
        config.read_scale("s", folder(scale_change=change))
    assert "\n" not in str(caught.value)


def test_unknown_names_list_the_valid_ones(folder):
    directory = folder()
    with pytest.raises(UserError, match="has s"):
        config.read_scale("large", directory)
    with pytest.raises(UserError, match="fb, pb"):
        config.resolve("s", "one", "pc", 0, directory)
    with pytest.raises(UserError, match=r"seed.*greater than or equal"):
        config.resolve("s", "one", "fb", -1, directory)


@given(content=st.binary(max_size=60))
def test_any_bytes_in_a_yaml_file_are_a_mapping_or_one_line(tmp_path_factory, content):
    path = tmp_path_factory.mktemp("yaml") / "any.yaml"
    path.write_bytes(content)
    try:
        outcome = files.read_yaml(path)
    except UserError as error:
        outcome = str(error)
    if isinstance(outcome, str):
        assert "\n" not in outcome
        assert "any.yaml" in outcome
    else:
        assert isinstance(outcome, dict)


nested = st.recursive(
    st.integers(),
    lambda children: st.dictionaries(st.sampled_from("abc"), children, max_size=3),
    max_leaves=8,
)


@given(base=nested, change=nested)
def test_merging_twice_changes_nothing_more(base, change):
    once = config.merge(base, change)
    assert config.merge(once, change) == once


def test_another_name_does_not_inherit_options():
    base = {"criterion": {"name": "fixed", "threshold": 0.5}}
    merged = config.merge(base, {"criterion": {"name": "quantile", "q": 0.8}})
    assert merged == {"criterion": {"name": "quantile", "q": 0.8}}


def test_the_settings_file_has_every_setting():
    assert set(files.read_yaml(CONFIG / "config.yaml")) == set(config_files.Settings.model_fields)


def test_experiments_share_the_papers_arms():
    found = config.arms("full", "vgg19_cifar10", CONFIG)
    assert found == [arm for arm in cnns.ARMS if arm in found]
    for experiment in cnns.CNNS:
        assert config.arms("full", experiment, CONFIG) == found
    assert set(config.arms("full", "lenet5_mnist_60000", CONFIG)) <= set(cnns.ARMS)


@pytest.mark.parametrize("network", ["vgg19", "resnet110", "densenet121"])
def test_real_data_on_two_cores_keeps_the_papers_protocol_but_its_length(network):
    """One schedule and precision for all arms and seeds of a network; thresholds are the source's."""
    experiment = f"{network}_cifar10"
    arms = config.arms("cpu", experiment, CONFIG)
    assert set(arms) == {
        *("fb", "pb", "pb_random", "pb_gradient", "pb_largest", "pb_otsu", "pb_remask"),
        "pb_final_fb",
    }
    trainings = {config.resolve("cpu", experiment, arm, 1, CONFIG).training for arm in arms}
    (ours,) = trainings
    theirs = config.resolve("full", experiment, "pb", 1, CONFIG).training
    shorter = {"epochs": theirs.epochs, "milestones": theirs.milestones, "precision": "float32"}
    assert ours.model_copy(update=shorter) == theirs
    assert (ours.epochs, ours.milestones) in ((12, (4, 9)), (8, (3, 6)))
    cpu, full = (config.resolve(scale, experiment, "pb", 1, CONFIG) for scale in ("cpu", "full"))
    assert cpu.freezing == full.freezing
    assert cpu.network == full.network == registry.resolve("networks", {"name": network})
    assert cpu.data.n_validation == 5000


def test_all_of_mnist_is_trained_on_as_the_source_does():
    runs = {
        arm: config.resolve("cpu", "lenet5_mnist_60000", arm, 0, CONFIG)
        for arm in config.arms("cpu", "lenet5_mnist_60000", CONFIG)
    }
    pb = runs["pb"]
    assert (pb.data.n_validation, pb.training.epochs) == (0, 110)
    assert pb.freezing.criterion["threshold"] == 0.5
    for arm in ("pb_random", "pb_largest"):
        assert runs[arm].freezing.criterion["like"] == pb.freezing.criterion
    starts = {arm: run.freezing.start_epoch for arm, run in runs.items() if run.freezing}
    assert [starts[f"pb_omega{n}"] for n in (0, 1, 5)] == [0, 1, 5]
    shares = [runs[f"pb_share{n}"].freezing.criterion["q"] for n in (20, 50, 80, 95, 99)]
    assert shares == [0.2, 0.5, 0.8, 0.95, 0.99]


def test_an_arm_may_have_seeds_of_its_own(folder):
    directory = folder(scale_change={"experiments": {"one": {"arm_seeds": {"pb": [3]}}}})
    assert config.seeds("s", "one", directory, "pb") == (3,)
    assert config.seeds("s", "one", directory, "fb") == (0,)
    directory = folder(scale_change={"experiments": {"one": {"arm_seeds": {"other": [3]}}}})
    with pytest.raises(UserError, match="other"):
        config.seeds("s", "one", directory, "fb")


def test_an_arm_shares_all_epochs_or_none(folder):
    change = {"arms": {"fb": {"training": {"shared_epochs": 1}}}}
    with pytest.raises(UserError, match=r"shared_epochs"):
        config.resolve("s", "one", "fb", 0, folder(experiment_change=change))
    change = {"arms": {"fb": {"training": {"shared_epochs": 0}}}}
    assert config.resolve("s", "one", "fb", 0, folder(experiment_change=change))


def test_only_classifiers_do_without_a_validation_part(folder):
    directory = folder(experiment_change={"data": {"n_validation": 0}})
    assert config.resolve("s", "one", "fb", 0, directory).data.n_validation == 0
    change = {"data": {"n_validation": 0}, "recipe": {"name": "sparsify"}}
    with pytest.raises(UserError, match="n_validation"):
        config.resolve("s", "one", "fb", 0, folder(experiment_change=change))


def test_an_experiment_may_have_seeds_of_its_own(folder):
    directory = folder(scale_change={"experiments": {"one": {"seeds": [7, 8]}}})
    assert config.seeds("s", "one", directory) == (7, 8)
    own = config.resolve("s", "one", "pb", 7, directory)
    assert own == config.resolve("s", "one", "pb", 7, folder())
    assert config.seeds("s", "one", folder()) == (0,)


@pytest.mark.parametrize("seeds", [[], [1, 1], [-1], "all", 3])
def test_bad_seeds_of_an_experiment_are_told(folder, seeds):
    directory = folder(scale_change={"experiments": {"one": {"seeds": seeds}}})
    with pytest.raises(UserError, match=r"s\.yaml: experiments\.one\.seeds") as caught:
        config.seeds("s", "one", directory)
    assert "\n" not in str(caught.value)


def test_arms_are_left_out_everywhere_or_of_one_experiment(folder):
    for skip, left in ((["pb"], ["fb"]), (["one/fb"], ["pb"]), (["other/fb"], ["fb", "pb"])):
        assert config.arms("s", "one", folder(scale_change={"skip_arms": skip})) == left


def test_a_scale_may_change_an_arm(folder):
    arms = {"pb": {"freezing": {"criterion": {"threshold": 0.7}, "remask_every": 2}}}
    directory = folder(scale_change={"experiments": {"one": {"arms": arms}}})
    freezing = config.resolve("s", "one", "pb", 0, directory).freezing
    assert (freezing.criterion["threshold"], freezing.remask_every) == (0.7, 2)
    for arm in ("fb", config.TRUNK):
        changed = config.resolve("s", "one", arm, 0, directory)
        assert changed == config.resolve("s", "one", arm, 0, folder())


def test_a_change_to_an_arm_that_is_not_there_is_told(folder):
    directory = folder(scale_change={"experiments": {"one": {"arms": {"no_such_arm": {}}}}})
    with pytest.raises(UserError, match="no_such_arm") as caught:
        config.resolve("s", "one", "pb", 0, directory)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("scale", sorted({*SCALES} - {"published"}))
def test_a_scale_tells_truly_whose_thresholds_it_has(scale):
    the_scale = config.read_scale(scale, CONFIG)
    printed = reported.read(CONFIG)
    for experiment in cnns.CNNS.keys() & the_scale.experiments.keys():
        criterion = config.resolve(scale, experiment, "pb", 0, CONFIG).freezing.criterion
        values = printed.entry("001", f"table_1.{experiment}").values
        same = criterion["threshold"] == values["threshold"]
        assert same == (the_scale.thresholds == "printed")


def test_an_arm_left_out_that_is_not_there_is_told(folder):
    directory = folder(scale_change={"skip_arms": ["one/no_such_arm"]})
    with pytest.raises(UserError, match="'no_such_arm'"):
        config.arms("s", "one", directory)


def test_an_experiment_says_itself_at_which_scales_it_runs(folder):
    directory = folder()
    more = {"title": "more", "arms": {"a": None, "b": None}, "training": {"epochs": 9}}
    path = directory / "experiments" / "more.yaml"
    path.write_text(yaml.safe_dump(more))
    assert "more" in config.without_scale(directory)
    scale = {"s": {"seeds": [4], "training": {"epochs": 3, "milestones": []}}}
    path.write_text(yaml.safe_dump(more | {"scales": scale}))
    assert "more" not in config.without_scale(directory)
    assert list(config.read_scale("s", directory).experiments) == ["one", "more"]
    assert config.seeds("s", "more", directory) == (4,)
    assert config.resolve("s", "more", "b", 4, directory).training.epochs == 3


def test_every_experiment_of_the_project_runs_at_some_scale():
    assert config.without_scale(CONFIG) == ""
