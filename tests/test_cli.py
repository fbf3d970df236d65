"""The command line parses, and tells what the user can mend in one line."""

import subprocess
import sys

import pytest

from partial_backprop import cli


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


def test_config_prints_a_runs_configuration_and_hash(capsys):
    assert cli.main(["config", "lenet5_mnist", "pb", "0", "--scale", "full"]) == 0
    printed = capsys.readouterr().out
    assert '"threshold": 0.5' in printed
    assert len(printed.splitlines()[-1]) == 64


@pytest.mark.parametrize(
    "command",
    ["train", "gradients", "table", "figure", "paper", "config", "status", "summary", "caption"],
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
