"""The equivalence test of bfloat16."""

import numpy as np
import pytest
from benchmarks.command import Benchmark
from scipy import stats

from benchmarks import bf16_accuracy


def test_the_goal_is_met_where_both_one_sided_tests_reject():
    drawn = np.random.default_rng(0)
    met = set()
    for spread in (0.5, 1.5, 10.0):
        before = 90 + drawn.normal(size=6)
        after = before + spread * drawn.normal(size=6)
        p_values = (
            stats.ttest_1samp(after - before, -bf16_accuracy.MARGIN, alternative="greater").pvalue,
            stats.ttest_1samp(after - before, bf16_accuracy.MARGIN, alternative="less").pvalue,
        )
        *_, reach = bf16_accuracy.quantities("lenet5_mnist", before.tolist(), after.tolist())
        met.add(reach.goal.is_met(reach.value.median))
        assert reach.goal.is_met(reach.value.median) == (max(p_values) <= bf16_accuracy.LEVEL)
    assert met == {True, False}


def test_pairs_are_trained_in_both_precisions(monkeypatch, tmp_path):
    asked = []

    def accuracy(run):
        asked.append((run.experiment, run.training.precision, run.seed))
        return 90.0 + run.seed

    monkeypatch.setattr(bf16_accuracy, "accuracy", accuracy)
    benchmark = Benchmark("bf16_accuracy", quick=False, folder=tmp_path)
    bf16_accuracy.run(benchmark)
    for experiment in bf16_accuracy.NETWORKS:
        seeds = {
            precision: [
                seed for name, kind, seed in asked if (name, kind) == (experiment, precision)
            ]
            for precision in ("float32", "bf16")
        }
        assert seeds["float32"] == seeds["bf16"]
        assert len(set(seeds["bf16"])) >= 6


def test_a_pair_differs_in_precision_alone():
    from partial_backprop import config

    for experiment in bf16_accuracy.NETWORKS:
        plain, short = (config.resolve("demo", experiment, arm, 0) for arm in ("fb", "fb_bf16"))
        same = {"precision": "float32", "shared_epochs": 0}
        assert short.training.model_copy(update=same) == plain.training.model_copy(update=same)
        assert (short.network, short.data, short.freezing) == (plain.network, plain.data, None)


@pytest.mark.parametrize("differences", [[1.0, 1.0, 1.0], [0.0, 0.0, 0.0]])
def test_equal_differences_have_an_interval_without_width(differences):
    assert bf16_accuracy.interval(differences) == (differences[0], differences[0])
