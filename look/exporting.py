r"""Tables that people take away, as XLSX or CSV: the same cells in both, and none that is obeyed.

A cell is text that somebody may have chosen, or a number of our own. What prints nothing reads
`\u{202e}`, as on the pages. An apostrophe stands before whatever a spreadsheet could take for a
formula, and before an apostrophe that stands where one of ours would: who takes away one `'` at
the beginning and one behind each `;` has the text again.
"""

import csv
import re
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Literal, get_args
from urllib.parse import quote

import xlsxwriter

from contracts.checkpoint import Checkpoint
from contracts.errors import ExportFailedError, ExportTooLongError
from contracts.names import visible
from contracts.text import Text

Kind = Literal["xlsx", "csv"]
Cell = str | int
Line = tuple[Literal["title", "line", "head", "row"], list[Cell]]
KINDS: tuple[Kind, ...] = get_args(Kind)
MOST_CHARACTERS = 32_767  # of a cell, as spreadsheets count: in UTF-16
MOST_LINES = 1_048_576  # of a sheet
_CUT_CHARACTERS = 32_600  # leaves room for the words that say so
_PIECE_BYTES = 1 << 16
_TYPES = {
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "csv": "text/csv; charset=utf-8",
}
_COUNTED = Text("行数", "Rows")
_LEDGER = Text("台账", "Ledger")
_A4 = 9
_GRID = {"border": 1, "text_wrap": True, "valign": "top"}
_LOOKS: dict[str, dict[str, object]] = {
    "title": {"bold": True, "font_size": 16, "align": "center_across"},
    "line": {},
    "head": {**_GRID, "bold": True, "align": "center", "valign": "vcenter"},
    "row": _GRID,
}

_ONE_LINE = {ord(char): f"\\u{{{ord(char):x}}}" for char in "\n\t\ufffe\uffff"}
# Where lists are split at semicolons, a cell of a CSV begins behind each. XlsxWriter writes what
# begins with <r> as markup, and reads the second of two codes that share a _ as one.
_OBEYED = re.compile(r"(^|;)(?=\s*[=+\-@'＝＋－＠]|<r>)")
_SHARED = re.compile(r"(?<=_x[0-9a-fA-F]{4})_(?=x[0-9a-fA-F]{4}_)")


@dataclass(frozen=True, slots=True)
class Column:
    """A heading, and how many characters wide the column is."""

    heading: Text
    width: int


@dataclass(frozen=True)
class Table:
    """What an export holds; `above` and `below` are lines of their own, `rows` are read once.

    `name` is the file's, without what tells its kind.
    """

    name: str
    title: Text
    above: tuple[str, ...]
    columns: tuple[Column, ...]
    rows: Iterable[Sequence[Cell]]
    below: tuple[str, ...] = ()


@dataclass(frozen=True)
class Export:
    """A file to send, written to its end; `pieces` closes it."""

    name: str
    media_type: str
    size: int
    file: IO[bytes]

    @property
    def headers(self) -> dict[str, str]:
        """What a browser must be told to keep the file under its name."""
        disposition = f"attachment; filename*=UTF-8''{quote(self.name, safe='')}"
        return {"content-disposition": disposition, "content-length": str(self.size)}

    def pieces(self) -> Iterator[bytes]:
        """Yield the file, and close it."""
        with self.file as file:
            while piece := file.read(_PIECE_BYTES):
                yield piece


def export(table: Table, kind: Kind) -> Export:
    """Write a table into a temporary file, in the memory of a few of its rows.

    Raises:
        ExportTooLongError: a sheet cannot hold so many rows.
        ExportFailedError: the temporary file cannot be written.
    """
    write = _write_xlsx if kind == "xlsx" else _write_csv
    try:
        with tempfile.TemporaryDirectory(prefix="muster-export-") as folder:
            path = Path(folder, "export")
            write(table, path)
            file = path.open("rb")  # it outlives its name
            return Export(f"{table.name}.{kind}", _TYPES[kind], path.stat().st_size, file)
    except (OSError, xlsxwriter.exceptions.XlsxFileError) as error:
        raise ExportFailedError(reason=error) from error


