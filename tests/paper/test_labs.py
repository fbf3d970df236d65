"""Sentences on Labs 2 and 3 follow the data: each rule is shown runs whose verdict can be read off."""

import math
import re
import shutil
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import fake_labs
from fake_labs import ARMS, Arm
from partial_backprop import artifacts
from partial_backprop.paper import article, lab_words, labs, latex, macros
from partial_backprop.paper.context import context
from partial_backprop.paper.text import Tex

LAB2, LAB3 = ARMS
SOURCE = Path(__file__).parents[2] / "paper" / "source"
SECTIONS = ("sections/54_lab2.tex.j2", "sections/56_lab3.tex.j2", "sections/58_statements.tex.j2")
TABLES = [f"table_lab{name}" for name in ("2_pruning", "2_layers", "3_quantization", "3_joint")]
TABLES.append("table_statements")


def say(**what: object) -> dict[str, Tex]:
    return labs.sentences(fake_labs.inputs(**what))


def finetuned(arm: str, last: float) -> dict[str, Arm]:
    """Let an arm end elsewhere."""
    made = next(of_lab[arm] for of_lab in ARMS.values() if arm in of_lab)
    return {arm: Arm(made.start, made.at_once, made.setting, last, made.zeros)}


def test_everything_is_latex_and_plain_ascii_words() -> None:
    for text in say().values():
        assert isinstance(text, Tex)
        assert not re.search(r"nan|None|\{\}|  ", text), text


def test_nothing_is_said_of_what_did_not_run() -> None:
    said = say(experiments=())
    assert said["lab2"] == said["lab3"] == ""
    for topic in ("float", "pruned", "recovered", "quantized", "tuned", "joint", "conjecture"):
        assert "not run at this scale" in said[topic]
    assert "nan" not in " ".join(said.values())


@pytest.mark.parametrize("gone", [arm for of_lab in ARMS.values() for arm in of_lab])
def test_any_arm_may_be_absent(gone: str) -> None:
    said = say(without=[gone])
    assert "nan" not in " ".join(said.values())
    assert "Not run: " in said["lab2" if gone in ARMS[LAB2] else "lab3"]


def test_settings_are_those_of_the_runs() -> None:
    settings = say()["settings"]
    for text in (
        "20 epochs",
        "momentum 0.875",
        "$10^{-4}$",
        "0.002, constant",
        "of 256",
        "4 pixels",
    ):
        assert text in settings


def test_the_ramp_is_that_of_the_arms_that_have_one() -> None:
    assert "grows over ten epochs" in say()["ramp"]
    assert say(without=["iterative", "iterative_global", "iterative_4bit"])["ramp"] == ""


def test_what_the_source_asks_for() -> None:
    said = say(experiments=())
    assert said["asked_shares"] == r"40\,\%, 60\,\% and 80\,\%"
    assert (said["asked_epochs"], said["asked_ramp"], said["asked_step"]) == ("20", "10", r"8\,\%")


def test_fine_tuning_recovers_a_share_of_the_loss() -> None:
    # From 90 to 20 and back to 80: 60 of 70 points.
    said = say()["recovered"]
    assert r"from 20.00\,\% to 80.00\,\%, 86\,\% of what pruning had lost; it then" in said
    assert "in floating point by $-10.00$ points" in said
    assert r"(printed, best epoch: $-3.61$)" in said


def test_a_yardstick_for_all_differences() -> None:
    # 1.96 · sqrt(2 · 90 · 10 / 1000) = 2.63
    assert "1,000 images" in say()["yardstick"]
    assert "by up to 2.63 points" in say()["yardstick"]


def test_one_seed_stands_beside_what_the_size_of_the_test_set_leaves() -> None:
    # 82 against 80 % of 1000 images: 1.96 · sqrt((82 · 18 + 80 · 20) / 1000) = 3.44.
    said = say()["iterative"]
    assert "$+2.00$ points on the one seed" in said
    assert r"$\pm$3.44" in said


def test_seeds_that_agree_have_no_interval() -> None:
    said = say(seeds=(0, 1, 2))
    assert "$+2.00$ points over three paired seeds" in said["iterative"]
    assert r"81.00 $\pm$ 1.00\,\%" in said["recovered"]
    assert "size of the test set" not in said["iterative"]


def test_gaps_of_the_source_are_computed_from_its_numbers() -> None:
    said = say()
    assert "$-0.51$" in said["iterative"]  # .8739 - .8790
    assert "$+1.29$" in said["global"]  # .8868 - .8739
    assert "$-13.89$" in said["in_steps"]  # .7479 - .8868
    assert r"89.77\,\%, above the 88.68\,\%" in said["odd"]


def test_equal_zeros_are_said_to_be_equal() -> None:
    assert "equals the printed one in all 20 layers" in say()["layers"]
    other = ARMS[LAB2]["iterative_global"]
    changed = Arm(other.start, ARMS[LAB2]["finetune"].at_once, (0.8, None), 80, "global")
    assert "in 0 of 20 layers" in say(changed={"finetune": changed})["layers"]


def test_extremes_of_the_global_threshold() -> None:
    said = say()["global_layers"]
    counts = [one for one in fake_labs.layer_counts("global", 0.8, None) if one.prunable]
    least, *_, most = sorted(counts, key=lambda one: one.n_zeros / one.n_weights)
    assert rf"keeps most is \texttt{{{least.name}}}".replace("_", r"\_") in said
    assert rf"keeps least \texttt{{{most.name}}}".replace("_", r"\_") in said
    assert r"in the source \texttt{final\_fc.linear} and \texttt{body\_op.8.conv2.0.conv}" in said


