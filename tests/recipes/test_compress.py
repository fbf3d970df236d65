"""A pretrained network, pruned and quantized: zeros that stay, levels that hold, resumed runs."""

import hashlib
import json

import pytest
import torch
from tests.runs import run

from partial_backprop.measurements import compression
from partial_backprop.recipes import pretrain


def report(lab, experiment, arm):
    return compression.of(lab.record(experiment, arm))


def test_pretraining_learns_and_names_what_it_saw(lab):
    record = lab.record("trained", "float")
    assert record.data.name == "scenes"
    assert record.network.name == "resnet20"
    losses = [float(line.split(",")[2]) for line in lab.history("trained", "float")]
    assert losses[-1] < losses[0]


def test_each_setting_is_measured_on_the_starting_weights(lab):
    found = report(lab, "compress", "finetune")
    assert [point.sparsity for point in found.without_finetuning] == [0.4, 0.8]
    for point in found.without_finetuning:
        assert point.sparsity_total() == pytest.approx(point.sparsity, abs=0.002)
    assert found.start_point.sparsity_total() == 0
    trained = lab.record("trained", "float").selection("last")
    assert found.start_point.test == trained.test
    assert found.start_point.validation == trained.validation


@pytest.mark.parametrize("arm", ["finetune", "iterative", "iterative_global", "iterative_4bit"])
def test_pruned_weights_are_zero_at_the_end_of_the_fine_tuning(lab, arm):
    found = report(lab, "compress", arm).finetuned
    state = lab.weights("compress", arm)
    for layer in found.layers:
        n_zeros = int((state[f"{layer.name}.weight"] == 0).sum())
        assert n_zeros == layer.n_zeros
        assert (n_zeros > 0) == layer.prunable
    assert found.sparsity_total() == pytest.approx(0.8, abs=0.002)


def test_layers_share_the_sparsity_or_not(lab):
    by_layer, overall = (
        [one.n_zeros / one.n_weights for one in report(lab, "compress", arm).finetuned.layers]
        for arm in ("iterative", "iterative_global")
    )
    assert max(by_layer) < 0.81
    assert max(overall) > 0.84


def test_a_ramp_reports_only_epochs_at_the_final_sparsity(lab):
    record = lab.record("compress", "iterative")
    assert all(selection.epoch >= 1 for selection in record.selections)
    assert len(lab.history("compress", "iterative")) == 3


def test_bits_bound_the_values_of_inner_layers(lab):
    found = report(lab, "compress", "bits")
    assert [point.bits for point in found.without_finetuning] == [4, 2]
    for point in (*found.without_finetuning, found.finetuned):
        first, *inner, last = point.layers
        assert all(layer.n_values <= 2**point.bits for layer in inner)
        assert first.n_values > 2**point.bits
        assert last.n_values > 2**point.bits
    assert any(layer.name.endswith("id_mapping.0.conv") for layer in found.finetuned.layers)


def test_weights_stay_in_floating_point_under_the_quantizer(lab):
    state = lab.weights("compress", "bits")
    assert state["body_op.0.conv1.0.conv.weight"].unique().numel() > 2**2


def test_zeros_kept_or_lost_in_quantization(lab):
    kept, lost = (report(lab, "sparse", arm).without_finetuning[0] for arm in ("kept", "lost"))
    assert kept.sparsity_total() == pytest.approx(0.8, abs=0.002)
    inner = [layer for layer in lost.layers if layer.name.startswith("body_op")]
    assert sum(layer.n_zeros for layer in inner) < 0.1 * sum(layer.n_weights for layer in inner)


def test_a_users_weights_are_scored_in_the_precision_that_is_asked_for(lab, tmp_path, monkeypatch):
    resolved = lab.resolved("trained", "float")
    recipe = resolved.recipe | {"checkpoint": str(lab.finished("trained", "float") / "weights.pt")}
    training = resolved.training.model_copy(update={"precision": "bf16"})
    asked = []

    def evaluate(*what, precision):
        asked.append(precision)
        return pretrain_evaluate(*what, precision=precision)

    pretrain_evaluate = pretrain.evaluate
    monkeypatch.setattr(pretrain, "evaluate", evaluate)
    run(resolved.model_copy(update={"recipe": recipe, "training": training}), out=tmp_path)
    assert asked == ["bf16", "bf16"]


def test_a_users_weights_instead_of_a_training(lab, tmp_path):
    source = lab.finished("trained", "float")
    resolved = lab.resolved("trained", "float")
    recipe = resolved.recipe | {"checkpoint": str(source / "weights.pt")}
    run(resolved.model_copy(update={"recipe": recipe}), out=tmp_path)
    record = json.loads((tmp_path / "record.json").read_text())
    assert (
        record["selections"][0]["test"]
        == json.loads((source / "record.json").read_text())["selections"][0]["test"]
    )
    digest = hashlib.sha256((source / "weights.pt").read_bytes()).hexdigest()
    assert record["measurements"]["checkpoint"] == {"file": "weights.pt", "sha256": digest}
    assert all(
        torch.equal(tensor, lab.weights("trained", "float")[name])
        for name, tensor in torch.load(tmp_path / "weights.pt", weights_only=True).items()
    )
    assert len((tmp_path / "history.csv").read_text().splitlines()) == 1