def cell(text: str) -> str:
    """Return text as an export shows it: one line that no spreadsheet obeys or splits."""
    told = text if text.isprintable() else visible(text).translate(_ONE_LINE)
    told = _SHARED.sub(r"\\u{5f}", told) if "_x" in told else told
    return _shortened(_OBEYED.sub(r"\1'", told))


def labelled(label: Text, value: object) -> str:
    """Return a line above or below a table: what it is about, and what there is to say."""
    return f"{label}: {value}"


def made_line(at: str, zone: str) -> str:
    """Return the line that says when an export was made, and which zone its times are of."""
    return labelled(Text("导出时间", "Exported"), f"{at} {zone}")


def ledger_line(head: Checkpoint, whose: str = "") -> str:
    """Return the line by which a print can be matched to the ledger that it was read from."""
    origin, size, root = str(head).splitlines()
    said = f"{origin}, {size} 条 / entries, 根 / root {root}"
    return labelled(_LEDGER, f"{whose} {said}" if whose else said)


def note_lines(note: str) -> tuple[str, ...]:
    """Return a signed head line by line; in a file of their own, `verify --note` takes them."""
    return (labelled(Text("签名的校验点", "Signed head"), ""), *note.splitlines())


def _shortened(text: str) -> str:
    if len(text) <= MOST_CHARACTERS // 2:
        return text
    units = text.encode("utf-16-le")
    if len(units) <= 2 * MOST_CHARACTERS:
        return text
    kept = units[: 2 * _CUT_CHARACTERS].decode("utf-16-le", "ignore")
    left = len(text) - len(kept)
    return f"{kept}… (略去 {left} 个字符, 全文见台账 / {left} more characters: see the ledger)"


def _lines(table: Table) -> Iterator[Line]:
    """Yield the whole export, line by line, as it is shown."""
    yield "title", [cell(str(table.title))]
    for said in (*table.above, ""):
        yield "line", [cell(said)]
    yield "head", [cell(str(column.heading)) for column in table.columns]
    count = 0
    for count, row in enumerate(table.rows, 1):  # noqa: B007  # the last one is how many
        yield "row", [cell(one) if isinstance(one, str) else one for one in row]
    for said in (labelled(_COUNTED, count), *table.below):
        yield "line", [cell(said)]


def _write_csv(table: Table, path: Path) -> None:
    width = len(table.columns)
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file)  # its quotes and line ends are those of RFC 4180
        for _, cells in _lines(table):
            writer.writerow(cells + [""] * (width - len(cells)))


def _write_xlsx(table: Table, path: Path) -> None:
    options = {
        "constant_memory": True,
        "strings_to_formulas": False,
        "strings_to_urls": False,
        "tmpdir": path.parent,  # what it leaves behind when it fails goes with the folder
    }
    with xlsxwriter.Workbook(path, options) as book:
        sheet = book.add_worksheet()
        _lay_out(sheet, table.columns)
        looks = {look: book.add_format(how) for look, how in _LOOKS.items()}
        head = last = 0
        for place, (look, cells) in enumerate(_lines(table)):
            if place == MOST_LINES:
                raise ExportTooLongError(lines=MOST_LINES)
            blank = [""] * (len(table.columns) - len(cells)) if look == "title" else []
            for column, one in enumerate([*cells, *blank]):
                write = sheet.write_string if isinstance(one, str) else sheet.write_number
                write(place, column, one, looks[look])
            head = place if look == "head" else head
            last = place if look in {"head", "row"} else last
        sheet.freeze_panes(head + 1, 0)
        sheet.repeat_rows(head)
        sheet.autofilter(head, 0, last, len(table.columns) - 1)


def _lay_out(sheet: xlsxwriter.worksheet.Worksheet, columns: Sequence[Column]) -> None:
    """Make a sheet print as the registers do: A4 landscape, its width on one page."""
    sheet.set_landscape()
    sheet.set_paper(_A4)
    sheet.fit_to_pages(1, 0)
    sheet.set_footer("&C第 &P 页 共 &N 页")
    sheet.ignore_errors({"number_stored_as_text": "A1:XFD1048576"})
    for place, column in enumerate(columns):
        sheet.set_column(place, place, column.width)
