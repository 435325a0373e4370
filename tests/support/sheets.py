"""Reads exports back as a strict program reads them, and takes their apostrophes away again."""

import csv
import io
import re
import zipfile
from xml.etree import ElementTree as ET

_MAIN = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
_CELL_HOLDS = {f"{_MAIN}{name}" for name in ("c", "v", "is", "t")}
_PARTS = {
    "[Content_Types].xml", "_rels/.rels", "docProps/app.xml", "docProps/core.xml",
    "xl/_rels/workbook.xml.rels", "xl/styles.xml", "xl/theme/theme1.xml", "xl/workbook.xml",
    "xl/worksheets/sheet1.xml",
}  # fmt: skip
OBEYED = tuple("=+-@＝＋－＠\t\r\n")


def lines_of(body, kind):
    """Return every line of an export without the empty cells at its end, as the cells say it."""
    lines = _of_xlsx(body) if kind == "xlsx" else _of_csv(body)
    return [_trimmed(line) for line in lines]


def rows_of(body, kind, columns):
    """Return the lines below the headings that are as wide as the table, and those around them."""
    lines = lines_of(body, kind)
    head = next(place for place, line in enumerate(lines) if len(line) == columns)
    end = next(place for place, line in enumerate(lines) if line[:1] and _counts(line[0]))
    return lines[:head], lines[head], lines[head + 1 : end], lines[end:]


def text_of(cell):
    """Return the text that an exported cell stands for."""
    return re.sub(r"(^|;)'", r"\1", cell)


def is_obeyed(cell):
    """Tell whether a spreadsheet takes a cell, or what follows a semicolon in it, for a formula."""
    return any(
        said.startswith(OBEYED) for part in cell.split(";") for said in (part, part.lstrip())
    )


def _counts(said):
    return said.startswith("行数 / Rows: ")


def _trimmed(line):
    while line and line[-1] == "":
        line = line[:-1]
    return line


def _of_csv(body):
    text = body.decode("utf-8-sig")
    assert body.startswith(b"\xef\xbb\xbf")
    assert text.endswith("\r\n")
    lines = list(csv.reader(io.StringIO(text, newline=""), strict=True))
    assert len({len(line) for line in lines}) == 1
    return lines


def _of_xlsx(body):
    with zipfile.ZipFile(io.BytesIO(body)) as book:
        assert book.testzip() is None
        assert set(book.namelist()) == _PARTS  # no links to elsewhere, no macros, no comments
        sheet = ET.fromstring(book.read("xl/worksheets/sheet1.xml"))  # noqa: S314  # our own
    assert sheet.find(f"{_MAIN}hyperlinks") is None
    lines, last = [], 0
    for row in sheet.iter(f"{_MAIN}row"):
        number = int(row.get("r"))
        lines += [[] for _ in range(number - last - 1)]
        lines.append([_value(cell) for cell in row])
        last = number
    return lines


def _value(cell):
    assert {element.tag for element in cell.iter()} <= _CELL_HOLDS  # neither formula nor markup
    if cell.get("t") == "inlineStr":
        (text,) = cell.iter(f"{_MAIN}t")
        return re.sub(r"_x([0-9a-fA-F]{4})_", lambda found: chr(int(found[1], 16)), text.text or "")
    assert cell.get("t") is None
    value = cell.find(f"{_MAIN}v")
    return "" if value is None else value.text
