"""Flickr8k in both layouts, and what is told where something is wrong."""

import csv

import numpy as np
import pytest
from tests.data import layouts

from partial_backprop.data import flickr8k, flickr8k_files
from partial_backprop.data.captioned import checksum
from partial_backprop.data.compressed import scaled
from partial_backprop.data.flickr8k_files import LISTS
from partial_backprop.data.pictures import decode
from partial_backprop.errors import UserError

TEXTS = [
    {},
    {"images": "Flicker8k_Dataset", "captions": "Flickr8k.token.txt"},
    {"images": "Flicker8k_Dataset", "captions": "Flickr8k.token.txt", "texts": "Flickr8k_text"},
]
"""The original files as people have them."""


@pytest.mark.parametrize("options", TEXTS)
def test_both_layouts_give_the_same(tmp_path, options):
    layouts.write_captioned_shards(tmp_path / "shards")
    layouts.write_captioned_files(tmp_path / "files", **options)
    one = flickr8k.load(tmp_path, folder="shards", side=24)
    two = flickr8k.load(tmp_path, folder="files", side=24)
    assert checksum(one) == checksum(two)
    for part, n in layouts.CAPTIONED_PARTS.items():
        found = getattr(two, part)
        assert found.captions == tuple(
            tuple(f"{text} {part} {i}" for text in layouts.SENTENCES) for i in range(n)
        )
        picture, _ = decode(layouts.encode(layouts.photographs(part)[1], "PNG"))
        expected = np.asarray(scaled(picture, 24)).transpose(2, 0, 1)
        np.testing.assert_array_equal(found.images[1], expected)


@pytest.mark.parametrize(
    ("size", "name"),
    [((40, 50), "flickr8k"), ((32, 32), "flickr8k-32px"), ((9, 9), "flickr8k-9px")],
)
def test_name_says_when_pictures_had_been_scaled_before(tmp_path, size, name):
    layouts.write_captioned_shards(tmp_path / "flickr8k", size)
    assert flickr8k.load(tmp_path, side=16).name == name


def test_missing_captions_stay_missing(tmp_path):
    """What stands in for them is chosen in `load_captioned`, by the seed of the run."""
    layouts.write_captioned_shards(tmp_path / "flickr8k")
    content = layouts.encode(layouts.photographs("test")[0], "PNG")
    path = tmp_path / "flickr8k" / "test-00000-of-00001.parquet"
    layouts.write_captioned_shard(path, [content], [["One .", None, " Two . ", "", "  "]])
    assert flickr8k.load(tmp_path).test.captions == (("One .", "Two ."),)


@pytest.mark.parametrize(
    ("content", "captions", "message"),
    [
        (b"x", [None, "", None, None, None], "caption"),
        (b"no picture", ["A ."] * 5, "picture"),
        (None, ["A ."] * 5, "picture"),
    ],
)
def test_damaged_shard(tmp_path, content, captions, message):
    layouts.write_captioned_shards(tmp_path / "flickr8k")
    path = tmp_path / "flickr8k" / "test-00000-of-00001.parquet"
    layouts.write_captioned_shard(path, [content], [captions])
    with pytest.raises(UserError, match=message) as caught:
        flickr8k.load(tmp_path).test.images[:]
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("damage", ["truncated", "columns", "missing", "empty"])
def test_shards_that_cannot_be_read(tmp_path, damage):
    folder = tmp_path / "flickr8k"
    layouts.write_captioned_shards(folder)
    path = folder / "train-00001-of-00002.parquet"
    message = "has no readable columns image.bytes and caption_0"
    if damage == "truncated":
        path.write_bytes(path.read_bytes()[:-50])
    elif damage == "columns":
        layouts.write_shard(path, [b""], [0])
    elif damage == "missing":
        path.unlink()
        message = r"has 1 of the 2 shards train-\*.parquet"
    else:
        path = folder / "test-00000-of-00001.parquet"
        layouts.write_captioned_shard(path, [], [])
        message = "holds no images"
    with pytest.raises(UserError, match=message) as caught:
        flickr8k.load(tmp_path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "missing", ["Images", "captions.txt", *LISTS.values()], ids=lambda name: name[:20]
)
def test_error_tells_what_belongs_where(tmp_path, missing):
    layouts.write_captioned_files(tmp_path / "flickr8k")
    (tmp_path / "flickr8k" / missing).rename(tmp_path / "elsewhere")
    with pytest.raises(UserError) as caught:
        flickr8k.load(tmp_path)
    told = str(caught.value)
    assert "\n" not in told
    wanted = (str(tmp_path), missing, "Images", "captions.txt", "train-*.parquet", *LISTS.values())
    assert all(name in told for name in wanted)


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("captions.txt", "a,b\n", "heading"),
        ("captions.txt", "", "heading"),
        ("captions.txt", "image,caption\nx.jpg\n", "line 2"),
        ("captions.txt", "image,caption\nx.jpg,A dog, running\n", "line 2"),
        (
            "captions.txt",
            'image,caption\nx.jpg,"A\ndog"\n\ny.jpg,"Stop sign\nz.jpg,A .\n',
            "line 5",
        ),
        ("captions.txt", 'image,caption\nx.jpg,"Stop" sign\n', "line 2"),
        ("captions.txt", 'image,caption\nx.jpg,"Stop\n' + "y.jpg,A dog .\n" * 20_000, "line 2"),
        ("captions.txt", "image,caption\nx.jpg,A .\n", "train_0.jpg"),
        (LISTS["test"], "\n", "lists no images"),
    ],
)
def test_damaged_texts(tmp_path, name, text, message):
    layouts.write_captioned_files(tmp_path / "flickr8k")
    (tmp_path / "flickr8k" / name).write_text(text)
    with pytest.raises(UserError, match=message) as caught:
        flickr8k.load(tmp_path)
    assert name in str(caught.value)


