"""Symbolic sizes equal the integers that they stand for; conditions are right for every integer."""

from __future__ import annotations

from functools import reduce

from hypothesis import example, given, settings
from hypothesis import strategies as st

from netc.compiler import tree
from netc.compiler.conditions import (
    Equation,
    Only,
    Remainders,
    both,
    equal_when,
    holds,
    is_in,
    single_remainders,
    together,
    where_they_hold,
)
from netc.compiler.diagnostics import Log
from netc.compiler.evaluate import evaluate as value_of
from netc.compiler.parse import parse
from netc.compiler.positive import (
    Least,
    Most,
    Positive,
    has_sizes,
    never_positive,
    positive_when,
)
from netc.compiler.sizes import (
    Size,
    Symbolic,
    ceil_div,
    degree,
    evaluate,
    floor_div,
    names_in,
    spec_text,
    symbol,
)
from netc.compiler.source import Source

Program = list[tuple[str, int]]
steps = st.lists(
    st.tuples(st.sampled_from(["+", "*", "//", "-", "ceil", "+H", "*W", "-W"]), st.integers(1, 7)),
    max_size=6,
)
values = st.integers(0, 200)


def run(program: Program, h: Size, w: Size) -> Size:
    """Applies steps to a size; once with names, once with numbers."""
    size = h
    for operator, number in program:
        match operator:
            case "+":
                size = size + number
            case "-":
                size = size - number
            case "*":
                size = size * number
            case "//":
                size = floor_div(size, number)
            case "ceil":
                size = ceil_div(size, number)
            case "+H":
                size = size + h
            case "-H":
                size = size - h
            case "*H":
                size = size * h
            case "*W":
                size = size * w
            case _:
                size = size - w
    return size


@given(steps, values, values)
def test_arithmetic_with_names_is_that_with_numbers(program: Program, h: int, w: int) -> None:
    symbolic = run(program, symbol("H"), symbol("W"))
    assert evaluate(symbolic, {"H": h, "W": w}) == run(program, h, w)
    half = evaluate(symbolic, {"H": h})
    assert evaluate(half, {"W": w}) == run(program, h, w)


@given(steps)
@example([("//", 2), ("*", 3), ("//", 2)])
def test_a_size_as_text_of_the_language_is_read_as_that_size(program: Program) -> None:
    env = {"H": symbol("H"), "W": symbol("W")}
    size = run(program, env["H"], env["W"])
    log = Log()
    (line,) = parse(Source("spec.net", f"size = {spec_text(size)}\n"), log).statements
    assert isinstance(line, tree.Line) and not list(log)
    assert value_of(line.chain.elements[0], env) == size
    assert eval(spec_text(size), dict(env)) == size, "Python reads it alike"


@given(steps)
def test_a_size_for_people_has_no_sign_of_the_language(program: Program) -> None:
    size = run(program, symbol("H"), symbol("W"))
    for text in (str(size), f"{size:,}"):
        assert not set(text) & set("*-") and "//" not in text
        assert text.count("⌊") == text.count("⌋")
    assert f"{size:,}".replace(",", "") == str(size)


@given(steps, steps)
def test_expressions_are_in_one_normal_form(one: Program, other: Program) -> None:
    a, b = run(one, symbol("H"), symbol("W")), run(other, symbol("H"), symbol("W"))
    assert a + b == b + a
    assert a * b == b * a
    assert a - a == 0
    assert (a + b) - b == a
    assert hash(a + b) == hash(b + a)
    assert str(a + b) == str(b + a)
    assert names_in(a) <= {"H", "W"}


@given(st.integers(1, 9), st.integers(-9, 9), st.integers(1, 12), st.integers(1, 12))
def test_floors_of_floors_are_one(factor: int, constant: int, a: int, b: int) -> None:
    size = symbol("H") * factor + constant
    assert floor_div(floor_div(size, a), b) == floor_div(size, a * b)


small = st.lists(
    st.tuples(st.sampled_from(["+", "//", "-", "ceil", "*", "-H", "*H"]), st.integers(1, 5)),
    max_size=4,
)


@given(small, small)
def test_equal_when_is_right_for_every_size(one: Program, other: Program) -> None:
    left, right = run(one, symbol("H"), symbol("W")), run(other, symbol("H"), symbol("W"))
    truth = [evaluate(left, {"H": n}) == evaluate(right, {"H": n}) for n in range(3000)]
    sizes = {n for n in range(1, 3000) if truth[n] and has_sizes([left, right], {"H": n})}
    match equal_when(left, right):
        case True:
            assert all(truth)
        case False:
            assert not sizes
        case Remainders(period=period, remainders=remainders):
            assert truth == [n % period in remainders for n in range(3000)]
        case Only(values=values):
            assert sizes == {n for n in values if n < 3000}
        case Equation():
            assert not all(truth)


