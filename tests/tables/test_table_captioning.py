"""The table of captioning against the records that it is made from."""

import pytest
from tests import fake_captions
from tests.tables.shown import cells

from partial_backprop.report import tables


def build(**what):
    return tables.build("table_captioning", fake_captions.inputs(**what))


def test_scores_and_shares_are_printed():
    body = [cells(row) for row in build().body]
    assert body[0] == ["Beam search, 3 at a time"]
    assert body[2] == ["PB", *["0.500"] * 4, "0.250", "60.00", "20.00", "60.00"]
    assert body[3] == ["PB, gradients only", *["0.450"] * 4, "0.225", "60.00", "20.00", "10.00"]
    assert body[5] == ["FB, next image", *["0.100"] * 4, "", "", "", ""]
    assert body[6] == ["Greedy"]
    assert body[8] == ["PB", *["0.450"] * 4, "0.225", "", "", ""]
    assert body[11] == ["Teacher-forced"]
    assert body[-3] == ["Printed in the source, on Flickr8k"]
    assert body[-2] == ["FB", "", "", "", "0.099", "", "–", "", ""]
    assert body[-1] == ["PB", "", "", "", "0.101", "", "61.81", "", ""]


def test_records_without_the_reading_of_the_public_reference(monkeypatch):
    rows = [cells(row) for row in build().body]
    place = rows.index(["Teacher-forced, with marks"])
    assert rows[place + 2][:2] == ["PB", "0.650"]
    steps = {name: step for name, step in fake_captions.STEPS.items() if name != "teacher_marks"}
    monkeypatch.setattr(fake_captions, "STEPS", steps)
    rows = [cells(row) for row in build().body]
    assert ["Teacher-forced, with marks: not run"] in rows


def test_seeds_have_their_spread():
    table = build(seeds=(0, 1, 2))
    assert cells(table.body[2])[1] == "0.510 ± 0.010"
    row = table.frame.query("arm == 'pb' and decoding == 'beam' and references == 'five'").iloc[0]
    assert row["bleu_4_mean"] == pytest.approx(0.51)
    assert row["bleu_4_std"] == pytest.approx(0.01)
    assert row["seeds"] == "0 1 2"
    assert row["matches_4"] == "5000 5100 5200"
    assert row["reference_length"] == "10000 10000 10000"


def test_printed_numbers_are_never_among_the_measured():
    frame = build().frame
    printed = frame[frame["what"].eq("printed")]
    assert printed["bleu_4_mean"].tolist() == [0.099, 0.101]
    assert printed["decoding"].isna().all()


def test_the_encoder_and_the_data_are_named():
    note = " ".join(build(encoder="resnet101").notes)
    assert "ResNet-101, trained on ImageNet" in note
    assert "Flickr8k" not in note
