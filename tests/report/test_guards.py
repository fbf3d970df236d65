"""What forbids a verdict, or stands beside it, on the published records."""

from pathlib import Path

import pytest

from partial_backprop import inputs
from partial_backprop.report import claims, judge
from partial_backprop.report.frame import results

RUNS = Path(__file__).parents[2] / "results" / "published" / "runs"
LENET = {"experiment": "lenet5_mnist", "arm": "pb", "stage": "last"}
ACCURACY = LENET | {"metric": "test_accuracy_percent"}


@pytest.fixture
def judged(printed_numbers):
    def made(what, test="equal", document="001", condition=None, **fields):
        experiment = what["experiment"]
        found = results(inputs.read_runs((RUNS / experiment).rglob("record.json")))
        claim = {"line": 1, "claim": "a claim", "test": test, "what": what, **fields}
        conditions = {experiment: condition} if condition else {}
        source = claims.Source(
            source="s", document=document, title="S", conditions=conditions, claims={"C": claim}
        )
        return judge.judge([source], found, printed_numbers, draws=200)[0]

    return made


@pytest.mark.parametrize(
    ("network", "reason"), [("lenet5_mnist", "wide"), ("vgg19_cifar10", "tuned")]
)
def test_a_threshold_other_than_the_source_s_is_tuned_to_the_share(judged, network, reason):
    found = judged(
        LENET | {"metric": "mask_zeros_percent"},
        condition={"threshold": f"table_1.{network}:threshold"},
        reported="table_2.lenet5_mnist:frozen_percent",
        margin=5,
    )
    assert (found.verdict, found.reason) == ("undecided", reason)


@pytest.mark.parametrize(
    ("condition", "tags"),
    [
        (None, ()),
        ({"data": ["MNIST"], "epochs": 110}, ()),
        ({"data": ["MNIST"], "n_train": 60_000}, ("fewer images",)),
        ({"data": ["Fashion-MNIST"]}, ("stand-in",)),
        ({"data": ["Fashion-MNIST"], "epochs": 200}, ("stand-in", "shortened")),
    ],
)
def test_a_verdict_says_what_its_runs_lack(judged, condition, tags):
    found = judged(ACCURACY, "lower", condition=condition, base={"arm": "fb"})
    assert found.tags == tags


def test_a_copy_of_the_data_is_no_stand_in_and_not_the_data(judged):
    what = {"experiment": "sparsification", "arm": "full", "stage": "last"}
    what["metric"] = "test_accuracy_percent"
    found = judged(what, "higher", than=10, condition={"data": ["CIFAR-10"]})
    assert found.tags == ("copy",)


def test_a_network_at_chance_when_sparse_says_nothing_of_its_layers(judged):
    what = {"experiment": "dessilbi_conv2", "arm": "path", "stage": "last"}
    density = what | {"metric": "density_percent", "layer": "FC"}
    sparse = what | {"metric": "sparse_accuracy_percent"}
    fields = {"test": "lower", "base": {"layer": "Conv"}}
    assert judged(density, guard=sparse, **fields).reason == "at_chance"
    assert judged(density, **fields).reason == "one_seed"
    assert judged(sparse, "lower", than=50).reason == "at_chance"
    assert judged(sparse, "lower", than=50, chance=True).reason == "one_seed"


def test_of_several_experiments_the_first_that_ran_is_taken(judged, printed_numbers):
    found = results(inputs.read_runs((RUNS / "lenet5_mnist").rglob("record.json")))
    what = ACCURACY | {"experiment": ("lenet5_mnist_60000", "lenet5_mnist")}
    claim = {"line": 1, "claim": "a claim", "test": "lower", "what": what, "base": {"arm": "fb"}}
    source = claims.Source(
        source="s", document="001", title="S", conditions={}, claims={"C": claim}
    )
    (one,) = judge.judge([source], found, printed_numbers, draws=200)
    assert (one.n_seeds, one.claim.what.experiment) == (3, "lenet5_mnist")


def test_what_a_network_at_chance_freezes_says_nothing(printed_numbers):
    runs = inputs.read_runs((RUNS / "lenet5_mnist" / "pb").rglob("record.json"))
    found = results(runs)
    at_chance = found.frame["metric"].eq("test_accuracy_percent")
    found.frame.loc[at_chance, "value"] = 12.0
    what = LENET | {"metric": "mask_zeros_percent"}
    claim = {"line": 1, "claim": "a claim", "test": "higher", "what": what}
    source = claims.Source(
        source="s", document="001", title="S", conditions={}, claims={"C": claim}
    )
    (one,) = judge.judge([source], found, printed_numbers, draws=200)
    assert (one.verdict, one.reason) == ("undecided", "at_chance")
