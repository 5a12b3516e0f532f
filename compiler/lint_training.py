"""What trains and is still most likely not meant: warnings (W06xx) about a net and its recipe."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import exp

from msgspec import Struct

from netc.compiler import tree
from netc.compiler.diagnostics import Label, Log
from netc.compiler.edits import Edit, Fix, rewrite, take_out
from netc.compiler.graph import LayerStep, Net, Wire, walk
from netc.compiler.layers.base import feature_axis
from netc.compiler.lint import SAME_VALUES
from netc.compiler.recipe import Recipe
from netc.compiler.recipes.base import Data, matches
from netc.compiler.sizes import Shape
from netc.compiler.source import Span

LEAST_BATCH = 8
"""Examples in a batch from which on batch norm's statistics are good enough.

Wu, He 2018 (arXiv:1803.08494, table 2): the error of a ResNet-50 is 23.6 % with 32 pictures a
worker, 24.8 % with 8, 27.3 % with 4 and 34.7 % with 2; group norm has 24.1 % with 32 and with 2.
"""

_RANGES = {"sigmoid": (0.0, 1.0), "softmax": (0.0, 1.0), "tanh": (-1.0, 1.0)}
"""Between what numbers an activation's outputs lie."""
_FLOORS = {"elu": -1.0, "gelu": -0.17, "relu": 0.0, "silu": -0.28}
"""What an activation's outputs never fall below; elu with alpha=1."""


def lint_training(net: Net, recipe: Recipe, train: tree.Line, log: Log) -> None:
    """Adds warnings about a net and how it is trained."""
    clauses = _Clauses.of(train)
    _last_layer(net, recipe, clauses, log)
    _small_batches(net, recipe, clauses, log)
    _task(recipe, clauses, log)
    _one_class(net, recipe, clauses, log)
    _examples(net, recipe, clauses, log)
    _classes(net, recipe, clauses, log)


class _Clauses(Struct, frozen=True, eq=False):
    """Where a recipe says what: the word after `loss`, the number after `batch`."""

    train: tree.Line
    losses: tuple[_Word, ...]
    batch: tree.Expr | None

    @staticmethod
    def of(train: tree.Line) -> _Clauses:
        losses: list[_Word] = []
        batch = None
        for call in _calls(train):
            word = (call.role or call.name).text
            if word == "loss":
                name = call.name if call.role else call.arguments[0].value
                assert isinstance(name, tree.Name)  # else there is no recipe
                losses.append(_Word(name.span, len(call.arguments) == (0 if call.role else 1)))
            for argument in call.arguments:
                if word == "batch" or (argument.name and argument.name.text == "batch"):
                    batch = argument.value
        return _Clauses(train, tuple(losses), batch)

    def resized(self, data: Data, found: Sequence[int], declared: Shape) -> tuple[Edit, ...]:
        """Pictures in the size of an input, if that makes them fit."""
        size = data.fitting(found, declared)
        if not size:
            return ()
        (call,) = (c for c in _calls(self.train) if (c.role or c.name).text == "data")
        for argument in call.arguments:
            if argument.name is not None and argument.name.text == "size":
                return (Edit(argument.span, size),)
        return (Edit(call.span.after, f", {size}"),)


class _Word(Struct, frozen=True, eq=False):
    """The word of a loss, and whether its line says nothing else."""

    span: Span
    plain: bool

    def other(self, word: str, hint: str) -> Fix:
        """Writes another loss; one with options of its own is left to the author."""
        return rewrite(self.span, word, hint) if self.plain else Fix(hint.format(word))


def _judged(net: Net, recipe: Recipe, clauses: _Clauses) -> Iterator[tuple[str, Wire, str, _Word]]:
    """Each output that a loss looks at: its name and value, the loss, and its word."""
    for term, word in zip(recipe.terms, clauses.losses, strict=True):
        for name, wire in net.module.outputs:
            if term.output in (None, name):
                yield name, wire, term.loss.kind, word


def _calls(train: tree.Line) -> Iterator[tree.Call]:
    for line in train.body or ():
        element = line.chain.elements[0] if isinstance(line, tree.Line) else None
        if isinstance(element, tree.Call):
            yield element


# ------------------------------------------------------------------------------
# W0601: the last layer against the loss (coverage AC08, LO04)


