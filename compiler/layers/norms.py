"""Normalisation: mean 0 and variance 1 over some axes, then a learned scale and shift."""

from abc import abstractmethod
from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import Field

from netc.compiler.layers.base import (
    FLOAT_BYTES,
    NO_MACS,
    NO_WEIGHTS,
    Formulas,
    Held,
    Kept,
    Layer,
    Receptive,
    Tensor,
    Weight,
    Why,
    numbered,
    times,
)
from netc.compiler.layers.calls import Call, Given, Inferred, Part, Torch
from netc.compiler.layers.fields import Positive
from netc.compiler.layers.refusals import ShapeError, need_float, need_known, need_rank, unshared
from netc.compiler.sizes import Size, product_of

Epsilon = Annotated[float, Field(gt=0, allow_inf_nan=False)]


def statistics(each: str, *counts: Size, once: bool = False) -> Held:
    """Means and inverse standard deviations, which the gradient needs."""
    return Held(f"mean and inverse std of each {each}", (2, *counts, FLOAT_BYTES), once)


def _epsilon(eps: float) -> list[tuple[str, Part]]:
    """`eps` as PyTorch's argument, where it is not the default."""
    return [] if eps == 1e-5 else [("eps", Given("eps", eps))]


class Norm(Layer):
    """What the norms share: the shape stays, and there are no matrix products."""

    positional = 0
    letters = (("c", "channels"), ("n", "size of the normalised axis"))

    def channels(self, x: Tensor) -> int:
        """The number of channels, which are the first axis."""
        return need_known(x.shape[0], "the number of channels", self.kind)

    def scale(self, *shape: int) -> tuple[Weight, ...]:
        """The learned scale and shift."""
        return (Weight("weight", shape), Weight("bias", shape))

    @abstractmethod
    def over(self) -> str:
        """What shares one mean and one variance."""

    def macs(self, inputs: Sequence[Tensor], output: Tensor) -> Size:
        return 0

    def why(self, inputs: Sequence[Tensor], output: Tensor) -> Why:
        scales = [weight for weight in self.weights(inputs) if not weight.buffer]
        learned = sum(weight.count for weight in scales)
        return Why(
            f"mean 0 and variance 1 over {self.over()}: the shape stays",
            f"{times(2, *scales[0].shape)} = {learned}" if scales else NO_WEIGHTS,
            NO_MACS,
        )

    def formulas(self, inputs: Sequence[Tensor], output: Tensor) -> Formulas:
        scales = [weight for weight in self.weights(inputs) if not weight.buffer]
        return Formulas(params=times(2, *self.sizes(len(scales[0].shape))) if scales else "")

    def sizes(self, count: int) -> list[str]:
        """Letters for the axes that the scale has."""
        return ["c"]

    def does(self, inputs: Sequence[Tensor], output: Tensor) -> str:
        scaled = any(not weight.buffer for weight in self.weights(inputs))
        learned = ", then scales and shifts as learned" if scaled else ""
        return f"gives mean 0 and variance 1 over {self.over()}{learned}"


