"""What the article says of Lab 3: quantizing ResNet-20, whole and pruned (seed 003)."""

import pandas as pd

from partial_backprop.frames import points
from partial_backprop.frames.points import AT_ONCE, LAB2, LAB3
from partial_backprop.inputs import Inputs
from partial_backprop.paper.compare import NOT_RUN
from partial_backprop.paper.lab_words import accuracy, compared, printed
from partial_backprop.paper.numbers import listing, percent, plural, word
from partial_backprop.paper.numbers import points as signed
from partial_backprop.paper.text import Tex
from partial_backprop.reported import Reported

BITS = (6, 5, 4, 3, 2)
FEW = (4, 3, 2)
SPARSE = "lab2_pruning/iterative_global"


def sentences(inputs: Inputs) -> dict[str, Tex]:
    """Say what was measured in Lab 3.

    Parameters
    ----------
    inputs : Inputs
        Runs of any experiments, and printed numbers.

    Returns
    -------
    dict
        Topic -> one or more sentences; what did not run is said.
    """
    frame = points.frame(inputs.runs)
    return {
        "quantized": _quantized(frame, inputs.reported),
        "tuned": _tuned(frame, inputs.reported),
        "levels": _levels(frame),
        "joint": _joint(frame, inputs.reported),
        "joint_tuned": _joint_tuned(frame, inputs.reported),
        "conjecture": _conjecture(frame),
        "lost_tuned": _lost_tuned(frame),
        "odd": _odd(inputs.reported),
        "in_steps": _in_steps(frame, inputs.reported),
    }


def _n_test(frame: pd.DataFrame) -> float:
    of_lab = frame[frame["experiment"].eq(LAB3)]
    return float(of_lab["test_n_examples"].iloc[0]) if len(of_lab) else float("nan")


def _bits(numbers: object) -> Tex:
    return Tex(f"{listing([word(bits) for bits in numbers])} bits")


def _without(frame: pd.DataFrame, arm: str, bits: int) -> pd.Series:
    return points.pick(frame, LAB3, arm, AT_ONCE, bits=bits)


def _last(frame: pd.DataFrame, arm: str) -> pd.Series:
    return points.pick(frame, LAB3, arm, "last")


def _changes(values: dict[int, pd.Series], base: pd.Series) -> dict[int, float]:
    """Mean differences to a start, for the bits that ran."""
    found = {bits: (series - base).dropna() for bits, series in values.items()}
    return {bits: float(series.mean()) for bits, series in found.items() if len(series)}


def _signed(values: object) -> Tex:
    return listing([signed(value) for value in values])


def _quantized(frame: pd.DataFrame, reported: Reported) -> Tex:
    found = _changes(
        {bits: _without(frame, f"finetune_{min(bits, max(FEW))}bit", bits) for bits in BITS},
        points.started(frame),
    )
    if not found:
        return Tex(f"Quantization without fine-tuning was {NOT_RUN} at this scale.")
    base = printed(reported, "lab3_b.float")
    shown = [printed(reported, f"lab3_b.{bits}bit") - base for bits in found]
    return Tex(
        f"Without fine-tuning, {_bits(found)} change the accuracy in floating point by "
        f"{_signed(found.values())} points (printed: {_signed(shown)})."
    )


def _tuned(frame: pd.DataFrame, reported: Reported) -> Tex:
    base = points.started(frame)
    last = {bits: _last(frame, f"finetune_{bits}bit") for bits in FEW}
    found = _changes(last, base)
    if not found:
        return Tex(f"Fine-tuning of quantized networks was {NOT_RUN} at this scale.")
    shown = [
        printed(reported, f"lab3_c.{bits}bit") - printed(reported, "lab3_b.float") for bits in found
    ]
    before = _changes({bits: _without(frame, f"finetune_{bits}bit", bits) for bits in found}, base)
    helped = [bits for bits in found if found[bits] > before[bits]]
    said = (
        f"fine-tuning helps at each of {_bits(found)}"
        if len(helped) == len(found)
        else f"fine-tuning helps at {_bits(helped)} only"
        if helped
        else "fine-tuning does not help"
    )
    return Tex(
        f"After the last epoch of fine-tuning these differences are {_signed(found.values())} points at "
        f"{_bits(found)} (printed, best epoch: {_signed(shown)}): {said}."
    )


def _levels(frame: pd.DataFrame) -> Tex:
    chosen = frame[frame["experiment"].eq(LAB3) & frame["bits"].notna() & frame["n_values"].notna()]
    if not len(chosen):
        return Tex("")
    # Zeros that are kept need not be a level.
    most = 2.0 ** chosen["bits"].astype(float) + (chosen["n_zeros"].astype(float) > 0)
    more = int((chosen["n_values"].astype(float) > most).sum())
    networks = plural(len(chosen), "network")
    if more:
        return Tex(
            rf"\emph{{In {word(more)} of {networks} some quantized layer has more values than its bits can "
            "tell apart}, which is an error of this implementation."
        )
    return Tex(
        f"Counted in {networks}, no quantized layer has more values than its bits can tell apart, and "
        "zero where weights are pruned."
    )


