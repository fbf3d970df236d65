"""Four captions under PB, and where the decoder looked at each word (seed 001, Figure 4)."""

from matplotlib.figure import Figure

from partial_backprop import labels
from partial_backprop.figures import attention, style
from partial_backprop.frames import caption_arms
from partial_backprop.inputs import Inputs
from partial_backprop.measurements import caption_examples

ARM = "pb"
"""Whose captions are shown."""

RULE = (
    "Captions of the beam on the test images, by length and then by number: those at the ranks 0, "
    "n/3, 2n/3 and n − 1, moving on while a length repeats. White: attention over its largest "
    "value at that word, interpolated between locations."
)


def draw(inputs: Inputs) -> Figure:
    """Draw four captions of different lengths."""
    runs = [run for run, _ in caption_arms.reports(inputs.runs) if run.record.arm == ARM]
    if not runs:
        figure, ((panel,),) = style.panels([style.EMPTY_ROW_IN], 1, 0.0)
        style.say(panel, f"Captions of {labels.arm(ARM)}: not run")
        return figure
    first = min(runs, key=lambda run: run.record.seed)
    path = first.path.with_name(caption_examples.NAME)
    found = caption_examples.read(path)
    # So that no figure, paper or archive has photographs without somebody having asked for them.
    asked_for = path.with_name(caption_examples.PICTURES).exists()
    if not (asked_for or caption_examples.may_be_passed_on(first.record)):
        found = caption_examples.without_images(found)
    figure = attention.draw(found, margin_in=0.55)
    shown = f"{labels.arm(ARM)}, seed {first.record.seed}."
    if any(example.image is None for example in found):
        shown += " Photographs are not passed on: picture not shown."
    style.footer(figure, [" ".join([shown, *caption_arms.lines([first])]), RULE])
    return figure