class BatchNorm(Norm):
    """Normalises each channel over the batch: `weight * (x - m)/sqrt(v + eps) + bias`.

    Shape: `[c]`, `[c, l]`, `[c, h, w]` or `[c, d, h, w]`, and it stays. The mean `m` and the biased
    variance `v` are those of the batch and all positions while training. While testing they are
    running averages: `momentum` is the share of the new batch, so it is `1 - beta` of the notation
    `beta * old + (1 - beta) * new`. PyTorch averages the unbiased variance, divided by `n - 1`;
    `running_var=biased` averages `v` itself, as many texts have it.
    Weights: `weight [c]`, `bias [c]`, unless `affine=no`; buffers `running_mean`, `running_var`,
    `num_batches_tracked`.
    Source: Ioffe, Szegedy 2015; https://pytorch.org/docs/stable/generated/torch.nn.BatchNorm2d.html
    """

    kind = "batch_norm"
    examples = (
        ("batch_norm", "[64, 112, 112]", "[64, 112, 112]"),
        ("batch_norm eps=1e-3, momentum=0.01", "[128]", "[128]"),
        ("batch_norm affine=no", "[8, L]", "[8, L]"),
        ("batch_norm running_var=biased", "[3, 6, 6]", "[3, 6, 6]"),
    )
    refused = (
        ("batch_norm running_var=exact", "[64]", "biased"),
        ("batch_norm momentum=2", "[64]", "less than or equal to 1"),
        ("batch_norm", "[c, 8, 8]", "number of channels"),
        ("batch_norm", "[1, 2, 3, 4, 5]", "5 axes"),
    )

    eps: Epsilon = 1e-5  #: added to the variance
    momentum: Annotated[float, Field(gt=0, le=1)] = 0.1  #: the new batch's share in the averages
    affine: bool = True  #: whether scale and shift are learned
    running_var: Literal["unbiased", "biased"] = "unbiased"  #: which variance is averaged
    init: Literal["ones", "zeros"] = "ones"  #: what the scale begins as; the shift begins as 0

    def output(self, inputs: Sequence[Tensor]) -> Tensor:
        (x,) = inputs
        need_float(x, self.kind)
        need_rank(x, (1, 2, 3, 4), self.kind, "channels and up to three spatial axes")
        self.channels(x)
        if self.init == "zeros" and not self.affine:
            raise ShapeError(
                "`batch_norm` with `affine=no` has no scale that could begin as 0",
                "leave out `init`",
                code="E0309",
                argument="init",
                change=("init", None),
            )
        return x

    def weights(self, inputs: Sequence[Tensor]) -> tuple[Weight, ...]:
        channels = self.channels(inputs[0])
        return (
            *(self.scale(channels) if self.affine else ()),
            Weight("running_mean", (channels,), buffer=True),
            Weight("running_var", (channels,), buffer=True),
            Weight("num_batches_tracked", (), buffer=True, dtype_bytes=8),
        )

    def over(self) -> str:
        return "the batch and all positions, channel by channel"

    def receptive(self, inputs: Sequence[Tensor]) -> Receptive:
        return "same"  # when testing; while training every example reads its batch

    def kept(self, inputs: Sequence[Tensor], output: Tensor) -> Kept:
        each = "channel once for the batch"
        held = statistics(each, self.channels(inputs[0]), once=True)
        return Kept(inputs=(0,), beside=(held,))

    def working(self, inputs: Sequence[Tensor], output: Tensor) -> Size:
        return 0

    def torch(self, inputs: Sequence[Tensor], output: Tensor) -> Torch:
        (x,) = inputs
        keywords = _epsilon(self.eps)
        if self.momentum != 0.1:
            keywords.append(("momentum", Given("momentum", self.momentum)))
        if not self.affine:
            keywords.append(("affine", False))
        biased = self.running_var == "biased"
        function = "BiasedBatchNorm" if biased else f"nn.BatchNorm{max(1, len(x.shape) - 1)}d"
        args = (Inferred("num_features", self.channels(x)),)
        support = ("BiasedBatchNorm",) if biased else ()
        return Torch(Call(function, args, tuple(keywords)), support=support)


