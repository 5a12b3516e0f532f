"""docs/layers/ says what the layers' classes say. `--rewrite-goldens` writes the pages anew."""

from __future__ import annotations

import pytest
from compiling import findings
from layer_page import FOLDER, index, layer_of, page, spec

from netc.compiler.layers import words

every_word = pytest.mark.parametrize("word", words())


def held(name: str, text: str, config: pytest.Config) -> None:
    file = FOLDER / f"{name}.md"
    if config.getoption("--rewrite-goldens"):
        file.write_text(text, "utf-8")
    assert file.is_file(), f"write {file.name}: pytest tests/test_layer_pages.py --rewrite-goldens"
    assert file.read_text("utf-8") == text


@every_word
def test_the_page_of_a_layer_is_what_its_class_says(word: str, pytestconfig: pytest.Config) -> None:
    held(word, page(word), pytestconfig)


def test_the_index_lists_every_layer(pytestconfig: pytest.Config) -> None:
    held("README", index(), pytestconfig)
    assert {file.stem for file in FOLDER.glob("*.md")} == {"README", *words()}


@every_word
def test_a_refused_line_is_refused_by_the_compiler_too(word: str) -> None:
    """`refused` is read without the parser in tests/layers; here the whole compiler says no."""
    for line, flows, piece in layer_of(word).refused:
        errors = [d for d in findings(spec(line, flows)) if d.severity == "error"]
        assert [piece in d.message + d.hint for d in errors] == [True], (line, errors)
