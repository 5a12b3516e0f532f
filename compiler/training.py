"""From a `train` block to a recipe: every clause and option checked, nothing guessed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import inf
from typing import Any

from msgspec.structs import replace
from pydantic import ValidationError

from netc.compiler import recipes as parts
from netc.compiler import tree
from netc.compiler.allowing import is_allow
from netc.compiler.arguments import field_of, need_all, problems, words_of
from netc.compiler.clauses import Said
from netc.compiler.diagnostics import Label, Log
from netc.compiler.edits import Fix, rewrite, suggest, take_argument_out, take_line_out
from netc.compiler.evaluate import EvaluationError, Poisoned, evaluate, say
from netc.compiler.foreign_clauses import in_one_word, lost_expect, marked, of_optimizer
from netc.compiler.gaps import Gaps
from netc.compiler.graph import Net
from netc.compiler.lint_training import lint_training
from netc.compiler.program import Program
from netc.compiler.recipe import LossTerm, MetricClaim, Recipe
from netc.compiler.recipes.base import Loss, Part
from netc.compiler.source import Span

CLAUSES = ("batch", "data", "epochs", "expect", "loss", "optimizer", "seed", "split", "steps")
METRICS = ("accuracy", "loss", "mae", "rmse")
LATER = (
    "augment", "clip", "detect", "freeze", "metric", "noise", "param", "player", "sample",
    "schedule", "share", "start_from",
)  # fmt: skip
"""Clauses of the language that are not built yet: said plainly instead of ignored."""


def recipes(program_: Program, nets: Mapping[str, Net], log: Log) -> dict[str, Recipe]:
    """The train blocks of a file, by net. Findings (E06xx) go to the log.

    `nets` are those without errors. Of the others, and of those whose name is not clear, nothing is
    known here but that name.
    """
    found: dict[str, Recipe] = {}
    gaps = program_.gaps
    names = [definition.name for definition in program_.nets()]
    nets = {name: net for name, net in nets.items() if name not in gaps.names}
    for train in program_.trains:
        name = _net_of(train, names, gaps, log)
        if name is None:
            _Reader("", train, log).clauses()  # they are right or wrong for any net
            continue
        if name in found:
            message = f"`{name}` has two train blocks"
            log.say("E0206", train.span, message, "keep one, or write another net")
            continue
        net = nets.get(name)
        outputs = tuple(output for output, _ in net.module.outputs) if net else ()
        recipe = _Reader(name, train, log, outputs).recipe()
        if recipe is not None:
            if name in nets:
                lint_training(nets[name], recipe, train, log)
            found[name] = recipe
    return found


def _net_of(train: tree.Line, nets: Sequence[str], gaps: Gaps, log: Log) -> str | None:
    first = train.chain.elements[0]
    arguments = first.arguments if isinstance(first, tree.Call) else ()
    if (
        train.body is None
        or len(train.chain.elements) != 1
        or len(arguments) != 1
        or not isinstance(arguments[0].value, tree.Name)
    ):
        log.say(
            "E0601", train.span, "`train` takes the name of a net and a block", "write `train NET:`"
        )
        return None
    name = arguments[0].value
    if name.text not in nets and not gaps.may_define(name.text):
        message = f"there is no net `{name.text}` here"
        log.say("E0201", name.span, message, suggest(name.span, name.text, (*nets, *gaps.names)))
        return None
    return name.text


class _Reader:
    """Reads the clauses of one train block."""

    def __init__(self, net: str, train: tree.Line, log: Log, outputs: Sequence[str] = ()) -> None:
        self.net, self.train, self.log, self.outputs = net, train, log, outputs
        self.said = Said(log)
        self.claims: list[MetricClaim] = []
        self.terms: list[LossTerm] = []

    def recipe(self) -> Recipe | None:
        """The recipe; None, with diagnostics, if a clause is wrong or missing."""
        before = self.log.has_errors
        self.clauses()
        self._complete()
        if self.log.has_errors and not before:
            return None
        v = self.said.values
        if any(v.get(word) is None for word in ("data", "optimizer", "batch")) or not self.terms:
            return None
        return Recipe(
            self.net,
            v["data"],
            v.get("split", (0.8, 0.1, 0.1)),
            tuple(self.terms),
            v["optimizer"],
            v.get("epochs"),
            v.get("steps"),
            v["batch"],
            v.get("seed", 0),
            tuple(self.claims),
            self.said.seen["data"],
        )

    def clauses(self) -> None:
        """Reads the lines of the block."""
        for line in self.train.body or ():
            self._line(line)

    def _line(self, line: tree.Statement) -> None:
        if is_allow(line):  # read with the file
            return
        call = _call(line) or marked(line, CLAUSES, self.log)
        if call is None:
            word = line.word.text if isinstance(line, tree.Declaration) else ""
            if word in LATER:
                self.log.say(
                    "E0208", line.span, f"`{word}` in training is not built yet", "take it out"
                )
                return
            fix = lost_expect(line, METRICS, CLAUSES)
            self.log.say("E0601", line.span, "this is no clause of `train`", fix)
            return
        role = _role(call)
        word = role.text
        if word == "expect":
            self._expect(call, line.span)
            return
        if word in LATER:
            fix = take_line_out(role.span, "take it out")
            self.log.say("E0208", role.span, f"`{word}` in training is not built yet", fix)
            return
        if word not in CLAUSES:
            message = f"`train` has no clause `{word}`"
            fix = of_optimizer(call, word, self._calls()) or suggest(role.span, word, CLAUSES)
            self.log.say("E0601", role.span, message, fix)
            named = (a.name.text for a in call.arguments if a.name is not None)
            for meant in (*(edit.text for edit in fix.edits), *named):  # said, in another word
                self.said.seen.setdefault(meant, role.span)
            return
        if word == "loss":
            self._loss(call)
            return
        if word in parts.roles():
            self.said.once(word, call.span)
            self.said.values[word] = self._part(word, call)
            return
        _NUMBERS[word](self.said, call)

    def _calls(self) -> list[tree.Call]:
        """The clauses that are calls."""
        return [call for call in map(_call, self.train.body or ()) if call is not None]

    # -- data, loss, optimizer

    def _loss(self, call: tree.Call) -> None:
        """`loss cross_entropy`, or for one of several outputs `loss cross_entropy aux, weight=0.3`.

        Each line is a term of the sum that is minimised; metrics are those of the first.
        """
        self.said.seen.setdefault("loss", call.span)
        own = 0 if call.role else 1  # the word that says which loss
        output: tree.Name | None = None
        weight: float | None = 1.0
        rest: list[tree.Argument] = []
        for place, argument in enumerate(call.arguments):
            if argument.name is not None and argument.name.text == "weight":
                weight = self._weight(argument)
            elif place == own and argument.name is None and isinstance(argument.value, tree.Name):
                output = argument.value
            else:
                rest.append(argument)
        part = self._part("loss", replace(call, arguments=tuple(rest)))
        known = part is None or output is None or self._is_output(output)
        if output is None and len(self.outputs) > 1:
            listed = ", ".join(f"`{name}`" for name in self.outputs)
            message = f"`{self.net}` has {len(self.outputs)} outputs, and this judges none by name"
            self.log.say("E0606", call.span, message, f"write one of {listed} after the loss")
            known = False
        if isinstance(part, Loss) and weight is not None and known:
            self.terms.append(LossTerm(part, output.text if output else None, weight))

    def _weight(self, argument: tree.Argument) -> float | None:
        value = self.said.number(argument.value)
        if isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < inf:
            return float(value)
        if value is not None:
            message = f"`weight` is a number above 0, and this is {say(value)}"
            self.log.say("E0210", argument.value.span, message, self._weighted(argument, value))
        return None

    def _weighted(self, argument: tree.Argument, value: Any) -> Fix:
        """A loss with a weight that it can have; one of weight 0 has no part in the sum."""
        losses = [c for c in map(_call, self.train.body or ()) if c and _role(c).text == "loss"]
        if value == 0 and not isinstance(value, bool) and len(losses) > 1:
            return take_line_out(argument.span, "take the line out: it adds nothing to the sum")
        match argument.value:
            case tree.Unary(operator="-", operand=tree.Number() as number) if (
                0 < number.value < inf
            ):
                return rewrite(argument.value.span, number.span.text)
        return take_argument_out(argument.span, "take it out: then the weight is 1")

    def _is_output(self, name: tree.Name) -> bool:
        if not self.outputs or name.text in self.outputs:
            return True
        message = f"`{self.net}` has no output `{name.text}`"
        self.log.say("E0201", name.span, message, suggest(name.span, name.text, self.outputs))
        return False

    def _part(self, role: str, call: tree.Call) -> Part | None:
        """`optimizer adam, lr=1e-3`: the choice is the first word after the role."""
        name, arguments = call.name, call.arguments
        if call.role is None:
            first = arguments[0] if arguments else None
            if first is None or first.name is not None or not isinstance(first.value, tree.Name):
                known = ", ".join(f"`{word}`" for word in parts.words(role))
                fix = in_one_word(role, first.span) if first else None
                fix = fix or Fix(f"one of {known}")
                self.log.say("E0601", call.span, f"`{role}` does not say which", fix)
                return None
            name, arguments = first.value, arguments[1:]
        part = parts.find(role, name.text)
        if part is None:
            message = f"there is no {role} `{name.text}`"
            fix = in_one_word(role, name.span)
            fix = fix or suggest(name.span, name.text, parts.words(role))
            self.log.say("E0201", name.span, message, fix)
            return None
        return self._built(part, tree.Call(name, arguments, call.span))

    def _built(self, part: type[Part], call: tree.Call) -> Part | None:
        fields = part.model_fields
        given: dict[str, Any] = {}
        places: dict[str, Span] = {}
        for argument in call.arguments:
            listed = list(fields)
            name = field_of(argument, listed, listed[: part.positional], given, call, self.log)
            if name is None:
                return None
            places[name] = argument.value.span
            try:
                given[name] = evaluate(argument.value, {}, words_of(part, name))
            except Poisoned:
                message = f"`{argument.value.span.text}` is unknown in a train block"
                hint = "write text in double quotes, numbers as numbers"
                self.log.say("E0202", argument.value.span, message, hint)
                return None
            except EvaluationError as error:
                self.log.say(error.code, error.span, error.message, error.hint)
                return None
        missing = [n for n, f in fields.items() if f.is_required() and n not in given]
        need_all(missing, call, [*fields], self.log)
        if missing:
            return None
        try:
            return part(**given)
        except ValidationError as error:
            for problem in problems(error, part, part.kind, given, places, call.name.span):
                self.log.add(problem)
            return None

    # -- claims and completeness

    def _expect(self, call: tree.Call, span: Span) -> None:
        claim = call.arguments[0].value if len(call.arguments) == 1 else None
        if not (
            isinstance(claim, tree.Binary)
            and claim.operator in ("==", "!=", "<", "<=", ">", ">=")
            and isinstance(claim.left, tree.Name)
        ):
            hint = "write it as in `expect accuracy >= 0.98`"
            self.log.say(
                "E0601", span, "`expect` in training compares a metric with a number", hint
            )
            return
        if claim.left.text not in METRICS:
            message = f"`{claim.left.text}` is no metric of training"
            self.log.say(
                "E0201",
                claim.left.span,
                message,
                suggest(claim.left.span, claim.left.text, METRICS),
            )
            return
        value = self.said.number(claim.right)
        if isinstance(value, int | float) and not isinstance(value, bool):
            text = span.text.removeprefix("expect").strip()
            name, operator = claim.left.text, claim.operator
            self.claims.append(MetricClaim(name, operator, float(value), text, span))
        elif value is not None:
            self.log.say(
                "E0210", claim.right.span, f"a metric is a number, and this is {say(value)}"
            )

    def _complete(self) -> None:
        examples = {
            "data": "data digits",
            "loss": "loss cross_entropy",
            "optimizer": "optimizer adam",
        }
        missing = [word for word in examples if word not in self.said.seen]
        if missing:
            message = f"`train {self.net}` does not say which {', '.join(missing)}"
            hint = " and ".join(f"`{examples[word]}`" for word in missing)
            self.log.say("E0602", self.train.span, message, f"write {hint}")
        if "epochs" in self.said.seen and "steps" in self.said.seen:
            label = Label(self.said.seen["epochs"], "epochs are given here")
            self.log.say(
                "E0602", self.said.seen["steps"], "the length is given twice", "keep one", [label]
            )
        elif "epochs" not in self.said.seen and "steps" not in self.said.seen:
            message = f"`train {self.net}` does not say how long"
            self.log.say("E0603", self.train.span, message, "write `epochs 10, batch=64`")
        elif "batch" not in self.said.seen:
            length = self.said.seen["epochs" if "epochs" in self.said.seen else "steps"]
            message = f"`train {self.net}` does not say how many examples make a batch"
            fix = rewrite(length, f"{length.text}, batch=64")
            self.log.say("E0604", length, message, fix)


_NUMBERS: dict[str, Callable[[Said, tree.Call], None]] = {
    "batch": Said.single,
    "epochs": Said.length,
    "seed": Said.single,
    "split": Said.split,
    "steps": Said.length,
}


def _role(call: tree.Call) -> tree.Name:
    """The word that a clause begins with."""
    return call.role or call.name


def _call(line: tree.Statement) -> tree.Call | None:
    """A clause as a call; None if the line is something else."""
    if not isinstance(line, tree.Line) or line.target or line.body is not None:
        return None
    if len(line.chain.elements) != 1:
        return None
    element = line.chain.elements[0]
    if isinstance(element, tree.Name):
        return tree.Call(element, (), element.span)
    return element if isinstance(element, tree.Call) else None