def _joint(frame: pd.DataFrame, reported: Reported) -> Tex:
    start = points.started(frame, SPARSE)
    found = _changes({bits: _without(frame, f"joint_{bits}bit", bits) for bits in FEW}, start)
    if not found:
        return Tex(f"Quantization of the pruned network was {NOT_RUN} at this scale.")
    whole = _changes(
        {bits: _without(frame, f"finetune_{bits}bit", bits) for bits in found},
        points.started(frame),
    )
    shown = listing([percent(printed(reported, f"lab3_d.before.{bits}bit")) for bits in found])
    text = (
        f"The pruned network, whose zeros stay zero, has {accuracy(start)} in floating point; {_bits(found)} "
        f"change that by {_signed(found.values())} points without fine-tuning"
    )
    if whole.keys() == found.keys():
        text += f", and the whole network by {_signed(whole.values())}"
    return Tex(f"{text}. The source prints {shown} for its pruned network: chance.")


def _joint_tuned(frame: pd.DataFrame, reported: Reported) -> Tex:
    last = {bits: _last(frame, f"joint_{bits}bit") for bits in FEW}
    ran = [bits for bits in FEW if len(last[bits])]
    if not ran:
        return Tex(f"Its fine-tuning was {NOT_RUN} at this scale.")
    shown = listing([percent(printed(reported, f"lab3_d.after.{bits}bit")) for bits in ran])
    found = listing([accuracy(last[bits]) for bits in ran])
    whole = _changes(
        {bits: last[bits] - _last(frame, f"finetune_{bits}bit") for bits in ran},
        pd.Series(0.0, index=sorted({seed for bits in ran for seed in last[bits].index})),
    )
    text = f"Fine-tuning leads to {found} at {_bits(ran)} (printed, best epoch: {shown})"
    if whole:
        text += f"; beside the whole network with as many bits these are {_signed(whole.values())} points"
    return Tex(f"{text}.")


_SAID = {
    "explains": "only the network that lost its zeros fails",
    "both_fail": "both fail",
    "both_work": "neither fails",
    "only_kept_fails": "only the network that kept its zeros fails",
}


def _conjecture(frame: pd.DataFrame) -> Tex:
    judged = points.zeros_lost(frame)
    if not judged:
        return Tex(rf"\emph{{Not tested}}: the arm with zeros lost was {NOT_RUN} at this scale.")
    parts = [
        f"at {word(item.bits)} bits {percent(item.kept_percent)} with zeros kept and "
        f"{percent(item.lost_percent)} with zeros lost ({_SAID[item.verdict]})"
        for item in judged
    ]
    return Tex(f"{_overall(judged)} Without fine-tuning there are {'; '.join(parts)}.")


def _overall(judged: list[points.ZerosLost]) -> str:
    explained = [item.bits for item in judged if item.verdict == "explains"]
    against = [item.bits for item in judged if item.verdict in ("both_work", "only_kept_fails")]
    if explained and against:
        return (
            rf"\emph{{Supported}} at {_bits(explained)}, \emph{{contradicted}} at {_bits(against)}: "
            "whether zeros that move off zero bring a network to chance depends on the number of bits."
        )
    if explained:
        return (
            rf"\emph{{Supported}} at {_bits(explained)}: zeros that move off zero are enough to bring this "
            "network to chance. That the source's quantizer did move them remains a guess."
        )
    if against:
        return (
            rf"\emph{{Contradicted}} at {_bits(against)}: zeros that move off zero do not explain an "
            "accuracy at chance there."
        )
    return r"\emph{Undecided}: networks that all fail do not tell why."


def _lost_tuned(frame: pd.DataFrame) -> Tex:
    bits = points.pick(frame, LAB3, "joint_zeros_lost", "last", "bits")
    if not len(bits):
        return Tex("")
    said = compared(
        _last(frame, "joint_zeros_lost"),
        _last(frame, f"joint_{int(bits.iloc[0])}bit"),
        ("the network fine-tuned without its zeros", "the one fine-tuned with them"),
        _n_test(frame),
    )
    zeros = points.pick(frame, LAB3, "joint_zeros_lost", "last", "zeros_percent").mean()
    return Tex(
        f"{said} Of the prunable weights that the former computes with, {percent(zeros)} are zero."
    )


def _odd(reported: Reported) -> Tex:
    sparse, after = printed(reported, "lab2_e"), printed(reported, "lab3_d.after.4bit")
    if after <= sparse:
        return Tex("")
    return Tex(
        f"The source's network with four bits ends at {percent(after)}, above the {percent(sparse)} of the "
        "pruned network in floating point that it started from: further training, or weights that were no "
        "longer zero, may be the reason; it does not print the sparsity."
    )


def _in_steps(frame: pd.DataFrame, reported: Reported) -> Tex:
    last = _last(frame, "iterative_4bit")
    gap = printed(reported, "lab3_e") - printed(reported, "lab2_e")
    tail = f"The source finds {percent(printed(reported, 'lab3_e'))}, {signed(gap)} points to Lab~2 (e)."
    if not len(last):
        return Tex(f"Pruning in steps under quantization was {NOT_RUN} at this scale. {tail}")
    sparse = points.pick(frame, LAB2, "iterative_global", "last")
    n = _n_test(frame)
    bits = word(int(points.pick(frame, LAB3, "iterative_4bit", "last", "bits").iloc[0]))
    names = f"pruning in steps under {bits} bits", "the same in floating point"
    to_float = compared(last, sparse, names, n)
    names = names[0], "quantizing after pruning"
    to_after = compared(last, _last(frame, "joint_4bit"), names, n)
    return Tex(
        f"Pruning in steps under {bits} bits reaches {accuracy(last)}. {to_float} {to_after} {tail}"
    )
