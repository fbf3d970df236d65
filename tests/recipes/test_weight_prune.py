"""A trained network, pruned while it is fine-tuned: zeros, files that are what they say, resumed runs."""

import pytest

from partial_backprop.experiments.weight_pruning import results as sizes


def report(lab, arm):
    return sizes.of(lab.record("weights", arm))


def test_zeros_are_those_of_the_schedule_and_stay(lab):
    found, state = report(lab, "pruned"), lab.weights("weights", "pruned")
    assert [layer.name for layer in found.layers] == [
        "features.0", "features.3", "classifier.0", "classifier.2", "classifier.4"
    ]  # fmt: skip
    for layer in found.layers:
        weight = state[f"{layer.name}.weight"]
        assert layer.n_weights == weight.numel()
        assert (
            layer.n_zeros
            == int((weight == 0).sum())
            == weight.numel() - round(0.2 * weight.numel())
        )
    assert all(state[name].all() for name in state if name.endswith("bias"))


def test_the_schedule_ends_with_its_epochs(lab):
    record = lab.record("weights", "pruned")
    found = sizes.of(record)
    n_steps = 2 * -(-record.data.n_train // 25)
    steps = [one.step for one in found.schedule]
    assert steps == [*range(0, n_steps, 7), n_steps]
    assert (found.schedule[0].share, found.schedule[-1].share) == (0.5, 0.8)
    assert min(selection.epoch for selection in record.selections) >= 1
    assert len(lab.history("weights", "pruned")) == 3


def test_it_starts_from_the_trained_network(lab):
    trained = lab.record("lenet", "float").selection("last")
    found = report(lab, "pruned")
    assert found.start == "lenet/float"
    assert found.unpruned.test == trained.test
    assert found.unpruned.validation == trained.validation


def test_its_worth_is_that_of_the_last_epoch(lab):
    record = lab.record("weights", "pruned")
    assert sizes.of(record).pruned.test == record.selection("last").test
    last = lab.history("weights", "pruned")[-1].split(",")
    assert sizes.of(record).pruned.test_loss == pytest.approx(float(last[8]))


def test_files_hold_as_many_numbers_as_are_in_them(lab):
    found = report(lab, "pruned")
    n_all = sum(tensor.numel() for tensor in lab.weights("weights", "pruned").values())
    n_prunable, n_tensors = found.n_weights(), 10
    state = 2 * n_all + n_tensors  # two moments a value, a step count a tensor
    expected = {
        "unpruned": n_all,
        "training_state": n_all + n_prunable + state,
        "training_state_masked": n_all + n_prunable + state,
        "masks": n_all + n_prunable,
        "weights": n_all,
        "sparse": n_all,
    }
    assert {file.content: file.n_values for file in found.files} == expected
    for file in found.files:
        if file.content != "sparse":
            # A name, a type and padding for each tensor, and four bytes a number.
            assert 4 * file.n_values < file.n_bytes < 4 * file.n_values + 30_000


def test_files_shrink_as_their_zeros_say(lab):
    found = report(lab, "pruned")
    dense = report(lab, "dense")
    for ours in (found.file("unpruned"), dense.file("weights")):
        assert ours.n_bytes_zip > 0.85 * ours.n_bytes
    sparse = found.file("sparse")
    # One bit a weight and a fifth of four bytes: 3.1 % and 20 % of the unpruned file.
    assert 0.22 < sparse.n_bytes / found.file("unpruned").n_bytes < 0.26
    for column in ("n_bytes_zip", "n_bytes_zstd"):
        sizes_of = {file.content: getattr(file, column) for file in found.files}
        assert sizes_of["sparse"] < sizes_of["weights"] < sizes_of["masks"] < sizes_of["unpruned"]
        assert sizes_of["training_state_masked"] < 0.6 * sizes_of["training_state"]
    assert found.file("masks").n_bytes > 1.9 * found.file("weights").n_bytes


def test_the_sparse_file_gives_the_same_outputs(lab):
    for arm in ("pruned", "dense"):
        found = report(lab, arm)
        assert found.n_same_outputs == found.pruned.test.n_examples


def test_nothing_is_pruned_where_nothing_is_asked_for(lab):
    found = report(lab, "dense")
    assert found.n_zeros() == 0
    assert found.n_weights() > 0


def test_images_are_shifted_only_where_it_is_asked_for(lab):
    assert lab.history("weights", "shifted") != lab.history("weights", "pruned")
