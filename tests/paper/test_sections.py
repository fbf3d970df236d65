"""What sections say hangs on what ran and on verdicts: structure and branches, never wording."""

import dataclasses
import functools
import itertools
import math
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from tests import fake_paper, fakes
from tests.fake_paper import SOURCE

from partial_backprop import config, folders, labels
from partial_backprop.experiments.partial_backprop import cnns
from partial_backprop.inputs import Inputs
from partial_backprop.paper import article, numbers, setup
from partial_backprop.paper.context import context
from partial_backprop.report.claims import Verdict
from partial_backprop.report.verdict import REASONS, Judgement

pytestmark = pytest.mark.slow
VERDICTS = Verdict.__args__
TEMPLATES = article.environment(SOURCE)
SECTIONS = [*(SOURCE / "sections").iterdir(), *(path for _, path in folders.files("*.tex.j2"))]
FILES = {f"{path.parent.name}/{path.name}": path.read_text("utf-8") for path in sorted(SECTIONS)}

# Names that belong to one part of the paper, in print or as labels.
OWN = {
    "classifiers": ("VGG19", "ResNet-110", "DenseNet-121", "LeNet-5", "sec:results", "app:arms"),
    "captioning": ("BLEU", "Flickr8k", "sec:captioning", "app:captions"),
    "lab1": ("app:lab1", "eq:linear-step"),
    "lab2": ("fig:lab2",),
    "lab3": ("fig:lab3", "eq:ste"),
    "labs": ("sec:labs", "ResNet-20"),
    "homework": ("tab:statements",),
    "sparsification": ("app:gradientcounts", "Keras"),
    "tinyscript": ("app:tinyscript", "Weibull"),
    "weight_pruning": ("tab:weightpruning",),
    "filter_pruning": ("tab:filterpruning", "group lasso"),
    "dessilbi": ("DessiLBI", "LeNet-3", "Conv-2", "Conv-4", "VGG16", "ResNet-56", "sec:dessilbi"),
}
# Experiment alone -> the part that makes its runs, and further ones whose names it may use.
ALONE = {
    "vgg19_cifar10": ["classifiers"],
    "resnet110_cifar10": ["classifiers"],
    "lenet5_mnist": ["classifiers"],
    "captioning": ["captioning"],
    "lab1": ["lab1", "homework"],
    "lab2_pruning": ["labs", "lab2", "homework"],
    "lab3_quantization": ["labs", "lab3", "homework"],
    "sparsification": ["sparsification"],
    "tinyscript": ["tinyscript"],
    "weight_pruning": ["weight_pruning"],
    "filter_pruning": ["filter_pruning"],
    "dessilbi_lenet3": ["dessilbi"],
    "dessilbi_vgg16": ["dessilbi"],
}
NETWORKS = {"vgg19_cifar10": "VGG19", "resnet110_cifar10": "ResNet-110", "lenet5_mnist": "LeNet-5"}


@pytest.fixture(scope="module")
def stubs(tmp_path_factory) -> tuple[list[Path], list[Path]]:
    return fake_paper.stubs(tmp_path_factory.mktemp("stubs"))


@pytest.fixture(scope="module")
def part(tmp_path_factory) -> Callable[[str], Inputs]:
    """Maker of the runs of a part of the paper, once for all tests."""

    @functools.cache
    def made(name: str) -> Inputs:
        return fake_paper.of(tmp_path_factory.mktemp(name), seeds=(0,), parts=(name,))

    return made


@pytest.fixture(scope="module")
def named(part, stubs) -> dict[str, object]:
    """What templates may name, as if every experiment had run."""
    few = only(part("classifiers"), "vgg19_cifar10", "lenet5_mnist")
    asked = frozenset(config.read_scale("full", fake_paper.CONFIG).experiments)
    found = context(dataclasses.replace(few, experiments=asked), *stubs)
    every = {
        "has": dict.fromkeys(folders.groups(), True),
        "arms": set(cnns.ARMS),
        "ran": set(asked),
    }
    return found | every | {"networks": list(cnns.CNNS.values())}


