"""Exports: the same cells as XLSX and as CSV, none of them obeyed, none lost."""

import resource
from contextlib import contextmanager

import pytest

from contracts.errors import ExportFailedError, ExportTooLongError
from contracts.names import display, visible
from contracts.text import Text
from look import exporting
from look.exporting import KINDS, MOST_CHARACTERS, Column, Table, cell, export
from tests.support.hostile_names import names, raw_marks
from tests.support.sheets import OBEYED, is_obeyed, lines_of, rows_of, text_of

CHOSEN = (
    *("=1+1", "+1", "-1", "@SUM(A1)", "  =1", "\t=1", "\r\n=1", "＝1+1", "－1", "'", "'=1", "''"),
    *("a;=1", "a; =1", ";", ";'=1", ";;=1", "a;b", "'a';'b'", "x,=1", '",=1'),
    *("<r></is></c><c><f>1+1</f></c><c><is></r>", "<r><t>bold</t></r>", "</t></is></c>", "&lt;"),
    *("_x0041_", "_x005F_", "_x0041_x0042_", "_x0041_x0042_x0043_", "_x0000_", "_xZZZZ_"),
    *("http://example.org/", "mailto:a@example.org", "internal:Sheet1!A1", "file:///etc/passwd"),
    *("0101", "1E5", "00:30", "3/4", "TRUE", "#REF!", "{=1}", " a ", "a\nb", "\ud800", "\ufffe"),
    *("\uffff", "\U0001f600", "\x00\x1b[2J", "\u202e", "", " "),
)
NAMES = tuple(map(display, names(2_000)))
COLUMNS = (Column(Text("一", "one"), 9), Column(Text("二", "two"), 20))


def table(rows, above=(), below=()):
    return Table("甲", Text("题目", "title"), above, COLUMNS, rows, below)


def bytes_of(made):
    body = b"".join(made.pieces())
    assert len(body) == int(made.headers["content-length"])
    assert made.file.closed
    return body


def cells(texts, kind):
    """Return the second column of an export of such cells."""
    body = bytes_of(export(table([(n, text) for n, text in enumerate(texts)]), kind))
    _, _, rows, _ = rows_of(body, kind, 2)
    return [row[1] if len(row) > 1 else "" for row in rows]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("texts", [CHOSEN, NAMES], ids=["chosen", "names"])
def test_no_cell_is_obeyed_and_each_gives_its_text_back(kind, texts):
    found = cells(texts, kind)
    assert [one for one in found if is_obeyed(one)] == []
    assert raw_marks("".join(found)) == set()
    expected = [
        visible(text).replace("\n", "\\u{a}").replace("\t", "\\u{9}")
        .replace("\ufffe", "\\u{fffe}").replace("\uffff", "\\u{ffff}")
        .replace("_x0041_x0042_", "_x0041\\u{5f}x0042_").replace("2_x0043_", "2\\u{5f}x0043_")
        for text in texts
    ]  # fmt: skip
    assert [text_of(one) for one in found] == expected


@pytest.mark.parametrize("texts", [CHOSEN, NAMES], ids=["chosen", "names"])
def test_both_kinds_say_the_same_and_no_two_texts_look_alike(texts):
    assert cells(texts, "xlsx") == cells(texts, "csv")
    assert len(set(map(cell, texts))) == len(set(texts))


@pytest.mark.parametrize("kind", KINDS)
def test_lines_around_a_table_are_made_safe_like_its_cells(kind):
    hurting = ("=1", "<r></r>", "\x1b[2J")
    made = export(table([], above=hurting, below=hurting), kind)
    above, head, rows, below = rows_of(bytes_of(made), kind, 2)
    safe = [["'=1"], ["'<r></r>"], ["\\u{1b}[2J"]]
    assert above == [["题目 / title"], *safe, []]
    assert head == ["一 / one", "二 / two"]
    assert rows == []
    assert below == [["行数 / Rows: 0"], *safe]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("letter", ["执", "\U0001f600", "\u202e"])
def test_a_cell_too_long_for_a_spreadsheet_is_cut_and_says_so(kind, letter):
    (found,) = cells([letter * 40_000], kind)
    assert len(found.encode("utf-16-le")) // 2 <= MOST_CHARACTERS
    kept, _, told = found.partition("… (略去 ")
    left = int(told.split()[0])
    assert len(kept) + left == len(visible(letter * 40_000))
    assert cells(["执" * MOST_CHARACTERS], kind) == ["执" * MOST_CHARACTERS]


@pytest.mark.parametrize("kind", KINDS)
def test_the_rows_are_counted_behind_the_last(kind):
    made = export(table((n, "x") for n in range(1_234)), kind)
    _, _, rows, below = rows_of(bytes_of(made), kind, 2)
    assert [int(row[0]) for row in rows] == list(range(1_234))
    assert below == [["行数 / Rows: 1234"]]


def test_a_file_keeps_its_chinese_name():
    made = export(table([]), "csv")
    assert made.headers["content-disposition"] == "attachment; filename*=UTF-8''%E7%94%B2.csv"
    bytes_of(made)


def test_more_rows_than_a_sheet_holds_are_refused_and_a_csv_holds_them(monkeypatch):
    monkeypatch.setattr(exporting, "MOST_LINES", 100)
    rows = [(n, "x") for n in range(96)]  # title, an empty line, headings, the count
    assert len(lines_of(bytes_of(export(table(rows), "xlsx")), "xlsx")) == 100
    with pytest.raises(ExportTooLongError):
        export(table([*rows, (96, "x")]), "xlsx")
    assert len(lines_of(bytes_of(export(table([*rows, (96, "x")]), "csv")), "csv")) == 101


@contextmanager
def no_file_larger_than(size):
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize("kind", KINDS)
def test_a_disk_that_takes_no_more_is_said(kind):
    with no_file_larger_than(64 * 1024), pytest.raises(ExportFailedError) as refused:
        export(table((n, f"{n} 执" * 50) for n in range(5_000)), kind)
    assert "File too large" in str(refused.value)


def test_what_a_spreadsheet_obeys_is_told_from_what_it_does_not():
    assert all(is_obeyed(f"{mark}1") for mark in OBEYED)
    assert not is_obeyed("'=1; b")
