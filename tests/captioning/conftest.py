"""Small decoders with weights of a size at which attention and words differ."""

import pytest
import torch

from partial_backprop.captioning.decoder import Decoder

SIZES = {"embedding": 3, "hidden": 5, "attention": 4}


@pytest.fixture
def make_decoder():
    """Function from a seed to a decoder of 7 words and 6 features, in double precision."""

    def make(seed=0, *, n_words=7, n_features=6, spread=0.8, dropout=0.0):
        torch.manual_seed(seed)
        decoder = Decoder(n_words, n_features, dropout=dropout, **SIZES).double()
        for parameter in decoder.parameters():
            torch.nn.init.normal_(parameter, std=spread)
        return decoder

    return make


@pytest.fixture
def features():
    """Five images of four locations and six features."""
    return torch.randn(5, 4, 6, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
