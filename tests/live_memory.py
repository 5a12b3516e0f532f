"""What PyTorch holds in memory while something runs."""

from __future__ import annotations

import weakref
from itertools import accumulate
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves


class Live(TorchDispatchMode):
    """The bytes of all tensors made inside it that are alive, and the most there were.

    Counted are those with an axis that is a multiple of `batch`: activations, where no weight has
    one. With `first` it is the first axis that has to be the batch.
    """

    def __init__(self, module: torch.nn.Module, *, batch: int = 1, first: bool = False) -> None:
        super().__init__()
        self.batch, self.first = batch, first
        self.live = self.peak = 0
        state = module.state_dict().values()
        self.known = {tensor.untyped_storage()._cdata for tensor in state}

    def __torch_dispatch__(
        self, function: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        result = function(*args, **(kwargs or {}))
        for leaf in tree_leaves(result):
            if isinstance(leaf, torch.Tensor) and self.counts(leaf):
                self.add(leaf)
        return result

    def counts(self, tensor: torch.Tensor) -> bool:
        if self.first:
            return tensor.shape[:1] == (self.batch,)
        return any(size % self.batch == 0 for size in tensor.shape)

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


def most_bytes(profiler: torch.profiler.profile) -> int:
    """The most bytes that PyTorch's allocator held at once, by a profile of memory."""
    assert profiler.profiler is not None
    events = [e for e in profiler.profiler.kineto_results.events() if e.name() == "[memory]"]
    return max(accumulate(e.nbytes() for e in sorted(events, key=lambda e: e.start_ns())))
