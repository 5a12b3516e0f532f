"""Words with a meaning of their own, and names that nobody can have."""

from __future__ import annotations

PLACEHOLDER = "_"
"""What the parser puts in the place of a line it could not read; later stages pass over it."""
STRUCTURE = (
    "branch", "inception", "parallel", "repeat", "residual", "scan", "sequential", "shortcut",
    "when",
)  # fmt: skip
INLINE = "inline"
"""The word before a block or a repeat that takes away its level of names."""
DEFINING = ("block", "net", "train", "use")
DECLARING = frozenset(("input", "param"))
CLAIMING = ("expect", "init", "input", "output", "param", "share")
"""Words that begin a line of a definition and are no layers."""
CONSTANTS = ("yes", "no", "none")
LATER = {
    "scan": "cells of one's own",
    "state": "cells of one's own",
    "generate": "decoding",
    "noise": "several nets in one training",
}
"""Words of the language whose meaning is not built yet: said plainly instead of guessed."""
_INSTEAD = {
    "scan": "the cells that are built are `rnn`, `gru` and `lstm`",
    "state": "the cells that are built are `rnn`, `gru` and `lstm`",
}

_TAKEN = frozenset(("F", "Tensor", "math", "nn", "range", "self", "super", "torch"))
"""Names that the emitted file uses for itself."""


def not_built(word: str) -> tuple[str, str]:
    """What is said of a word whose meaning is not built yet, and what can be written instead."""
    return f"`{word}` ({LATER[word]}) is not built yet", _INSTEAD.get(word, "take it out")


def as_python_reads(text: str) -> str:
    """A name in the normal form that Python gives it (NFKC): `a²` is read as `a2`."""
    if text.isascii():
        return text
    from unicodedata import normalize

    return normalize("NFKC", text)


def forbidden_name(text: str) -> str | None:
    """Why a name cannot stand in the emitted file; None if it can."""
    import keyword

    from netc.compiler.reserved import MODULE_ATTRIBUTES

    if (read := as_python_reads(text)) != text or not text.isidentifier():
        reads = f"Python reads `{text}` as `{read}`" if read != text else f"`{text}` is no name"
        return f"{reads}, and the PyTorch file keeps names"
    if keyword.iskeyword(text) or text in _TAKEN:
        return f"`{text}` has a meaning in Python, and names are kept in the PyTorch file"
    if text in MODULE_ATTRIBUTES or text.startswith("__"):
        return f"every torch module has an attribute `{text}`, and the PyTorch file keeps names"
    return None