def _last_layer(net: Net, recipe: Recipe, clauses: _Clauses, log: Log) -> None:
    makers = {p.step.output: p.step for p in walk(net.module) if isinstance(p.step, LayerStep)}
    for name, wire, loss, word in _judged(net, recipe, clauses):
        step = _last(wire, makers)
        against = None if step is None else _against(step, wire, loss, recipe)
        if step is None or against is None:
            continue
        kind = step.layer.kind
        log.say(
            "W0601",
            step.span,
            f"`{name}` ends with `{kind}`: {against}",
            take_out(step.span, f"take the `{kind}` out"),
            [Label(word.span, "the loss it is trained with")],
        )


def _last(wire: Wire, makers: dict[Wire, LayerStep]) -> LayerStep | None:
    """The layer that makes an output's numbers; layers that change the shape only are passed."""
    step = makers.get(wire)
    while step is not None and step.layer.kind in SAME_VALUES:
        step = makers.get(step.inputs[0])
    return step


def _against(step: LayerStep, wire: Wire, loss: str, recipe: Recipe) -> str | None:
    """Why a layer does not suit a loss as the last one; None if it does."""
    kind = step.layer.kind
    share = getattr(step.layer, "share", 0.0) if kind == "dropout" else 0.0
    if share:
        return f"while training it sets {100 * share:g} % of what `{loss}` judges to 0"
    match loss:
        case "cross_entropy":
            return _scores_of_classes(kind, wire)
        case "bce":
            return _scores_of_labels(step)
        case "mse":
            return _amounts(kind, recipe)
        case _:
            return None


def _scores_of_classes(kind: str, wire: Wire) -> str | None:
    """With C scores within a..b, no class gets more than e^b/(e^b + (C − 1)·e^a)."""
    if kind == "relu":
        return "`cross_entropy` takes raw scores, and `relu` cuts the negative ones off"
    if kind not in _RANGES:
        return None
    low, high = _RANGES[kind]
    shape = wire.tensor.shape
    count = shape[feature_axis(len(shape))] if shape else 1
    applies = "`cross_entropy` takes raw scores and applies softmax itself"
    if not isinstance(count, int) or count < 2:
        return applies
    best = exp(high) / (exp(high) + (count - 1) * exp(low))
    return (
        f"{applies}; of scores within {_within(low, high)} the surest answer for one of {count} "
        f"classes is {best:.2f}"
    )


def _scores_of_labels(step: LayerStep) -> str | None:
    kind, applies = step.layer.kind, "`bce` takes raw scores and applies sigmoid itself"
    if kind in _RANGES:
        low, high = _RANGES[kind]
        answers = f"{_sigmoid(low):.2f}..{_sigmoid(high):.2f}"
        return f"{applies}; of scores within {_within(low, high)} come answers within {answers}"
    if kind in _FLOORS:
        low = -float(getattr(step.layer, "alpha", 1.0)) if kind == "elu" else _FLOORS[kind]
        return (
            f"{applies}; of scores from {_number(low)} on come answers from {_sigmoid(low):.2f} on"
        )
    return None


def _amounts(kind: str, recipe: Recipe) -> str | None:
    """Bounded outputs may suit bounded amounts; those of known sets are compared."""
    targets = recipe.data.amounts
    if kind in _RANGES and targets is not None:
        low, high = _RANGES[kind]
        if low > targets[0] or high < targets[1]:
            return (
                f"its outputs lie within {_within(low, high)}, and the targets of "
                f"`{recipe.data.kind}` within {targets[0]}..{targets[1]}"
            )
    if kind == "softmax":
        return "its outputs sum to 1, and the amounts that `mse` compares need not"
    return None


def _number(x: float) -> str:
    return f"{x:g}".replace("-", "−")


def _within(low: float, high: float) -> str:
    return f"{_number(low)}..{_number(high)}"


def _sigmoid(x: float) -> float:
    return 1 / (1 + exp(-x))


# ------------------------------------------------------------------------------
# W0602: batch norm on small batches (coverage NO12)


