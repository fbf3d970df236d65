"""What cannot be run is told before the first run, in one line."""

from pathlib import Path

import pytest
import yaml

from partial_backprop import cli, config, derived, preflight
from partial_backprop.errors import UserError
from partial_backprop.recipes.job import choose_device

CONFIG = Path(__file__).parents[1] / "config"
SCALES = sorted({path.stem for path in (CONFIG / "scales").glob("*.yaml")} - {"published"})


@pytest.fixture
def directory(tmp_path):
    """A configuration folder with the project's smoke scale."""
    (tmp_path / "scales").mkdir()
    (tmp_path / "scales" / "smoke.yaml").write_bytes(
        (CONFIG / "scales" / "smoke.yaml").read_bytes()
    )
    return tmp_path


def few(directory, **changes):
    """The smoke scale with other experiments."""
    path = directory / "scales" / "smoke.yaml"
    path.write_text(yaml.safe_dump(yaml.safe_load(path.read_text()) | changes))
    return directory


@pytest.mark.parametrize("scale", SCALES)
def test_every_scale_of_the_project_can_be_run(scale):
    preflight.check(scale, CONFIG)


@pytest.mark.parametrize(
    ("alone", "wanted"),
    [
        ("lab2_pruning", "resnet20_pretraining"),
        ("lab3_quantization", "resnet20_pretraining"),
        ("captioning", "caption_features"),
        ("weight_pruning", "cnn_training"),
        ("dessilbi_ticket_resnet56", "dessilbi_early_resnet56"),
    ],
)
def test_a_run_without_that_whose_weights_it_begins_with_is_told(directory, alone, wanted):
    with pytest.raises(UserError, match=f"{alone}.*add {wanted} to its experiments"):
        preflight.check("smoke", few(directory, experiments={alone: {}}))


def test_the_one_that_it_begins_with_has_its_seeds(directory):
    experiments = {"resnet20_pretraining": {"seeds": [0]}, "lab2_pruning": {"seeds": [0, 4]}}
    with pytest.raises(UserError, match="seed 4"):
        preflight.check("smoke", few(directory, experiments=experiments))


@pytest.mark.parametrize(
    ("changes", "key"),
    [
        ({"experiments": {}}, "experiment"),
        ({"experiments": {5: {}}}, "quotes"),
        ({"experiments": {"my lab": {}}}, "my lab"),
        ({"seeds": 3}, "list"),
    ],
)
def test_a_scale_that_cannot_be_is_told(directory, changes, key):
    with pytest.raises(UserError, match=key) as caught:
        config.read_scale("smoke", few(directory, **changes))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("scale", ["a scale", 7, "../demo"])
def test_the_name_of_a_scale_is_one_word(scale):
    with pytest.raises(UserError, match="scale"):
        config.read_settings(CONFIG, scale=scale)


def test_an_unknown_seed_is_told(tmp_path, capsys):
    words = ["train", "lab1", "projected_full_batch", "99", "--scale", "smoke"]
    assert cli.main([*words, "--config", str(CONFIG), "--out", str(tmp_path / "out")]) == 2
    error = capsys.readouterr().err
    assert "99" in error
    assert "Traceback" not in error
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("name", ["mps:9", "xpu", "hpu", "meta", "vulkan", "nonsense"])
def test_a_device_that_torch_lacks_is_told(name):
    with pytest.raises(UserError, match=name) as caught:
        choose_device(name)
    assert "cpu" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_data_that_are_not_downloaded_have_to_be_there(tmp_path):
    run = config.resolve("full", "dessilbi_imagenet", "sgd", 0, CONFIG)
    with pytest.raises(UserError, match="imagenet"):
        preflight.check_data(run, tmp_path)
    (tmp_path / "imagenet").mkdir()
    preflight.check_data(run, tmp_path)
    preflight.check_data(config.resolve("full", "lenet5_mnist", "fb", 0, CONFIG), tmp_path / "gone")
    preflight.check_data(config.resolve("full", "lab1", "plain_full_batch", 0, CONFIG), tmp_path)


def test_imagenet_runs_on_request():
    full = config.read_scale("full", CONFIG)
    assert "dessilbi_imagenet" not in full.run()
    assert "dessilbi_imagenet" in full.run(["dessilbi_imagenet"])
    with pytest.raises(UserError, match="no_such"):
        preflight.check("full", CONFIG, ["no_such"])


def test_a_few_changes_make_a_scale_of_another_name(directory):
    changes = {"name": "quick", "seeds": [5, 6], "epochs": 2, "arms": ["fb", "pb"]}
    name = derived.derive_scale(
        "smoke", changes | {"experiments": ["lenet5_mnist", "lab1"]}, directory
    )
    assert name == "quick"
    preflight.check("quick", directory)
    assert config.seeds("quick", "lenet5_mnist", directory) == (5, 6)
    assert config.seeds("quick", "lab1", directory) == (5,)  # it has one at scale smoke
    assert config.arms("quick", "lenet5_mnist", directory) == ["fb", "pb"]
    assert config.arms("quick", "lab1", directory) == config.arms("smoke", "lab1", directory)
    run = config.resolve("quick", "lenet5_mnist", "pb", 5, directory)
    assert (run.scale, run.training.epochs, run.training.milestones) == ("quick", 2, ())
    assert run.network == config.resolve("smoke", "lenet5_mnist", "pb", 5, directory).network
    assert config.read_scale("quick", directory).run() == ["lenet5_mnist", "lab1"]


def test_one_name_or_number_is_a_list_of_one(directory):
    changes = {"name": "one", "seeds": 0, "arms": "fb", "experiments": "lenet5_mnist"}
    derived.derive_scale("smoke", changes, directory)
    assert config.arms("one", "lenet5_mnist", directory) == ["fb"]
    assert config.seeds("one", "lenet5_mnist", directory) == (0,)


def test_an_experiment_s_part_may_be_changed(directory):
    part = {"training": {"batch_size": 7}}
    derived.derive_scale("smoke", {"name": "own", "experiments": {"lenet5_mnist": part}}, directory)
    assert config.resolve("own", "lenet5_mnist", "fb", 0, directory).training.batch_size == 7
    assert config.read_scale("own", directory).run() == config.read_scale("smoke", directory).run()


@pytest.mark.parametrize(
    ("changes", "key"),
    [
        ({"seeds": [0]}, "name"),
        ({"name": "smoke", "seeds": [0]}, "smoke"),
        ({"name": "a b"}, "name"),
        ({"name": "x", "epochs": 0}, "epochs"),
        ({"name": "x", "experiments": ["no_such"]}, "no_such"),
    ],
)
def test_changes_that_cannot_be_are_told(directory, changes, key):
    with pytest.raises(UserError, match=key):
        derived.derive_scale("smoke", changes, directory)
    assert not (directory / config.OWN_SCALES).exists()
