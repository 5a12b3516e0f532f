"""A plausible mistake in a shipped spec: the first finding points at it, and its edits mend it."""

from __future__ import annotations

import re
from collections import Counter

import pytest
from mistake_pages import Case, cases, lines_of, pages, rewrite

CASES = cases()


@pytest.mark.parametrize("case", CASES, ids=str)
def test_page_says_what_the_compiler_says(case: Case, request: pytest.FixtureRequest) -> None:
    if request.config.getoption("--rewrite-goldens"):
        rewrite(case.page)
        return
    assert case.said() == case.text
    assert case.edited() == case.mended


@pytest.mark.parametrize("case", CASES, ids=str)
def test_first_finding_points_at_the_mistake_or_at_what_it_breaks(case: Case) -> None:
    shown = lines_of(case.findings()[0], case.file)
    assert shown & (case.places() | case.broken()), (shown, case.places(), case.broken())


@pytest.mark.parametrize("case", CASES, ids=str)
def test_edits_of_the_first_finding_make_the_spec_compile(case: Case) -> None:
    assert case.is_mended()


def test_every_diff_of_a_page_is_a_case() -> None:
    for page in pages():
        text = page.read_text(encoding="utf-8")
        assert len(re.findall(r"^## ", text, re.MULTILINE)) == sum(c.page == page for c in CASES)


def test_each_family_has_ten_mistakes() -> None:
    counts = Counter(case.page.stem for case in CASES)
    assert {page.stem for page in pages()} == set(counts)
    assert not {name: count for name, count in counts.items() if count < 10}
