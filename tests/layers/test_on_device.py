"""Every layer on the tests' device (see `devices`): the CPU's values and gradients, and there."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
import torch
from devices import DEVICE
from hypothesis import given, settings
from hypothesis import strategies as st
from layer_cases import Case, cases
from layer_oracle import Run, numbers, run_of

from netc.compiler.layers import words


def computed(run: Run, xs: Sequence[torch.Tensor]) -> list[torch.Tensor]:
    """The output, and the gradients of its squares for weights and inputs."""
    output = run(*xs)
    asked = [*run.module.parameters(), *(x for x in xs if x.requires_grad)]
    asked = [one for one in asked if one.requires_grad]
    if not (asked and output.requires_grad):
        return [output]
    found = torch.autograd.grad(output.square().sum(), asked, allow_unused=True)
    return [output, *(gradient for gradient in found if gradient is not None)]


@pytest.mark.parametrize("word", words())
@settings(max_examples=10, deadline=None)
@given(data=st.data())
def test_a_layer_there(word: str, data: st.DataObject) -> None:
    case: Case = data.draw(cases(word))
    here = run_of(case.layer, case.inputs)
    here.module.eval()
    there = run_of(case.layer, case.inputs)
    there.module.load_state_dict(here.module.state_dict())
    there.module.eval().to(DEVICE)
    torch.manual_seed(0)
    xs = numbers(case.inputs)
    wanted = computed(here, xs)
    moved = [x.detach().to(DEVICE).requires_grad_(x.requires_grad) for x in xs]
    found = computed(there, moved)
    assert {one.device.type for one in found} == {torch.device(DEVICE).type}
    for one, other in zip(found, wanted, strict=True):
        torch.testing.assert_close(one.cpu(), other, rtol=1e-4, atol=1e-5)
