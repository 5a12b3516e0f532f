"""Does the data fit the net? Asked before training, so that the answer is a sentence."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch

from netc.compiler.diagnostics import Label
from netc.compiler.layers.base import Tensor
from netc.compiler.recipes.base import matches
from netc.compiler.sizes import Shape, evaluate, names_in
from netc.runtime.data import DataSet
from netc.runtime.errors import DataError, TrainError
from netc.runtime.job import Job, Values
from netc.runtime.objectives import Objective, objective, weighted
from netc.runtime.readers import Examples

SPLITS = ("train", "dev", "test")


def fit(data: DataSet, job: Job, objective: Objective) -> DataSet:
    """The data in the types and shapes that the net takes and that the loss compares.

    Inputs become int64 where the net declares `int[...]`, else float32. Targets become int64 for
    classes, else float32, with the shape of the net's output (without its class axis). One number
    per example fits any shape that holds one number; nothing else is reshaped. A size that the
    spec leaves open is what the data makes it, and the net must hold for that (`Job.at`).

    Raises:
        CompileError: the net does not hold for the sizes of the data.
        DataError: number, shape or kind of inputs or targets differ from what the net declares,
            or an id is none that the net knows.
    """
    _check_inputs(data, job)
    _check_kind(data, objective, job)
    outputs = _outputs(data, job)
    _check_words(data, job)
    places = objective.judged or (0,)
    for place in places:
        for name, examples in _filled(data):
            output = outputs[name][place][1]
            _check_target_shape(
                examples.target, _target_shape(output, objective), objective, name, output
            )
        if objective.target == "class":
            _check_ids(data, job.outputs[place][1], objective)
    kinds = [tensor.dtype for _, tensor in job.inputs]
    train, dev, test = (
        _converted(
            examples,
            kinds,
            _target_shape(outputs.get(name, job.outputs)[places[0]][1], objective),
            objective,
        )
        for name, examples in zip(SPLITS, data.splits, strict=True)
    )
    return DataSet(train, dev, test, data.classes)


def aim(job: Job) -> Objective:
    """What the recipe's losses minimise, all together.

    Raises:
        TrainError: a loss names no output of a net that has several, or one that is not there, or
            the losses want targets of different kinds.
    """
    terms = job.recipe.terms
    if len(job.outputs) == 1 and len(terms) == 1 and terms[0].weight == 1:
        return objective(terms[0].loss, job.outputs[0][1])
    names = [name for name, _ in job.outputs]
    found: list[tuple[int, float, Objective]] = []
    for term in terms:
        if term.output not in names and (term.output is not None or len(names) > 1):
            listed = ", ".join(f"`{name}`" for name in names)
            raise TrainError(
                f"`{job.recipe.net}` has {len(names)} outputs ({listed}), and "
                f"`{term.loss.kind}` judges one",
                f"write which one: `loss {term.loss.kind} {names[0]}`",
            )
        place = 0 if term.output is None else names.index(term.output)
        found.append((place, term.weight, objective(term.loss, job.outputs[place][1])))
    kinds = {one.target for _, _, one in found}
    if len(kinds) > 1:
        raise TrainError(
            f"the losses of `{job.recipe.net}` want different targets ({', '.join(sorted(kinds))}),"
            " and the data has one",
            "take losses of one kind",
        )
    return weighted(found)


def _filled(data: DataSet) -> Iterator[tuple[str, Examples]]:
    return ((n, e) for n, e in zip(SPLITS, data.splits, strict=True) if len(e))


def _check_inputs(data: DataSet, job: Job) -> None:
    found = len(data.train.inputs)
    if found != len(job.inputs):
        names = ", ".join(f"`{name}`" for name, _ in job.inputs)
        raise DataError(
            f"`data {job.recipe.data.kind}` gives {found} input{'s' * (found != 1)}, and "
            f"`{job.recipe.net}` has {len(job.inputs)}: {names}"
        )
    for split, examples in _filled(data):
        for x, (name, declared) in zip(examples.inputs, job.inputs, strict=True):
            if not matches(x.shape[1:], declared.shape):
                raise DataError(
                    f"`data {job.recipe.data.kind}` gives examples {_shape(x)} in {split}, and "
                    f"input `{name}` is {declared}",
                    job.recipe.data.mend(x.shape[1:], name, declared.shape),
                )
            if declared.dtype == "int" and x.is_floating_point():
                raise DataError(f"input `{name}` is {declared}, and the data holds real numbers")


def _outputs(data: DataSet, job: Job) -> dict[str, Values]:
    """The net's outputs for the examples of each split that has any."""
    known: dict[tuple[int, ...], Values] = {}
    found: dict[str, Values] = {}
    for split, examples in _filled(data):
        sizes = _open_sizes(examples, split, job)
        key = tuple(sizes.values())  # the names are those of the inputs, in every split
        if key not in known:
            known[key] = job.at(sizes) if sizes and job.at is not None else job.outputs
        found[split] = known[key]
    return found