def _small_batches(net: Net, recipe: Recipe, clauses: _Clauses, log: Log) -> None:
    norms = [
        p.step
        for p in walk(net.module)
        if isinstance(p.step, LayerStep) and p.step.layer.kind == "batch_norm"
    ]
    if recipe.batch >= LEAST_BATCH or not norms or clauses.batch is None:
        return
    many = f"each of {len(norms)} `batch_norm`" if len(norms) > 1 else "`batch_norm`"
    hint = "write `batch={}` or more, or normalise each example by itself (`group_norm`)"
    log.say(
        "W0602",
        clauses.batch.span,
        f"with a batch of {recipe.batch} {many} takes mean and variance of {recipe.batch} "
        f"example{'s' * (recipe.batch > 1)}; below {LEAST_BATCH} they are too noisy (Wu, He 2018)",
        rewrite(clauses.batch.span, str(LEAST_BATCH), hint),
        [Label(norms[0].span, "the first of them" if len(norms) > 1 else "it stands here")],
    )


# ------------------------------------------------------------------------------
# W0603, W0604: the loss against the task (coverage AC08)


def _task(recipe: Recipe, clauses: _Clauses, log: Log) -> None:
    """What training would refuse once it has read the data, said before."""
    data, loss, word = recipe.data.kind, recipe.loss.kind, clauses.losses[0]
    classes, amounts = recipe.data.classes or 0, recipe.data.amounts
    if classes > 2 and loss in ("bce", "mse"):
        message = f"the targets of `{data}` are {classes} classes, and `{loss}` compares numbers"
        fix = word.other("cross_entropy", "write `loss {}`")
    elif amounts is not None and loss in ("bce", "cross_entropy"):
        low, high = amounts
        wanted = "classes" if loss == "cross_entropy" else "zeros and ones"
        message = (
            f"the targets of `{data}` are amounts from {low} to {high}, and `{loss}` takes {wanted}"
        )
        fix = word.other("mse", "write `loss {}`")
    else:
        return
    log.say("W0603", word.span, message, fix, [Label(recipe.data_span, "the data")])


def _one_class(net: Net, recipe: Recipe, clauses: _Clauses, log: Log) -> None:
    """Softmax of one number is 1 whatever the number is."""
    classes = recipe.data.classes or 0
    for name, wire, loss, word in _judged(net, recipe, clauses):
        shape = wire.tensor.shape
        if loss == "cross_entropy" and shape and shape[feature_axis(len(shape))] == 1:
            log.say(
                "W0604",
                word.span,
                f"`{name}` {wire.tensor} is a score for one class, and softmax of one number is 1: "
                "`cross_entropy` is 0 whatever the net does",
                Fix(f"give each of the {classes} classes a score: the last layer has {classes}")
                if classes > 2
                else word.other("bce", "write `loss {}` for yes or no, or give each class a score"),
                [Label(wire.made, "this gives the score")],
            )


# ------------------------------------------------------------------------------
# W0605: the data against the net, of sets that are known before they are read


def _examples(net: Net, recipe: Recipe, clauses: _Clauses, log: Log) -> None:
    data, found = recipe.data, recipe.data.example()
    inputs = net.module.inputs
    if found is None:
        return
    if len(inputs) != 1:
        names = ", ".join(f"`{name}`" for name, _ in inputs)
        message = f"`data {data.kind}` gives 1 input, and `{net.name}` has {len(inputs)}: {names}"
        log.say("W0605", recipe.data_span, message)
        return
    ((name, wire),) = inputs
    declared = wire.tensor.shape
    if matches(found, declared):
        return
    message = (
        f"`data {data.kind}` gives examples {list(found)}, and input `{name}` is {wire.tensor}"
    )
    fix = Fix(data.mend(found, name, declared), clauses.resized(data, found, declared))
    log.say("W0605", recipe.data_span, message, fix, [Label(wire.made, "the input")])


def _classes(net: Net, recipe: Recipe, clauses: _Clauses, log: Log) -> None:
    data = recipe.data
    for name, wire, loss, _ in _judged(net, recipe, clauses):
        shape = wire.tensor.shape
        if loss != "cross_entropy" or data.classes is None or len(shape) != 1:
            continue
        if shape[0] not in (1, data.classes):
            message = (
                f"`data {data.kind}` has {data.classes} classes, and `{name}` scores {shape[0]}"
            )
            fix = Fix(f"end the net with `dense {data.classes}`")
            log.say("W0605", wire.made, message, fix, [Label(recipe.data_span, "the data")])
