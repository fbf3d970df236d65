"""What a summary consists of: layers in the order of their first call, each with its weights."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Weight:
    """One tensor of the flat list that Keras calls ``model.weights``."""

    index: int  # place in that list, from 0
    name: str  # name in the network's ``state_dict``, such as ``conv2d_1.weight``
    # what Keras calls it in its layer: ``kernel``, ``bias``, ``gamma``, ``beta``, ``moving_mean``,
    # ``moving_variance``; anything else has its own name
    role: str
    n_entries: int  # number of entries
    trainable: bool  # whether it gets a gradient; running statistics never do


@dataclass(frozen=True)
class Layer:
    """One row of a summary."""

    name: str  # keras' name for it, such as ``conv2d_1``
    type: str  # keras' name for its class, or the class's own name where Keras has none
    module: str  # name of the module in the network, such as ``features.3``
    # of one output in Keras' order, channels last, or in torch's where a note says so; the first
    # entry is None, the batch. None where calls differ or the output is no tensor
    output_shape: tuple[int | None, ...] | None
    weights: tuple[Weight, ...] = ()  # in Keras' order
    # class of the activation that directly follows and, as in Keras, is a part of the layer
    activation: str | None = None

    @property
    def n_entries(self) -> int:
        """Entries of its weights, which Keras calls its parameters."""
        return sum(weight.n_entries for weight in self.weights)


@dataclass(frozen=True)
class Summary:
    """All layers of a network, and what they do not show."""

    name: str  # name of the network
    layers: tuple[Layer, ...]  # in the order of their first call
    # n_trainable, n_non_trainable: entries of all weights of the network, each once, whether a
    # layer shows them or not
    n_trainable: int
    n_non_trainable: int
    notes: tuple[str, ...] = ()  # one sentence for each thing that the rows do not show

    @property
    def n_total(self) -> int:
        """Entries of all weights."""
        return self.n_trainable + self.n_non_trainable

    def weights(self) -> tuple[Weight, ...]:
        """Gather the flat list of weights."""
        found = {weight.index: weight for layer in self.layers for weight in layer.weights}
        return tuple(found[index] for index in sorted(found))