class LayerNorm(Norm):
    """Normalises each example alone over its last axis, or its last `axes` axes.

    Shape: `[..., n] -> [..., n]`. In `[T, d]` each place is normalised alone, as in Transformers.
    Weights: `weight` and `bias` of the normalised axes' sizes, unless `affine=no`.
    Source: Ba, Kiros, Hinton 2016;
    https://pytorch.org/docs/stable/generated/torch.nn.LayerNorm.html
    """

    kind = "layer_norm"
    examples = (
        ("layer_norm", "[T, 512]", "[T, 512]"),
        ("layer_norm axes=3", "[6, 14, 14]", "[6, 14, 14]"),
    )
    refused = (
        ("layer_norm axes=2", "[512]", "2 axes"),
        ("layer_norm axes=2", "[T, 512]", "as a number"),
        ("layer_norm", "int[T]", "whole numbers"),
    )

    axes: Positive = 1  #: how many of the last axes are normalised
    eps: Epsilon = 1e-5  #: added to the variance
    affine: bool = True  #: whether scale and shift are learned

    def _normalised(self, x: Tensor) -> tuple[int, ...]:
        what = "each normalised size"
        return tuple(need_known(s, what, self.kind) for s in x.shape[len(x.shape) - self.axes :])

    def output(self, inputs: Sequence[Tensor]) -> Tensor:
        (x,) = inputs
        need_float(x, self.kind)
        if self.axes > len(x.shape):
            raise ShapeError(
                f"`layer_norm` normalises the last {self.axes} axes, and here flows {x}",
                f"write `axes={len(x.shape)}` or less" if x.shape else "",
                code="E0312",
                argument="axes",
                change=("axes", str(len(x.shape))) if x.shape else None,
            )
        self._normalised(x)
        return x

    def weights(self, inputs: Sequence[Tensor]) -> tuple[Weight, ...]:
        return self.scale(*self._normalised(inputs[0])) if self.affine else ()

    def sizes(self, count: int) -> list[str]:
        return numbered("n", count)

    def over(self) -> str:
        return "the last axis" if self.axes == 1 else f"the last {self.axes} axes"

    def receptive(self, inputs: Sequence[Tensor]) -> Receptive:
        return "same" if (len(inputs[0].shape), self.axes) == (2, 1) else "whole"

    def kept(self, inputs: Sequence[Tensor], output: Tensor) -> Kept:
        (x,) = inputs
        positions = x.shape[: len(x.shape) - self.axes]
        held = statistics("position" if positions else "example", *positions)
        return Kept(inputs=(0,), beside=(held,))

    def working(self, inputs: Sequence[Tensor], output: Tensor) -> Size:
        return self.kept(inputs, output).extra  # the statistics

    def torch(self, inputs: Sequence[Tensor], output: Tensor) -> Torch:
        sizes = self._normalised(inputs[0])
        shape: Part = Inferred("normalized_shape", sizes[0]) if len(sizes) == 1 else sizes
        keywords = _epsilon(self.eps)
        if not self.affine:
            keywords.append(("elementwise_affine", False))
        return Torch(Call("nn.LayerNorm", (shape,), tuple(keywords)))


class GroupNorm(Norm):
    """Normalises each example over groups of neighbouring channels and all positions.

    Shape: `[c, ...] -> [c, ...]`, where `groups` divides `c`. One group is `layer_norm` over all
    axes, `c` groups are `instance_norm`, but for the shape of the weights.
    Weights: `weight [c]`, `bias [c]`, unless `affine=no`.
    Source: Wu, He 2018; https://pytorch.org/docs/stable/generated/torch.nn.GroupNorm.html
    """

    kind = "group_norm"
    positional = 1
    examples = (
        ("group_norm 32", "[256, 14, 14]", "[256, 14, 14]"),
        ("group_norm groups=4, affine=no", "[8, H, W]", "[8, H, W]"),
    )
    refused = (
        ("group_norm 4", "[6, 8, 8]", "6 = 4·1 + 2"),
        ("group_norm", "[6, 8, 8]", "groups"),
        ("group_norm 6", "[6, 1, 1]", "one number"),
    )

    groups: Positive  #: how many groups the channels form
    eps: Epsilon = 1e-5  #: added to the variance
    affine: bool = True  #: whether scale and shift are learned

    def output(self, inputs: Sequence[Tensor]) -> Tensor:
        (x,) = inputs
        need_float(x, self.kind)
        need_rank(x, (1, 2, 3, 4), self.kind, "channels and up to three spatial axes")
        channels = self.channels(x)
        if channels % self.groups:
            fact = f"{self.groups} groups of `group_norm` cannot share {channels} channels"
            raise unshared(fact, "groups", self.groups, channels, channels)
        if self._group(x) == 1:
            raise ShapeError(
                f"`group_norm` needs a variance over each group, and a group of {x} is one number",
                "take fewer groups: `group_norm 1` is one over all channels",
            )
        return x

    def _group(self, x: Tensor) -> Size:
        """How many numbers a group has."""
        return self.channels(x) // self.groups * product_of(x.shape[1:])

    def fitting(self, inputs: Sequence[Tensor]) -> tuple[Size, ...]:
        return (self._group(inputs[0]) - 1,)

    def weights(self, inputs: Sequence[Tensor]) -> tuple[Weight, ...]:
        return self.scale(self.channels(inputs[0])) if self.affine else ()

    def over(self) -> str:
        return f"each of {self.groups} groups of channels and all positions"

    def receptive(self, inputs: Sequence[Tensor]) -> Receptive:
        return "whole"

    def kept(self, inputs: Sequence[Tensor], output: Tensor) -> Kept:
        return Kept(inputs=(0,), beside=(statistics("group", self.groups),))

    def working(self, inputs: Sequence[Tensor], output: Tensor) -> Size:
        return self.kept(inputs, output).extra  # the statistics

    def torch(self, inputs: Sequence[Tensor], output: Tensor) -> Torch:
        keywords = _epsilon(self.eps)
        if not self.affine:
            keywords.append(("affine", False))
        channels = Inferred("num_channels", self.channels(inputs[0]))
        args = (Given("groups", self.groups), channels)
        return Torch(Call("nn.GroupNorm", args, tuple(keywords)))


