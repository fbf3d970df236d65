"""Paths and masks in records: checked when they are read, and chosen by rule."""

import pydantic
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests import fake_inclusion

from partial_backprop.errors import UserError
from partial_backprop.experiments.dessilbi import results as inclusion
from partial_backprop.experiments.dessilbi.results import InclusionReport, Layer


@given(st.integers(1, 300_000))
def test_groups_to_draw_are_spread_over_the_layer(n_groups):
    found = inclusion.drawn(n_groups)
    assert len(found) == len(set(found)) == min(n_groups, inclusion.MAX_DRAWN)
    assert found[0] == 0
    assert max(found) < n_groups
    gaps = [after - before for before, after in zip(found, [*found[1:], n_groups], strict=True)]
    assert max(gaps) - min(gaps) <= 1


def report() -> InclusionReport:
    return fake_inclusion.path("conv2", 1.0, 20.0, 80.0)


def test_density_is_the_share_of_weights_and_not_of_groups():
    found = report()
    after = found.epochs[-1]
    assert found.density(-1) == sum(after.n_nonzero) / found.n_weights()
    n_groups = sum(layer.n_groups for layer in found.layers)
    assert found.density(-1) != sum(after.n_entered) / n_groups


@pytest.mark.parametrize("field", ["n_nonzero", "n_entered"])
@pytest.mark.parametrize("value", [-1, 10**9])
def test_a_support_outside_its_layer_is_refused(field, value):
    content = report().model_dump()
    content["epochs"][0][field] = (value, *content["epochs"][0][field][1:])
    with pytest.raises(pydantic.ValidationError, match="larger"):
        InclusionReport.model_validate(content)


def test_a_path_has_every_epoch():
    content = report().model_dump()
    content["paths"][0]["norms"] = content["paths"][0]["norms"][:-1]
    with pytest.raises(pydantic.ValidationError, match="lacks"):
        InclusionReport.model_validate(content)


def test_what_is_missing_in_a_record_is_said():
    plain = next(one for one in fake_inclusion.records() if one.arm == "adam")
    for read in (inclusion.of, inclusion.ticket_of):
        with pytest.raises(UserError, match="tells nothing of"):
            read(plain)


def test_a_damaged_record_is_told_by_its_place():
    (lenet3,) = [one for one in fake_inclusion.records() if one.experiment == "dessilbi_lenet3"]
    lenet3.measurements["inclusion"]["layers"][0]["groups"] = "columns"
    with pytest.raises(UserError, match=r"damaged \(layers.0.groups"):
        inclusion.of(lenet3)


def test_the_density_of_a_ticket():
    found = fake_inclusion.ticket("vgg16", "support", 2)
    kept = sum(layer.n_kept for layer in found.layers)
    assert found.density() == kept / sum(layer.n_weights for layer in found.layers)
    assert fake_inclusion.ticket("vgg16", "none", None).density() == 1


def test_a_layer_has_weights_and_groups():
    with pytest.raises(pydantic.ValidationError):
        Layer(name="fc1.weight", groups="rows", n_weights=0, n_groups=1)