def only(inputs: Inputs, *experiments: str) -> Inputs:
    """The same scale with some experiments alone, as by ``--config experiments=[…]``."""
    return dataclasses.replace(
        inputs,
        runs=tuple(run for run in inputs.runs if run.record.experiment in experiments),
        gradients=tuple(one for one in inputs.gradients if one.experiment in experiments),
        performance=(),
        experiments=frozenset(experiments),
    )


def fill(named: dict[str, object]) -> str:
    """Render an article from what templates may name."""
    named = named | {"sections": article.sections(SOURCE, named["ran"])}
    return TEMPLATES.get_template("paper.tex.j2").render(named)


def body(text: str) -> str:
    return text.partition(r"\begin{document}")[2]


def same_claims(named: dict[str, object], **changed: Judgement) -> dict[str, object]:
    """The same context with other judgements of some claims."""
    claims = named["claim"] | changed
    kept = tuple(claims[one.id] for one in named["ledger"])
    return named | {"claim": claims, "ledger": kept}


def check_references(text: str) -> None:
    """Every reference has its label, once."""
    labels = re.findall(r"\\label\{([^}]+)\}", text)
    assert len(labels) == len(set(labels))
    assert set(re.findall(r"\\ref\{([^}]+)\}", text)) <= set(labels)


@pytest.mark.parametrize("experiment", ALONE)
def test_the_paper_of_one_experiment_speaks_of_it_alone(part, stubs, experiment):
    made = part(ALONE[experiment][0])
    text = body(fill(context(only(made, experiment), *stubs)))
    text = text.replace(labels.experiment(experiment), "")  # TinyScript, LeNet-5
    check_references(text)
    assert not re.search(r"\bnan\b|\bNone\b", text)
    foreign = set(itertools.chain(*(OWN[part] for part in OWN.keys() - set(ALONE[experiment]))))
    foreign |= {name for key, name in NETWORKS.items() if key != experiment}
    foreign -= {NETWORKS.get(experiment, "")}
    assert not [name for name in foreign if name in text]


def test_with_everything_each_reference_has_its_label(named):
    check_references(body(fill(named)))


def test_the_abstract_is_short(named):
    abstract = fill(named).split("{abstract}")[1]
    plain = re.sub(r"\\cite\w*\{[^}]*\}", "Author 2020", abstract)
    assert len(re.sub(r"\\\w+|[{}]", " ", plain).split()) <= 120


USED = {
    (template, name)
    for template, text in FILES.items()
    for name in re.findall(r"claim\['([\w.]+)'\]", text)
}
"""Templates with the claims that they hang on."""
AFTER = {("W2.masked", "W2.pruned"): "contradicted", ("K4", "K7"): "error in the source"}
"""Claims that are spoken of only where another one has a verdict."""


@pytest.mark.parametrize(("template", "name"), sorted(USED))
def test_prose_follows_the_verdict(named, template, name):
    """Every verdict of a claim that a section hangs on gives a section, and they are not the same."""
    others = {
        other: dataclasses.replace(named["claim"][other], verdict=verdict, reason="")
        for _, other in USED
        for verdict in (AFTER.get((name, other), "reproduced"),)
    }
    texts = {}
    for verdict in VERDICTS:
        found = dataclasses.replace(named["claim"][name], verdict=verdict, reason="")
        changed = same_claims(named, **(others | {name: found}))
        texts[verdict] = TEMPLATES.get_template(template).render(changed | {"ledger": ()})
    assert len(set(texts.values())) > 1


def test_tuned_thresholds_are_no_result(named):
    """At a scale whose thresholds are tuned to the printed shares, prose draws nothing from these."""
    named = named | {"thresholds": "printed_share"}
    section = TEMPLATES.get_template("partial_backprop/50_results.tex.j2")
    texts = set()
    for verdict in VERDICTS:
        shares = {
            key: dataclasses.replace(found, verdict=verdict)
            for key, found in named["claim"].items()
            if key.startswith("P9.frozen")
        }
        texts.add(section.render(same_claims(named, **shares)))
    assert len(texts) == 1
    assert section.render(named | {"thresholds": "printed"}) not in texts


