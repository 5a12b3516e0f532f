"""Random legal layers with inputs that fit, one strategy a word."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from hypothesis import assume, settings
from hypothesis import strategies as st

from netc.compiler.layers import find
from netc.compiler.layers.base import Layer, Tensor
from netc.compiler.layers.refusals import ShapeError

CASES = settings(max_examples=25, deadline=None)


@dataclass(frozen=True)
class Case:
    """A layer and what flows in."""

    layer: Layer
    inputs: tuple[Tensor, ...]


Draw = Callable[..., Any]
SMALL = st.integers(1, 6)
FLAGS = st.booleans()


def _shape(draw: Draw, least: int, most: int) -> tuple[int, ...]:
    return tuple(draw(SMALL) for _ in range(draw(st.integers(least, most))))


def _image(draw: Draw) -> tuple[int, ...]:
    axes = draw(st.integers(1, 3))
    return (draw(SMALL), *(draw(st.integers(1, 11 - 2 * axes)) for _ in range(axes)))


def _per_axis(draw: Draw, axes: int, least: int, most: int) -> int | tuple[int, ...]:
    one = st.integers(least, most)
    return draw(st.one_of(one, st.tuples(*[one] * axes)))


def _window(draw: Draw, axes: int) -> dict[str, Any]:
    return {
        "kernel": _per_axis(draw, axes, 1, 4),
        "stride": _per_axis(draw, axes, 1, 3),
        "pad": draw(st.one_of(st.just("same"), st.just("valid"), st.integers(0, 2))),
    }


def _any_shape(**arguments: st.SearchStrategy[Any]) -> Callable[[Draw], tuple[Any, ...]]:
    def make(draw: Draw) -> tuple[Any, ...]:
        return {name: draw(value) for name, value in arguments.items()}, [_shape(draw, 0, 4)]

    return make


def _crop(draw: Draw) -> tuple[Any, ...]:
    channels, *kept = _image(draw)
    shape = (channels, *(size + 2 * draw(st.integers(0, 3)) for size in kept))
    if draw(FLAGS):
        return {"to": 1}, [shape, (draw(SMALL), *kept)]
    return {"size": kept[0] if len({*kept}) == 1 and draw(FLAGS) else tuple(kept)}, [shape]


def _roi_pool(draw: Draw) -> tuple[Any, ...]:
    arguments = {
        "size": _per_axis(draw, 2, 1, 4),
        "boxes": 1,
        "scale": draw(st.sampled_from([1, 0.5, 3.0])),
    }
    return arguments, [(draw(SMALL), draw(SMALL), draw(SMALL)), (draw(SMALL), 4)]


def _softmax(draw: Draw) -> tuple[Any, ...]:
    shape = _shape(draw, 1, 4)
    return {"axis": draw(st.none() | st.integers(0, len(shape) - 1))}, [shape]


def _prelu(draw: Draw) -> tuple[Any, ...]:
    slopes = draw(st.sampled_from(["shared", "channels"]))
    shape = _shape(draw, 0 if slopes == "shared" else 1, 4)
    return {"slopes": slopes, "init": draw(st.sampled_from([0.25, 0.1, 0.0]))}, [shape]


def _start(draw: Draw, *schemes: str) -> dict[str, Any]:
    init = draw(st.sampled_from([None, *schemes, "normal", "uniform", "torch"]))
    return {"init": init} | ({"std": 0.1} if init in ("normal", "uniform") else {})


FANS = ("he_normal", "he_uniform", "xavier_normal", "xavier_uniform", "lecun_normal")


def _dense(draw: Draw) -> tuple[Any, ...]:
    arguments = {"units": draw(SMALL), "bias": draw(FLAGS)} | _start(draw, *FANS)
    return arguments, [_shape(draw, 1, 4)]


def _conv(draw: Draw) -> tuple[Any, ...]:
    channels, *sizes = _image(draw)
    groups = draw(st.integers(1, 3))
    arguments = _window(draw, len(sizes)) | {
        "filters": groups * draw(st.integers(1, 3)),
        "dilation": _per_axis(draw, len(sizes), 1, 2),
        "groups": groups,
        "bias": draw(FLAGS),
    }
    return arguments | _start(draw, "lecun_uniform", *FANS), [(groups * channels, *sizes)]


def _depthwise_conv(draw: Draw) -> tuple[Any, ...]:
    shape = _image(draw)
    arguments = _window(draw, len(shape) - 1) | {
        "multiplier": draw(st.integers(1, 3)),
        "dilation": _per_axis(draw, len(shape) - 1, 1, 2),
        "bias": draw(FLAGS),
    }
    return arguments, [shape]


def _conv_transpose(draw: Draw) -> tuple[Any, ...]:
    arguments, inputs = _conv(draw)
    strides = arguments["stride"]
    least = strides if isinstance(strides, int) else min(strides)
    more = {"pad": draw(st.integers(0, 1)), "output_pad": draw(st.integers(0, least - 1))}
    return arguments | more | {"std": None} | _start(draw), inputs


def _pool(**more: st.SearchStrategy[Any]) -> Callable[[Draw], tuple[Any, ...]]:
    def make(draw: Draw) -> tuple[Any, ...]:
        shape = _image(draw)
        arguments = _window(draw, len(shape) - 1) | {"ceil": draw(FLAGS)}
        if draw(FLAGS):
            del arguments["stride"]
        if arguments["pad"] == "same":
            arguments["ceil"] = False
        return arguments | {name: draw(value) for name, value in more.items()}, [shape]

    return make


def _global(draw: Draw) -> tuple[Any, ...]:
    return {}, [_image(draw)]


def _scale(draw: Draw) -> tuple[Any, ...]:
    shape = _image(draw)
    gate = shape[:1] if draw(FLAGS) else (shape[0], *(1 for _ in shape[1:]))
    return {"by": 1}, [shape, gate]


def _spatial_pyramid_pool(draw: Draw) -> tuple[Any, ...]:
    arguments = {
        "levels": draw(st.lists(st.integers(1, 4), min_size=1, max_size=3)),
        "mode": draw(st.sampled_from(["max", "avg"])),
    }
    return arguments, [_image(draw)]


def _windowed(draw: Draw) -> tuple[Any, ...]:
    shape = (draw(SMALL), draw(st.integers(1, 8)), draw(st.integers(1, 8)))
    arguments = {"kernel": _per_axis(draw, 2, 1, 3)}
    if draw(FLAGS):
        arguments["stride"] = _per_axis(draw, 2, 1, 3)
    return arguments, [shape]


def _table_conv(draw: Draw) -> tuple[Any, ...]:
    if draw(FLAGS):
        return {"table": "lenet5", "kernel": draw(SMALL)}, [(6, 6, 7)]
    channels = draw(SMALL)
    row = st.lists(st.integers(0, channels - 1), min_size=1, max_size=channels, unique=True)
    arguments = {
        "table": draw(st.lists(row, min_size=1, max_size=4)),
        "kernel": _per_axis(draw, 2, 1, 3),
        "stride": _per_axis(draw, 2, 1, 3),
        "pad": draw(st.integers(0, 2)),
        "bias": draw(FLAGS),
    }
    return arguments, [(channels, draw(SMALL), draw(SMALL))]


def _filter(draw: Draw) -> tuple[Any, ...]:
    arguments = {
        "operator": draw(st.sampled_from(["sobel_x", "prewitt_y", "scharr_x"])),
        "sign": draw(st.sampled_from(["rising", "falling"])),
        "pad": draw(st.integers(0, 2)),
    }
    return arguments, [(draw(SMALL), draw(st.integers(1, 7)), draw(st.integers(1, 7)))]


def _netvlad(draw: Draw) -> tuple[Any, ...]:
    return {"centers": draw(SMALL)}, [_image(draw)]


def _adaptive(draw: Draw) -> tuple[Any, ...]:
    shape = _image(draw)
    return {"size": _per_axis(draw, len(shape) - 1, 1, 5)}, [shape]


EPS = st.sampled_from([1e-5, 1e-3])


def _batch_norm(draw: Draw) -> tuple[Any, ...]:
    arguments = {
        "eps": draw(EPS),
        "momentum": draw(st.sampled_from([0.1, 0.01])),
        "affine": draw(FLAGS),
        "running_var": draw(st.sampled_from(["unbiased", "biased"])),
        "init": draw(st.sampled_from(["ones", "zeros"])),
    }
    return arguments, [_shape(draw, 1, 4)]


def _layer_norm(draw: Draw) -> tuple[Any, ...]:
    shape = _shape(draw, 1, 4)
    axes = draw(st.integers(1, len(shape)))
    return {"axes": axes, "eps": draw(EPS), "affine": draw(FLAGS)}, [shape]


def _group_norm(draw: Draw) -> tuple[Any, ...]:
    groups = draw(st.integers(1, 3))
    shape = (groups * draw(st.integers(2, 3)), *_shape(draw, 0, 3))
    return {"groups": groups, "eps": draw(EPS), "affine": draw(FLAGS)}, [shape]


def _instance_norm(draw: Draw) -> tuple[Any, ...]:
    return {"eps": draw(EPS), "affine": draw(FLAGS)}, [_image(draw)]


def _local_response_norm(draw: Draw) -> tuple[Any, ...]:
    arguments = {
        "n": draw(st.sampled_from([1, 3, 5])),
        "k": draw(st.sampled_from([1.0, 2.0])),
        "alpha": draw(st.sampled_from([1e-4, 0.1])),
        "beta": draw(st.sampled_from([0.75, 0.5])),
    }
    return arguments, [_image(draw)]


def _flatten(draw: Draw) -> tuple[Any, ...]:
    return {}, [_shape(draw, 1, 4)]


def _reshape(draw: Draw) -> tuple[Any, ...]:
    shape = _shape(draw, 1, 4)
    sizes = draw(st.permutations(shape))
    if len(sizes) > 1 and draw(FLAGS):
        sizes = [sizes[0] * sizes[1], *sizes[2:]]
    return {"sizes": draw(st.sampled_from([list(sizes), tuple(sizes)]))}, [shape]


def _pad_channels(draw: Draw) -> tuple[Any, ...]:
    shape = _image(draw)
    return {"channels": shape[0] + draw(st.integers(0, 3))}, [shape]


def _transpose(draw: Draw) -> tuple[Any, ...]:
    shape = _shape(draw, 2, 4)
    order = st.permutations(range(len(shape))).map(tuple)
    return {"axes": draw(st.none() | order)}, [shape]


def _join(draw: Draw) -> tuple[Any, ...]:
    shape = _shape(draw, 0, 4)
    return {}, [shape] * draw(st.integers(2, 4))


def _concat(draw: Draw) -> tuple[Any, ...]:
    shape = _shape(draw, 1, 4)
    named = draw(st.none() | st.integers(0, len(shape) - 1))
    plain = len(shape) - 1 if len(shape) <= 2 else 0
    axis = plain if named is None else named
    shapes = [
        (*shape[:axis], draw(SMALL), *shape[axis + 1 :]) for _ in range(draw(st.integers(2, 4)))
    ]
    return {"axis": named}, shapes


def _stack(draw: Draw) -> tuple[Any, ...]:
    _, shapes = _join(draw)
    return {"axis": draw(st.integers(0, len(shapes[0])))}, shapes


def _dropout(draw: Draw) -> tuple[Any, ...]:
    share = st.sampled_from([0.1, 0.25, 0.5])
    name = draw(st.sampled_from(["p", "keep"]))
    return {name: draw(share)}, [_shape(draw, 0, 4)]


def _embedding(draw: Draw) -> tuple[Any, ...]:
    return {"words": draw(st.integers(3, 9)), "dim": draw(SMALL)}, [_shape(draw, 0, 3)], "int"


def _positions(draw: Draw) -> tuple[Any, ...]:
    shape = _shape(draw, 2, 2)
    if draw(FLAGS):
        return {"form": "sinusoid"}, [shape]
    return {"form": "learned", "max": shape[0] + draw(st.integers(0, 3))}, [shape]


def _recurrent(**more: st.SearchStrategy[Any]) -> Callable[[Draw], tuple[Any, ...]]:
    def make(draw: Draw) -> tuple[Any, ...]:
        layers = draw(st.integers(1, 3))
        arguments = {
            "units": draw(SMALL),
            "layers": layers,
            "bidirectional": draw(FLAGS),
            "dropout": draw(st.sampled_from([0.0, 0.3])) if layers > 1 else 0.0,
        }
        shape = (draw(st.integers(2, 6)), draw(SMALL))
        return arguments | {name: draw(value) for name, value in more.items()}, [shape]

    return make


def _last(draw: Draw) -> tuple[Any, ...]:
    return {}, [_shape(draw, 1, 4)]


def _mean(draw: Draw) -> tuple[Any, ...]:
    shape = _shape(draw, 1, 4)
    named = draw(st.none() | st.sampled_from(shape))
    assume(named is None or shape.count(named) == 1)
    return {"size": named}, [shape]


def _attention(draw: Draw) -> tuple[Any, ...]:
    heads = draw(st.integers(1, 3))
    features = heads * draw(st.integers(1, 4))
    arguments = {
        "heads": heads,
        "dropout": draw(st.sampled_from([0.0, 0.2])),
        "bias": draw(FLAGS),
    }
    shapes = [(draw(SMALL), features)]
    if draw(FLAGS):
        return arguments | {"over": 1}, [*shapes, _shape(draw, 2, 2)]
    return arguments | {"mask": draw(st.sampled_from(["none", "causal"]))}, shapes


STRATEGIES: dict[str, Callable[[Draw], tuple[Any, ...]]] = {
    "adaptive_avg_pool": _adaptive,
    "adaptive_max_pool": _adaptive,
    "add": _join,
    "attention": _attention,
    "avg_pool": _pool(count_pad=FLAGS),
    "batch_norm": _batch_norm,
    "concat": _concat,
    "conv": _conv,
    "conv_transpose": _conv_transpose,
    "crop": _crop,
    "dense": _dense,
    "depthwise_conv": _depthwise_conv,
    "dropout": _dropout,
    "elu": _any_shape(alpha=st.sampled_from([1.0, 0.5, 2])),
    "embedding": _embedding,
    "filter": _filter,
    "flatten": _flatten,
    "gelu": _any_shape(approximate=st.sampled_from(["none", "tanh"])),
    "global_avg_pool": _global,
    "global_max_pool": _global,
    "group_norm": _group_norm,
    "gru": _recurrent(),
    "instance_norm": _instance_norm,
    "last": _last,
    "layer_norm": _layer_norm,
    "leaky_relu": _any_shape(slope=st.sampled_from([0.01, 0.2, -1.5])),
    "linear": _any_shape(),
    "local_response_norm": _local_response_norm,
    "lstm": _recurrent(),
    "max_pool": _pool(dilation=st.integers(1, 2)),
    "mean": _mean,
    "mul": _join,
    "netvlad": _netvlad,
    "pad_channels": _pad_channels,
    "positions": _positions,
    "prelu": _prelu,
    "relu": _any_shape(),
    "relu6": _any_shape(),
    "reshape": _reshape,
    "rnn": _recurrent(act=st.sampled_from(["tanh", "relu"])),
    "roi_pool": _roi_pool,
    "scale": _scale,
    "sigmoid": _any_shape(),
    "silu": _any_shape(),
    "softmax": _softmax,
    "spatial_pyramid_pool": _spatial_pyramid_pool,
    "stochastic_pool": _windowed,
    "stack": _stack,
    "table_conv": _table_conv,
    "tanh": _any_shape(),
    "trainable_avg_pool": _windowed,
    "transpose": _transpose,
}


@st.composite
def cases(draw: Draw, word: str) -> Case:
    """A layer of the word with inputs that it takes."""
    assert word in STRATEGIES, f"`{word}` owes random cases: an entry in STRATEGIES of this file"
    arguments, shapes, *kind = STRATEGIES[word](draw)
    layer_class = find(word)
    assert layer_class is not None
    layer = layer_class(**arguments)
    inputs = tuple(Tensor(shape, kind[0] if kind else "float") for shape in shapes)
    try:
        layer.output(inputs)
    except ShapeError:
        assume(False)
    return Case(layer, inputs)


def names(inputs: Sequence[Tensor]) -> str:
    """For messages."""
    return " ; ".join(map(str, inputs))
