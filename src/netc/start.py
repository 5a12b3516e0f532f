"""The console script: starts a command, and ends the process as soon as it is done."""

from __future__ import annotations

import errno
import gc
import io
import os
import sys
from contextlib import suppress

os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "1")  # looking for plugins costs 6 ms a start
gc.disable()  # building trees makes no cycles; the collector would take half of the parsing time

OK, BUG, UNWRITTEN, STOPPED = 0, 70, 74, 130
"""Exit statuses; a bug and what cannot be written have the numbers of sysexits.h."""


def run() -> None:
    """Runs the command line and ends the process with its status.

    Taking down the interpreter piece by piece costs 20 ms, and no command leaves anything to do.
    """
    _open_streams()
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # `⌊` on a terminal that cannot show it
            stream.reconfigure(errors="backslashreplace")
    try:
        status = _command(sys.argv[1:])
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else OK
    except KeyboardInterrupt:
        status = STOPPED
    except BrokenPipeError:  # `netc report … | head`: the reader has what it wanted
        status = OK
    except OSError as error:  # a full disk, a closed output: what is read, commands look after
        status = _unwritten(error)
    except Exception as error:  # the last resort: a bug of netc's own, said without a traceback
        if os.environ.get("NETC_DEBUG"):
            raise
        name = type(error).__name__
        from netc.compiler.visible import visible

        print(f"netc has a bug: {name}: {visible(str(error))}", file=sys.stderr)
        print("Set NETC_DEBUG=1 to see where.", file=sys.stderr)
        status = BUG
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except BrokenPipeError:
        status = OK
    except OSError as error:
        status = status if status == UNWRITTEN else _unwritten(error)
    os._exit(status)


class _Closed(io.RawIOBase):
    """Standard input where there is none."""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: object) -> int:
        raise OSError(errno.EBADF, "standard input is closed")


def _open_streams() -> None:
    """Streams that were closed (`>&-`): nothing can be read or printed, errors have no place."""
    if sys.stdin is None:
        sys.stdin = io.TextIOWrapper(io.BufferedReader(_Closed()), encoding="utf-8")
    if sys.stdout is None:
        sys.stdout = os.fdopen(os.open(os.devnull, os.O_RDONLY), "w", encoding="utf-8")
    if sys.stderr is None:
        sys.stderr = os.fdopen(os.open(os.devnull, os.O_WRONLY), "w", encoding="utf-8")


def _unwritten(error: OSError) -> int:
    """Says why the output could not be written; the exit status."""
    reason = "standard output is closed" if error.errno == errno.EBADF else error.strerror
    place = f"{error.filename}: " if error.filename else "the output cannot be written: "
    with suppress(OSError):
        print(f"Error: {place}{reason or error}", file=sys.stderr)
    return UNWRITTEN


def _command(words: list[str]) -> int:
    """A plain `netc check FILE… [--json]` at once, everything else by way of click."""
    if words[:1] == ["check"]:
        from netc.checking import check, request_of

        if (request := request_of(words[1:])) is not None:
            return check(request)
    from netc.cli import command

    return command()
