"""Copy the finished records of a scale to results/published, to be committed.

    python scripts/publish.py results/cpu

Records, gradient samples and what is printed beside them are copied; weights, masks and features are
not, for their size, and photographs are not, for their owners: of captioned images number, checksum, words
and attention are. `scripts/pictures.py` puts pictures of one's own copy of the data beside them.
"""

import shutil
import sys
from pathlib import Path

from partial_backprop import gradients, record
from partial_backprop.errors import UserError
from partial_backprop.measurements import caption_examples

BESIDE = ("history.csv", "log.txt", "timing.csv", "examples.npz", "movement.csv.gz")
"""What may lie beside a record and be printed: epochs, filter pruning's log, times, captions, and how far
the weights of each layer went."""

PUBLISHED = Path(__file__).parents[1] / "results" / "published"


def publish(results: Path, published: Path = PUBLISHED) -> list[Path]:
    """Copy what can be rendered again without training.

    Parameters
    ----------
    results : pathlib.Path
        Results of one scale, with the folder ``runs``.
    published : pathlib.Path
        Where to.

    Returns
    -------
    list of pathlib.Path
        The copies.

    Raises
    ------
    UserError
        If a record or gradient sample is damaged; nothing after it is copied.
    """
    copies = []
    for path in sorted((results / "runs").rglob("*.json")):
        names = [path.name]
        if path.name == "gradients.json":
            gradients.read(path)
        elif path.name == "record.json":
            made = record.read(path)
            names += [name for name in BESIDE if path.with_name(name).exists()]
        else:  # captions and their vocabulary, which nothing prints
            continue
        for name in names:
            copy = published / path.relative_to(results).with_name(name)
            copy.parent.mkdir(parents=True, exist_ok=True)
            if name == caption_examples.NAME and not caption_examples.may_be_passed_on(made):
                found = caption_examples.read(path.with_name(name))
                caption_examples.save(caption_examples.without_images(found), copy)
            else:
                shutil.copyfile(path.with_name(name), copy)
            copies.append(copy)
    return copies


if __name__ == "__main__":
    try:
        print(*publish(Path(sys.argv[1])), sep="\n")
    except UserError as error:
        sys.exit(f"error: {error}")
