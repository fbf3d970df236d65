"""The decoder once more: one caption, one word and one location at a time, in double precision."""

import math

import torch
from torch import Tensor


def _sigmoid(x: Tensor) -> Tensor:
    return 1 / (1 + torch.exp(-x))


class Plain:
    """The equations of `captioning.decoder`, from nothing but a ``state_dict``."""

    def __init__(self, weights):
        self.w = {name: one.double() for name, one in weights.items()}

    def linear(self, name, x):
        return self.w[f"{name}.weight"] @ x + self.w[f"{name}.bias"]

    def start(self, image):
        """First h and c for features of shape (L, D)."""
        mean = sum(image) / len(image)
        return self.linear("init_hidden", mean), self.linear("init_cell", mean)

    def step(self, image, h, c, word):
        """One word on: h, c, and the attention at each location."""
        scores = []
        for location in image:
            a, u = (
                self.linear("attention.of_features", location),
                self.linear("attention.of_state", h),
            )
            scores.append(float(self.w["attention.score.weight"][0] @ (a + u).clamp(min=0)))
        total = sum(math.exp(score) for score in scores)
        alpha = [math.exp(score) / total for score in scores]
        context = sum(weight * location for weight, location in zip(alpha, image, strict=True))
        x = torch.cat(
            [self.w["embedding.weight"][word], _sigmoid(self.linear("gate", h)) * context]
        )
        gates = (
            self.w["lstm.weight_ih"] @ x
            + self.w["lstm.bias_ih"]
            + self.w["lstm.weight_hh"] @ h
            + self.w["lstm.bias_hh"]
        )
        i, f, g, o = gates.chunk(4)
        c = _sigmoid(f) * c + _sigmoid(i) * torch.tanh(g)
        return _sigmoid(o) * torch.tanh(c), c, torch.tensor(alpha, dtype=torch.float64)

    def logits(self, h):
        """Of the next word."""
        return self.linear("output", h)

    def forced(self, image, words):
        """Logits and attention at each word but the first of a caption from start to end."""
        h, c = self.start(image)
        found = []
        for word in words[:-1]:
            h, c, alpha = self.step(image, h, c, word)
            found.append((self.logits(h), alpha))
        return found

    def log_probability(self, image, words, forbidden):
        """Of a caption from start to end, where some words may never be said."""
        total = 0.0
        for (logits, _), word in zip(self.forced(image, words), words[1:], strict=True):
            logits[forbidden] = -math.inf
            total += float(logits.log_softmax(0)[word])
        return total