@given(st.integers(1, 6), st.integers(1, 6), st.integers(-4, 4))
def test_sums_of_floors_are_known_to_be_equal(a: int, b: int, shift: int) -> None:
    for size in (symbol("H"), symbol("H") * symbol("W"), symbol("H") + 2 * symbol("W")):
        parts: Size = 0
        for n in range(b):  # Hermite's identity
            parts = parts + floor_div(a * size + shift + n, b)
        assert equal_when(parts, a * size + shift) is True
        assert equal_when(parts + 1, a * size + shift) is not True


def test_a_polynomial_with_whole_roots_is_not_always_zero() -> None:
    h = symbol("H")
    assert str(equal_when(h * h + 2, h * 3)) == "H must be 1 or 2"
    assert str(equal_when(h * h + 1, h * 2)) == "H must be 1"
    assert equal_when(h * h + 3, h * 3) is False
    assert isinstance(equal_when(h * h, 10**10), Equation)  # true for 100,000: too far to look


def test_values_beside_a_rule_are_not_left_out() -> None:
    h = symbol("H")
    odd = h - h // 2 * 2  # 1 where H is odd, else 0
    assert str(equal_when(odd * h, odd * (h + 2))) == "H must be even"
    assert isinstance(equal_when(odd * h, odd * 5), Equation)  # for even ones, and for 5


def test_several_remainders_are_said_as_one_where_they_are() -> None:
    said = [
        str(Remainders("H", p, frozenset(r))) for p, r in ((4, {0, 2}), (4, {1, 3}), (6, {1, 4}))
    ]
    assert said == [
        "H must be even",
        "H must be odd",
        "H must be 1 more than a multiple of 3",
    ]
    uneven = Remainders("H", 6, frozenset({1, 3}))
    assert str(uneven) == "H divided by 6 must leave 1, 3"


def test_numbers_are_below_1_or_not() -> None:
    assert [never_positive(n) for n in (-1, 0, 1)] == [True, True, False]


