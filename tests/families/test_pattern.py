"""Patterns of profiles: what they know, what is refused, and that none can hang."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.families.pattern import PATTERN_MAX, compiled


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        ("OK", "OK"),
        (r"BAT=(?P<percent>\d+)%", "BAT=87%"),
        ("(?:OK|DONE)(?:!)?", "DONE"),
        ("(?P<a>x|y)?z", "z"),
        ("(?P<a>(?P<b>x)|y|z)?(?:(?P<c>x)?y)?w", "xyw"),
        (r"\x41[^,\]]+,[a-f0-9]{2}-{3}.{1,}", "Axyz,0f---\xe9."),
        (r"\$\.\[\]\\", "$.[]\\"),
        ("", ""),
    ],
)
def test_a_pattern_fits_what_it_says(pattern, text):
    assert compiled(pattern).fullmatch(text)


def test_only_the_whole_text_fits():
    assert compiled("OK").fullmatch("OK ") is None
    assert compiled("OK").fullmatch("x OK") is None


def test_groups_are_told_by_name():
    found = compiled(r"(?P<free>\d+)/(?P<total>\d+)").fullmatch("20/30")
    assert found.groupdict() == {"free": "20", "total": "30"}


@pytest.mark.parametrize(
    ("pattern", "text"), [(".*x", "aax"), (r"\d+0", "100"), ("(?:a|ab)", "ab"), ("a?a", "a")]
)
def test_what_is_taken_is_not_given_back(pattern, text):
    assert compiled(pattern).fullmatch(text) is None


@pytest.mark.parametrize(
    "pattern",
    [
        "(a+)+", "(?:a+)+", "(?:a*)*b", "(?:a|a){9}", "(?P<a>a+)*", "a+?", "a**", "^a$", r"\bx",
        r"(?P<a>x)\1", "(?=a)", "(?!a)", "(?<=a)b", "(a)", "(?:a", "a)", "[a", "*", "{3}", "\\",
        "(?i)a",
        "(?P<A>x)", "(?P<a>x)(?P<a>y)", "[b-a]", r"\x4", "a{3,1}", "x" * (PATTERN_MAX + 1),
        "(?:a)+",
    ],
)  # fmt: skip
def test_anything_else_is_refused(pattern):
    with pytest.raises(ValueError, match=r"."):
        compiled(pattern)


@pytest.mark.parametrize(
    ("pattern", "zh", "en"),
    [
        ("x(a+)+", "不支持", r"a group is .* may follow it: '\(a\+\)\+' \(2\)$"),
        ("a)", "多余的", r"one too many: '\)' \(2\)"),
        ("(?:a", "没有闭合", r"not closed: '\('"),
        ("[b-a]", "不成样式", "no pattern: bad character range"),
        ("x" * (PATTERN_MAX + 1), "样式过长", f"too long: {PATTERN_MAX + 1}"),
    ],
)
def test_what_is_refused_says_why_and_where_in_both_languages(pattern, zh, en):
    with pytest.raises(ValueError, match=f"^{zh}.* / .*{en}"):
        compiled(pattern)


def test_a_group_that_was_not_there_tells_nothing():
    found = compiled("(?P<a>(?P<b>x)|y)?z(?P<c>w)?").fullmatch("yz")
    assert found.groupdict() == {"a": "y", "b": None, "c": None}


HOSTILE = [
    "(?:a|a)" * 40 + "b",
    r"\d*" * 60 + "x",
    ".*" * 100,
    "(?:(?:a|aa)(?:a|aa)|(?:a|aa)(?:a|aa))" * 7 + "b",
    "a?" * 100 + "a" * 90,
    "(?:a?b?|a?)?" * 20,
]


@pytest.mark.parametrize("pattern", HOSTILE)
@pytest.mark.parametrize("text", ["a" * 1024, "1" * 1024])
def test_a_pattern_made_to_hang_does_not(pattern, text):
    compiled(pattern).fullmatch(text)  # an ordinary engine would still be at it tomorrow


ATOMS = st.sampled_from([r"\d", "a", ".", "[a-c]", "(?:", "(?P<n>", ")", ")?", "|"])
MANY = st.sampled_from(["", "", "*", "+", "?", "{2,9}"])


@given(st.lists(st.tuples(ATOMS, MANY), max_size=40), st.sampled_from(["a" * 500, "ab1" * 300]))
def test_whatever_is_accepted_ends(parts, text):
    pattern = "".join(atom + (many if atom[-1] not in ":>)?|" else "") for atom, many in parts)
    try:
        found = compiled(pattern)
    except ValueError:
        return
    found.fullmatch(text)
