"""`allow`: warnings switched off where they stand."""

from __future__ import annotations

from pathlib import Path

import pytest
from compiling import findings
from linting import of_lines, recipe, warnings

WARNED = "    input x: [64]\n    dense 50 -> dense 10\n"


@pytest.mark.parametrize(
    ("text", "codes"),
    [
        ("net N:\n" + WARNED, ["W0302"]),
        ("net N:\n    allow W0302\n" + WARNED, []),
        ("allow W0302\nnet N:\n" + WARNED, []),
        ("net N:\n" + WARNED + "\nallow W0302, W0303\n", ["W0202"]),
        ("allow W0202\nnet N:\n    allow W0302, W0303\n" + WARNED, []),
        ("net N(unused=1):\n    allow W0201\n" + WARNED, ["W0302"]),
        ("net M:\n    allow W0302\n" + WARNED + "net N:\n" + WARNED, ["W0302"]),
        ("block B:\n    allow W0302\n    dense 50 -> dense 9\n\nnet N:\n    input x: [64]\n    B\n",
         []),
        ("block B:\n    dense 50 -> dense 9\n\nnet N:\n    allow W0302\n    input x: [64]\n    B\n",
         ["W0202", "W0302"]),
        ("net N:\n    allow N0301\n    input x: [3, H]\n    residual: conv 3, 2, stride=2 -> "
         "conv_transpose 3, 2, stride=2\n", []),
    ],
)  # fmt: skip
def test_allow_switches_a_warning_off_where_it_stands(text: str, codes: list[str]) -> None:
    assert sorted(warnings(text)) == codes


def test_allow_in_a_train_block_is_about_its_training() -> None:
    text = recipe("dense 10 -> softmax", 'npz "rows.npz"', "cross_entropy")
    assert warnings(text) == ["W0601"]
    allowed = text.replace("    data", "    allow W0601\n    data")
    assert warnings(allowed) == []
    in_the_net = text.replace("    input", "    allow W0601\n    input")
    assert warnings(in_the_net) == []
    two = text.replace("net N", "net M").replace("train N", "train M") + "\n" + allowed
    assert warnings(two) == ["W0601"]


def test_nothing_is_said_of_what_had_no_chance() -> None:
    block = "allow W0303\n\nblock B(n):\n    allow W0201, W0302\n    dense 64 -> dense n\n"
    assert warnings(block) == []
    assert warnings(block + "\nnet N:\n    input x: [4]\n    dense 3\n") == []
    wrong = "net N:\n    allow W0302\n    input x: [4]\n    dens 3\n"
    assert warnings(wrong) == ["E0201"]


def test_allow_of_a_used_file_is_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("blocks.net").write_text(
        "allow W0302, W0303\n\nblock B:\n    dense 50 -> dense 9\n", encoding="utf-8"
    )
    Path("nets.net").write_text(
        'use "blocks.net": B\n\nnet N:\n    input x: [64]\n    B\n', encoding="utf-8"
    )
    from netc.api import read

    assert read("nets.net", {}).diagnostics == ()


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("allow", "E0209 `allow` takes the codes of warnings"),
        ("allow 3", "E0209 `allow` takes the codes of warnings"),
        ("allow W0302 -> relu", "E0209 `allow` takes the codes of warnings"),
        ("allow code=W0302", "E0209 `allow` takes the codes of warnings"),
        ("allow W0302:\n        dense 3", "E0209 `allow` takes the codes of warnings"),
        ("allow W9999", "E0201 there is no warning `W9999`"),
        ("allow E0301", "E0210 `E0301` is an error, and errors cannot be allowed"),
        ("residual:\n        allow W0302\n        dense 64", "E0209 `allow` is about a whole net"),
        ("repeat 2:\n        allow W0302\n        dense 64", "E0209 `allow` is about a whole net"),
    ],
)
def test_allow_takes_codes_of_warnings_only(line: str, said: str) -> None:
    found = [f"{d.code} {d.message}" for d in findings(f"net N:\n    {line}\n{WARNED}")]
    assert any(message.startswith(said) for message in found), found


def test_a_value_may_be_called_allow() -> None:
    assert of_lines("allow = dense 3\nrelu", "[64]") == []
