"""What a train block has said: each clause once, and the numbers in them."""

from __future__ import annotations

from typing import Any

from msgspec import Struct, field

from netc.compiler import tree
from netc.compiler.diagnostics import Label, Log
from netc.compiler.edits import Fix, rewrite, suggest
from netc.compiler.evaluate import EvaluationError, Poisoned, evaluate, say
from netc.compiler.source import Span


class Said(Struct, eq=False):
    """The clauses that were read so far. Findings (E02xx) go to the log.

    Attributes:
        seen: where each clause stands, also one that is wrong.
        values: what each says; None where it is wrong.
    """

    log: Log
    seen: dict[str, Span] = field(default_factory=dict)
    values: dict[str, Any] = field(default_factory=dict)

    def once(self, word: str, span: Span) -> None:
        """Notes a clause; says (E0206) that it was there before."""
        if word in self.seen:
            label = Label(self.seen[word], "the first one")
            self.log.say("E0206", span, f"`{word}` is given twice", "keep one", [label])
        self.seen[word] = span

    def _numbers(self, call: tree.Call) -> tuple[list[Any], dict[str, tree.Argument]]:
        plain: list[Any] = []
        named: dict[str, tree.Argument] = {}
        for argument in call.arguments:
            if argument.name is not None:
                named[argument.name.text] = argument
            else:
                plain.append(self.number(argument.value))
        return plain, named

    def number(self, expr: tree.Expr) -> Any:
        """The value of an expression; None, with a diagnostic, if it has none."""
        try:
            return evaluate(expr, {})
        except Poisoned:
            self.log.say("E0210", expr.span, f"`{expr.span.text}` is no number")
        except EvaluationError as error:
            self.log.say(error.code, error.span, error.message, error.hint)
        return None

    def _whole(self, word: str, value: Any, span: Span, least: int) -> int | None:
        if isinstance(value, int) and not isinstance(value, bool) and value >= least:
            return value
        if value is not None:
            message = f"`{word}` takes a whole number of at least {least}, and this is {say(value)}"
            self.log.say("E0210", span, message)
        return None

    def length(self, call: tree.Call) -> None:
        """`epochs 12, batch=64`, `steps 5000`."""
        word = call.name.text
        again = word in self.seen
        self.once(word, call.span)
        plain, named = self._numbers(call)
        if len(plain) != 1:
            self.log.say("E0205", call.span, f"`{word}` needs one number", f"write `{word} 10`")
            return
        self.values[word] = self._whole(word, plain[0], call.span, 1)
        for name, argument in named.items():
            if name != "batch":
                message = f"`{word}` has no argument `{name}`"
                span = argument.name.span if argument.name else argument.span
                self.log.say("E0203", span, message, suggest(span, name, ["batch"]))
                if "batch" not in named:
                    self.seen.setdefault("batch", span)  # most likely it was meant
                continue
            if not again:
                self.once("batch", argument.span)
            value = self.number(argument.value)
            self.values["batch"] = self._whole("batch", value, argument.span, 1)

    def single(self, call: tree.Call) -> None:
        """`batch 64`, `seed 1`."""
        word = call.name.text
        self.once(word, call.span)
        plain, named = self._numbers(call)
        if len(plain) != 1 or named:
            number = next((a.value.span.text for a in call.arguments if a.name is None), None)
            fix = Fix(f"write `{word} {'1' if word == 'seed' else '64'}`")
            if number is not None:
                fix = rewrite(call.span, f"{word} {number}")
            self.log.say("E0205", call.span, f"`{word}` takes one number", fix)
            return
        least = 0 if word == "seed" else 1
        self.values[word] = self._whole(word, plain[0], call.span, least)

    def split(self, call: tree.Call) -> None:
        """`split 80, 10, 10`: shares of train, dev and test, in any unit."""
        self.once("split", call.span)
        plain, named = self._numbers(call)
        fine = [
            v for v in plain if isinstance(v, int | float) and not isinstance(v, bool) and v >= 0
        ]
        if named or len(fine) != 3 or not sum(fine) or not fine[0]:
            message = "`split` takes three shares: train, dev and test"
            self.log.say("E0210", call.span, message, "write `split 80, 10, 10`")
            return
        total = sum(fine)
        self.values["split"] = tuple(share / total for share in fine)
