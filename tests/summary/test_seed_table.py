"""The summary of the seed's network against the table that the source prints, cell by cell."""

from partial_backprop import registry
from partial_backprop.summary import render
from partial_backprop.summary.keras import summarize

# gradient_notes, lines 2 to 55, with its tabs as spaces and without the rules between rows.
PRINTED = """\
Model: "sequential"
Layer (type)                 Output Shape              Param #          Gradients
conv2d (Conv2D)              (None, 32, 32, 32)        896              [0,1]
batch_normalization (BatchNo (None, 32, 32, 32)        128              [2,3,4,5]
conv2d_1 (Conv2D)            (None, 32, 32, 32)        9248             [6,7]
batch_normalization_1 (Batch (None, 32, 32, 32)        128              [8,9,10,11]
max_pooling2d (MaxPooling2D) (None, 16, 16, 32)        0
dropout (Dropout)            (None, 16, 16, 32)        0
conv2d_2 (Conv2D)            (None, 16, 16, 64)        18496            [12,13]
batch_normalization_2 (Batch (None, 16, 16, 64)        256              [14,15,16,17]
conv2d_3 (Conv2D)            (None, 16, 16, 64)        36928            [18,19]
batch_normalization_3 (Batch (None, 16, 16, 64)        256              [20,21,22,23]
max_pooling2d_1 (MaxPooling2 (None, 8, 8, 64)          0
dropout_1 (Dropout)          (None, 8, 8, 64)          0
conv2d_4 (Conv2D)            (None, 8, 8, 128)         73856            [24,25]
batch_normalization_4 (Batch (None, 8, 8, 128)         512              [26,27,28,29]
conv2d_5 (Conv2D)            (None, 8, 8, 128)         147584           [30,31]
batch_normalization_5 (Batch (None, 8, 8, 128)         512              [32,33,34,35]
max_pooling2d_2 (MaxPooling2 (None, 4, 4, 128)         0
dropout_2 (Dropout)          (None, 4, 4, 128)         0
flatten (Flatten)            (None, 2048)              0
dense (Dense)                (None, 128)               262272           [36,37]
batch_normalization_6 (Batch (None, 128)               512              [38,39,40,41]
dropout_3 (Dropout)          (None, 128)               0
dense_1 (Dense)              (None, 10)                1290             [42,43]
Total params: 552,874
Trainable params: 551,722
Non-trainable params: 1,152
"""


def lines(text: str) -> list[str]:
    """Lines of a summary without its rules."""
    return [line.rstrip() for line in text.splitlines() if line.strip("_=")]


def printed(name: str = "keras_cnn") -> str:
    model = registry.load("networks", name)((3, 32, 32), 10)
    return render.text(summarize(model, (3, 32, 32)))


def test_every_line_is_the_seeds():
    assert lines(printed()) == PRINTED.splitlines()


def test_rules_stand_where_the_seed_has_them():
    """A thick rule below the header and the last row, thin ones elsewhere, all of one length."""
    rules = [
        (place, line[0]) for place, line in enumerate(printed().splitlines()) if line[0] in "_="
    ]
    n_lines = len(printed().splitlines())
    assert [place for place, kind in rules if kind == "="] == [3, n_lines - 5]
    assert [place for place, kind in rules if kind == "_"] == [
        1,
        *range(5, n_lines - 5, 2),
        n_lines - 1,
    ]
    assert len({len(line) for line in printed().splitlines() if line[0] in "_="}) == 1


def test_the_flat_list_has_44_weights_of_which_30_get_a_gradient():
    """Counted in the seed: indices to 43, and two of four in each of seven normalisations fixed."""
    model = registry.load("networks", "keras_cnn")((3, 32, 32), 10)
    weights = summarize(model, (3, 32, 32)).weights()
    assert [weight.index for weight in weights] == list(range(44))
    assert sum(weight.trainable for weight in weights) == 30
    fixed = [weight.role for weight in weights if not weight.trainable]
    assert fixed == ["moving_mean", "moving_variance"] * 7
    state = model.state_dict()
    assert all(state[weight.name].numel() == weight.n_entries for weight in weights)


def test_kernels_have_the_indices_of_the_seeds_list_and_18():
    """gradient_notes, line 60, with 18, the kernel of conv2d_3, which it forgot."""
    model = registry.load("networks", "keras_cnn")((3, 32, 32), 10)
    weights = summarize(model, (3, 32, 32)).weights()
    kernels = [weight.index for weight in weights if weight.role == "kernel"]
    assert kernels == sorted([0, 6, 12, 24, 30, 36, 42, 18])
