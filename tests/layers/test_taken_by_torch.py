"""Layers with a class of their own in the emitted file: torch.export and torch.compile."""

from __future__ import annotations

import pytest
import torch
from compiling import findings, lines_of

LINES = [
    ("stochastic_pool 2x2", (3, 8, 8)),
    ("trainable_avg_pool 2x2", (3, 8, 8)),
    ("table_conv lenet5, 5x5", (6, 14, 14)),
    ("filter sobel_x", (3, 8, 8)),
    ("netvlad 4", (3, 8, 8)),
    ("dense 3, init=he_normal", (8,)),
]


@pytest.mark.parametrize(("line", "shape"), LINES, ids=[line.split()[0] for line, _ in LINES])
@pytest.mark.parametrize("training", [True, False])
def test_export_and_compile_take_the_module(
    line: str, shape: tuple[int, ...], training: bool
) -> None:
    module = lines_of(line, str(list(shape))).module().train(training)
    x = torch.randn(2, *shape)
    exported = torch.export.export(module, (x,)).module()
    compiled = torch.compile(module, fullgraph=True, backend="eager")
    if not (training and "stochastic" in line):
        torch.testing.assert_close(exported(x), module(x))
        torch.testing.assert_close(compiled(x), module(x))
    assert exported(x).shape == compiled(x).shape == module(x).shape


@pytest.mark.parametrize("line", ["depthwise_conv 3x3", "table_conv [[0, 1], [2]], 3x3"])
def test_a_bias_before_a_norm_is_named(line: str) -> None:
    net = f"net N:\n    input x: [3, 8, 8]\n    {line} -> batch_norm\n"
    assert [d.code for d in findings(net)] == ["W0301"]


def test_a_separable_convolution_is_no_pair_of_affine_maps_to_complain_of() -> None:
    net = "net N:\n    input x: [3, 8, 8]\n    depthwise_conv 3x3, bias=no -> conv 8, 1x1\n"
    assert not findings(net)
