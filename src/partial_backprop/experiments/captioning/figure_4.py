"""Captions under PB, and where the decoder looked at each word (pb2020, Figure 4)."""

import json

from matplotlib.figure import Figure

from partial_backprop import labels
from partial_backprop.experiments.captioning import attention, caption_arms
from partial_backprop.experiments.captioning.attention import Captioned
from partial_backprop.figures import style
from partial_backprop.inputs import Inputs, Run
from partial_backprop.measurements import caption_examples
from partial_backprop.measurements.caption_examples import Example

ARM, BASE = "pb", "fb"
"""Whose captions are shown, and whose stand beside them."""

MOST_WORDS, N_SHOWN = 12, 3
"""Of captions and their words: longer ones do not fit beside their picture."""

CAPTIONS = "captions.json"
"""File beside a record with all captions of the test images; it is not published."""


def draw(inputs: Inputs) -> Figure:
    """Draw short captions of PB's first seed, which a rule chose by their lengths alone.

    Photographs of others, and what others wrote of them, are shown only where ``scripts/pictures.py`` put
    them beside the record; FB's caption where its run is at hand.
    """
    runs = [run for run, _ in caption_arms.reports(inputs.runs)]
    own = [run for run in runs if run.record.arm == ARM]
    if not own:
        return style.not_run(f"captions of {labels.arm(ARM)}")
    first = min(own, key=lambda run: run.record.seed)
    path = first.path.with_name(caption_examples.NAME)
    found = caption_examples.read(path)
    # So that no figure, paper or archive has photographs without somebody having asked for them.
    asked_for = path.with_name(caption_examples.PICTURES).exists()
    if not (asked_for or caption_examples.may_be_passed_on(first.record)):
        found = caption_examples.without_images(found)
    shown = [example for example in found if len(example.words) <= MOST_WORDS][-N_SHOWN:] or found[
        :1
    ]
    base = [run for run in runs if run.key == (first.record.experiment, BASE, first.record.seed)]
    return attention.draw([Captioned(example, _lines(example, base)) for example in shown])


def _lines(example: Example, base: list[Run]) -> tuple[str, ...]:
    lines = [f"{labels.arm(ARM)}: {' '.join(example.words)}"]
    for run in base:
        path = run.path.with_name(CAPTIONS)
        if path.exists():
            words = json.loads(path.read_text(encoding="utf-8"))["beam"][example.index]
            lines.append(f"{labels.arm(BASE)}: {' '.join(words)}")
    if example.truth:
        lines.append(f"a person: {' '.join(example.truth)}")
    return tuple(lines)
