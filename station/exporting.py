"""What the pages of the ledger and of the register list, in full, as files to take away."""

from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from itertools import takewhile

from contracts.checkpoint import Checkpoint
from contracts.text import Text
from ledger.reading import LedgerReader
from look import exporting
from look.exporting import Cell, Column, Export, Kind, Table, export, labelled
from station.browsing import handovers, kept, register_of, search_of
from station.page import Asked, Desk
from station.questioning import answered_by
from station.rendering import english
from station.showing import show_day, show_moment, show_second
from station.usage import Register
from station.wording import Speaker, title_of

PAGE_ENTRIES = 1_000
_EVERYTHING = Text("全部", "all")
_LEDGER = (("序号", 9), ("时间", 20), ("类型", 18), ("内容", 90), ("证明", 11))
_USAGE = (
    *(("序号", 6), ("单位(部门)名称", 20), ("执法记录仪编号", 16), ("使用人", 12)),
    *(("批准人", 12), ("领用时间", 17), ("交回时间", 17), ("备注", 40)),
)


def ledger(kind: Kind, desk: Desk, asked: Asked) -> Export:
    """Hand over every entry that matches what was asked, newest first, as the page lists them."""
    with desk.ledger() as book:
        note, head = _head(book)
        table = Table(
            name=f"台账_{desk.settings.station.id}_{asked.now.astimezone(desk.zone):%Y-%m-%d}",
            title=_word("台账"),
            above=(*_filters(asked), *_made(desk, asked), exporting.ledger_line(head)),
            columns=_columns(_LEDGER),
            rows=_entries(desk, asked, book, head.size),
            below=exporting.note_lines(note),
        )
        return export(table, kind)


def usage(kind: Kind, desk: Desk, asked: Asked) -> Export:
    """Hand over the register 执法记录仪使用档案 of a month, as it is printed."""
    with desk.ledger() as book:
        note, head = _head(book)
        entered = takewhile(lambda entry: entry.sequence <= head.size, handovers(book))
        register = register_of(desk, asked, entered)
        signing = ("管理员(签名)", "负责人(签名)", "单位(盖章)")
        table = Table(
            name=f"执法记录仪使用档案_{desk.settings.station.id}_{register.month}",
            title=_word("执法记录仪使用档案"),
            above=(*_filled(desk, asked, register), exporting.ledger_line(head)),
            columns=_columns(_USAGE),
            rows=_handovers(desk, asked, register),
            below=(*(labelled(_word(word), "") for word in signing), *exporting.note_lines(note)),
        )
        return export(table, kind)


def _head(book: LedgerReader) -> tuple[str, Checkpoint]:
    """Return the newest signed head: what an export is of, however the ledger grows meanwhile."""
    note = book.checkpoint or ""
    return note, Checkpoint.of_note(note)


def _entries(desk: Desk, asked: Asked, book: LedgerReader, size: int) -> Iterator[tuple[Cell, ...]]:
    search = replace(search_of(desk, asked.query), before=size + 1)
    witnessed = book.witnessed_size
    while page := book.search(search, PAGE_ENTRIES):
        speaker = Speaker(desk.names.person, desk.zone, answered_by(book, page))
        for entry in page:
            proof = "已见证" if entry.sequence <= witnessed else "已签名"
            yield (
                entry.sequence,
                show_second(entry.moment.at, desk.zone),
                speaker.title(entry).speak(asked.language),
                speaker.sentence(entry).speak(asked.language),
                _word(proof).speak(asked.language),
            )
        search = replace(search, before=page[-1].sequence)


def _handovers(desk: Desk, asked: Asked, register: Register) -> Iterator[tuple[Cell, ...]]:
    for number, row in enumerate(register.rows, 1):
        yield (
            number,
            row.department,
            row.recorder,
            row.person,
            row.approver,
            show_moment(row.issued_at, desk.zone),
            show_moment(row.returned_at, desk.zone) if row.returned_at else "",
            row.remark.speak(asked.language),
        )


def _filled(desk: Desk, asked: Asked, register: Register) -> tuple[str, ...]:
    return (
        labelled(_word("填报单位"), register.unit or desk.settings.station.name),
        labelled(_word("填报时间"), show_day(asked.now, desk.zone)),
        labelled(_word("填报人"), register.by),
        labelled(_word("月份"), register.month),
        labelled(_word("部门"), register.unit or _EVERYTHING),
        *_made(desk, asked),
    )


def _filters(asked: Asked) -> Iterator[str]:
    """Yield what was searched for."""
    labels = {
        "text": "查找文字",
        "recorder": "记录仪编号",
        "type": "类型",
        "since": "从",
        "until": "到",
    }
    asked_for = kept(asked.query)
    for name, value in asked_for.items():
        said = title_of(value) if name == "type" else value
        yield labelled(_word(labels[name]), said)
    if not asked_for:
        yield labelled(_word("查询"), _EVERYTHING)


def _made(desk: Desk, asked: Asked) -> tuple[str, ...]:
    station = desk.settings.station
    return (
        labelled(Text("采集站", "Station"), f"{station.name} ({station.id})"),
        exporting.made_line(show_second(asked.now, desk.zone), station.zone),
    )


def _columns(wanted: tuple[tuple[str, int], ...]) -> tuple[Column, ...]:
    return tuple(Column(_word(heading), width) for heading, width in wanted)


def _word(chinese: str) -> Text:
    """Return a phrase of the pages in both languages."""
    return Text(chinese, _english()[chinese])


_english = cache(english)