def _open_sizes(examples: Examples, split: str, job: Job) -> dict[str, int]:
    """What the inputs' open sizes are in a split, by name: each is set where it stands first."""
    found: dict[str, int] = {}
    for x, (name, declared) in zip(examples.inputs, job.inputs, strict=True):
        for number, size in zip(x.shape[1:], declared.shape, strict=True):
            found |= dict.fromkeys(names_in(size) - found.keys(), number)
        wanted = tuple(evaluate(size, found) for size in declared.shape)
        if wanted != tuple(x.shape[1:]):
            said = ", ".join(f"{known} = {value}" for known, value in found.items())
            raise DataError(
                f"with {said} input `{name}`, {declared}, is [{_join(wanted)}], and its examples "
                f"in {split} are {_shape(x)}",
                "give all inputs of an example sizes that go together",
            )
    return found


def _check_words(data: DataSet, job: Job) -> None:
    for known in job.vocabularies:
        name, last = job.inputs[known.input][0], known.words - 1
        label = (Label(known.span, f"this knows {known.words:,} ids, 0 to {last:,}"),)
        for split, examples in _filled(data):
            ids = examples.inputs[known.input]
            low, high = int(ids.min()), int(ids.max())
            if low < 0:
                message = f"ids of input `{name}` go down to {low:,} in {split}"
                raise DataError(message, "ids count from 0", label)
            if high > last:
                raise DataError(
                    f"ids of input `{name}` go up to {high:,} in {split}, and the layer that looks "
                    f"them up knows 0 to {last:,}",
                    f"give it {high + 1:,}: `embedding {high + 1}, …`",
                    label,
                )


def _check_kind(data: DataSet, objective: Objective, job: Job) -> None:
    kind, target = job.recipe.loss.kind, data.train.target
    if objective.target == "class" and target.is_floating_point():
        raise DataError(
            f"`{kind}` needs the id of a class, and the targets are real numbers",
            "write `loss mse`, or give whole numbers from 0 as targets",
        )
    if objective.target != "class" and data.classes is not None and data.classes > 2:
        raise DataError(
            f"`data {job.recipe.data.kind}` has {data.classes} classes, and `{kind}` compares "
            "numbers",
            "write `loss cross_entropy`",
        )
    if objective.target == "binary":
        for name, examples in _filled(data):
            low, high = examples.target.min().item(), examples.target.max().item()
            if low < 0 or high > 1:
                raise DataError(
                    f"`{kind}` needs targets from 0 to 1, and {name} has them from {low} to {high}"
                )


def _target_shape(output: Tensor, objective: Objective) -> Shape:
    """Sizes of one example's target: those of the output, without the class axis."""
    if objective.target != "class":
        return output.shape
    if not output.shape:
        raise DataError(
            "the net's output is one number, and `cross_entropy` needs a score for each class",
            "end the net with `dense` and the number of classes",
        )
    axis = objective.class_axis
    return output.shape[:axis] + output.shape[axis + 1 :]


def _single(shape: Shape) -> bool:
    return all(size == 1 for size in shape)


def _check_target_shape(
    target: torch.Tensor, wanted: Shape, objective: Objective, split: str, output: Tensor
) -> None:
    if matches(target.shape[1:], wanted) or (_single(tuple(target.shape[1:])) and _single(wanted)):
        return
    per = "one class" if objective.target == "class" else "one number"
    needs = f"{per} per example" if not wanted else f"{per} for each of [{_join(wanted)}]"
    raise DataError(
        f"targets in {split} are {_shape(target)}, and the net's output {output} needs {needs}",
        "make the net's output fit the targets",
    )


def _check_ids(data: DataSet, output: Tensor, objective: Objective) -> None:
    scores = output.shape[objective.class_axis]
    if not isinstance(scores, int):
        raise DataError(f"the number of classes in the net's output {output} must be a number")
    if data.classes is not None and data.classes != scores:
        raise DataError(
            f"the data has {data.classes} classes, and the net's output {output} scores {scores}",
            f"end the net with `dense {data.classes}`",
        )
    for name, examples in _filled(data):
        low, high = int(examples.target.min()), int(examples.target.max())
        if low < 0:
            raise DataError(f"targets in {name} go down to {low}", "class ids count from 0")
        if high >= scores:
            raise DataError(
                f"targets in {name} go up to {high}, and the net's output {output} scores the "
                f"classes 0 to {scores - 1}",
                f"end the net with `dense {high + 1}`, or count class ids from 0",
            )


def _converted(
    examples: Examples, kinds: Sequence[str], wanted: Shape, objective: Objective
) -> Examples:
    inputs = tuple(
        x if kind == "int" else x.float() for x, kind in zip(examples.inputs, kinds, strict=True)
    )
    target = examples.target
    if _single(wanted):
        target = target.reshape(len(target), *[1] * len(wanted))
    return Examples(inputs, target.long() if objective.target == "class" else target.float())


def _shape(x: torch.Tensor) -> str:
    return f"[{_join(tuple(x.shape[1:]))}]"


def _join(shape: Shape) -> str:
    return ", ".join(map(str, shape))
