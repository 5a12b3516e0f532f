"""Characters that steer a terminal, shown instead of obeyed: text of a spec is somebody's text."""

from __future__ import annotations

_STEERING = (
    *range(0x20),
    *range(0x7F, 0xA0),  # DEL, and the C1 controls: 0x9b begins a sequence as ESC [ does
    *(0x061C, 0x200E, 0x200F, 0x2028, 0x2029),  # marks of direction, ends of lines
    *range(0x202A, 0x202F),
    *range(0x2066, 0x206A),  # embeddings, overrides, isolates: text would be read in another order
)
_SHORT = {"\n": "\\n", "\r": "\\r"}
_SHOWN = {
    code: _SHORT.get(chr(code), f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}")
    for code in _STEERING
    if chr(code) != "\t"
}
_LINES_SHOWN = {code: text for code, text in _SHOWN.items() if code != ord("\n")}
_JSON = {code: f"\\u{code:04x}" for code in _STEERING if code >= 0x7F}


def visible(text: str) -> str:
    """The text with C0 and C1 controls, DEL and marks of direction as escapes; tabs stay.

    >>> print(visible("red\\x1b[31m, \\u202eback"))
    red\\x1b[31m, \\u202eback
    """
    return text if text.isprintable() else text.translate(_SHOWN)


def visible_lines(text: str) -> str:
    """The same for a text of several lines, whose ends stay."""
    return text if text.isprintable() else text.translate(_LINES_SHOWN)


def visible_json(text: str) -> str:
    """JSON with what `json.dumps` leaves of them as its escapes: it means the same."""
    return text.translate(_JSON)
