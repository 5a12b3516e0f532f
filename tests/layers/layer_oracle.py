"""What PyTorch says of a layer: the text that will be emitted, run and measured."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import jinja2
import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

import netc.compiler
from netc.compiler.layers.base import Layer, Tensor
from netc.compiler.layers.calls import Call, Given, Inferred, Torch

SUPPORT = Path(str(netc.compiler.__file__)).parent / "templates" / "support"
BATCH = 2


def support_text(name: str) -> str:
    """A support class as it will stand in the emitted file."""
    environment = jinja2.Environment(undefined=jinja2.StrictUndefined, keep_trailing_newline=True)
    text = (SUPPORT / f"{name}.py.j2").read_text(encoding="utf-8")
    return environment.from_string(text).render()


def call_text(call: Call) -> str:
    """A constructor call as Python text; arguments are data, so `repr` is all there is to it."""

    def value(part: Any) -> str:
        return repr(part.value if isinstance(part, Given | Inferred) else part)

    parts = [*map(value, call.args), *(f"{key}={value(part)}" for key, part in call.keywords)]
    return f"{call.function}({', '.join(parts)})"


def scope(written: Torch) -> dict[str, Any]:
    """The names that emitted code may use, and no others."""
    names: dict[str, Any] = {"torch": torch, "nn": nn, "F": F}
    for name in written.support:
        exec(support_text(name), names)
    return names


@dataclass(frozen=True)
class Run:
    """A layer's two forms, ready to be called; `module` is an empty one if it has none."""

    written: Torch
    names: dict[str, Any]
    module: nn.Module

    def by_module(self, *xs: torch.Tensor) -> torch.Tensor:
        """The form that calls the module."""
        return self._evaluate(self.written.call, xs)

    def inline(self, *xs: torch.Tensor) -> torch.Tensor:
        """The form without a module."""
        assert self.written.inline is not None
        return self._evaluate(self.written.inline, xs)

    def __call__(self, *xs: torch.Tensor) -> torch.Tensor:
        """The form that the layer has; the module's if it has both."""
        return self.inline(*xs) if self.written.module is None else self.by_module(*xs)

    def _evaluate(self, text: str, xs: Sequence[torch.Tensor]) -> torch.Tensor:
        flow = {f"x{index}": x for index, x in enumerate(xs)}
        code = text.format(*flow, m="m")
        me = SimpleNamespace(training=self.module.training)
        result: torch.Tensor = eval(code, {**self.names, **flow, "m": self.module, "self": me})
        return result


def run_of(layer: Layer, inputs: Sequence[Tensor], *, device: str = "cpu") -> Run:
    """The layer as PyTorch, with its weights on the device."""
    written = layer.torch(inputs, layer.output(inputs))
    names = scope(written)
    module: nn.Module = nn.Module()
    if written.module is not None:
        with torch.device(device):
            module = eval(call_text(written.module), names)
    return Run(written, names, module)


def numbers(inputs: Sequence[Tensor], *, below: int = 3, batch: int = BATCH) -> list[torch.Tensor]:
    """Random values of the inputs' shapes; real ones ask for gradients."""
    return [
        torch.randint(0, below, (batch, *x.shape))
        if x.dtype == "int"
        else torch.randn(batch, *x.shape).requires_grad_()
        for x in inputs
    ]


@contextmanager
def without_onednn() -> Iterator[None]:
    """PyTorch's own kernels. `torch.backends.mkldnn.flags` does the same, but warns of TF32."""
    before = torch.backends.mkldnn.is_available() and torch._C._get_mkldnn_enabled()
    torch._C._set_mkldnn_enabled(False)
    try:
        yield
    finally:
        torch._C._set_mkldnn_enabled(before)


def flops(run: Run, xs: Sequence[torch.Tensor]) -> int:
    """What PyTorch counts, with the ways of computing whose products it can see."""
    with (
        FlopCounterMode(display=False) as counter,
        sdpa_kernel(SDPBackend.MATH),
        without_onednn(),
    ):
        run(*xs)
    return int(counter.get_total_flops())


def saved_bytes(run: Run, xs: Sequence[torch.Tensor]) -> int:
    """The memory that autograd holds after the forward pass, beside parameters and buffers."""
    owned = [*run.module.parameters(), *run.module.buffers()]
    own = {tensor.untyped_storage().data_ptr() for tensor in owned}
    held: dict[int, torch.UntypedStorage] = {}

    def pack(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in own:
            held[storage.data_ptr()] = storage
        return tensor

    with (
        torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor),
        without_onednn(),
    ):
        output = run(*xs)
    total = sum(storage.nbytes() for storage in held.values())
    del output
    return total
