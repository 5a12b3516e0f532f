"""Attention, embeddings and positions."""

from __future__ import annotations

import math
from typing import Literal

import pytest
import torch
import torch.nn.functional as F
from layer_oracle import Run, numbers, run_of
from torch import nn

from netc.compiler.layers.attention import Attention
from netc.compiler.layers.base import Tensor
from netc.compiler.layers.embedding import Embedding, Positions
from netc.compiler.layers.refusals import ShapeError
from netc.compiler.sizes import symbol


def twin_of(run: Run, dim: int, heads: int, memory: int, bias: bool) -> nn.MultiheadAttention:
    """PyTorch's own class with the same weights."""
    twin = nn.MultiheadAttention(dim, heads, bias=bias, kdim=memory, vdim=memory, batch_first=True)
    own = run.module
    with torch.no_grad():
        if memory == dim:
            maps = (own.query.weight, own.key.weight, own.value.weight)
            twin.in_proj_weight.copy_(torch.cat(maps))
        else:
            twin.q_proj_weight.copy_(own.query.weight)
            twin.k_proj_weight.copy_(own.key.weight)
            twin.v_proj_weight.copy_(own.value.weight)
        twin.out_proj.weight.copy_(own.out.weight)
        if bias:
            twin.in_proj_bias.copy_(torch.cat((own.query.bias, own.key.bias, own.value.bias)))
            twin.out_proj.bias.copy_(own.out.bias)
    return twin


def close(a: torch.Tensor, b: torch.Tensor) -> None:
    torch.testing.assert_close(a, b, rtol=1e-5, atol=1e-6)


@pytest.mark.covers("AT11", "AT13")
@pytest.mark.parametrize("heads,bias", [(1, True), (4, True), (4, False)])
@pytest.mark.parametrize("memory", [None, 8, 6])
def test_equals_pytorchs_multihead_attention(heads: int, bias: bool, memory: int | None) -> None:
    inputs = [Tensor((5, 8)), *([Tensor((7, memory))] if memory else [])]
    over = 1 if memory else None
    run = run_of(Attention(heads=heads, bias=bias, over=over), inputs)
    xs = numbers(inputs, batch=3)
    twin = twin_of(run, 8, heads, memory or 8, bias)
    expected, weights = twin(xs[0], xs[-1], xs[-1])
    close(run(*xs), expected)
    assert weights.shape == (3, 5, 7 if memory else 5)


@pytest.mark.covers("AT11")
def test_parameters_and_heads() -> None:
    inputs = [Tensor((symbol("T"), 512))]
    assert sum(w.count for w in Attention(heads=8).weights(inputs)) == 1_050_624
    with pytest.raises(ShapeError, match=r"512 = 7·73 \+ 1") as caught:
        Attention(heads=7).output(inputs)
    assert caught.value.hint == "write `heads=8` or `heads=4`: the nearest that leave no rest"


@pytest.mark.covers("AT08")
def test_is_the_softmax_of_scaled_products() -> None:
    inputs = [Tensor((5, 8))]
    run, (x,) = run_of(Attention(heads=1), inputs), numbers(inputs)
    own = run.module
    query, key, value = own.query(x), own.key(x), own.value(x)
    mixed = torch.softmax(query @ key.transpose(1, 2) / math.sqrt(8), dim=-1) @ value
    close(F.scaled_dot_product_attention(query, key, value), mixed)
    close(run(x), own.out(mixed))


@pytest.mark.covers("AT10")
def test_permuting_the_sequence_permutes_the_result() -> None:
    inputs = [Tensor((6, 8))]
    run, (x,) = run_of(Attention(heads=2), inputs), numbers(inputs)
    order = torch.randperm(6)
    close(run(x[:, order]), run(x)[:, order])


