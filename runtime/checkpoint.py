"""All of a run's state in one safetensors file. Numbers are tensors, the rest is JSON; no pickle.

Tensors: `net.KEY`, `optimizer.INDEX.NAME`, `random.cpu`, `sums`, and on a GPU `random.cuda`. The
metadata has two entries: `netc` is JSON (the format's version, the position, the optimizer's
options), `sha256` the digest of that text and of all tensors: a byte that changed is noticed.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import torch
from msgspec import Struct
from msgspec.structs import asdict
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import nn, optim

from netc.runtime.errors import CheckpointError
from netc.runtime.files import replace
from netc.runtime.seeds import random_states, set_random_states

VERSION = 2


class Position(Struct):
    """Where a run stands.

    Attributes:
        epoch: the epoch under way, from 1.
        batch: batches of it that are done.
        step: parameter updates since the run began.
        targets: targets that went into the epoch's running sums.
        seconds: training time so far.
        logged: bytes of metrics.jsonl that were written by now.
    """

    epoch: int = 1
    batch: int = 0
    step: int = 0
    targets: int = 0
    seconds: float = 0.0
    logged: int = 0


def save(
    path: Path, net: nn.Module, optimizer: optim.Optimizer, sums: torch.Tensor, position: Position
) -> None:
    """Writes the state so that a crash leaves the old checkpoint or the new one.

    Args:
        path: the file.
        net: its weights and buffers are kept.
        optimizer: its state and options are kept.
        sums: running sums of the epoch under way.
        position: where the run stands.
    """
    tensors, options = _optimizer_state(optimizer)
    tensors |= {f"net.{key}": value for key, value in net.state_dict().items()}
    tensors |= {f"random.{name}": state for name, state in random_states(sums.device).items()}
    tensors["sums"] = sums
    content = {"version": VERSION, "position": asdict(position), "optimizer": options}
    text, plain = json.dumps(content), _plain(tensors)
    _write(path, plain, {"netc": text, "sha256": _digest(text, plain)})


def load(path: Path, net: nn.Module, optimizer: optim.Optimizer, sums: torch.Tensor) -> Position:
    """Puts the saved state into net, optimizer, running sums and random generators.

    Raises:
        CheckpointError: the file is missing, broken, of another version, or of another net.
    """
    tensors, content = _read(path)
    if content.get("version") != VERSION:
        raise CheckpointError(
            f"{path} has version {content.get('version')} of the format; this netc reads {VERSION}"
        )
    try:
        _load_optimizer(optimizer, tensors, content["optimizer"])
        net.load_state_dict(_below(tensors, "net."))
        sums.copy_(tensors["sums"])
        set_random_states(_below(tensors, "random."), sums.device)
        return Position(**content["position"])
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        raise CheckpointError(f"{path} does not belong to this net: {error}") from error


def save_weights(path: Path, net: nn.Module, about: dict[str, str]) -> None:
    """Writes the net's state dict alone, under its own keys, with text about it."""
    _write(path, _plain(net.state_dict()), about)


def _plain(tensors: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Copies, because safetensors refuses tensors that share memory, as tied weights do."""
    return {key: value.detach().to("cpu", copy=True).contiguous() for key, value in tensors.items()}


def _write(path: Path, tensors: dict[str, torch.Tensor], metadata: dict[str, str]) -> None:
    replace(path, lambda part: save_file(tensors, part, metadata))


def _digest(text: str, tensors: dict[str, torch.Tensor]) -> str:
    """The SHA-256 of a text and of tensors on the CPU, with their names, types and shapes."""
    digest = hashlib.sha256(text.encode())
    for key, value in sorted(tensors.items()):
        digest.update(f"\n{key} {value.dtype} {list(value.shape)}\n".encode())
        digest.update(value.reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()


def _read(path: Path) -> tuple[dict[str, torch.Tensor], dict[str, Any]]:
    if not path.is_file():
        raise CheckpointError(
            f"there is no checkpoint {path}", "start the run anew in another folder"
        )
    try:
        with safe_open(path, framework="pt") as file:
            tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
            metadata = file.metadata() or {}
            content = json.loads(metadata["netc"])
    except (SafetensorError, OSError, KeyError, ValueError) as error:
        raise CheckpointError(f"{path} is broken: {error}", "start the run anew") from error
    if not isinstance(content, dict):
        raise CheckpointError(f"{path} is broken: its metadata is no JSON object")
    written = metadata.get("sha256")
    if content.get("version") == VERSION and written != _digest(metadata["netc"], tensors):
        raise CheckpointError(
            f"{path} is broken: its content is not what was written, by its SHA-256",
            "bring the file back from a copy, or start the run anew",
        )
    return tensors, content


def _optimizer_state(optimizer: optim.Optimizer) -> tuple[dict[str, torch.Tensor], dict[str, Any]]:
    state = optimizer.state_dict()
    tensors: dict[str, torch.Tensor] = {}
    others: dict[str, dict[str, Any]] = {}
    for index, values in state["state"].items():
        for name, value in values.items():
            if isinstance(value, torch.Tensor):
                tensors[f"optimizer.{index}.{name}"] = value
            else:
                others.setdefault(str(index), {})[name] = value
    return tensors, {"groups": state["param_groups"], "others": others}


def _load_optimizer(
    optimizer: optim.Optimizer, tensors: dict[str, torch.Tensor], options: dict[str, Any]
) -> None:
    state: dict[int, dict[str, Any]] = {
        int(index): dict(values) for index, values in options["others"].items()
    }
    for key, value in _below(tensors, "optimizer.").items():
        index, name = key.split(".", 1)
        state.setdefault(int(index), {})[name] = value
    groups = [
        {key: tuple(value) if key == "betas" else value for key, value in group.items()}
        for group in options["groups"]
    ]
    optimizer.load_state_dict({"state": state, "param_groups": groups})


def _below(tensors: dict[str, torch.Tensor], prefix: str) -> dict[str, torch.Tensor]:
    return {
        key.removeprefix(prefix): value for key, value in tensors.items() if key.startswith(prefix)
    }
