"""A report of sizes is read back as it was written, or what is wrong with it is told."""

import pytest
from tests import fake_sizes

from partial_backprop.errors import UserError
from partial_backprop.experiments.weight_pruning import results as sizes


@pytest.fixture
def made():
    return fake_sizes.report("pruned", 0)


def test_a_report_comes_back(made):
    assert sizes.of(fake_sizes.record("pruned", 0, made)) == made


def test_sums_and_files(made):
    assert (made.n_weights(), made.n_zeros()) == (1000, 800)
    assert made.file("sparse").n_bytes == round(0.8 * 2**20)
    with pytest.raises(KeyError, match="no file of 'more'"):
        made.file("more")


def test_every_content_is_a_file_of_the_fakes():
    assert set(fake_sizes.FILES) == set(sizes.Content.__args__)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda m: m.clear(), "nothing"),
        (lambda m: m["sizes"].pop("files"), "delete"),
        (lambda m: m["sizes"]["files"][0].update(n_bytes=0), r"damaged \(files.0.n_bytes"),
        (lambda m: m["sizes"].update(ratio=3.96), r"damaged \(ratio: Extra inputs"),
    ],
)
def test_what_is_wrong_is_told(made, change, message):
    record = fake_sizes.record("pruned", 0, made)
    change(record.measurements)
    with pytest.raises(UserError, match=f"record of weight_pruning/pruned/seed0 .*{message}"):
        sizes.of(record)
