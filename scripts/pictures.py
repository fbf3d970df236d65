"""Put the pictures of one's own copy of Flickr8k beside captions, for Figure 4.

    python scripts/pictures.py DATA_ROOT [results/cpu]

Photographs are neither published nor drawn without being asked for. The files written here stay outside git
and archives; each picture is checked against the checksum of the one that was captioned. Figure 4 of that
scale, by default of the published records, then shows them: `snakemake figure_4 --config scale=published`.
"""

import sys
from pathlib import Path

from partial_backprop import record
from partial_backprop.data.captioned import load_captioned
from partial_backprop.errors import UserError
from partial_backprop.measurements import caption_examples

PUBLISHED = Path(__file__).parents[1] / "results" / "published"


def fetch(data_root: Path, published: Path = PUBLISHED) -> list[Path]:
    """Write the pictures that published examples lack, and what a person wrote of each."""
    written = []
    for path in sorted(published.rglob(caption_examples.NAME)):
        examples = caption_examples.read(path)
        made = record.read(path.with_name("record.json"))
        if not examples or caption_examples.may_be_passed_on(made):
            continue
        test = load_captioned(made.config.data, data_root, made.seed).test
        images = [test.images[one.index].transpose(1, 2, 0) for one in examples]
        truth = [tuple(test.captions[one.index][0].split()) for one in examples]
        for one, image in zip(examples, images, strict=True):
            if caption_examples.checksum(image) != (
                one.sha256 or caption_examples.checksum(one.image)
            ):
                raise UserError(
                    f"test image {one.index} below {data_root} is not the one of {path}: use the same "
                    f"copy of the data ({made.data.name})"
                )
        caption_examples.save_pictures(images, path.with_name(caption_examples.PICTURES), truth)
        written.append(path.with_name(caption_examples.PICTURES))
    return written


if __name__ == "__main__":
    try:
        print(*fetch(*map(Path, sys.argv[1:])), sep="\n")
    except UserError as error:
        sys.exit(f"error: {error}")
