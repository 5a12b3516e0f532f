"""Recurrent layers against their equations, step by step, and against PyTorch's classes."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from layer_oracle import run_of
from torch import nn

from netc.compiler.layers.base import Tensor
from netc.compiler.layers.recurrent import Gru, Lstm, Recurrent, Rnn
from netc.compiler.layers.refusals import ShapeError

State = tuple[torch.Tensor, ...]
Step = Callable[[torch.Tensor, State, list[torch.Tensor]], State]


def rnn_step(x: torch.Tensor, state: State, weights: list[torch.Tensor]) -> State:
    w_x, w_h, b_x, b_h = weights
    return (torch.tanh(w_x @ x + b_x + w_h @ state[0] + b_h),)


def gru_step(x: torch.Tensor, state: State, weights: list[torch.Tensor]) -> State:
    w_x, w_h, b_x, b_h = weights
    (h,) = state
    from_x, from_h = (w_x @ x + b_x).chunk(3), (w_h @ h + b_h).chunk(3)
    reset, keep = (torch.sigmoid(from_x[i] + from_h[i]) for i in range(2))
    return (keep * h + (1 - keep) * torch.tanh(from_x[2] + reset * from_h[2]),)


def lstm_step(x: torch.Tensor, state: State, weights: list[torch.Tensor]) -> State:
    w_x, w_h, b_x, b_h = weights
    h, c = state
    i, f, g, o = (w_x @ x + b_x + w_h @ h + b_h).chunk(4)
    c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
    return torch.sigmoid(o) * torch.tanh(c), c


def unrolled(
    layer: Recurrent, step: Step, module: nn.Module, x: torch.Tensor, states: int
) -> torch.Tensor:
    """One example's outputs from the equations, with the module's weights."""
    named = dict(module.named_parameters())
    for depth in range(layer.layers):
        ways = []
        for end in ("", "_reverse")[: layer.directions]:
            parts = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
            weights = [named[f"{part}_l{depth}{end}"] for part in parts]
            state: State = (torch.zeros(layer.units),) * states
            outputs = []
            for row in x.flip(0) if end else x:
                state = step(row, state, weights)
                outputs.append(state[0])
            made = torch.stack(outputs)
            ways.append(made.flip(0) if end else made)
        x = torch.cat(ways, dim=1)
    return x


CELLS = [(Rnn, rnn_step, 1), (Gru, gru_step, 1), (Lstm, lstm_step, 2)]


@pytest.mark.covers("RN03", "RN13", "RN15", "RN16", "RN17")
@pytest.mark.parametrize("kind,step,states", CELLS)
@pytest.mark.parametrize("layers,bidirectional", [(1, False), (1, True), (3, False), (2, True)])
def test_equals_its_equations_and_pytorchs_class(
    kind: type[Recurrent], step: Step, states: int, layers: int, bidirectional: bool
) -> None:
    layer = kind(units=5, layers=layers, bidirectional=bidirectional)
    inputs = [Tensor((7, 4))]
    run = run_of(layer, inputs)
    x = torch.randn(2, 7, 4)
    out = run(x)
    assert out.shape == (2, 7, 10 if bidirectional else 5)
    for index in range(2):
        hand = unrolled(layer, step, run.module, x[index], states)
        torch.testing.assert_close(out[index], hand, rtol=1e-5, atol=1e-6)
    twin = getattr(nn, kind.__name__.upper())(
        4, 5, num_layers=layers, bidirectional=bidirectional, batch_first=True
    )
    twin.load_state_dict(run.module.state_dict())
    torch.testing.assert_close(out, twin(x)[0])


def params(layer: Recurrent, features: int) -> int:
    return sum(weight.count for weight in layer.weights([Tensor((9, features))]))


def one_bias(layer: Recurrent, features: int) -> int:
    """The count of the equations, which need one bias where PyTorch has two."""
    weights = layer.weights([Tensor((9, features))])
    return sum(w.count for w in weights if not w.name.startswith("bias_hh"))


@pytest.mark.covers("RN03")
def test_parameters_of_a_plain_cell() -> None:
    assert (one_bias(Rnn(units=20), 10), params(Rnn(units=20), 10)) == (620, 640)


@pytest.mark.covers("RN13")
def test_parameters_of_a_gru() -> None:
    assert (one_bias(Gru(units=20), 10), params(Gru(units=20), 10)) == (1_860, 1_920)


@pytest.mark.covers("RN15")
def test_parameters_of_an_lstm() -> None:
    assert (one_bias(Lstm(units=20), 10), params(Lstm(units=20), 10)) == (2_480, 2_560)


@pytest.mark.covers("RN16")
def test_parameters_of_two_layers() -> None:
    assert params(Lstm(units=20, layers=2), 10) == 5_920


@pytest.mark.covers("RN17")
def test_parameters_of_both_directions() -> None:
    layer = Lstm(units=20, bidirectional=True)
    assert params(layer, 10) == 5_120
    assert layer.output([Tensor((9, 10))]).shape == (9, 40)


def test_relu_cells_and_a_named_length() -> None:
    run = run_of(Rnn(units=3, act="relu"), [Tensor((6, 4))])
    assert run(torch.randn(2, 6, 4)).min() >= 0
    assert run.module.nonlinearity == "relu"


def test_dropout_needs_two_layers() -> None:
    with pytest.raises(ShapeError, match="between its layers") as caught:
        Gru(units=3, dropout=0.5).output([Tensor((6, 4))])
    assert caught.value.hint == "write a `dropout 0.5` after it, or `layers=2`"
