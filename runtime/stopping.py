"""Ctrl-C, SIGTERM and a closed terminal as a request that the loop answers between two steps.

An exception could strike in the middle of an optimizer's step and leave half of the weights moved.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from msgspec import Struct

HANGUP = getattr(signal, "SIGHUP", None)
SIGNALS = tuple(filter(None, (signal.SIGINT, signal.SIGTERM, HANGUP)))


class Stop(Struct):
    """Whether somebody asked to stop."""

    asked: bool = False


@contextmanager
def listening() -> Iterator[Stop]:
    """Turns the first signal into a request and the second into KeyboardInterrupt.

    A terminal that closes may say so twice, by the system and by the shell: that is one request.
    Outside the main thread Python delivers no signals, and nothing is changed. A signal that the
    process was started to ignore (`nohup`, a background job) stays ignored.
    """
    stop = Stop()

    def answer(number: int, frame: FrameType | None) -> None:
        if stop.asked and number != HANGUP:
            raise KeyboardInterrupt
        stop.asked = True

    if threading.current_thread() is not threading.main_thread():
        yield stop
        return
    before = {s: signal.getsignal(s) for s in SIGNALS if signal.getsignal(s) is not signal.SIG_IGN}
    for number in before:
        signal.signal(number, answer)
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, signal.SIG_DFL if handler is None else handler)
