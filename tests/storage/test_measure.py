"""Sizes are those of files that hold what they should."""

import zipfile

import pyarrow as pa
import pytest
import torch

from partial_backprop.errors import UserError
from partial_backprop.storage.measure import as_torch_file, measure


def test_all_three_files_hold_the_content(tmp_path):
    content = as_torch_file({"w": torch.randn(500), "zeros": torch.zeros(5000)})
    sizes = measure(content, tmp_path)
    assert (tmp_path / "weights").read_bytes() == content
    with zipfile.ZipFile(tmp_path / "weights.zip") as archive:
        (entry,) = archive.infolist()
        assert entry.compress_type == zipfile.ZIP_DEFLATED
        assert archive.read(entry) == content
    packed = (tmp_path / "weights.zst").read_bytes()
    assert packed[:4] == b"\x28\xb5\x2f\xfd"  # the magic number of RFC 8878
    assert pa.decompress(packed, len(content), codec="zstd", asbytes=True) == content
    told = [(tmp_path / f"weights{end}").stat().st_size for end in ("", ".zip", ".zst")]
    assert list(sizes) == told
    assert 2000 < max(sizes.n_bytes_zip, sizes.n_bytes_zstd) < 8000 < 22_000 < sizes.n_bytes


def test_a_torch_file_is_read_again_and_always_the_same(tmp_path):
    content = {"w": {"a": torch.arange(3.0)}, "step": 4}
    file = as_torch_file(content)
    (tmp_path / "f").write_bytes(file)
    found = torch.load(tmp_path / "f", weights_only=True)
    assert found["step"] == 4
    assert torch.equal(found["w"]["a"], content["w"]["a"])
    assert as_torch_file(content) == file


def test_a_folder_that_cannot_be_written_to_is_told(tmp_path):
    with pytest.raises(UserError, match="absent"):
        measure(b"x", tmp_path / "absent")
