"""Put the pictures of one's own copy of Flickr8k beside the published captions, for Figure 4.

    python scripts/pictures.py DATA_ROOT

Photographs are not published with the records. The files written here stay outside git; each picture is
checked against the checksum of the one that was captioned. `snakemake --config scale=published figure_4`
then shows them.
"""

import sys
from pathlib import Path

from partial_backprop import record
from partial_backprop.data.captioned import load_captioned
from partial_backprop.errors import UserError
from partial_backprop.measurements import caption_examples

PUBLISHED = Path(__file__).parents[1] / "results" / "published"


def fetch(data_root: Path, published: Path = PUBLISHED) -> list[Path]:
    """Write the pictures that published examples lack.

    Parameters
    ----------
    data_root : pathlib.Path
        Folder with the real data sets.
    published : pathlib.Path
        Where the records are.

    Returns
    -------
    list of pathlib.Path
        The files that were written.

    Raises
    ------
    UserError
        If the data are missing, or are not those that were captioned.
    """
    written = []
    for path in sorted(published.rglob(caption_examples.NAME)):
        examples = caption_examples.read(path)
        if not examples or examples[0].image is not None:
            continue
        made = record.read(path.with_name("record.json"))
        test = load_captioned(made.config.data, data_root, made.seed).test
        images = [test.images[one.index].transpose(1, 2, 0) for one in examples]
        for one, image in zip(examples, images, strict=True):
            if caption_examples.checksum(image) != one.sha256:
                raise UserError(
                    f"test image {one.index} below {data_root} is not the one of {path}: use the same "
                    f"copy of the data ({made.data.name})"
                )
        caption_examples.save_pictures(images, path.with_name(caption_examples.PICTURES))
        written.append(path.with_name(caption_examples.PICTURES))
    return written


if __name__ == "__main__":
    try:
        print(*fetch(Path(sys.argv[1])), sep="\n")
    except UserError as error:
        sys.exit(f"error: {error}")