def test_each_network_has_a_margin_of_its_own(named):
    claims = named["claim"]
    margins = {name: found.margin for name, found in claims.items() if name.startswith("P4.")}
    errors = {"vgg19": 11.88, "resnet110": 16.28, "densenet121": 11.8, "lenet5": 0.75}
    for network, error in errors.items():
        assert margins[f"P4.{network}"] == pytest.approx(0.1 * error)


def test_a_claim_whose_experiment_ran_is_not_called_not_run(part, stubs):
    claims = context(part("filter_pruning"), *stubs)["claim"]
    assert claims["L6"].verdict != "not run"
    assert claims["L6"].n_seeds


def test_a_network_at_chance_is_drawn_no_conclusion_from(named):
    section = TEMPLATES.get_template("dessilbi/60_dessilbi.tex.j2")
    texts = {}
    for verdict, reason in (("reproduced", ""), ("undecided", "at_chance"), ("undecided", "wide")):
        changed = {
            name: dataclasses.replace(named["claim"][name], verdict=verdict, reason=reason)
            for name in ("D9", "D3.conv2", "D3.conv4")
        }
        texts[verdict, reason] = section.render(same_claims(named, **changed))
    assert len(set(texts.values())) == 3


def test_no_interval_of_zero_width_is_printed(named):
    found = named["claim"]["P4.lenet5"]
    flat = dataclasses.replace(found, estimate=-0.5, low=-0.5, high=-0.5)
    assert "[" not in numbers.measured(flat)
    assert "[" not in numbers.measured(dataclasses.replace(flat, low=math.nan, high=math.nan))
    assert numbers.measured(dataclasses.replace(flat, low=-1.0)) == "$-0.5$ [$-1$, $-0.5$]"


@pytest.mark.parametrize(
    ("name", "role", "stands_for"),
    [
        ("digits", "mnist", "MNIST"),
        ("scenes", "cifar10", "CIFAR-10"),
        ("fashion_mnist", "mnist", "MNIST"),
        ("mnist", "mnist", ""),
        ("MNIST", "mnist", ""),
        ("cifar10", "cifar10", ""),
        ("cifar10-jpeg", "cifar10", ""),
    ],
)
def test_a_data_set_in_its_own_role_is_no_stand_in(name, role, stands_for):
    data = fakes.data_facts("lenet5_mnist").model_copy(update={"name": name, "role": role})
    assert setup.stands_for(data) == stands_for


def test_stand_ins_are_named_with_what_they_stand_for(named):
    assert named["stand_ins"] == [("digits", "MNIST"), ("scenes", "CIFAR-10")]


@pytest.mark.parametrize("arms", [("fb",), ("fb", "pb")])
def test_figures_of_what_did_not_run_stay_out(part, stubs, arms):
    own = only(part("captioning"), "captioning")
    runs = tuple(run for run in own.runs if run.record.arm in arms)
    found = context(dataclasses.replace(own, runs=runs), *stubs)["figures"]
    assert ("figure_4" in found) == ("pb" in arms)
    assert "figure_5" in found
    assert not found & {"figure_2", "figure_kde", "figure_movement", "figure_bench"}


def test_zeros_that_are_lost_are_judged_by_the_arms(named):
    """The conjecture on the source's pruned network at chance has three ends."""
    section = TEMPLATES.get_template("pruning_quantization/54_labs.tex.j2")
    texts = set()
    for kept, lost in ((80.0, 11.0), (12.0, 10.0), (80.0, 75.0)):
        share = {"joint_4bit": kept, "joint_zeros_lost": lost}

        def mean(metric, experiment, arm, share=share, **where):
            return share.get(arm, 50.0)

        text = section.render(named | {"mean": mean})
        texts.add(re.sub(r"\d+\.\d+", "", text))
    assert len(texts) == 3


def test_every_claim_that_prose_names_exists(named):
    claims = named["claim"]
    text = "".join(FILES.values())
    assert {name for _, name in USED} <= claims.keys()
    groups = set(re.findall(r"networks_where\('([\w.]+)'", text))
    assert all(any(name.startswith(f"{group}.") for name in claims) for group in groups)
    reasons = re.findall(r"'undecided', ('[\w', ]+')\)", text)
    named = set(re.findall(r"'(\w+)'", " ".join(reasons)))
    assert named <= set(REASONS)
