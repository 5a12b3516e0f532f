"""Every golden page says what the compiler says."""

from __future__ import annotations

import pytest
from goldens import Case, cases, rewrite, said


@pytest.mark.covers("PR01")
@pytest.mark.parametrize("case", cases(), ids=str)
def test_page_says_what_the_compiler_says(case: Case, request: pytest.FixtureRequest) -> None:
    if request.config.getoption("--rewrite-goldens"):
        rewrite(case.page)
        return
    assert said(case.spec) == case.text


def test_there_are_at_least_forty_bad_specs() -> None:
    bad = [case for case in cases() if "error[" in case.text]
    assert len(bad) >= 40


def test_every_finding_of_a_page_names_a_place_in_its_spec() -> None:
    for case in cases():
        for number in (
            int(line.split("|")[0]) for line in case.text.splitlines() if _numbered(line)
        ):
            assert 1 <= number <= len(case.spec.splitlines()), case


def _numbered(line: str) -> bool:
    return line.split("|")[0].strip().isdigit() and " | " in line
