"""`netc explain CODE` prints a page of the catalogue."""

from __future__ import annotations

import json
import re

import pytest
from click.testing import CliRunner, Result

from netc import pages
from netc.cli import main


def netc(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["explain", *arguments], catch_exceptions=False)


@pytest.mark.parametrize("as_json", [False, True])
def test_a_code_prints_its_page(as_json: bool) -> None:
    for code in pages.codes():
        shown = netc(code.lower(), *(["--json"] if as_json else [])).stdout
        page = pages.page(code)
        assert (json.loads(shown) == {"code": code, "page": page}) if as_json else (shown == page)
    assert len(pages.codes()) > 40


def test_an_unknown_code_is_one_line_with_the_nearest() -> None:
    missed = netc("E9301")
    assert (missed.exit_code, missed.stdout) == (2, "")
    told = r"Error: no finding has the code E9301; did you mean E\d{4}\?\n"
    assert re.fullmatch(told, missed.stderr)
