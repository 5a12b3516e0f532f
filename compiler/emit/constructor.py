"""`__init__`: one attribute for each module, its numbers as `Numbers` writes them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

from netc.compiler import tree
from netc.compiler.emit.classes import (
    Plan,
    Plans,
    conditional,
)
from netc.compiler.emit.format import names, python, statement
from netc.compiler.emit.identifiers import Names
from netc.compiler.emit.numbers import Numbers, Values, constant
from netc.compiler.evaluate import evaluate
from netc.compiler.expression import is_identity, torch_of
from netc.compiler.graph import (
    BlockStep,
    GroupStep,
    LayerStep,
    Module,
    ParamStep,
    RepeatStep,
    Step,
    WhenStep,
    Wire,
    has_weights,
)
from netc.compiler.layers.calls import Call, Given, Inferred, literal
from netc.compiler.reserved import MODULE_ATTRIBUTES
from netc.compiler.sizes import Symbolic

Aligned = dict[int, Step]
"""The same step in each instance."""


class Constructor:
    """Writes the constructor of one class."""

    def __init__(self, plan: Plan, plans: Plans) -> None:
        self.plan, self.plans = plan, plans
        self.lines: list[str] = []
        self.attributes: dict[int, str] = {}
        """Names of weightless modules, by the id of their first instance's step."""
        self.numbers = Numbers(plan, plans.names)
        self._attribute_names = Names({*_attribute_names(plan.instances[0]), *MODULE_ATTRIBUTES})

    def write(self) -> None:
        """Fills the plan's parameters and constructor lines."""
        self._shared()
        self.steps({i: m.steps for i, m in enumerate(self.plan.instances)}, 8)
        self.plan.parameters = self.numbers.arguments()
        self.plan.constructor = self.lines

    def _shared(self) -> None:
        """The modules that `share` makes here for lines further in."""
        made = [self.plans.borrowing.made(module) for module in self.plan.instances]
        for number, first in enumerate(made[0]):
            each: Aligned = {i: steps[number] for i, steps in enumerate(made)}
            self._attribute(_named(first), self.text(each) or "", 8)

    def steps(self, aligned: dict[int, Sequence[Step]], indent: int) -> None:
        """One attribute for each step that is a module."""
        for position in range(len(next(iter(aligned.values())))):
            self.step({i: steps[position] for i, steps in aligned.items()}, indent)

    def step(self, aligned: Aligned, indent: int) -> None:
        """The attribute of one step."""
        first = next(iter(aligned.values()))
        if isinstance(first, WhenStep):
            self._when(cast("dict[int, WhenStep]", aligned), indent)
            return
        if isinstance(first, ParamStep):
            self._attribute(first.name, _param(first), indent)
            return
        if isinstance(first, LayerStep | BlockStep) and (first.reuse or first.home):
            return
        if self.plans.is_dictionary(first):
            self._attribute(_named(first), self.text(aligned) or "", indent)
            return
        if first.name is not None and (has_weights(first) or not isinstance(first, LayerStep)):
            text = self.text(aligned)
            if text is not None:
                self._attribute(first.name, text, indent)
            return
        if isinstance(first, LayerStep) and self._needs_module(aligned):
            name = self._fresh(first.layer.kind)
            self.attributes[id(first)] = name
            self._attribute(name, self.text(aligned) or "", indent)
        elif isinstance(first, BlockStep):  # a block without weights is a module all the same
            name = self._fresh(first.module.name.lower())
            self.attributes[id(first)] = name
            self._attribute(name, self.text(aligned) or "", indent)

    def _entries(self, aligned: dict[int, GroupStep]) -> list[str]:
        """The modules of a named line under their numbers; what has an expression needs none."""
        found: list[str] = []
        first = next(iter(aligned.values()))
        for number, inner in enumerate(first.steps):
            each: Aligned = {i: group.steps[number] for i, group in aligned.items()}
            if isinstance(inner, LayerStep | BlockStep) and inner.home is not None:
                continue
            if inner.name is None:
                if isinstance(inner, LayerStep) and not self._needs_module(each):
                    continue
                self.attributes[id(inner)] = str(number)
            text = self.text(each)
            if text is not None:
                found.append(f'"{number}": {text}')
        return found

    def _needs_module(self, aligned: Aligned) -> bool:
        """Whether a weightless layer depends on the constructor's arguments: it is built there."""
        layers = [step for step in aligned.values() if isinstance(step, LayerStep)]
        if (
            len({torch_of(step).inline for step in layers}) > 1
            or torch_of(layers[0]).inline is None
        ):
            return True
        mentioned = {name for expr in layers[0].given.values() for name in names(expr)}
        return bool(mentioned & set(self.numbers.own)) and torch_of(layers[0]).module is not None

    def text(self, aligned: Aligned) -> str | None:
        """The expression that constructs a step; None for a layer that is no module."""
        first = next(iter(aligned.values()))
        match first:
            case LayerStep():
                return self._layer(cast("dict[int, LayerStep]", aligned))
            case BlockStep():
                return self._block(cast("dict[int, BlockStep]", aligned))
            case GroupStep() if self.plans.is_dictionary(first):
                entries = self._entries(cast("dict[int, GroupStep]", aligned))
                return f"nn.ModuleDict({{{', '.join(entries)}}})"
            case GroupStep():
                texts = [t for t in self._texts(aligned) if t is not None]
                return f"nn.Sequential({', '.join(texts)})"
            case RepeatStep():
                texts = [t for t in self._texts(aligned) if t is not None]
                if self.plans.unary(first):
                    return f"nn.Sequential({_runs(texts)})"
                runs = _runs(texts)
                if runs.startswith("*(") and runs.count("*(") == 1 and len(set(texts)) == 1:
                    return f"nn.ModuleList({runs[2:-1]})"
                return f"nn.ModuleList([{runs}])"
        raise TypeError(f"{type(first).__name__} is no module")

    def _texts(self, aligned: Aligned) -> list[str | None]:
        inner = {i: _inner(step) for i, step in aligned.items()}
        count = len(next(iter(inner.values())))
        return [self.text({i: steps[n] for i, steps in inner.items()}) for n in range(count)]

    def _attribute(self, name: str, text: str, indent: int) -> None:
        self.lines += statement(f"self.{name} = {text}", indent)

    def _when(self, aligned: dict[int, WhenStep], indent: int) -> None:
        """A shortcut: there for all instances, for none, or by a condition on the arguments."""
        taken = {i: step.steps for i, step in aligned.items() if step.taken}
        if not taken:
            return
        if not conditional(list(aligned.values())):
            self.steps(taken, indent)  # type: ignore[arg-type]
            return
        steps = next(iter(taken.values()))
        if all(map(is_identity, steps)):
            return
        if not any(map(has_weights, steps)):  # no module tells whether it is there: a flag does
            flag = self._fresh("takes_shortcut")
            self.attributes[id(next(iter(aligned.values())))] = flag
            self._attribute(flag, self._condition(aligned, "shortcut"), indent)
            self.steps(taken, indent)  # type: ignore[arg-type]
            return
        name = shortcut_name(steps)
        condition = self._condition(aligned, name)
        self._attribute(name, "None", indent)
        self.lines += statement(f"if {condition}:", indent)
        self.steps(taken, indent + 4)  # type: ignore[arg-type]

    def _condition(self, aligned: dict[int, WhenStep], name: str) -> str:
        """The spec's own condition where the constructor knows all its names, else an argument."""
        taken = {i: step.taken for i, step in aligned.items()}
        return self._own_condition(aligned) or self.numbers.new(f"has_{name}", taken)

    def _own_condition(self, aligned: dict[int, WhenStep]) -> str | None:
        numbers, expr = self.numbers, next(iter(aligned.values())).condition
        if any(numbers.evaluated(expr, i, _asked(s)) != s.taken for i, s in aligned.items()):
            return None
        own = names(expr) & set(numbers.own)
        flowing = {
            mentioned: {i: _attribute_value(mentioned, _asked(s)) for i, s in aligned.items()}
            for mentioned in sorted(names(expr) - own)
        }
        for values in flowing.values():
            if any(all(numbers.own[name][i] == v for i, v in values.items()) for name in own):
                return None  # `in.channels != channels` would be written `channels != channels`
        known: dict[str, str] = {}
        for mentioned in sorted(names(expr)):
            if mentioned in own:
                known[mentioned] = numbers.use(mentioned)
                continue
            values = flowing[mentioned]
            if None in values.values():
                return None
            hint = mentioned.replace("in.", "in_").replace(".", "_")
            known[mentioned] = numbers.inferred(values, hint)
        return python(expr, known)

    # -- calls

    def _layer(self, aligned: dict[int, LayerStep]) -> str | None:
        calls = {i: torch_of(step, self.plans.over).module for i, step in aligned.items()}
        if any(call is None for call in calls.values()):
            return None
        modules = cast("dict[int, Call]", calls)
        first = next(iter(modules.values()))
        parts = [
            self._part({i: call.args[n] for i, call in modules.items()}, aligned)
            for n in range(len(first.args))
        ]
        longest = sorted(modules.values(), key=lambda call: -len(call.keywords))
        keywords = dict.fromkeys(k for call in longest for k, _ in call.keywords)
        for keyword in keywords:
            values = _keyword(keyword, modules, aligned)
            parts.append(f"{keyword}={self._part(values, aligned, keyword)}")
        return f"{self.plans.helpers.get(first.function, first.function)}({', '.join(parts)})"

    def _part(self, values: Values, aligned: dict[int, LayerStep], hint: str = "value") -> str:
        first = next(iter(values.values()))
        if isinstance(first, Inferred):
            return self.numbers.inferred({i: v.value for i, v in values.items()}, first.name)
        if isinstance(first, Given):
            step = next(iter(aligned.values()))
            plain = {i: v.value for i, v in values.items()}
            return self.numbers.given(plain, step.given.get(first.field), first.field)
        if constant(values):
            return literal(first)
        return self.numbers.new(hint, values)  # `pad=same` is another number for another kernel

    def _block(self, aligned: dict[int, BlockStep]) -> str:
        plan, _ = self.plans.of(next(iter(aligned.values())).module)
        first = next(iter(aligned.values()))
        parts = []
        for parameter in plan.parameters:
            values = {
                i: parameter.values.get(self.plans.of(step.module)[1])
                for i, step in aligned.items()
            }
            if parameter.has_default and all(v == parameter.default for v in values.values()):
                continue
            expr = first.given.get(parameter.name)
            text = (
                self.numbers.given(values, expr, parameter.name)
                if expr is not None
                else self.numbers.inferred(values, parameter.name)
            )
            parts.append(f"{parameter.name}={text}" if parameter.has_default else text)
        return f"{plan.name}({', '.join(parts)})"

    def _fresh(self, word: str) -> str:
        return self._attribute_names.give(word)


