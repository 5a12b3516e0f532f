"""A terminal that closes stops a run as Ctrl-C does."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from netc.runtime.stopping import SIGNALS, listening


@pytest.fixture
def heard() -> Iterator[None]:
    """A test run under `nohup` ignores the signal; here it is heard."""
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGHUP, before)


def send(number: int) -> None:
    os.kill(os.getpid(), number)


def test_a_closed_terminal_asks_once(heard: None) -> None:
    with listening() as stop:
        assert not stop.asked
        send(signal.SIGHUP)
        send(signal.SIGHUP)
        assert stop.asked
    assert signal.getsignal(signal.SIGHUP) is signal.SIG_DFL


def test_a_second_request_stops_at_once(heard: None) -> None:
    with pytest.raises(KeyboardInterrupt), listening():
        send(signal.SIGHUP)
        send(signal.SIGTERM)


def test_nohup_stays_nohup(heard: None) -> None:
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    with listening() as stop:
        send(signal.SIGHUP)
    assert not stop.asked


def test_afterwards_signals_go_where_they_went_before(heard: None) -> None:
    caught: list[int] = []
    signal.signal(signal.SIGHUP, lambda number, frame: caught.append(number))
    with listening():
        send(signal.SIGHUP)
    assert caught == []
    send(signal.SIGHUP)
    assert caught == [signal.SIGHUP]


def test_outside_the_main_thread_nothing_is_changed() -> None:
    before = [signal.getsignal(number) for number in SIGNALS]

    def listen() -> bool:
        with listening() as stop:
            return not stop.asked and before == [signal.getsignal(number) for number in SIGNALS]

    with ThreadPoolExecutor() as pool:
        assert pool.submit(listen).result()
