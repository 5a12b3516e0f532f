"""Emitted files in tests: every net of the repository, its module, what it owns and gives."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Any

import torch
from compiling import spec_files, spec_of, state_of
from interpreter import interpret
from torch import nn

from netc.api import NetHandle
from netc.compiler.sizes import evaluate

SIZES = {"H": 32, "W": 16, "T": 7, "S": 5}
"""What the names of sizes stand for."""


@lru_cache
def every_net() -> dict[str, NetHandle]:
    """All nets of the repository's specs, by file and name."""
    found: dict[str, NetHandle] = {}
    for file in spec_files():
        spec = spec_of(file.read_text(encoding="utf-8"))
        found |= {f"{file.stem}-{name}": spec.net(name) for name in spec.names}
    return found


NETS = sorted(every_net())


def built(net: NetHandle, device: str = "cpu") -> nn.Module:
    """The emitted module, in evaluation mode, the same weights each time."""
    names: dict[str, Any] = {}
    exec(compile(net.source(), net.name, "exec"), names)
    torch.manual_seed(0)
    with torch.device(device):
        module: nn.Module = names[net.name]()
    return module.eval()


def inputs_of(net: NetHandle, batch: int = 2, device: str = "cpu") -> list[torch.Tensor]:
    """Random inputs, the same each time; `SIZES` for names."""
    torch.manual_seed(1)
    found = []
    for _, tensor in net.report().inputs:
        shape = [batch, *(int(str(evaluate(size, SIZES))) for size in tensor.shape)]
        if tensor.dtype == "int":
            found.append(torch.randint(0, 5, shape, device=device))
        else:
            found.append(torch.randn(shape, device=device))
    return found


def outputs(result: Any) -> tuple[torch.Tensor, ...]:
    """What a module gave, one value or several."""
    return result if isinstance(result, tuple) else (result,)


def both(
    net: NetHandle, module: nn.Module, values: list[torch.Tensor]
) -> tuple[tuple[torch.Tensor, ...], tuple[torch.Tensor, ...]]:
    """What the module gives, and what the graph says that it should."""
    with torch.no_grad():
        found = outputs(module(*values))
        return found, tuple(interpret(net.graph, dict(module.state_dict()), values))


def promised(net: NetHandle) -> list[tuple[int, ...]]:
    """The output shapes of the report, names replaced by numbers."""
    return [
        tuple(int(str(evaluate(size, SIZES))) for size in tensor.shape)
        for _, tensor in net.report().outputs
    ]


def _in_order(net: NetHandle, keys: Iterable[str]) -> list[str]:
    """The keys without those of shared modules, which are made before the lines that apply them."""
    shared = "|".join(re.findall(r"\bshare (\w+)", net.spec.source.text))
    return [key for key in keys if not re.search(rf"(^|\.)({shared or '-'})\d*\.", key)]


def check_state(net: NetHandle, module: nn.Module) -> None:
    """The module owns what the report says: keys, shapes, counts, bytes."""
    state = {key: tuple(value.shape) for key, value in module.state_dict().items()}
    assert state == state_of(net)
    assert _in_order(net, state) == _in_order(net, state_of(net))
    report = net.report()
    assert sum(p.numel() for p in module.parameters()) == report.params == report.trainable
    assert sum(b.numel() for b in module.buffers()) == report.buffers
    stored = sum(t.numel() * t.element_size() for t in module.state_dict().values())
    assert stored == report.weights_bytes