def test_few_values_are_said_as_they_are() -> None:
    h = symbol("H")
    assert str(equal_when(h // 32, 7)) == "H must be 224 to 255"
    assert str(equal_when(h // 2, 7)) == "H must be 14 or 15"

    assert str(equal_when((h - 5) * (h - 9) * h + 1, 1)) == "H must be 5 or 9"
    assert str(Only("H", frozenset({1, 2, 5, 7, 8, 9}))) == "H must be 1, 2, 5 or 7 to 9"


@settings(deadline=None)
@given(small)
@example([("+", 3), ("-H", 1), ("-H", 1), ("*H", 1)])
def test_positive_when_is_right_for_every_size(program: Program) -> None:
    size = run(program, symbol("H"), symbol("W"))
    truth = [int(str(evaluate(size, {"H": n}))) >= 1 for n in range(1, 3000)]
    match positive_when([size]):
        case []:
            assert isinstance(size, int) or all(truth)
        case [Least(value=value)]:
            assert truth[value - 1 :] == [True] * (3000 - value)
            assert not truth[value - 2]
        case [Most(value=value)]:
            assert truth == [n <= value for n in range(1, 3000)]
        case [Positive(size=plain)]:
            assert not all(truth)
            assert [has_sizes([plain], {"H": n}) for n in range(1, 3000)] == truth


@given(steps, st.lists(st.tuples(st.integers(1, 40), st.integers(1, 40)), min_size=30))
def test_positive_when_is_right_for_sizes_of_several_names(
    program: Program, places: list[tuple[int, int]]
) -> None:
    h, w = symbol("H"), symbol("W")
    sizes = [run(program, h, w), floor_div(run(program, w, h) + h, 3), (h - 4) * (w - 2)]
    sizes += [(h - 3) // 2, (w - 2) // 3]
    asked = positive_when(sizes)
    for a, b in places:
        values_ = {"H": a, "W": b}
        assert all(holds(one, values_) for one in asked) == has_sizes(sizes, values_)


def test_the_largest_sizes_are_said() -> None:
    h, w = symbol("H"), symbol("W")
    assert together(positive_when([41 - h, 8 - (h - 1) // 2, 6 - w])) == (
        "H must be at most 16", "W must be at most 5"
    )  # fmt: skip
    assert together(positive_when([(h + w) // 3, h * w - 1])) == (
        "H + W must be at least 3", "H·W must be at least 2"
    )  # fmt: skip
    assert together(positive_when([9 - h - 2 * w])) == ("H + 2·W must be at most 8",)
    assert together(positive_when([h - 4, w - 2, (h - 4) * (w - 2)])) == (
        "H must be at least 5", "W must be at least 3"
    )  # fmt: skip
    assert together([Only("H", frozenset({2, 4, 6})), *positive_when([h - 2, 6 - h])]) == (
        "H must be 4",
    )


@given(small)
def test_never_positive_is_right_for_every_size(program: Program) -> None:
    size = run(program, symbol("H"), symbol("H"))
    truth = any(int(str(evaluate(size, {"H": n}))) >= 1 for n in range(1, 3000))
    assert not (truth and never_positive(size))
    assert truth or never_positive(size) or degree(size, "H") > 1


@given(steps, st.integers(1, 24), st.integers(0, 23), st.integers(1, 12), values, values)
def test_a_size_where_conditions_hold_is_the_size(
    program: Program, p: int, rest: int, q: int, h: int, w: int
) -> None:
    size = run(program, symbol("H"), symbol("W"))
    rules = [Remainders("H", p, frozenset({rest % p})), Remainders("W", q, frozenset({0}))]
    known = single_remainders(rules)
    assert known == {
        name: rule for name, rule in (("H", (p, rest % p)), ("W", (q, 0))) if rule[0] > 1
    }
    values_ = {"H": h * p + rest % p, "W": w * q}
    assert evaluate(where_they_hold(size, known), values_) == evaluate(size, values_)


def test_roundings_that_change_nothing_go() -> None:
    h, w = symbol("H"), symbol("W")
    asked = [Remainders("H", 4, frozenset({0, 2})), Remainders("H", 16, frozenset({4, 12, 14}))]
    assert single_remainders(asked) == {}
    known = single_remainders([*asked, Remainders("H", 8, frozenset({6})), Least("H", 9)])
    assert known == {"H": (16, 14)}
    assert str(where_they_hold(16 * ((h - 14) // 16) * w - 172 * w, known)) == "H·W − 186·W"
    assert str(where_they_hold(h // 2, known)) == "⌊H/2⌋"  # and not H/2: sizes are whole
    assert str(where_they_hold(2 * (h // 2) + w // 2, known)) == "2·⌊H/2⌋ + ⌊W/2⌋"


def test_smallest_sizes_are_said_once() -> None:
    h, w = symbol("H"), symbol("W")
    sizes = [(size - 3) // 2 + 1 for size in (h, w)] + [h * w, 3, (h - 9) // 4 + 1]
    assert together(positive_when(sizes)) == ("H must be at least 9", "W must be at least 3")
    multiple = equal_when(h // 16 * 16, h)
    assert not isinstance(multiple, bool)
    assert together([multiple, *positive_when([h // 16])]) == ("H must be a multiple of 16",)
    assert together(positive_when([h - w])) == ("H − W must be at least 1",)


@given(st.lists(st.tuples(st.integers(1, 12), st.integers(0, 11)), min_size=1, max_size=3))
def test_conditions_together_hold_where_each_does(parts: list[tuple[int, int]]) -> None:
    conditions = [Remainders("H", p, frozenset({r % p})) for p, r in parts]
    fitting = {n for n in range(2000) if all(n % c.period in c.remainders for c in conditions)}
    left = reduce(lambda one, other: both(one, other) or one, conditions)
    assert {n for n in range(2000) if is_in(n, left)} == fitting
    few = Only("H", frozenset({1, 6, 12, 35}))
    assert both(few, left) == both(left, few) == Only("H", few.values & fitting)


def test_conditions_too_long_to_join_stand_side_by_side() -> None:
    one, other = Remainders("H", 4001, frozenset({0})), Remainders("H", 4003, frozenset({0}))
    assert both(one, other) is None
    assert together([one, other]) == (
        "H must be a multiple of 4001",
        "H must be a multiple of 4003",
    )
    assert both(one, Remainders("H", 8002, frozenset({1}))) == Remainders("H", 8002, frozenset())


def test_conditions_read_as_people_say_them() -> None:
    h, w = symbol("H"), symbol("W")
    assert str(equal_when(h // 2 * 2, h)) == "H must be even"
    assert str(equal_when(h // 4 * 4, h)) == "H must be a multiple of 4"
    assert str(equal_when((h - 1) // 2 * 2 + 1, h)) == "H must be odd"
    found = [equal_when(size // n * n, size) for size in (h, w) for n in (2, 4)]
    assert together([c for c in found if not isinstance(c, bool)]) == (
        "H and W must be multiples of 4",
    )
    assert isinstance(equal_when(h, w), Equation)
    assert str((h - 1) // 2 + 1) == "⌊(H − 1)/2⌋ + 1"
    assert isinstance(h * 0 + 3, int) and isinstance(h, Symbolic)
