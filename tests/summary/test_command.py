"""The command ``summary``: our networks, a user's own, and one line for what cannot be shown."""

import json
import subprocess
import sys

import pytest

from partial_backprop import cli

OWN = """
from torch import nn

class Net(nn.Module):
    def __init__(self, width=4):
        super().__init__()
        self.inner = nn.Linear(7, width)

    def forward(self, values):
        return self.inner(values)

class Words(nn.Module):
    def __init__(self):
        super().__init__()
        self.table = nn.Embedding(9, 4)

    def forward(self, words, scale):
        return self.table(words) * scale

class Bad(nn.Module):
    def __init__(self):
        raise RuntimeError("no luck\\nat all")

def number():
    return 3
"""


@pytest.fixture
def own(tmp_path, monkeypatch):
    """Name of a module of the user's in the current folder, unlike that of any other test."""
    monkeypatch.chdir(tmp_path)
    name = f"own_{tmp_path.name}"
    (tmp_path / f"{name}.py").write_text(OWN)
    return name


def test_one_of_ours_with_options(capsys):
    words = ["summary", "densenet121", "--option", "growth=4", "--option", "blocks=[1, 1]"]
    assert cli.main([*words, "--classes", "3", "--format", "json"]) == 0
    content = json.loads(capsys.readouterr().out)
    assert content["layers"][-1]["output_shape"] == [None, 3]


def test_other_images(capsys):
    assert cli.main(["summary", "lenet5", "--image-shape", "1,28,28"]) == 0
    assert "Total params: 113,774" in capsys.readouterr().out


def test_a_pipe_gets_plain_text_and_a_terminal_more(capsys, monkeypatch):
    words = ["summary", "lenet5"]
    assert cli.main(words) == 0
    assert "\x1b" not in capsys.readouterr().out
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.setattr("partial_backprop.summary.render.rich", lambda summary: "in colour")
    assert cli.main(words) == 0
    assert capsys.readouterr().out == "in colour\n"


def test_a_users_own_network(own, capsys):
    words = ["summary", f"{own}:Net", "--image-shape", "7"]
    assert cli.main(words) == 0
    assert "Total params: 32" in capsys.readouterr().out
    assert cli.main([*words, "--option", "width=2"]) == 0
    assert "Total params: 16" in capsys.readouterr().out


def test_integers_and_several_inputs(own, capsys):
    words = ["summary", f"{own}:Words", "--image-shape", "5:int64", "--image-shape", "1,4"]
    assert cli.main([*words, "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["layers"][0]["output_shape"] == [None, 5, 4]


def test_a_module_that_imports_torchvision(tmp_path):
    """In a process of its own, whose torchvision may lack the operators that this torch has none of."""
    code = "import torchvision\nNet = torchvision.models.squeezenet1_1\n"
    (tmp_path / "of_torchvision.py").write_text(code)
    words = [sys.executable, "-m", "partial_backprop", "summary", "of_torchvision:Net"]
    done = subprocess.run(
        [*words, "--image-shape", "3,64,64"], cwd=tmp_path, capture_output=True, text=True
    )
    assert "Total params: 1,235,496" in done.stdout, done.stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["lenet6"], "choose one of conv2"),
        (["lenet5", "--option", "depth=3"], "unknown option 'depth'"),
        (["lenet5", "--image-shape", "3,30,30"], "multiples of 4"),
        (["lenet5", "--image-shape", "784"], "channels, height and width"),
        (["OWN:Net"], "zeros"),
        (["OWN:Net", "--option", "depth=3"], "--option"),
        (["OWN:Net", "--image-shape", "7:whole"], "whole"),
        (["OWN:Words", "--image-shape", "5:int64"], "--image-shape"),
        (["OWN:Bad"], "build"),
        (["OWN:number"], "torch.nn.Module"),
        (["OWN:Other"], "has no 'Other'"),
        (["no_such_module:Net"], "cannot import no_such_module"),
    ],
)
def test_what_cannot_be_shown_is_one_line(own, capsys, words, said):
    name, *rest = words
    assert cli.main(["summary", name.replace("OWN", own), *rest]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1
    assert said.replace("OWN", own) in lines[0]


@pytest.mark.parametrize("words", [["--image-shape", "3,x"], ["--option", "a"], ["--format", "x"]])
def test_words_that_mean_nothing(words, capsys):
    with pytest.raises(SystemExit) as caught:
        cli.main(["summary", "lenet5", *words])
    assert caught.value.code == 2
    assert words[0] in capsys.readouterr().err
