"""A device that is not the CPU, for machines that have no other: `install()`, then `"pretended"`.

Its tensors have a device of their own and keep their numbers in ordinary memory. What a GPU refuses
it refuses: a step that reads values of both devices, but for single numbers. What a GPU has of its
own it has: a random generator, fused cells of LSTM and GRU, an error without the Python type for an
id out of range. Its results are those of the CPU to the bit, and its speed says nothing.
"""

from __future__ import annotations

from typing import Any

import torch
from torch.utils._python_dispatch import return_and_correct_aliasing
from torch.utils._pytree import tree_flatten, tree_map_only
from torch.utils.backend_registration import _setup_privateuseone_for_python_backend

aten = torch.ops.aten

BETWEEN = (aten._to_copy.default, aten.copy_.default)
"""Steps that carry values from one device to the other."""


class Tensor(torch.Tensor):
    """A tensor of the device; `here` holds its numbers."""

    here: torch.Tensor

    @staticmethod
    def __new__(cls, here: torch.Tensor) -> Tensor:
        made: Tensor = torch.Tensor._make_wrapper_subclass(  # type: ignore[attr-defined]
            cls,
            here.shape,
            strides=here.stride(),
            storage_offset=here.storage_offset(),
            dtype=here.dtype,
            device=torch.device("pretended", 0),
        )
        made.here = here
        return made

    def __repr__(self) -> str:  # type: ignore[override]
        return f"pretended {self.here}"

    @classmethod
    def __torch_dispatch__(
        cls, step: Any, types: Any, args: Any = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        values = [
            value for value in tree_flatten((args, kwargs))[0] if isinstance(value, torch.Tensor)
        ]
        elsewhere = [value for value in values if not isinstance(value, Tensor)]
        if step not in BETWEEN and any(value.dim() for value in elsewhere):
            shapes = [list(value.shape) for value in elsewhere]
            raise RuntimeError(f"{step} reads values of two devices: those on the CPU are {shapes}")
        stays = isinstance(args[0], Tensor) if step is aten.copy_.default else True
        if kwargs.get("device") is not None:
            stays = torch.device(kwargs["device"]).type == "pretended"
            kwargs = {**kwargs, "device": "cpu"}
        plain_args, plain_kwargs = tree_map_only(Tensor, lambda value: value.here, (args, kwargs))
        found = _computed(step, plain_args, plain_kwargs)
        if not stays:
            return args[0] if step is aten.copy_.default else found
        found = tree_map_only(torch.Tensor, Tensor, found)
        return return_and_correct_aliasing(step, args, kwargs, found)


def _computed(step: Any, args: Any, kwargs: dict[str, Any]) -> Any:
    """The step's result on the CPU, with the device's random numbers and its kind of error."""
    before = None
    if torch.Tag.nondeterministic_seeded in step.tags:
        before = torch.get_rng_state()
        torch.set_rng_state(_Module.state)
    try:
        return step(*args, **kwargs)
    except IndexError as error:
        raise RuntimeError("CUDA error: device-side assert triggered") from error
    finally:
        if before is not None:
            _Module.state = torch.get_rng_state()
            torch.set_rng_state(before)


class _Module:
    """What PyTorch asks of a device's module, as `torch.cuda` answers it."""

    state = torch.Generator().manual_seed(0).get_state()

    def is_initialized(self) -> bool:
        return True

    def is_available(self) -> bool:
        return True

    def current_device(self) -> int:
        return 0

    def device_count(self) -> int:
        return 1

    def _is_in_bad_fork(self) -> bool:
        return False

    def manual_seed_all(self, seed: int) -> None:
        _Module.state = torch.Generator().manual_seed(seed ^ 0x5EED).get_state()

    def get_rng_state(self, device: Any = None) -> torch.Tensor:
        return _Module.state.clone()

    def set_rng_state(self, state: torch.Tensor, device: Any = None) -> None:
        _Module.state = state.clone()


def _empty(size: Any, *_: Any, dtype: torch.dtype | None = None, **__: Any) -> Tensor:
    return Tensor(torch.empty(size, dtype=dtype))


def _empty_strided(
    size: Any, stride: Any, *_: Any, dtype: torch.dtype | None = None, **__: Any
) -> Tensor:
    return Tensor(torch.empty_strided(size, stride, dtype=dtype))


def _copy_from(source: torch.Tensor, to: torch.Tensor, non_blocking: bool = False) -> torch.Tensor:
    """A copy that PyTorch makes below `__torch_dispatch__`: of a list that is an index."""
    here, there = (value.here if isinstance(value, Tensor) else value for value in (source, to))
    there.copy_(here)
    return to


def _lstm_cell(
    from_input: torch.Tensor,
    from_state: torch.Tensor,
    cell: torch.Tensor,
    *biases: torch.Tensor | None,
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    gates = sum((bias for bias in biases if bias is not None), from_input + from_state)
    let_in, keep, new, out = gates.chunk(4, 1)
    cell = keep.sigmoid() * cell + let_in.sigmoid() * new.tanh()
    return out.sigmoid() * cell.tanh(), cell, gates


def _gru_cell(
    from_input: torch.Tensor,
    from_state: torch.Tensor,
    state: torch.Tensor,
    input_bias: torch.Tensor | None = None,
    state_bias: torch.Tensor | None = None,
) -> tuple[torch.Tensor, torch.Tensor]:
    one = from_input if input_bias is None else from_input + input_bias
    other = from_state if state_bias is None else from_state + state_bias
    (reset, keep, new), (reset2, keep2, new2) = one.chunk(3, 1), other.chunk(3, 1)
    kept = (keep + keep2).sigmoid()
    new = (new + (reset + reset2).sigmoid() * new2).tanh()
    return kept * (state - new) + new, one


_steps = torch.library.Library("aten", "IMPL")
"""What the device does by itself, for as long as the process lives."""


def install() -> None:
    """Makes the device known to PyTorch; once in a process, and for all of it."""
    _setup_privateuseone_for_python_backend("pretended", _Module())
    _steps.impl("empty.memory_format", _empty, "PrivateUse1")
    _steps.impl("empty_strided", _empty_strided, "PrivateUse1")
    _steps.impl("_copy_from", _copy_from, "PrivateUse1")
    _steps.impl("_thnn_fused_lstm_cell", _lstm_cell, "AutogradPrivateUse1")
    _steps.impl("_thnn_fused_gru_cell", _gru_cell, "AutogradPrivateUse1")
