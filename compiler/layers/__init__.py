"""The layers: one class each. `find` brings a class by its word, importing only its module.

The modules are small, and annotations in them are no text (`from __future__ import annotations`):
pydantic builds a class for each layer of a module, and would evaluate every text.
"""

from __future__ import annotations

from functools import lru_cache
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from netc.compiler.layers.base import Layer

_MODULES: dict[str, tuple[str, ...]] = {
    "activations": ("linear", "relu", "sigmoid", "softmax", "tanh"),
    "adaptive_pools": ("adaptive_avg_pool", "adaptive_max_pool"),
    "attention": ("attention",),
    "conv": ("conv",),
    "conv_transpose": ("conv_transpose",),
    "cropping": ("crop",),
    "dense": ("dense",),
    "depthwise": ("depthwise_conv",),
    "drawn": ("stochastic_pool", "trainable_avg_pool"),
    "dropout": ("dropout",),
    "embedding": ("embedding", "positions"),
    "global_pools": ("global_avg_pool", "global_max_pool"),
    "joins": ("add", "concat", "mul", "stack"),
    "norms": ("batch_norm", "group_norm", "instance_norm", "layer_norm"),
    "pools": ("avg_pool", "max_pool"),
    "pyramids": ("netvlad", "spatial_pyramid_pool"),
    "rectifiers": ("elu", "leaky_relu", "prelu", "relu6"),
    "recurrent": ("gru", "lstm", "rnn"),
    "regions": ("roi_pool",),
    "response": ("local_response_norm",),
    "scaling": ("scale",),
    "sequences": ("last", "mean"),
    "shapes": ("flatten", "pad_channels", "reshape", "transpose"),
    "smooth": ("gelu", "silu"),
    "tables": ("filter", "table_conv"),
}  # fmt: skip

_HOME = {word: module for module, words in _MODULES.items() for word in words}


def words() -> tuple[str, ...]:
    """Every layer's word, sorted."""
    return tuple(sorted(_HOME))


@lru_cache(maxsize=256)  # a deep net says the same words again and again
def find(word: str) -> type[Layer] | None:
    """The class behind a word of the language; None if there is no such layer."""
    home = _HOME.get(word)
    if home is None:
        return None
    name = "".join(part.capitalize() for part in word.split("_"))
    layer: type[Layer] = getattr(import_module(f"netc.compiler.layers.{home}"), name)
    return layer