class InstanceNorm(Norm):
    """Normalises each channel of each example over its positions.

    Shape: `[c, l]`, `[c, h, w]` or `[c, d, h, w]`, and it stays. No running averages: testing does
    as training does.
    Weights: none, as PyTorch has it; with `affine=yes` `weight [c]`, `bias [c]`.
    Source: Ulyanov, Vedaldi, Lempitsky 2016;
    https://pytorch.org/docs/stable/generated/torch.nn.InstanceNorm2d.html
    """

    kind = "instance_norm"
    examples = (
        ("instance_norm", "[64, H, W]", "[64, H, W]"),
        ("instance_norm affine=yes", "[32, 16, 16]", "[32, 16, 16]"),
    )
    refused = (
        ("instance_norm", "[64]", "1 axis"),
        ("instance_norm", "[64, 1, 1]", "one position"),
    )

    eps: Epsilon = 1e-5  #: added to the variance
    affine: bool = False  #: whether scale and shift are learned

    def output(self, inputs: Sequence[Tensor]) -> Tensor:
        (x,) = inputs
        need_float(x, self.kind)
        need_rank(x, (2, 3, 4), self.kind, "channels and one to three spatial axes")
        self.channels(x)
        if product_of(x.shape[1:]) == 1:
            raise ShapeError(
                f"`instance_norm` needs a variance over positions, and {x} has one position",
                "use `layer_norm` or `batch_norm` here",
            )
        return x

    def fitting(self, inputs: Sequence[Tensor]) -> tuple[Size, ...]:
        return (product_of(inputs[0].shape[1:]) - 1,)

    def weights(self, inputs: Sequence[Tensor]) -> tuple[Weight, ...]:
        return self.scale(self.channels(inputs[0])) if self.affine else ()

    def over(self) -> str:
        return "all positions, channel by channel and example by example"

    def receptive(self, inputs: Sequence[Tensor]) -> Receptive:
        return "whole"

    def kept(self, inputs: Sequence[Tensor], output: Tensor) -> Kept:
        channels = self.channels(inputs[0])
        scale = Held("the scale again for each example", (channels, FLOAT_BYTES))
        beside = (statistics("channel", channels), *((scale,) if self.affine else ()))
        return Kept(inputs=(0,), beside=beside, reshaped=True)

    def working(self, inputs: Sequence[Tensor], output: Tensor) -> Size:
        shift = self.channels(inputs[0]) if self.affine else 0  # again for each example, too
        return self.kept(inputs, output).extra + FLOAT_BYTES * shift

    def torch(self, inputs: Sequence[Tensor], output: Tensor) -> Torch:
        (x,) = inputs
        keywords = _epsilon(self.eps)
        if self.affine:
            keywords.append(("affine", True))
        function = f"nn.InstanceNorm{len(x.shape) - 1}d"
        return Torch(Call(function, (Inferred("num_features", self.channels(x)),), tuple(keywords)))