def _asked(step: WhenStep) -> Wire:
    """What `in` means in a condition."""
    return step.asked or step.inputs[0]


def shortcut_name(steps: Sequence[Step]) -> str:
    """The attribute that tells whether a shortcut is there: its first module with weights."""
    return next(step.name for step in steps if step.name is not None and has_weights(step))


def _inner(step: Step) -> Sequence[Step]:
    return step.items if isinstance(step, RepeatStep) else cast(GroupStep, step).steps


def _named(step: Step) -> str:
    return step.name or ""


def _attribute_names(module: Module) -> set[str]:
    found: set[str] = set()
    for step in module.steps:
        if step.name is not None:
            found.add(step.name)
        if isinstance(step, WhenStep):
            found |= {inner.name for inner in step.steps if inner.name}
    return found


def _attribute_value(mentioned: str, wire: Wire) -> Any:
    """`in.channels` at a place: a number; None if the name is of another kind."""
    target, _, attribute = mentioned.partition(".")
    if target != "in" or not attribute:
        return None
    span = wire.made
    expr = tree.Attribute(tree.Name("in", span), attribute, span)
    value = evaluate(expr, {"in": wire})
    return None if isinstance(value, Symbolic) else value


def _keyword(keyword: str, modules: dict[int, Call], aligned: dict[int, LayerStep]) -> Values:
    """A keyword's value in each instance, the layer's own value where its call leaves it out."""
    found = {i: dict(call.keywords).get(keyword, _ABSENT) for i, call in modules.items()}
    given = next((v for v in found.values() if isinstance(v, Given)), None)
    if given is None:
        return found
    return {
        i: Given(given.field, getattr(aligned[i].layer, given.field)) if v is _ABSENT else v
        for i, v in found.items()
    }


_ABSENT = object()


def _param(step: ParamStep) -> str:
    shape = literal(step.weight.shape)
    if isinstance(step.start, float):
        return f"nn.Parameter(torch.full({shape}, {literal(step.start)}))"
    function = {"zeros": "zeros", "ones": "ones", "normal": "randn"}[step.start]
    sizes = ", ".join(map(literal, step.weight.shape)) or shape
    return f"nn.Parameter(torch.{function}({sizes}))"


def _runs(texts: Sequence[str]) -> str:
    """Arguments with repetition as a loop: `Block(1), *(Block(2) for _ in range(3))`."""
    parts: list[str] = []
    start = 0
    while start < len(texts):
        end = start
        while end < len(texts) and texts[end] == texts[start]:
            end += 1
        count = end - start
        if count >= 3 or (count == len(texts) and count > 1):
            parts.append(f"*({texts[start]} for _ in range({count}))")
        else:
            parts += texts[start:end]
        start = end
    return ", ".join(parts)
