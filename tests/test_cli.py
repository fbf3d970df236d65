"""The command line parses, and tells what the user can mend in one line."""

import shutil
import subprocess
import sys

import pytest

from partial_backprop import cli, config, folders


def test_an_error_is_one_line_and_status_2(capsys):
    assert cli.main(["config", "lenet5_mnist", "fb", "0", "--scale", "gigantic"]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1
    assert lines[0].startswith("error: there is no file config/scales/gigantic.yaml")


def test_an_error_reaches_the_runs_log_too(tmp_path, capsys):
    log = tmp_path / "deep" / "run.log"
    words = ["train", "lenet5_mnist", "no_such_arm", "0", "--out", str(tmp_path), "--log", str(log)]
    assert cli.main(words) == 2
    assert log.read_text() == capsys.readouterr().err
    assert "it has fb, pb" in log.read_text()


def test_shared_epochs_are_refused_by_a_run_that_shares_none(tmp_path, capsys):
    words = ["train", "lenet5_mnist", "fb_bf16", "0", "--scale", "smoke", "--trunk", "trunk.pt"]
    assert cli.main([*words, "--out", str(tmp_path / "out")]) == 2
    assert "lenet5_mnist/fb_bf16 shares no epochs: leave out --trunk" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("found", "put", "said"),
    [
        ("threshold: 0.50", "threshold: -0.50", "number"),
        ("name: lenet5", "name: lenet6", "'lenet6'"),
        ("training: {}", "training: {epochs: many}", "training.epochs"),
        ("title:", "colour: red\ntitle:", "colour: unknown key"),
    ],
)
def test_a_bad_experiment_is_one_line_and_status_2_before_anything_runs(
    tmp_path, capsys, found, put, said
):
    folder = shutil.copytree(config.CONFIG_DIR, tmp_path / "config")
    path = folder / "experiments" / "lenet5_mnist.yaml"
    path.parent.mkdir(exist_ok=True)
    text = folders.experiment("lenet5_mnist").read_text(encoding="utf-8")
    assert found in text
    path.write_text(text.replace(found, put), encoding="utf-8")
    out = tmp_path / "out"
    words = ["train", "lenet5_mnist", "pb", "0", "--scale", "full", "--config", str(folder)]
    assert cli.main([*words, "--out", str(out)]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: ")
    assert said in line
    assert not out.exists()


def test_config_prints_a_runs_configuration_and_hash(capsys):
    assert cli.main(["config", "lenet5_mnist", "pb", "0", "--scale", "full"]) == 0
    printed = capsys.readouterr().out
    assert '"threshold": 0.5' in printed
    assert len(printed.splitlines()[-1]) == 64


def test_config_names_what_differs_from_another_scale_or_arm(capsys):
    words = ["config", "lenet5_mnist", "pb", "0", "--scale", "smoke", "--diff"]
    assert cli.main(words) == 0
    by_scale = capsys.readouterr().out
    assert "training.epochs: 3, in full 110" in by_scale.splitlines()
    assert cli.main([*words, "fb"]) == 0
    (line,) = capsys.readouterr().out.splitlines()
    assert line.startswith("freezing: ")
    assert cli.main([*words, "smoke"]) == 0
    assert "is the same in smoke" in capsys.readouterr().out


def test_a_seed_that_the_scale_does_not_run_is_refused(capsys, tmp_path):
    for words in (["config", "lenet5_mnist", "pb"], ["gradients", "lenet5_mnist"]):
        out = ["--out", str(tmp_path / "out")] if words[0] == "gradients" else []
        assert cli.main([*words, "77", "--scale", "smoke", *out]) == 2
        assert "does not run with seed 77" in capsys.readouterr().err


def test_help_names_every_command_once_and_those_of_users_first(capsys):
    with pytest.raises(SystemExit):
        cli.main(["--help"])
    lines = capsys.readouterr().out.splitlines()
    menu = cli._parser()._subparsers._group_actions[0]
    places = {}
    for name in menu.choices:
        (places[name],) = [i for i, line in enumerate(lines) if line.startswith(f"  {name} ")]
    users = {name for names in cli.FOR_USERS for name in names}
    assert users <= menu.choices.keys()
    others = menu.choices.keys() - users
    assert max(places[name] for name in users) < min(places[name] for name in others)


def test_outside_a_checkout_the_command_says_so(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert cli.main(["status"]) == 2
    assert "run this in the project's checkout" in capsys.readouterr().err


def test_a_network_of_an_installed_package_is_summarized(capsys):
    words = ["summary", "torchvision.models:resnet18", "--image-shape", "3,32,32"]
    assert cli.main(words) == 0
    assert "11,689,512" in capsys.readouterr().out


@pytest.mark.parametrize(
    "command",
    [
        "train",
        "gradients",
        "table",
        "figure",
        "paper",
        "config",
        "status",
        "summary",
        "caption",
        "check",
    ],
)
def test_every_command_explains_itself_without_torch(command):
    code = (
        "import sys; from partial_backprop import cli\n"
        f"try: cli.main([{command!r}, '--help'])\n"
        "except SystemExit: pass\n"
        "sys.exit('torch' in sys.modules)"
    )
    outcome = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False)
    assert outcome.returncode == 0
    assert command.encode() in outcome.stdout