def joint(kept: dict[int, float], lost: dict[int, float]) -> dict[str, Arm]:
    changed = {
        f"joint_{bits}bit": Arm(fake_labs.SPARSE, {(None, bits): value}, (None, bits), 80, "sparse")
        for bits, value in kept.items()
    }
    at_once = {(None, bits): value for bits, value in lost.items()}
    return changed | {"joint_zeros_lost": Arm(fake_labs.SPARSE, at_once, (None, 4), 76, "lost")}


@pytest.mark.parametrize(
    ("kept", "lost", "verdict"),
    [
        ((82, 65, 12), (11, 9, 10), r"\emph{Supported} at four and three bits:"),
        ((82, 65, 40), (11, 9, 10), r"\emph{Supported} at four, three and two bits:"),
        ((82, 65, 40), (75, 9, 10), r"\emph{Supported} at three and two bits, \emph{contradicted} at four"),
        ((82, 65, 12), (80, 60, 10), r"\emph{Contradicted} at four and three bits"),
        ((12, 11, 12), (11, 9, 10), r"\emph{Undecided}"),
    ],
)  # fmt: skip
def test_the_conjecture_is_judged_by_the_arms(kept, lost, verdict) -> None:
    bits = (4, 3, 2)
    changed = joint(dict(zip(bits, kept, strict=True)), dict(zip(bits, lost, strict=True)))
    said = say(changed=changed)["conjecture"]
    assert said.startswith(verdict)
    assert (
        rf"at four bits {kept[0]}.00\,\% with zeros kept and {lost[0]}.00\,\% with zeros lost"
        in said
    )
    if "Supported" in verdict and "contradicted" not in verdict:
        assert "remains a guess" in said


def test_a_conjecture_without_its_arm_is_not_tested() -> None:
    assert "Not tested" in say(without=["joint_zeros_lost"])["conjecture"]
    assert say(without=["joint_zeros_lost"])["lost_tuned"] == ""


def test_whether_fine_tuning_helps_is_counted() -> None:
    assert "helps at each of four, three and two bits" in say()["tuned"]
    said = say(changed=finetuned("finetune_4bit", 80))["tuned"]
    assert "helps at three and two bits only" in said


def test_a_quantizer_with_too_many_values_is_called_wrong() -> None:
    assert "no quantized layer has more values" in say()["levels"]
    inputs = fake_labs.inputs()
    run = next(run for run in inputs.runs if run.record.arm == "finetune_3bit")
    run.record.measurements["compression"]["finetuned"]["layers"][3]["n_values"] = 9
    said = labs.sentences(inputs)["levels"]
    assert r"\emph{In one of 20 networks some quantized layer has more values" in said


def named(**what: object) -> dict[str, object]:
    return context(fake_labs.inputs(**what), [Path(f"{name}.tex") for name in TABLES], [])


def test_sections_without_runs_say_so_and_show_no_empty_table() -> None:
    environment, nothing = article.environment(SOURCE), named(experiments=())
    for template in SECTIONS[:2]:
        text = environment.get_template(template).render(nothing)
        assert "It was not run at this scale." in text
        assert r"\begin{table}" not in text
        assert r"\paragraph" not in text


def test_the_sections_are_typeset_and_fit_the_page(tmp_path: Path, tex: None) -> None:
    inputs = fake_labs.inputs(seeds=(0, 1, 2))
    (tmp_path / "tables").mkdir()
    for name in TABLES:
        printed = artifacts.to_tex(artifacts._module("tables", name).build(inputs))
        (tmp_path / "tables" / f"{name}.tex").write_text(printed, encoding="utf-8")
    experiments = {*ARMS}
    chosen = [one for one in article.sections(SOURCE, experiments) if one.template in SECTIONS]
    assert len(chosen) == len(SECTIONS)
    # The sections that the labs' own refer to.
    more = [
        one
        for one in article.sections(SOURCE, ())
        if one.template[9:11] in ("10", "20", "30", "40", "90")
    ]
    what = named(seeds=(0, 1, 2)) | {"sections": sorted([*chosen, *more])}
    text = article.environment(SOURCE).get_template("paper.tex.j2").render(what)
    (tmp_path / "paper.tex").write_text(text, encoding="utf-8")
    (tmp_path / "macros.tex").write_text(macros.to_tex(macros.collect(inputs)), encoding="utf-8")
    shutil.copy(SOURCE / "references.bib", tmp_path)
    latex.compile(tmp_path, tmp_path / "out.pdf")
    log = (tmp_path / "paper.log").read_text(encoding="utf-8")
    assert [box for box in latex.overfull(log) if box[0] > 1] == []


@given(st.floats(1, 99), st.floats(1, 99), st.integers(100, 10_000))
def test_the_sampling_error_shrinks_with_the_root_of_the_images(one, other, n) -> None:
    error = lab_words.sampling_error(one, other, n)
    assert error == pytest.approx(lab_words.sampling_error(other, one, n))
    assert lab_words.sampling_error(one, other, 4 * n) == pytest.approx(error / 2)
    # Two equal shares of one half: the widest, 1.96 · sqrt(2 · 2500 / n).
    assert error <= 1.96 * math.sqrt(5000 / n)


@given(st.lists(st.integers(300, 700), min_size=1, max_size=4), st.integers(-300, 300))
def test_a_difference_is_printed_with_its_own_sign(counts, shift) -> None:
    base = pd.Series([count / 10 for count in counts])
    said = lab_words.compared(base + shift / 10, base, ("one", "the other"), 1000)
    (mean,) = re.findall(r"\$([+-]?[\d.]+)\$ ?(?:\$\[|points)", said)
    assert float(mean) == pytest.approx(shift / 10, abs=0.0051)
    if "is more accurate" in said:
        assert shift > 0
    if "is less accurate" in said:
        assert shift < 0
