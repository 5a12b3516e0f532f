"""Activation memory of the report against what PyTorch holds, tensor by tensor."""

from __future__ import annotations

import weakref
from collections.abc import Iterable
from typing import Any

import pytest
import torch
from test_emit import built, every_net, inputs_of, outputs
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

BATCH = 256
"""Large, so that gradients of weights, which are no activations, weigh little."""


class Live(TorchDispatchMode):
    """The bytes of all tensors made inside it that are alive, and the most there were."""

    def __init__(self, ignored: Iterable[torch.Tensor]) -> None:
        super().__init__()
        self.live = self.peak = 0
        self.known = {tensor.untyped_storage()._cdata for tensor in ignored}

    def __torch_dispatch__(
        self, function: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        result = function(*args, **(kwargs or {}))
        for leaf in tree_leaves(result):
            if isinstance(leaf, torch.Tensor):
                self.add(leaf)
        return result

    def add(self, tensor: torch.Tensor) -> None:
        storage = tensor.untyped_storage()
        place, size = storage._cdata, storage.nbytes()
        if place in self.known:
            return
        self.known.add(place)
        self.live += size
        self.peak = max(self.peak, self.live)

        def gone() -> None:
            self.live -= size
            self.known.discard(place)

        weakref.finalize(storage, gone)


def training_peak(name: str) -> float:
    """Bytes of one example at the peak of a training step."""
    module, values = built(every_net()[name]).train(), inputs_of(every_net()[name], BATCH)
    for parameter in module.parameters():
        parameter.grad = torch.zeros_like(parameter)
    grads = [p.grad for p in module.parameters() if p.grad is not None]
    with Live([*module.state_dict().values(), *grads]) as live:
        for value in values:
            live.add(value)
        results = outputs(module(*values))
        torch.autograd.backward(results, [torch.ones_like(result) for result in results])
    return live.peak / BATCH


@pytest.mark.parametrize(
    "name",
    ["lenet5-LeNet5", "densenet-DN", "triplet-Triplet", "naming-Misc"],
)
def test_training_peak_is_what_pytorch_holds(name: str) -> None:
    assert every_net()[name].report().training_peak == pytest.approx(training_peak(name), rel=0.1)


@pytest.mark.parametrize("name", ["lenet5-LeNet5", "triplet-Triplet"])
def test_inference_peak_is_what_pytorch_holds(name: str) -> None:
    module, values = built(every_net()[name]), inputs_of(every_net()[name], BATCH)
    with torch.no_grad(), Live(module.state_dict().values()) as live:
        for value in values:
            live.add(value)
        module(*values)
    assert every_net()[name].report().inference_peak == pytest.approx(live.peak / BATCH, rel=0.1)
