"""Tiny data sets in the layouts that the real ones have."""

import csv
import hashlib
import inspect
import io
import pickle
import struct
from pathlib import Path
from typing import ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

from partial_backprop import registry


def random_images(n, channels, side, seed=0):
    """Random pixels of shape (n, channels, side, side)."""
    return np.random.default_rng(seed).integers(0, 256, (n, channels, side, side), dtype=np.uint8)


def idx(array):
    """Bytes of an IDX file."""
    header = bytes((0, 0, 8, array.ndim)) + struct.pack(f">{array.ndim}I", *array.shape)
    return header + array.astype(np.uint8).tobytes()


def write_idx_files(folder, n_train=30, n_test=20):
    """Write four IDX files and return the MD5 of each."""
    folder.mkdir(parents=True)
    md5 = {}
    for part, n in (("train", n_train), ("t10k", n_test)):
        images = random_images(n, 1, 28, seed=n)[:, 0]
        for stem, array in (("images-idx3", images), ("labels-idx1", np.arange(n) % 10)):
            content = idx(array)
            (folder / f"{part}-{stem}-ubyte").write_bytes(content)
            md5[f"{part}-{stem}-ubyte"] = hashlib.md5(content).hexdigest()
    return md5


class _Python2Pickler(pickle._Pickler):
    """Pickles as Python 2 did, whose strings were bytes; CIFAR-10 was published so."""

    dispatch: ClassVar = dict(pickle._Pickler.dispatch)

    def save_bytes(self, value):
        self.write(pickle.BINSTRING + struct.pack("<i", len(value)) + value)

    def save_str(self, value):
        self.save_bytes(value.encode("latin1"))

    dispatch[bytes] = save_bytes
    dispatch[str] = save_str


def python2_pickle(value):
    """Bytes of a pickle from Python 2 and an old numpy."""
    buffer = io.BytesIO()
    _Python2Pickler(buffer, protocol=2).dump(value)
    return buffer.getvalue().replace(b"numpy._core.multiarray", b"numpy.core.multiarray")


def write_cifar10_batch(path, images, labels):
    """Write one batch of CIFAR-10 and return its MD5."""
    path.parent.mkdir(parents=True, exist_ok=True)
    batch = {"data": images.reshape(len(images), -1), "labels": list(map(int, labels))}
    path.write_bytes(python2_pickle(batch))
    return hashlib.md5(path.read_bytes()).hexdigest()


def write_cifar10(folder, names):
    """Write the batches of CIFAR-10, ten images each, and return the MD5 of each."""
    return {
        name: write_cifar10_batch(folder / name, random_images(10, 3, 32, seed), np.arange(10))
        for seed, name in enumerate(names)
    }


def encode(image, encoding):
    """Bytes of a picture file; `image` has shape (3, H, W)."""
    buffer = io.BytesIO()
    Image.fromarray(image.transpose(1, 2, 0)).save(buffer, encoding)
    return buffer.getvalue()


def write_shard(path, contents, labels):
    """Write one parquet shard in the layout of Hugging Face."""
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = [{"bytes": content, "path": None} for content in contents]
    kind = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    pq.write_table(pa.table({"img": pa.array(rows, kind), "label": pa.array(labels)}), path)


def write_shards(folder, encoding="JPEG"):
    """Write two training shards and one test shard of ten pictures each."""
    names = ("train-00000-of-00002", "train-00001-of-00002", "test-00000-of-00001")
    for seed, name in enumerate(names):
        contents = [encode(image, encoding) for image in random_images(10, 3, 32, seed)]
        write_shard(folder / f"{name}.parquet", contents, list(range(10)))


def write_image_folder(folder, n=3, size=(40, 50)):
    """Write pictures of two classes in ImageFolder's layout."""
    seed = 0
    for part in ("train", "val"):
        for name in ("ant", "bee"):
            for i in range(n):
                seed += 1
                path = Path(folder, part, name, f"{i}.png")
                path.parent.mkdir(parents=True, exist_ok=True)
                pixels = np.random.default_rng(seed).integers(0, 256, (*size, 3), dtype=np.uint8)
                Image.fromarray(pixels).save(path)


def has_captions(name):
    """Whether a data set has captions: those take the size of their validation part."""
    return "n_validation" in inspect.signature(registry.load("data", name)).parameters


SENTENCES = ("A dog runs , fast .", "Two dogs .", "A brown dog is running", "Dogs", "A dog !")
"""Captions as people wrote them, marks and capitals included."""

CAPTIONED_PARTS = {"train": 6, "validation": 5, "test": 4}


def photographs(part, size=(40, 50)):
    """Pixels of shape (n, 3, *size) of a part of a tiny captioned data set."""
    n, seed = CAPTIONED_PARTS[part], list(CAPTIONED_PARTS).index(part)
    return np.random.default_rng(seed).integers(0, 256, (n, 3, *size), dtype=np.uint8)


def write_captioned_shard(path, contents, captions):
    """Write one parquet shard of Flickr8k; each entry of `captions` has five texts or nulls."""
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = [{"bytes": content, "path": None} for content in contents]
    kind = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    columns = {"image": pa.array(rows, kind)}
    for number in range(5):
        texts = [entry[number] for entry in captions]
        columns[f"caption_{number}"] = pa.array(texts, pa.string())
    pq.write_table(pa.table(columns), path)


def write_captioned_shards(folder, size=(40, 50)):
    """Write Flickr8k's three parts as shards, the training part as two."""
    for part, n in CAPTIONED_PARTS.items():
        contents = [encode(image, "PNG") for image in photographs(part, size)]
        captions = [[f"{text} {part} {i}" for text in SENTENCES] for i in range(n)]
        shards = [slice(0, n // 2), slice(n // 2, n)] if part == "train" else [slice(0, n)]
        for number, rows in enumerate(shards):
            name = f"{part}-{number:05d}-of-{len(shards):05d}.parquet"
            write_captioned_shard(folder / name, contents[rows], captions[rows])


def write_captioned_files(folder, *, images="Images", captions="captions.txt", texts=""):
    """Write Flickr8k in the layout of its authors, with the same content as the shards."""
    from partial_backprop.data.flickr8k_files import LISTS

    (folder / images).mkdir(parents=True)
    (folder / texts).mkdir(exist_ok=True)
    rows = []
    for part, n in CAPTIONED_PARTS.items():
        names = [f"{part}_{i}.jpg" for i in range(n)]
        for i, image in enumerate(photographs(part)):
            (folder / images / names[i]).write_bytes(encode(image, "PNG"))
            rows += [(names[i], k, f"{text} {part} {i}") for k, text in enumerate(SENTENCES)]
        (folder / texts / LISTS[part]).write_text("\n".join(names) + "\n")
    rows.append(("no_such_picture.jpg.1", 0, "It is in no list ."))
    path = folder / texts / captions
    if captions == "captions.txt":
        with path.open("w", newline="") as file:
            csv.writer(file).writerows(
                [("image", "caption"), *((name, text) for name, _, text in rows)]
            )
    else:
        path.write_text("".join(f"{name}#{k}\t{text}\n" for name, k, text in rows))