ROWS = {
    "line break": ("a.jpg", "A dog\nruns"),
    "Windows' line break": ("b.jpg", "A dog\r\nruns"),
    "blank line": ("c.jpg", "A dog\n\nruns"),
    "form feed": ("d.jpg", "A\fdog"),
    "vertical tab": ("e.jpg", "A\vdog"),
    "file separator": ("f.jpg", "A\x1cdog"),
    "next line": ("g.jpg", "A dog\x85 runs"),
    "line separator": ("h.jpg", "A dog\u2028runs"),
    "paragraph separator": ("i.jpg", "A dog\u2029runs"),
    "comma": ("j.jpg", "A dog, running"),
    "quotes": ("k.jpg", 'A "good" dog'),
    "quotes at both ends": ("l.jpg", '"Stop"'),
    "quotes and line break": ("m.jpg", '"Stop",\nit says'),
    "tab": ("n.jpg", "A\tdog"),
    "# in a name": ("o#1.jpg", "A dog #1"),
    "# and digits at a name's end": ("p#1", "A dog"),
    "comma in a name": ("q,r.jpg", "A dog"),
    "other letters": ("ähnlich.jpg", "Ein Hund läuft \N{DOG}"),
}
"""What a name or a caption may hold -> a row."""


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_captions_by_the_rules_of_csv(tmp_path, end, mark):
    """What Python's own writer wrote comes back, whatever it held."""
    path = tmp_path / "captions.txt"
    with path.open("w", newline="", encoding="utf-8") as file:
        file.write(mark)
        # Left to itself, the writer of some versions quotes only the line break that ends its rows.
        writer = csv.writer(file, lineterminator=end, quoting=csv.QUOTE_ALL)
        writer.writerows([("image", "caption"), *ROWS.values()])
        file.write(f"{end}  {end}")
    assert list(flickr8k_files._captions(path)) == list(ROWS.values())


def test_captions_in_the_authors_form(tmp_path):
    path = tmp_path / "Flickr8k.token.txt"
    rows = [row for row in ROWS.values() if not {"\n", "\r"} & set(row[1])]
    path.write_text("".join(f"{name}#2\t{caption}\n" for name, caption in rows), "utf-8")
    assert list(flickr8k_files._captions(path)) == rows
    path.write_text("a.jpg#0 A dog\n")
    with pytest.raises(UserError, match="line 1"):
        list(flickr8k_files._captions(path))


def test_names_in_lists_may_hold_anything_but_line_breaks(tmp_path):
    layouts.write_captioned_files(tmp_path / "flickr8k")
    folder = tmp_path / "flickr8k"
    name = "a#1\u2028 \x0cb.jpg"
    (folder / "Images" / "test_0.jpg").rename(folder / "Images" / name)
    for file in (LISTS["test"], "captions.txt"):
        text = (folder / file).read_text(encoding="utf-8")
        (folder / file).write_text(text.replace("test_0.jpg", name), encoding="utf-8")
    assert len(flickr8k.load(tmp_path).test) == layouts.CAPTIONED_PARTS["test"]


def test_missing_and_damaged_photographs(tmp_path):
    layouts.write_captioned_files(tmp_path / "flickr8k")
    path = tmp_path / "flickr8k" / "Images" / "test_1.jpg"
    path.write_bytes(b"no picture")
    data = flickr8k.load(tmp_path)
    with pytest.raises(UserError, match="has no whole picture") as caught:
        data.test.images[:]
    assert str(path) in str(caught.value)
    path.unlink()
    with pytest.raises(UserError, match="cannot be read"):
        flickr8k.load(tmp_path)


def test_side_must_be_positive(tmp_path):
    with pytest.raises(UserError, match="side is 0"):
        flickr8k.load(tmp_path, side=0)


def test_shared_copy(shared_data):
    """Its sizes are Flickr8k's, its lists begin as the authors' do, and every image has captions."""
    data = flickr8k.load(shared_data, side=224)
    assert [len(part) for part in data.parts] == [6000, 1000, 1000]
    assert data.name == "flickr8k-224px"
    assert all(len(captions) == 5 for part in data.parts for captions in part.captions)
    assert data.test.captions[0][0] == "The dogs are in the snow in front of a fence ."
    mean = data.train.images[:50].mean(axis=(0, 2, 3)) / 255
    np.testing.assert_allclose(mean, data.mean, atol=0.06)