def test_a_causal_mask_hides_what_comes_later() -> None:
    inputs = [Tensor((6, 8))]
    run, (x,) = run_of(Attention(heads=2, mask="causal"), inputs), numbers(inputs)
    changed = x.detach().clone()
    changed[:, 4:] += 1
    close(run(changed)[:, :4], run(x)[:, :4])
    assert not torch.allclose(run(changed)[:, 4:], run(x)[:, 4:])
    later = torch.ones(6, 6, dtype=torch.bool).triu(1)
    expected, _ = twin_of(run, 8, 2, 8, True)(x, x, x, attn_mask=later)
    close(run(x), expected)


def test_weights_are_dropped_in_training_only() -> None:
    inputs = [Tensor((6, 8))]
    run, (x,) = run_of(Attention(heads=2, dropout=0.5), inputs), numbers(inputs)
    assert not torch.equal(run(x), run(x))
    run.module.eval()
    assert torch.equal(run(x), run(x))


@pytest.mark.parametrize("mask", ["none", "causal"])
def test_compiles_whole_and_exports_for_any_length(mask: Literal["none", "causal"]) -> None:
    inputs = [Tensor((symbol("T"), 8))]
    layers = (Positions(form="sinusoid"), Attention(heads=2, mask=mask))
    net = nn.Sequential(*(run_of(layer, inputs).module for layer in layers))
    x = torch.randn(2, 5, 8)
    compiled = torch.compile(net, fullgraph=True, backend="eager")
    close(compiled(x), net(x))
    batch, length = torch.export.Dim("batch"), torch.export.Dim("length")
    exported = torch.export.export(net, (x,), dynamic_shapes=(({0: batch, 1: length}),))
    longer = torch.randn(3, 9, 8)
    close(exported.module()(longer), net(longer))


@pytest.mark.covers("AT12", "N046")
def test_sinusoids_by_hand() -> None:
    run = run_of(Positions(form="sinusoid"), [Tensor((2, 4))])
    places = run(torch.zeros(1, 2, 4))[0]
    torch.testing.assert_close(
        places[1], torch.tensor([0.8415, 0.5403, 0.0100, 0.99995]), rtol=0, atol=5e-5
    )
    assert places[0].tolist() == [0, 1, 0, 1]
    x = torch.randn(1, 2, 4)
    close(run(x), x + places)
    assert not run.module.state_dict()


def test_sinusoids_of_an_odd_width_and_any_length() -> None:
    run = run_of(Positions(form="sinusoid"), [Tensor((symbol("T"), 5))])
    places = run(torch.zeros(1, 50, 5))[0]
    for p, j in ((0, 0), (7, 1), (49, 4), (30, 3)):
        angle = p / 10000 ** ((j - j % 2) / 5)
        wave = math.cos(angle) if j % 2 else math.sin(angle)
        assert places[p, j].item() == pytest.approx(wave, abs=1e-5)


@pytest.mark.covers("AT12")
def test_learned_positions() -> None:
    layer, inputs = Positions(form="learned", max=9), [Tensor((symbol("T"), 4))]
    (weight,) = layer.weights(inputs)
    assert (weight.name, weight.shape) == ("weight", (9, 4))
    run = run_of(layer, inputs)
    x = torch.randn(2, 6, 4)
    close(run(x), x + run.module.weight[:6])


@pytest.mark.covers("EM01", "N045", "N098")
def test_a_lookup_is_the_product_with_a_one_hot() -> None:
    for words, dim, count in ((5_000, 128, 640_000), (10_000, 300, 3_000_000)):
        assert sum(w.count for w in Embedding(words=words, dim=dim).weights([])) == count
    run = run_of(Embedding(words=50, dim=6), [Tensor((4,), "int")])
    ids = torch.tensor([[3, 0, 49, 3]])
    hot = F.one_hot(ids, 50).float()
    assert torch.equal(run(ids), hot @ run.module.weight)


@pytest.mark.covers("N097")
def test_a_lookup_returns_the_row_exactly() -> None:
    run = run_of(Embedding(words=2, dim=6), [Tensor((1,), "int")])
    row = torch.tensor([0.3, 0.5, 0.7, 0.9, -0.2, 0.03])
    with torch.no_grad():
        run.module.weight[1] = row
    assert torch.equal(run(torch.tensor([[1]]))[0, 0], row)
