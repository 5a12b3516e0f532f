"""Peaks of nets with recurrent layers, against PyTorch's allocator and the tensors it holds."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from compiling import findings, net_of
from hypothesis import given, settings
from hypothesis import strategies as st
from live_memory import Live
from torch import nn
from torch.profiler import ProfilerActivity, profile

BATCH = 13


def allocated(module: nn.Module, x: torch.Tensor) -> int:
    """The most that the CPU's allocator gives out in a call; kernels' own memory is in it."""
    with torch.no_grad(), profile(activities=[ProfilerActivity.CPU], profile_memory=True) as seen:
        module(x)
    kineto: Any = seen.profiler
    changes = sorted(
        (event.start_ns(), event.nbytes())
        for event in kineto.kineto_results.events()
        if event.name() == "[memory]"
    )
    live = most = 0
    for _, size in changes:
        live += size
        most = max(most, live)
    return most


def trained(module: nn.Module, x: torch.Tensor) -> float:
    """Bytes of one example that a training step holds, without weights and their gradients."""
    with Live(module.train(), batch=BATCH) as live:
        live.add(x)
        result = module(x)
        result.backward(torch.ones_like(result))
    return live.peak / BATCH


SIZES = st.fixed_dictionaries(
    {
        "steps": st.integers(2, 30),
        "features": st.integers(1, 60),
        "units": st.sampled_from([1, 2, 3, 8, 20, 50]),
        "layers": st.integers(1, 4),
        "ways": st.sampled_from(["no", "yes"]),
        "dropout": st.sampled_from(["", ", dropout=0.3"]),
        "before": st.booleans(),
    }
)


def net_with(kind: str, sizes: dict[str, Any]) -> Any:
    dropout = sizes["dropout"] if sizes["layers"] > 1 else ""
    before = f"    dense {sizes['features']} -> tanh\n" if sizes["before"] else ""
    line = f"{kind} {sizes['units']}, layers={sizes['layers']}, bidirectional={sizes['ways']}"
    head = f"net N:\n    input x: [{sizes['steps']}, {sizes['features']}]\n"
    return net_of(f"{head}{before}    {line}{dropout}\n")


@pytest.mark.parametrize("kind", ["rnn", "gru"])
@settings(max_examples=25, deadline=None)
@given(sizes=SIZES)
def test_peaks_of_loops_are_what_pytorch_holds(kind: str, sizes: dict[str, Any]) -> None:
    net = net_with(kind, sizes)
    report, module = net.report(), net.module()
    x = torch.randn(BATCH, sizes["steps"], sizes["features"])
    most = allocated(module.eval(), x) + 4 * x.numel()
    assert BATCH * report.inference_peak == pytest.approx(most, rel=0.1)
    assert report.training_peak == pytest.approx(trained(module, x), rel=0.1)
    assert report.unknown == "" and report.least_peaks is None


@settings(max_examples=25, deadline=None)
@given(sizes=SIZES)
def test_of_an_lstm_the_least_is_told(sizes: dict[str, Any]) -> None:
    net = net_with("lstm", sizes)
    report, module = net.report(), net.module()
    x = torch.randn(BATCH, sizes["steps"], sizes["features"])
    assert report.inference_peak is report.training_peak is None
    inference, training = report.least_peaks
    assert report.unknown == "the workspace of oneDNN's LSTM, which depends on the processor"
    assert BATCH * inference <= allocated(module.eval(), x) + 4 * x.numel()
    assert training <= trained(module, x)


def test_the_least_is_most_of_the_tensors_that_an_lstm_holds() -> None:
    net = net_of("net N:\n    input x: [20, 30]\n    lstm 40, layers=2, bidirectional=yes\n")
    module, x = net.module().eval(), torch.randn(BATCH, 20, 30)
    with torch.no_grad(), Live(module, batch=BATCH) as live:
        live.add(x)
        module(x)
    assert net.report().least_peaks[0] == pytest.approx(live.peak / BATCH, rel=0.01)


def test_sizes_with_names_are_what_is_unknown() -> None:
    report = net_of("net N:\n    input x: [T, 5]\n    gru 3\n").report()
    assert report.inference_peak is report.least_peaks is None
    assert report.to_json()["memory"]["why"] == "the sizes of [T, 5] have names"


def test_the_report_says_why() -> None:
    memory = net_of("net N:\n    input x: [7, 5]\n    lstm 3\n").report().to_json()["memory"]
    assert memory["inference_peak"] is memory["training_peak"] is None
    assert 0 < memory["inference_least"] <= memory["training_least"]
    assert memory["why"] == "the workspace of oneDNN's LSTM, which depends on the processor"


@pytest.mark.parametrize(
    ("claim", "found"),
    [
        ("memory.training >= 10", []),
        ("memory.inference != 10", []),
        ("memory.inference <= 10", ["the claim is false: memory.inference is at least 336"]),
        ("memory == 5..20", ["the claim is false: memory is at least 976"]),
        ("memory == 10", ["the claim is false: memory is at least 976"]),
        (
            "memory <= 100_000",
            [
                "the claim cannot be judged: memory is at least 976; unknown is the workspace of "
                "oneDNN's LSTM, which depends on the processor"
            ],
        ),
    ],
)
def test_the_least_decides_claims(claim: str, found: list[str]) -> None:
    text = f"net N:\n    input x: [5, 4]\n    lstm 4\n    expect {claim}\n"
    assert [wrong.message for wrong in findings(text)] == found
