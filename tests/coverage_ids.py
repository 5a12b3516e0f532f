"""Which coverage ids have a test: `python -m tests.coverage_ids`.

A test names the rows it shows with `covers("CV08")`. The ids are read from the test files' text, so
that the list needs no test run; a table `COVERED` has them by spec. Exit status 1 if an id that the
project has taken on has no test.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

TESTS = Path(__file__).parent

ROWS = """
BA01 BA02 BA03 BA04
AC01 AC02 AC03 AC04 AC05 AC06 AC07 AC08 AC09
IN01 IN02 IN03 IN04 IN05
NO01 NO02 NO03 NO04 NO05 NO06 NO07 NO08 NO09 NO10 NO11 NO12 NO13
CV01 CV02 CV03 CV04 CV05 CV06 CV07 CV08 CV09 CV10 CV11 CV12 CV13 CV14 CV15 CV16 CV17 CV18 CV19
CV20 CV21
PO01 PO02 PO03 PO04 PO05 PO06 PO07 PO08 PO09 PO10 PO11 PO12
CN01 CN02 CN03 CN04 CN05 CN06 CN07 CN08 CN09 CN10 CN11 CN12
BL01 BL02 BL03 BL04 BL05 BL06 BL07 BL08 BL09 BL10
PR01 PR02 PR03 PR04 PR05
DE05 DE06
"""
"""Rows of the coverage table, by its sections 1, 2, 7 to 12, 15 and 27."""

EXAMPLES = """
N001 N002 N004 N005 N006 N007 N008 N009 N010 N011 N012 N013 N014 N015 N016 N017 N018 N028 N029
N031 N039 N040 N041 N043 N045 N046 N048 N051 N054 N058 N059 N064 N065 N067 N068 N072 N073 N074
N075 N079 N080 N081 N082 N083 N084 N085 N086 N087 N088 N089 N090 N093 N097 N098 N100 N101
"""
"""Worked examples of section 28 that need only the layers and commands there are."""

TAKEN_ON = tuple(f"{ROWS} {EXAMPLES}".split())


def covered() -> dict[str, list[str]]:
    """The places that name each id: `tests/test_report.py:31`."""
    found: dict[str, list[str]] = {}
    for file in sorted(TESTS.rglob("test_*.py")):
        for row, line in _named(ast.parse(file.read_text(encoding="utf-8"))):
            found.setdefault(row, []).append(f"{file.relative_to(TESTS.parent)}:{line}")
    return found


def _named(module: ast.Module) -> Iterator[tuple[str, int]]:
    """The ids in every call of something called `covers`, and in tables called `COVERED`."""
    for node in ast.walk(module):
        named: Iterable[ast.AST] = ()
        if isinstance(node, ast.Call) and _last_word(node.func) == "covers":
            named = node.args
        elif isinstance(node, ast.Assign) and _last_word(node.targets[0]) == "COVERED":
            assert isinstance(node.value, ast.Dict)
            named = (inner for value in node.value.values for inner in ast.walk(value))
        for one in named:
            if isinstance(one, ast.Constant):
                yield str(one.value), one.lineno


def _last_word(node: ast.expr) -> str:
    return node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")


def missing() -> list[str]:
    """Ids that the project has taken on and that no test names."""
    found = covered()
    return [row for row in TAKEN_ON if row not in found]


def main() -> int:
    """Prints what is missing; the process's exit status."""
    without = missing()
    for row in without:
        print(f"{row} has no test")
    print(f"{len(TAKEN_ON) - len(without)} of {len(TAKEN_ON)} ids have a test")
    return 1 if without else 0


if __name__ == "__main__":
    sys.exit(main())
