"""How are EfficientNet-Lite0's images normalised, and which of its last layers tells more words?

Run ``python benchmarks/encoder_layers.py --data-root FOLDER`` where Flickr8k is; three minutes on
one core. Its output stands in ``docs/data.md``.
"""

import argparse
import re
from collections import Counter
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from sklearn.metrics import average_precision_score

from partial_backprop.captioning import encoder, published
from partial_backprop.captioning.encoder import Encoder
from partial_backprop.data.captioned import CaptionedImages, load_captioned
from partial_backprop.data.image_folder import MEAN, STD
from partial_backprop.run_config import DataConfig

PENALTIES = (300, 1000, 3000, 10000)
WORDS = slice(30, 330)
"""Of the words by frequency in the training captions: the first 30 tell little."""
CPU = torch.device("cpu")


@torch.no_grad()
def certainty(eyes: Encoder, images: np.ndarray) -> float:
    """Compute the largest probability that the network gives any class."""
    wide = F.relu6(eyes.model._bn1(eyes.model._conv_head(eyes.feature_map(images))))
    return float(eyes.model._fc(wide.mean((2, 3))).softmax(1).amax(1).mean())


@torch.no_grad()
def means(eyes: Encoder, part: CaptionedImages) -> tuple[np.ndarray, np.ndarray]:
    """Compute the means over all places of two layers."""
    narrow, wide = [], []
    for start in range(0, len(part), 25):
        found = eyes.feature_map(part.images[start : start + 25])
        narrow.append(found.mean((2, 3)))
        widened = F.relu6(eyes.model._bn1(eyes.model._conv_head(found)))
        wide.append(widened.mean((2, 3)))
    return torch.cat(narrow).numpy(), torch.cat(wide).numpy()


def words_of(part: CaptionedImages) -> list[set[str]]:
    """List the words of each image's captions."""
    return [set(re.findall("[a-z0-9]+", " ".join(five).lower())) for five in part.captions]


def precision(train: np.ndarray, unseen: np.ndarray, said: np.ndarray, true: np.ndarray) -> float:
    """Fit a ridge regression from features to words and rank unseen images by it."""
    centre, spread = train.mean(0), train.std(0) + 1e-6
    train, unseen = (train - centre) / spread, (unseen - centre) / spread
    there = np.flatnonzero(true.any(0))
    found = []
    for penalty in PENALTIES:
        square = train.T @ train + penalty * np.eye(train.shape[1])
        guesses = unseen @ np.linalg.solve(square, train.T @ (said - said.mean(0)))
        found.append(
            np.mean([average_precision_score(true[:, word], guesses[:, word]) for word in there])
        )
    return float(max(found))


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--data-root", type=Path, default=Path("data"))
    parser.add_argument("--n-train", type=int, default=1500)
    parser.add_argument("--n-validation", type=int, default=500)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    dataset = {"name": "flickr8k", "side": 224, "n_train": arguments.n_train}
    data = DataConfig(role="flickr8k", dataset=dataset, n_validation=arguments.n_validation)
    splits = load_captioned(data, arguments.data_root, seed=0)
    path, known = published.find("efficientnet_lite0")
    model = encoder.build({"name": "efficientnet_lite0"}, splits.facts.image_shape, path)
    some = splits.validation.images[:64]
    for name, mean, std in (("its own", known.mean, known.std), ("ImageNet's", MEAN, STD)):
        sure = certainty(Encoder(model, mean, std, CPU), some)
        print(f"normalisation {name:<11} largest probability {sure:.3f}")
    eyes = Encoder(model, known.mean, known.std, CPU)
    train, unseen = means(eyes, splits.train), means(eyes, splits.validation)
    said, true = words_of(splits.train), words_of(splits.validation)
    counts = Counter(word for words in said for word in sorted(words))
    words = [word for word, _ in counts.most_common(WORDS.stop)][WORDS]
    tables = (np.array([[word in one for word in words] for one in each]) for each in (said, true))
    table, unseen_table = tables
    for name, one, two in zip(("320 channels", "1280 channels"), train, unseen, strict=True):
        print(f"{name:<14} average precision {precision(one, two, table, unseen_table):.3f}")
    print(f"{'chance':<14} average precision {unseen_table[:, unseen_table.any(0)].mean():.3f}")


if __name__ == "__main__":
    main()
