"""Caption any picture with a decoder that was trained."""

from pathlib import Path

import numpy as np
import torch
from PIL import Image

from partial_backprop import record
from partial_backprop.captioning import encoder
from partial_backprop.captioning.decode import beam_search
from partial_backprop.captioning.decoder import Decoder
from partial_backprop.captioning.vocabulary import Vocabulary
from partial_backprop.data.compressed import scaled
from partial_backprop.data.pictures import DeepPixels, decode, pixels
from partial_backprop.errors import UserError
from partial_backprop.measurements import captions
from partial_backprop.measurements.caption_examples import Example
from partial_backprop.record import Record
from partial_backprop.training import checkpoint

_SIZES = ("embedding", "hidden", "attention", "dropout")


def caption(
    picture: Path, run: Path, device: torch.device, features: Path | None = None
) -> Example:
    """Caption a picture."""
    made = _record(run)
    report = captions.of(made)
    shown = _read(picture)
    vocabulary = _vocabulary(run / "vocabulary.json")
    # The workflow keeps runs at experiment/arm/seed, below one folder.
    folder = features or run.resolve() / "../../.." / report.features / "seed0"
    if not (folder / "record.json").is_file():
        raise UserError(
            f"{folder.resolve()} does not hold the encoder's run {report.features}: give its folder "
            "with --features"
        )
    network, found, side = encoder.load(folder, device)
    decoder = _decoder(made, run, len(vocabulary), found.n_channels, device)
    image = pixels(scaled(shown, side))
    result = beam_search(
        decoder, network.features(image[None]), made.config.recipe["max_words"], report.beam
    )
    words = vocabulary.decode(result.words[0].tolist())
    attention = result.attention[0, : len(words)].cpu().numpy().reshape(-1, *found.grid)
    return Example(0, np.ascontiguousarray(image.transpose(1, 2, 0)), words, attention)


def _record(run: Path) -> Record:
    example = "give the folder of an arm, such as results/demo/runs/captioning/pb/seed0"
    if not (run / "record.json").is_file():
        raise UserError(f"{run} holds no run: there is no record.json in it; {example}")
    made = record.read(run / "record.json")
    if captions.KEY not in made.measurements:
        raise UserError(f"{run} is a run of {made.experiment}, which captions nothing; {example}")
    return made


def _read(picture: Path) -> Image.Image:
    try:
        return decode(picture.read_bytes())[0]
    except OSError as error:
        raise UserError(f"cannot read the image {picture}: {error.strerror}") from None
    except DeepPixels as error:
        raise UserError(f"{picture} has {error}: store it with 8 bits") from None
    except ValueError:
        raise UserError(
            f"{picture} is no image that can be read: give a whole JPEG, PNG or the like"
        ) from None


def _vocabulary(path: Path) -> Vocabulary:
    try:
        return Vocabulary.from_json(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror}; run its training again") from None
    except ValueError as error:
        reason = " ".join(str(error).split())
        raise UserError(f"{path} is damaged ({reason}): run its training again") from None


def _decoder(
    made: Record, run: Path, n_words: int, n_features: int, device: torch.device
) -> Decoder:
    sizes = {name: made.config.recipe[name] for name in _SIZES}
    decoder = Decoder(n_words, n_features, **sizes).to(device)
    path = run / "weights.pt"
    try:
        decoder.load_state_dict(checkpoint.load(path, device))
    except RuntimeError as error:
        reason = " ".join(str(error).split())[:100]
        raise UserError(
            f"{path} is of another decoder or encoder than its record ({reason}): run both again"
        ) from None
    return decoder.eval()
