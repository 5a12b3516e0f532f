"""Every golden page says what the compiler says; every hint that offers an edit keeps its word."""

from __future__ import annotations

import re

import pytest
from compiling import REPOSITORY
from goldens import (
    CATALOGUE,
    Case,
    as_json,
    cases,
    json_file,
    numbers_of_lines,
    pages,
    rewrite,
)
from mistake_pages import cases as mistakes

from netc.fixing import badness
from netc.pages import codes, page

CASES = cases()
MISTAKES = mistakes()
WRONG = [case for case in CASES if case.page.parent == CATALOGUE]
BY_RUNNING = {"E0111", "E0605"}
"""Codes that no text of a spec has: of files that cannot be read, and of data that is read when
training starts."""


@pytest.mark.covers("PR01")
@pytest.mark.parametrize("case", CASES, ids=str)
def test_page_says_what_the_compiler_says(case: Case, request: pytest.FixtureRequest) -> None:
    if request.config.getoption("--rewrite-goldens"):
        rewrite(case.page)
        return
    assert case.said() == case.text


@pytest.mark.parametrize("name", sorted({case.page.stem for case in WRONG}))
def test_json_says_the_same(name: str, request: pytest.FixtureRequest) -> None:
    file = CATALOGUE / f"{name}.md"
    if request.config.getoption("--rewrite-goldens"):
        return  # written with the page
    assert json_file(file).read_text(encoding="utf-8") == as_json(cases([file]))


def test_there_are_at_least_sixty_wrong_specs() -> None:
    assert len({case.spec for case in WRONG if "error[" in case.text}) >= 60


def test_every_block_of_a_page_is_a_case() -> None:
    for file in pages():
        text = file.read_text(encoding="utf-8")
        assert len(re.findall(r"^```text$", text, re.MULTILINE)) == len(cases([file])), file


def test_every_finding_of_a_page_names_a_place_in_its_spec() -> None:
    for case in CASES:
        if case.kind == "net" and not case.beside:
            for number in numbers_of_lines(case.text):
                assert 1 <= number <= max(len(case.spec.splitlines()), 1), case


def used_codes() -> set[str]:
    """Every code that the compiler and the command line can say."""
    found: set[str] = set()
    for folder in ("compiler", "src/netc"):
        for file in sorted((REPOSITORY / folder).rglob("*.py")):
            found |= set(re.findall(r'"([EWN]\d{4})"', file.read_text(encoding="utf-8")))
    return found


def test_every_code_has_a_page_and_every_page_a_code() -> None:
    assert set(codes()) == used_codes()


@pytest.mark.parametrize("name", codes())
def test_a_page_teaches_its_code_and_shows_it(name: str) -> None:
    text = page(name)
    assert text is not None
    title, _, rest = text.partition("\n")
    assert re.fullmatch(rf"# {name}: .+[^.]", title)
    assert len(rest.split("\n## ")[0].split()) >= 25, "the paragraph that teaches is short"
    shown = [case for case in cases([CATALOGUE / f"{name}.md"]) if f"[{name}]" in case.text]
    assert shown or name in BY_RUNNING


def test_there_is_no_page_of_a_code_that_is_none() -> None:
    assert page("E9999") is None
    assert page("../../README") is None


EDITED = [case for case in WRONG if any(d.edits for d in case.findings())]


@pytest.mark.parametrize("case", EDITED, ids=str)
def test_each_edit_mends_its_finding(case: Case) -> None:
    before = case.findings()
    for diagnostic in before:
        if diagnostic.edits:
            after = case.with_edits(diagnostic.edits).findings()
            assert badness(after) < badness(before), diagnostic.message


@pytest.mark.parametrize("case", EDITED, ids=str)
def test_a_spec_with_all_edits_made_is_right(case: Case) -> None:
    """Where some findings offer no edit, those are left, and what they hid."""
    alone = [d for d in case.findings() if not d.edits]
    left = [d for d in case.mended().findings() if d.severity != "note"]
    assert not [d.message for d in left if d.edits]
    assert alone or not left, [d.message for d in left]


@pytest.mark.parametrize("case", EDITED, ids=str)
def test_a_spec_compiles_after_the_edits_of_three_rounds(case: Case) -> None:
    text, rounds = case, 0
    while rounds < 3 and (edits := [edit for d in text.findings() for edit in d.edits]):
        text, rounds = text.with_edits(edits), rounds + 1
    assert not [d.message for d in text.findings() if d.severity == "error"]


@pytest.mark.parametrize("case", EDITED, ids=str)
def test_hint_and_edit_tell_one_story(case: Case) -> None:
    for diagnostic in case.findings():
        for edit in diagnostic.edits:
            for word in edit.text.replace(",", " ").replace(":", " ").split():
                assert word in diagnostic.hint, (edit.text, diagnostic.hint)


_SIGNS = "⌊⌋⌈⌉·−²³"
"""Of sizes as people write them; the language has none of these."""


def test_sizes_are_written_in_one_way_for_people_and_in_another_for_specs() -> None:
    seen = 0
    for case in [*CASES, *MISTAKES]:
        for found in case.findings():
            said = [found.message, found.hint, *(label.text for label in found.labels)]
            assert not [text for text in said if "floor(" in text or re.search(r"\w\*⌊", text)]
            seen += sum("⌊" in text for text in said)
            code = [edit.text for edit in found.edits] + re.findall(r"`([^`]*)`", found.hint)
            assert not [text for text in code if set(_SIGNS) & set(text)], found.hint
    assert seen >= 50


def test_many_hints_offer_an_edit() -> None:
    assert len(EDITED) >= 40
