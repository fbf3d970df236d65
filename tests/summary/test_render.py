"""Every format shows the same rows, and none of them breaks on odd names."""

import importlib.util
import json
import re

import pytest
from torch import nn

from partial_backprop import registry
from partial_backprop.summary import render
from partial_backprop.summary.keras import summarize
from partial_backprop.summary.vocabulary import snake_case


@pytest.fixture(scope="module")
def summary():
    model = registry.load("networks", "keras_cnn")((3, 32, 32), 10, width=0.25)
    return summarize(model, (3, 32, 32))


def test_json_holds_everything(summary):
    content = json.loads(render.as_json(summary))
    assert content["n_total"] == content["n_trainable"] + content["n_non_trainable"]
    assert [layer["name"] for layer in content["layers"]] == [one.name for one in summary.layers]
    first = content["layers"][0]
    assert first["output_shape"] == [None, 32, 32, 8]
    assert first["activation"] == "ReLU"
    assert first["weights"][0] == {
        "index": 0,
        "name": "conv2d.weight",
        "role": "kernel",
        "n_entries": 216,
        "trainable": True,
    }


def test_latex_has_every_row_and_escapes_its_names(summary):
    lines = render.latex(summary).splitlines()
    rows = [line for line in lines if line.endswith(r"\\")][1:]
    assert len(rows) == len(summary.layers)
    assert all(row.count("&") == 3 for row in rows)
    assert r"conv2d\_1 (Conv2D) & (None, 32, 32, 8) & 584 & [6,7] \\" in rows
    assert not re.search(r"(?<!\\)[_#%]", "\n".join(lines))
    assert rf"\par Total params: {summary.n_total:,}" in lines


def test_a_terminal_gets_colours_and_whole_names(summary):
    """Where the package rich is not installed, there is nothing to show in its stead."""
    shown = render.rich(summary)
    if importlib.util.find_spec("rich") is None:
        assert shown is None
        return
    plain = re.sub(r"\x1b\[[0-9;]*m", "", shown)
    assert plain != shown
    assert "[2,3,4,5]" in plain
    for line in render.totals(summary):
        assert line in plain


def test_without_rich_a_terminal_gets_plain_text(summary, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert render.rich(summary) is None


def test_what_does_not_fit_its_column_is_cut_as_keras_cuts_it():
    class ANameThatIsMuchLongerThanItsColumn(nn.Module):
        def forward(self, values):
            return values

    found = summarize(nn.Sequential(ANameThatIsMuchLongerThanItsColumn()), (1,) * 12)
    row = render.text(found).splitlines()[4]
    assert row[:28] == "a_name_that_is_much_longer_t"
    assert row[28] == row[54] == " "
    assert row[29:54] == f"(None, {', '.join('1' * 12)})"[:25]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        # As Keras names layers of these classes.
        ("Conv2D", "conv2d"),
        ("MaxPooling2D", "max_pooling2d"),
        ("BatchNormalization", "batch_normalization"),
        ("GlobalAveragePooling2D", "global_average_pooling2d"),
        ("Conv2DTranspose", "conv2d_transpose"),
        ("ReLU", "re_lu"),
        ("PReLU", "p_re_lu"),
        ("LSTM", "lstm"),
        ("Dense", "dense"),
    ],
)
def test_names_are_keras_own(name, expected):
    assert snake_case(name) == expected
