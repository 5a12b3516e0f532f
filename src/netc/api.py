"""The public face: load a spec, ask for its nets."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from netc.compiler import claims, library, program
from netc.compiler.allowing import quiet, reached
from netc.compiler.diagnostics import CompileError, Diagnostic, Log, did_you_mean, order
from netc.compiler.edits import Edit
from netc.compiler.elaborate import elaborate
from netc.compiler.graph import Net
from netc.compiler.lint import lint
from netc.compiler.lint_maps import lint_maps
from netc.compiler.lint_weights import lint_weights
from netc.compiler.report import Report, report
from netc.compiler.resolve import resolve
from netc.compiler.source import Source, Span
from netc.compiler.unused import warn_unused
from netc.given import names_of, own, plain, unusable
from netc.revisions import beside, committed, is_revision

if TYPE_CHECKING:
    import torch

    from netc.compiler.rebuilding import Counts
    from netc.compiler.recipe import Recipe
    from netc.compiler.supposed import Supposed
    from netc.mending import Mender


class Spec:
    """A spec, compiled as far as it needs no torch.

    Attributes:
        source: its text.
        diagnostics: everything found, errors, warnings and notes, in the text's order.
    """

    def __init__(self, source: Source, values: Mapping[str, Any], base: Path) -> None:
        self.source, self.base = source, base
        self._log = Log()
        self._values = values = plain(values)
        self._mender: Mender | None = None
        self._wrong: tuple[Diagnostic, ...] = ()  # errors of nets, before their claims are judged
        self._nets: dict[str, Net] = {}
        self._reports: dict[str, Report] = {}
        self._recipes: dict[str, Recipe] = {}
        self._program = resolve(source, self._log, _read)
        self._compile(values)

    def _compile(self, values: Mapping[str, Any]) -> None:
        if not self._log.has_errors:
            self._check_values(values)
        if any(map(unusable, values.values())):
            return  # what would follow is about the value, not about the spec
        if self._log.has_errors:
            self._mending().supply(self._log)
        self._elaborate(values)
        if self._log.has_errors:
            self._check_unbuilt()
            self._wrong = tuple(found for found in self._log if found.severity == "error")
        if not self._log.has_errors:
            warn_unused(self._program, self._nets, self.source, self._log)
        if self._program.trains:
            from netc.compiler.training import recipes

            log = Log()  # an error in a net is none of its training
            self._recipes = recipes(self._program, self._nets, log)
            for diagnostic in log:
                self._log.add(diagnostic)

    def _elaborate(self, values: Mapping[str, Any]) -> None:
        for definition in self._program.nets():
            if definition.name not in self._program.sound:
                self._look_beside(definition)
                continue
            log = Log()
            net = elaborate(self._program, definition.name, own(values, definition), log)
            if net is not None:
                lint(net, log)
                lint_weights(net, log)
                lint_maps(net, log)
                self._nets[definition.name] = net
            found = list(log)
            if net is None and not self._log.has_errors:
                found = self._mending().mended(definition, found, self._log)
            for diagnostic in found:
                self._log.add(diagnostic)

    def _at(self, name: str, sizes: Mapping[str, int]) -> Net:
        definition = self._program.definitions[name]
        values, log = {**self._values, **sizes}, Log()
        net = elaborate(self._program, name, own(values, definition), log)
        if net is not None:
            return net
        from netc.mending import Mender

        mender = Mender(self.source, self._program, values, _read)
        raise CompileError(mender.mended(definition, list(log), Log()))

    def _look_beside(self, definition: program.Definition) -> None:
        """Says what is wrong with a net beside the elements that are not understood."""
        if definition.name in self._program.readable:
            log = Log()
            values = own(self._values, definition)
            elaborate(self._program, definition.name, values, log, partly=True)
            for diagnostic in log:
                if diagnostic.severity == "error":
                    self._log.add(diagnostic)

    def _check_unbuilt(self) -> None:
        """Says of the nets that are not built what is wrong whatever flows through them."""
        from netc.compiler.literals import wrong_literals

        unbuilt = (d for d in self._program.nets() if d.name not in self._nets)
        wrong = [found for found in self._log if found.severity == "error"]
        for diagnostic in wrong_literals(self._program, unbuilt, wrong):
            self._log.add(diagnostic)

    def _check_values(self, values: Mapping[str, Any]) -> None:
        known = {n for d in self._program.nets() for n in names_of(d)}
        span = Span(self.source, 1, 1, 1, 1)
        for name, value in values.items():
            if why := unusable(value):
                self._log.add(Diagnostic("E0210", f"the value set for `{name}` {why}", span))
            if name not in known:
                message = f"no net here has a parameter or an input size called `{name}`"
                self._log.say("E0203", span, message, did_you_mean(name, known))

    def judge(self) -> None:
        """Measures every net and judges its claims; false ones become diagnostics."""
        for name in self._nets:
            self._report(name)
        if self._wrong:
            self._judge_unbuilt()

    def _judge_unbuilt(self) -> None:
        """Says what errors hide of the nets that are not built for them."""
        from netc.compiler.hidden import hidden

        for definition in self._program.nets():
            if definition.name not in self._nets:
                judged = partial(self._judged, definition)
                for diagnostic in hidden(self._wrong, self.source, judged):
                    self._log.add(diagnostic)

    def _judged(self, definition: program.Definition, edits: Iterable[Edit], lenient: bool) -> Log:
        return self._mending().edited(edits, definition, lenient=lenient)[1]

    def _report(self, name: str) -> Report:
        if name not in self._reports:
            net = self._nets[name]
            self._reports[name] = claims.judge(
                net, report(net), self._log, partial(self._explained, name)
            )
        return self._reports[name]

    def _explained(self, name: str, actual: Counts, claimed: Counts) -> Supposed | None:
        return self._mending().explained(self._program.definitions[name], actual, claimed)

    def _mending(self) -> Mender:
        if self._mender is None:
            from netc.mending import Mender  # most specs have nothing to mend

            self._mender = Mender(self.source, self._program, self._values, _read)
        return self._mender

    @property
    def diagnostics(self) -> tuple[Diagnostic, ...]:
        """Everything found so far, but for what `allow` lines switch off.

        An error may be that a name is forgotten: what nothing uses (W0201) is said without errors.
        """
        allowed = self._program.allows
        if self._program.gaps.hushed:
            return tuple(d for d in self._log if d.severity == "error")
        wrong = self._log.has_errors
        found = tuple(d for d in self._log if not (wrong and d.code == "W0201"))
        if not allowed:
            return found
        judged = () if wrong else reached(self._program, self._nets, self.source)
        return tuple(sorted(quiet(found, allowed, judged), key=order))

    @property
    def blocks(self) -> tuple[str, ...]:
        """The blocks that the file defines, in its order."""
        own = (self._program.definitions[name] for name in self._program.own)
        return tuple(definition.name for definition in own if definition.word == "block")

    @property
    def names(self) -> tuple[str, ...]:
        """The nets of the file, in its order."""
        return tuple(self._nets)

    @property
    def recipes(self) -> Mapping[str, Recipe]:
        """The train blocks, by the net they train."""
        return self._recipes

    def net(self, name: str | None = None) -> NetHandle:
        """One net; the name may be left out where the file has only one.

        Raises:
            KeyError: no net has this name, or none is given and the file has several.
        """
        if name is None and len(self._nets) != 1:
            listed = ", ".join(self._nets)
            raise KeyError(f"the file has {len(self._nets)} nets, say which: {listed}")
        chosen = name if name is not None else next(iter(self._nets))
        if chosen not in self._nets:
            raise KeyError(f"no net `{chosen}` here; there is {', '.join(self._nets)}")
        return NetHandle(self, chosen)


class NetHandle:
    """One net of a spec: its report, its PyTorch source, its module."""

    def __init__(self, spec: Spec, name: str) -> None:
        self.spec, self.name = spec, name

    @property
    def graph(self) -> Net:
        """The typed graph: steps and values with their shapes, without the batch axis."""
        return self.spec._nets[self.name]

    def at(self, sizes: Mapping[str, int]) -> Net:
        """The typed graph where sizes that the inputs leave open have values.

        Args:
            sizes: the values, by name; what has none stays open.

        Raises:
            CompileError: the net does not hold for them.
        """
        return self.spec._at(self.name, sizes)

    def report(self) -> Report:
        """Shapes, parameters, MACs, memory, receptive field, claims; sizes without batch axis.

        MACs and FLOPs are those of one example, memory is in bytes of float32, receptive fields are
        in positions of the input. What has no number is an expression over the names of sizes,
        `None` or "unknown".
        """
        return self.spec._report(self.name)

    def source(self) -> str:
        """A PyTorch file of its own: imports torch only; the class has the net's name.

        Tensors have the batch as their first axis; keys of the state dict are the spec's names.
        """
        from netc.compiler.emit import emit

        return emit(self.graph, self.spec.source.name)

    def module(self, device: str = "cpu") -> torch.nn.Module:
        """The net as an `nn.Module` on a device, freshly initialised. Needs torch.

        Takes batches: an input declared `[1, 32, 32]` is a float32 tensor `[N, 1, 32, 32]`, one
        declared `int[T]` an int64 tensor `[N, T]`. The weights are drawn from PyTorch's generator.

        Args:
            device: as `torch.device` takes it: `cpu`, `cuda`, `cuda:1`.

        Raises:
            ImportError: torch is not installed.
            netc.runtime.TrainError: PyTorch has no such device here, or the net has other
                parameters than its report counts.
        """
        from netc.runtime.device import moved
        from netc.runtime.module import build

        return moved(build(self.source(), self.graph.name, self.report().params), device)


def load(path_or_text: str | Path, /, **params: Any) -> Spec:
    """Compiles a spec from a file, or from text (anything with a line break).

    Args:
        path_or_text: the file, or the text itself. Files that it names are sought beside it.
        params: parameters of its nets, or sizes of their inputs, by name; texts are read as the
            language reads them.

    Raises:
        CompileError: the spec has errors; it carries all diagnostics.
        OSError: there is no such file, or it cannot be read.

    >>> load("net A:\\n    input x: [2]\\n    dense 3\\n").net().report().params
    9
    """
    spec = read(path_or_text, params)
    spec.judge()
    if any(d.severity == "error" for d in spec.diagnostics):
        raise CompileError(spec.diagnostics)
    return spec


def read(path_or_text: str | Path, params: Mapping[str, Any]) -> Spec:
    """Like `load`, but errors stay in the spec's diagnostics."""
    if isinstance(path_or_text, str) and "\n" in path_or_text:
        return Spec(Source("<text>", path_or_text), params, Path())
    path = Path(path_or_text)
    return Spec(Source(str(path_or_text), decode(path)), params, path.parent)


def decode(path: Path) -> str:
    """A spec's text. Raises OSError, or UnicodeDecodeError if it is not UTF-8 text."""
    return text_of(path.read_bytes())


def text_of(data: bytes) -> str:
    """A spec's bytes as text. Raises UnicodeDecodeError if they are not UTF-8 text."""
    text = data.decode("utf-8")
    if (zero := data.find(b"\0")) >= 0:
        raise UnicodeDecodeError("utf-8", data, zero, zero + 1, "it holds zero bytes")
    return text


def _read(name: str, user: Source) -> Source:
    """Finds the file after `use`: beside its user, or a module that ships with netc."""
    if library.is_module(name):
        return library.read(name)
    if is_revision(user.name):
        inner = beside(user.name, name)
        return Source(inner, text_of(committed(inner)))
    path = Path(user.name).parent / name
    return Source(str(path), decode(path))
