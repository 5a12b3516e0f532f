"""`expect` lines of every form: which hold, which are false, which cannot be judged."""

from __future__ import annotations

import pytest
from compiling import errors_of, findings, net_of

DENSE = "net N:\n    input x: [4]\n    dense 3\n    expect {}\n"
"""12 weights and 3 biases of 4 bytes; at inference its 4 inputs and 3 outputs."""


@pytest.mark.parametrize(
    ("claim", "code"),
    [
        ("params == 15", ""),
        ("params == 15..20", ""),
        ("params == 10..15", ""),
        ("params == 1..14", "E0502"),
        ("params == 16..20", "E0502"),
        ("params != 16..20", ""),
        ("params != 1..20", "E0502"),
        ("15 <= params", ""),
        ("15 < params", "E0502"),
        ("memory.weights == 60", ""),
        ("memory.inference == 28", ""),
        ("memory == 88", ""),
        ("output == [3]", ""),
        ("output != [3]", "E0502"),
        ("output == [3, 1]", "E0502"),
        ("output != [3, 1]", ""),
        ("output <= [3]", ""),
        ("output <= [2]", "E0502"),
        ("output <= [3, 3]", "E0503"),
        ("output <= 3", "E0503"),
        ("params + 15", "E0503"),
        ("params", "E0503"),
        ("yes", "E0503"),
        ("params == 15 and macs == 12", ""),
        ("params == 15 and macs == 13", "E0502"),
    ],
)
def test_a_claim_is_judged(claim: str, code: str) -> None:
    errors = errors_of(DENSE.format(claim))
    assert [error.split()[:2] for error in errors] == ([["4", code]] if code else [])


@pytest.mark.parametrize(
    ("operator", "more", "code"),
    [
        (">=", 0, ""),
        (">", 0, "E0503"),
        ("<", 0, "E0502"),
        ("<=", 0, "E0503"),
        ("==", 0, "E0503"),
        ("<", 1, "E0503"),
        ("<=", -1, "E0502"),
        ("==", -1, "E0502"),
        ("!=", -1, ""),
        (">", -1, ""),
    ],
)
def test_of_an_lstm_the_least_that_memory_is_may_decide(
    operator: str, more: int, code: str
) -> None:
    text = "net N:\n    input x: [5, 4]\n    lstm 8\n"
    found = net_of(text).report()
    assert found.inference_peak is None and found.least_peaks is not None
    claim = f"memory.inference {operator} {found.least_peaks[0] + more}"
    errors = errors_of(f"{text}    expect {claim}\n")
    assert [error.split()[1] for error in errors] == ([code] if code else [])


@pytest.mark.parametrize(
    ("shape", "claim", "sizes"),
    [
        ("[T, 4]", "macs == 12*8", ", T=224"),
        ("[T, 4]", "output == [7, 3]", ", T=224"),
        ("[T, 4]", "params == 15*T", ", T=224"),
        ("[T, 4]", "params == 16..20*T", ", T=224"),
        ("[H, W, 4]", "flops <= 1_000", ", H=224, W=224"),
    ],
)
def test_what_depends_on_open_sizes_is_claimed_for_some(shape: str, claim: str, sizes: str) -> None:
    text = f"net N:\n    input x: {shape}\n    dense 3\n    expect {claim}"
    (wrong,) = findings(text + "\n")
    assert wrong.code == "E0503"
    assert f"behind the claim: `{sizes}`; or write numbers in the input" in wrong.hint
    assert [error.split()[1] for error in errors_of(f"{text}{sizes}\n")] == ["E0502"]


def test_memory_is_known_for_numbers_in_the_input_only() -> None:
    text = "net N:\n    input x: [T, 4]\n    dense 3\n    expect memory == 60 + 7*28\n"
    for sizes in ("", ", T=7"):
        (wrong,) = findings(text.replace("28\n", f"28{sizes}\n"))
        assert (wrong.code, wrong.hint) == ("E0503", "write numbers in the input")
    assert errors_of(text.replace("T", "7")) == []
