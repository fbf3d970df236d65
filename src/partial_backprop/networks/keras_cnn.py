"""The Keras network of gradient_notes: six convolutions in three blocks, and dropout that grows."""

from collections import OrderedDict

from torch import nn

from partial_backprop.layers.convolution import Conv2d
from partial_backprop.layers.normalisation import BatchNorm2d
from partial_backprop.networks.scaling import check_image, scaled

CHANNELS = (32, 64, 128)
"""Of the two convolutions of each block."""
HIDDEN = 128
"""Units of the hidden fully connected layer."""

# Keras' own defaults, which are not those of PyTorch; its momentum is what is kept, not what is new.
_BATCH_NORM = {"eps": 1e-3, "momentum": 0.01}


def _named(layers: list[tuple[str, nn.Module]]) -> "OrderedDict[str, nn.Module]":
    """Give layers the names that Keras gives them: the second of a kind has the suffix _1."""
    found: OrderedDict[str, nn.Module] = OrderedDict()
    n_seen: dict[str, int] = {}
    for kind, module in layers:
        n = n_seen.get(kind, 0)
        n_seen[kind] = n + 1
        found[f"{kind}_{n}" if n else kind] = module
    return found


def _initialize(model: nn.Sequential) -> None:
    """Draw he_uniform weights, glorot_uniform in the last layer, and set biases to zero."""
    layers = [module for module in model if isinstance(module, nn.Conv2d | nn.Linear)]
    for layer in layers[:-1]:
        nn.init.kaiming_uniform_(layer.weight, nonlinearity="relu")
    nn.init.xavier_uniform_(layers[-1].weight)
    for layer in layers:
        nn.init.zeros_(layer.bias)


def build(
    image_shape: tuple[int, int, int],
    n_classes: int,
    *,
    # Factor on all channel counts and on the hidden layer, greater than 0; 1 is the source's
    # network
    width: float = 1.0,
    # Share of the values that is dropped behind each of the three blocks, and behind the hidden
    # layer; each from 0 up to, but not including, 1
    dropout: tuple[float, ...] = (0.2, 0.3, 0.4, 0.5),
) -> nn.Module:
    """Build the network."""
    # Departures: the source prints the table of layers and nothing else. Kernels (3 x 3, padded), the
    # pooling and the initial weights (he_uniform; glorot_uniform in the last layer) are those of
    # the public recipe of the same layers. Features are flattened channel by channel and not, as in
    # Keras, pixel by pixel, which only permutes the rows of the first dense kernel. The softmax is
    # in the loss.
    # Source: gradient_notes, the summary; He et al., "Delving deep into rectifiers", ICCV 2015
    check_image("keras_cnn", image_shape, multiple=8, at_least=8)
    if len(dropout) != len(CHANNELS) + 1 or not all(0 <= share < 1 for share in dropout):
        raise ValueError(f"dropout must be four shares from 0 to below 1, got {list(dropout)}")
    layers: list[tuple[str, nn.Module]] = []
    depth, height, breadth = image_shape
    for size, share in zip(CHANNELS, dropout[:-1], strict=True):
        channels = scaled(size, width)
        for _ in range(2):
            layers += [
                ("conv2d", Conv2d(depth, channels, 3, padding=1)),
                ("re_lu", nn.ReLU()),
                ("batch_normalization", BatchNorm2d(channels, **_BATCH_NORM)),
            ]
            depth = channels
        layers += [("max_pooling2d", nn.MaxPool2d(2)), ("dropout", nn.Dropout(share))]
    hidden = scaled(HIDDEN, width)
    layers += [
        ("flatten", nn.Flatten()),
        ("dense", nn.Linear(depth * (height // 8) * (breadth // 8), hidden)),
        ("re_lu", nn.ReLU()),
        ("batch_normalization", nn.BatchNorm1d(hidden, **_BATCH_NORM)),
        ("dropout", nn.Dropout(dropout[-1])),
        ("dense", nn.Linear(hidden, n_classes)),
    ]
    model = nn.Sequential(_named(layers))
    _initialize(model)
    return model
