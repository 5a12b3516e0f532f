"""Words of PyTorch, Keras and other languages, with what they are called here.

Asked where a word is unknown, before the nearest word is looked for.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Collection

from msgspec.structs import replace

from netc.compiler import tree
from netc.compiler.edits import (
    Edit,
    Fix,
    nearest,
    rewrite,
    suggest,
    take_argument_out,
    take_word_out,
    whole_line,
)
from netc.compiler.source import Span

_LAYERS = {
    "dense": "affine fc fullyconnected lazylinear fullyconnectedlayer denselayer",
    "conv": "conv1d conv2d conv3d convolution convolution2d convolutional convlayer",
    "conv_transpose": "conv2dtranspose convtranspose2d deconv deconvolution transposedconv upconv",
    "depthwise_conv": "depthwiseconv2d depthwise dwconv",
    "max_pool": "maxpool2d maxpooling maxpooling2d maxpool1d maxpooling1d",
    "avg_pool": "averagepool avgpool2d averagepooling averagepooling2d meanpool avgpooling",
    "adaptive_avg_pool": "adaptiveavgpool2d adaptiveaveragepooling2d",
    "adaptive_max_pool": "adaptivemaxpool2d adaptivemaxpooling2d",
    "global_avg_pool": "globalaveragepool globalaveragepooling globalaveragepooling2d gap",
    "global_max_pool": "globalmaxpool globalmaxpooling globalmaxpooling2d",
    "batch_norm": "batchnorm batchnorm1d batchnorm2d batchnormalization bn bn2d",
    "layer_norm": "layernorm layernormalization ln",
    "group_norm": "groupnorm groupnormalization gn",
    "instance_norm": "instancenorm instancenorm2d instancenormalization",
    "local_response_norm": "lrn localresponsenorm localresponsenormalization",
    "attention": "multiheadattention mha selfattention multiheadselfattention",
    "embedding": "embed wordembedding lookup",
    "positions": "positionalencoding positionalembedding positionencoding",
    "silu": "swish",
    "linear": "identity",
    "concat": "cat concatenate concatenation",
    "add": "sum plus",
    "mul": "multiply product times",
    "reshape": "view unflatten",
    "roi_pool": "roipool roipooling roimaxpool",
    "crop": "centercrop cropping1d cropping2d cropping3d narrow",
    "transpose": "permute",
    "rnn": "simplernn elman",
    "repeat": "loop",
    "when": "if",
    "residual": "skip",
}  # fmt: skip
_WORDS = {word: here for here, words in _LAYERS.items() for word in words.split()}
_NO_LAYER = {
    "upsample": "no layer enlarges by copying; `conv_transpose FILTERS, 2x2, stride=2` doubles",
    "upsampling2d": "no layer enlarges by copying; `conv_transpose FILTERS, 2x2, stride=2` doubles",
    "interpolate": "no layer enlarges by copying; `conv_transpose FILTERS, 2x2, stride=2` doubles",
    "zeropadding2d": "write `pad=` in the layer that follows",
    "while": "a spec always ends: say how often, as in `repeat 3:`",
    "until": "a spec always ends: say how often, as in `repeat 3:`",
    "padding": "write `pad=` in the layer that follows",
}

OPENERS = dict.fromkeys(("model", "network", "class", "sequential"), "net")
OPENERS |= dict.fromkeys(("def", "function", "module", "layer"), "block")
_BASED = re.compile(
    r"(\w+)[ \t]+([A-Za-z_]\w*)[ \t]*\(\s*(?:[\w.]*\b(?:Module|Model|Layer|object))?\s*\)"
)
"""A class of Python, and what it is made from."""
_IMPORT = re.compile(r"(?:from[ \t]+(?P<of>[\w.]+)[ \t]+)?import[ \t]+(?P<what>[^#;]*[^#;\s])")
_PYTHON = frozenset(
    ("flax", "jax", "keras", "lightning", "matplotlib", "numpy", "pandas", "pytorch_lightning",
     "scipy", "sklearn", "tensorflow", "torch", "torchaudio", "torchvision")
)  # fmt: skip

_ARGUMENTS = {
    "filters": ("filters", "units", "dim", "channels"),
    "kernel": ("kernel",),
    "stride": ("stride",),
    "pad": ("pad",),
    "dilation": ("dilation",),
    "bias": ("bias",),
    "groups": ("groups",),
    "heads": ("heads",),
    "slope": ("slope", "alpha"),
    "p": ("p", "dropout"),
    "eps": ("eps",),
    "words": ("words",),
    "dim": ("dim", "units"),
    "layers": ("layers",),
    "init": ("init",),
    "multiplier": ("multiplier",),
    "axes": ("axes", "axis"),
    "ceil": ("ceil",),
    "count_pad": ("count_pad",),
    "output_pad": ("output_pad",),
    "size": ("size",),
    "to": ("to",),
    "boxes": ("boxes",),
    "scale": ("scale",),
    "lr": ("lr",),
    "weight_decay": ("weight_decay",),
}
"""What is meant, with the arguments that have it in some layer."""
_NAMES = {
    "filters": "out out_channels output_channels channels out_features outputs output features"
    " num_filters units filters width hidden hidden_size num_units size nodes neurons",
    "kernel": "kernel_size k ksize filter_size pool_size window size kernelsize",
    "stride": "strides s step",
    "pad": "padding p",
    "dilation": "dilation_rate dilations",
    "bias": "use_bias",
    "groups": "num_groups group",
    "heads": "num_heads nhead n_heads nheads num_attention_heads",
    "slope": "negative_slope alpha",
    "p": "rate prob probability dropout_rate",
    "eps": "epsilon",
    "words": "num_embeddings vocab vocab_size input_dim",
    "dim": "embedding_dim embed_dim output_dim d_model",
    "layers": "num_layers",
    "init": "kernel_initializer initializer weight_init",
    "multiplier": "depth_multiplier",
    "axes": "axis dim normalized_shape",
    "ceil": "ceil_mode",
    "count_pad": "count_include_pad",
    "output_pad": "output_padding",
    "size": "output_size crop_size",
    "to": "like target reference",
    "boxes": "rois bboxes proposals regions",
    "scale": "spatial_scale",
    "lr": "learning_rate learningrate eta rate step_size",
    "weight_decay": "l2 decay",
}
_VALUES = {
    "kaiming": "he_normal",
    "kaiming_normal": "he_normal",
    "kaiming_uniform": "he_uniform",
    "xavier": "xavier_normal",
    "glorot": "xavier_normal",
    "glorot_normal": "xavier_normal",
    "glorot_uniform": "xavier_uniform",
    "lecun": "lecun_normal",
    "gaussian": "normal",
    "zero": "zeros",
    "default": "torch",
    "true": "yes",
    "false": "no",
}
"""How else a choice is called."""
_INFLOW = frozenset(
    ("in_channels", "in_features", "input_channels", "input_size", "input_shape", "num_features")
)
"""What other frameworks must be told of the value that flows in."""
_ACTIVATION = frozenset(("act", "activation", "nonlinearity", "activation_fn"))


def layer_fix(name: tree.Name, known: Collection[str], *, arguments: bool) -> Fix | None:
    """What a layer of another framework is called here; None if the word is none of theirs."""
    if name.text == "return":
        hint = "take the word out: what the last line leaves is what a block or a net gives"
        end = len(name.span.source.line(name.span.line).split("#")[0].rstrip()) + 1
        return take_word_out(replace(name.span, end_column=end), name.text, hint)
    if name.text == "assert":
        return rewrite(name.span, "expect")
    word = name.text.lower().replace("_", "")
    here = _WORDS.get(word, "dense" if word == "linear" and arguments else None)
    if here is not None and here in known:
        return rewrite(name.span, here, "that is called `{}` here")
    if here is None and word in _NO_LAYER and name.text not in known:
        return Fix(_NO_LAYER[word])
    return None


def opener_fix(word: str, span: Span) -> Fix | None:
    """The word that opens a definition here; None if the word opens none elsewhere."""
    here = OPENERS.get(word)
    if here is None:
        return None
    based = _BASED.match(span.source.line(span.line), span.column - 1)
    if based is None:
        return rewrite(span, here, "that is called `{}` here")
    head = replace(span, end_column=based.end() + 1)
    return rewrite(head, f"{here} {based[2]}", "write `{}`: a definition is made from no other")


def import_fix(code: Span) -> tuple[str, Fix] | None:
    """What to say of a line that imports as Python does, and what it is here; None if none does."""
    found = _IMPORT.match(code.text)
    if found is None:
        return None
    module, what = found["of"] or found["what"].split()[0].strip('",'), found["what"]
    if module.split(".")[0] in _PYTHON | sys.stdlib_module_names:
        hint = "take the line out: layers are words of the language"
        return "a spec imports nothing of Python", Fix(hint, (Edit(whole_line(code), ""),))
    message = "`import` brings nothing here: definitions of other files come by `use`"
    if " as " in what:
        return message, Fix("write it as in `use std.vision: Residual`; names stay as they are")
    place = module if module.startswith("std.") else f'"{module.removesuffix(".net")}.net"'
    names = f": {what.strip('()')}" if found["of"] and what != "*" else ""
    return message, rewrite(code, f"use {place}{names}")


def argument_fix(argument: tree.Argument, fields: Collection[str], call: tree.Call) -> Fix | None:
    """What an argument of another framework is here; None if its name is none of theirs."""
    assert argument.name is not None
    name = argument.name.text.lower()
    if name in _ACTIVATION:
        return behind(argument, call)
    if name in _INFLOW:
        return take_argument_out(argument.span, "what flows in is known: take it out")
    if (fix := _of_sequences(name, argument, fields)) is not None:
        return fix
    for meant, names in _NAMES.items():
        here = next((field for field in _ARGUMENTS[meant] if field in fields), None)
        if here is not None and name in names.split():
            return rewrite(argument.name.span, here, "that is called `{}` here")
    return None


def _of_sequences(name: str, argument: tree.Argument, fields: Collection[str]) -> Fix | None:
    """Switches of other frameworks' recurrent layers and attentions."""
    on = argument.value.span.text.lower() in ("yes", "true", "1")
    if name in ("causal", "is_causal", "use_causal_mask") and "mask" in fields and on:
        return rewrite(argument.span, "mask=causal")
    if name == "batch_first" and "bidirectional" in fields:
        return take_argument_out(argument.span, "sizes leave out the batch: take it out")
    if name == "return_sequences" and "bidirectional" in fields:
        if on:
            return take_argument_out(argument.span, "every step is given: take it out")
        return Fix("every step is given: take it out, and write `-> last` behind the call")
    return None


def value_fix(name: tree.Name, choices: Collection[str]) -> Fix:
    """The choice that an unknown one most likely stands for, or all of them."""
    others = {word: here for word, here in _VALUES.items() if here in choices}
    near = nearest(name.text.lower(), [*choices, *others])
    if near is None or near in choices:
        return suggest(name.span, name.text, choices)
    return rewrite(name.span, others[near], "did you mean `{}`?")


def behind(argument: tree.Argument, call: tree.Call) -> Fix:
    """An activation, or another layer, as one of its own behind the call."""
    from netc.compiler.layers import words

    word = argument.value.span.text.strip('"').lower()
    if word not in words():
        return Fix("write the activation behind an arrow, as in `-> relu`")
    out = take_argument_out(argument.span, f"write it behind an arrow: `-> {word}`")
    end: Span = call.span.after
    return Fix(out.hint, (*out.edits, Edit(end, f" -> {word}"))) if out.edits else out
