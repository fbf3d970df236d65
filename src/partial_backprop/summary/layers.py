"""What a summary consists of: layers in the order of their first call, each with its weights."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Weight:
    """One tensor of the flat list that Keras calls ``model.weights``.

    Parameters
    ----------
    index : int
        Place in that list, from 0.
    name : str
        Name in the network's ``state_dict``, such as ``conv2d_1.weight``.
    role : str
        What Keras calls it in its layer: ``kernel``, ``bias``, ``gamma``, ``beta``,
        ``moving_mean``, ``moving_variance``; anything else has its own name.
    n_entries : int
        Number of entries.
    trainable : bool
        Whether it gets a gradient; running statistics never do.
    """

    index: int
    name: str
    role: str
    n_entries: int
    trainable: bool


@dataclass(frozen=True)
class Layer:
    """One row of a summary.

    Parameters
    ----------
    name : str
        Keras' name for it, such as ``conv2d_1``.
    type : str
        Keras' name for its class, or the class's own name where Keras has none.
    module : str
        Name of the module in the network, such as ``features.3``.
    output_shape : tuple of (int or None), or None
        Of one output in Keras' order, channels last, or in torch's where a note says so; the first entry is
        None, the batch. None where calls differ or the output is no tensor.
    weights : tuple of Weight
        In Keras' order.
    activation : str or None
        Class of the activation that directly follows and, as in Keras, is a part of the layer.
    """

    name: str
    type: str
    module: str
    output_shape: tuple[int | None, ...] | None
    weights: tuple[Weight, ...] = ()
    activation: str | None = None

    @property
    def n_entries(self) -> int:
        """Entries of its weights, which Keras calls its parameters."""
        return sum(weight.n_entries for weight in self.weights)


@dataclass(frozen=True)
class Summary:
    """All layers of a network, and what they do not show.

    Parameters
    ----------
    name : str
        Name of the network.
    layers : tuple of Layer
        In the order of their first call.
    n_trainable, n_non_trainable : int
        Entries of all weights of the network, each once, whether a layer shows them or not.
    notes : tuple of str
        One sentence for each thing that the rows do not show.
    """

    name: str
    layers: tuple[Layer, ...]
    n_trainable: int
    n_non_trainable: int
    notes: tuple[str, ...] = ()

    @property
    def n_total(self) -> int:
        """Entries of all weights."""
        return self.n_trainable + self.n_non_trainable

    def weights(self) -> tuple[Weight, ...]:
        """Gather the flat list of weights.

        Returns
        -------
        tuple of Weight
            In the order of their indices, each once, though several layers may share one.
        """
        found = {weight.index: weight for layer in self.layers for weight in layer.weights}
        return tuple(found[index] for index in sorted(found))
