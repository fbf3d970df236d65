"""How hard are the scenes? A linear model and a small convolutional network, over three seeds.

Run ``python benchmarks/scenes_difficulty.py``; two to three minutes on one core. Its output stands
in ``docs/data.md``.
"""

import argparse
import time
from pathlib import Path

import numpy as np
import torch
from sklearn.linear_model import LogisticRegression
from torch import nn

from partial_backprop.data import scenes
from partial_backprop.data.dataset import Dataset

PENALTIES = (1e-4, 1e-3, 1e-2)


def linear(dataset: Dataset, features: str) -> float:
    """Fit a multinomial logistic regression and return its accuracy on the test set."""
    parts = []
    for part in (dataset.train, dataset.test):
        if features == "pixels":
            parts.append(part.images.reshape(len(part), -1) / 255 - 0.5)
        else:
            quarter = part.images.astype(np.int64) // 64
            codes = (
                (quarter * np.array([16, 4, 1])[:, None, None]).sum(axis=1).reshape(len(part), -1)
            )
            histogram = np.stack([np.bincount(row, minlength=64) for row in codes]) / codes.shape[1]
            moments = [part.images.mean(axis=(2, 3)) / 255, part.images.std(axis=(2, 3)) / 255]
            parts.append(np.concatenate([histogram, *moments], axis=1))
    train, test = parts
    penalties = PENALTIES if features == "pixels" else (1.0, 100.0)
    return max(
        LogisticRegression(C=c, max_iter=1000)
        .fit(train, dataset.train.labels)
        .score(test, dataset.test.labels)
        for c in penalties
    )


def network() -> nn.Module:
    """Build a network of four convolutions."""
    layers: list[nn.Module] = []
    for n_in, n_out in ((3, 32), (32, 32), (32, 64), (64, 64)):
        layers += [
            nn.Conv2d(n_in, n_out, 3, padding=1, bias=False),
            nn.BatchNorm2d(n_out),
            nn.ReLU(),
        ]
        if n_out == 32:
            layers.append(nn.MaxPool2d(2))
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 10))


def convolutional(dataset: Dataset, epochs: int, seed: int) -> float:
    """Train the network with Adam (rate 2e-3, cosine to 0, batch 50), return its test accuracy."""
    torch.manual_seed(seed)
    mean, std = (torch.tensor(v)[:, None, None] for v in (dataset.mean, dataset.std))
    images, unseen = (
        (torch.from_numpy(part.images) / 255 - mean) / std for part in (dataset.train, dataset.test)
    )
    labels = torch.from_numpy(dataset.train.labels)
    model = network()
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    steps = epochs * -(-len(labels) // 50)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    for _ in range(epochs):
        for batch in torch.randperm(len(labels)).split(50):
            optimizer.zero_grad()
            nn.functional.cross_entropy(model(images[batch]), labels[batch]).backward()
            optimizer.step()
            schedule.step()
    model.eval()
    with torch.no_grad():
        guesses = torch.cat([model(chunk).argmax(1) for chunk in unseen.split(500)])
    return (guesses.numpy() == dataset.test.labels).mean().item()


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--n-train", type=int, default=3500)
    parser.add_argument("--n-test", type=int, default=2000)
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--clutter", type=int, default=4)
    parser.add_argument("--noise", type=float, default=20.0)
    parser.add_argument("--lighter", action="store_true")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    start = time.perf_counter()
    dataset = scenes.load(
        Path(),
        n_train=arguments.n_train,
        n_test=arguments.n_test,
        clutter=arguments.clutter,
        noise=arguments.noise,
        lighter=arguments.lighter,
    )
    sizes = f"{arguments.n_train} training and {arguments.n_test} test scenes"
    print(f"{sizes}, made in {time.perf_counter() - start:.1f} s; accuracy on the test scenes:")
    print(f"linear, pixels   {linear(dataset, 'pixels'):.1%}")
    print(f"linear, colours  {linear(dataset, 'colours'):.1%}")
    start = time.perf_counter()
    found = [convolutional(dataset, arguments.epochs, seed) for seed in range(arguments.seeds)]
    wall = (time.perf_counter() - start) / len(found)
    listed = ", ".join(f"{accuracy:.1%}" for accuracy in found)
    print(f"convolutional    {np.mean(found):.1%} (seeds: {listed}; {wall:.0f} s each)")


if __name__ == "__main__":
    main()
