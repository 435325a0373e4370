"""What the ledger's pages and the register hand over as files: what they list, all of it."""

import re
from contextlib import closing
from html import unescape
from urllib.parse import unquote

import pytest

from agent.auditing import audit
from contracts import facts
from contracts.checkpoint import Checkpoint
from contracts.facts import draft_of
from ledger.reading import LedgerReader
from ledger.store import Ledger
from look.exporting import KINDS
from tests.support.madeup_station import NOW, moment, write_ledger
from tests.support.sheets import rows_of, text_of

COLUMNS = {"/ledger": 5, "/forms/usage": 8}


def exported(client, path, kind, **asked):
    """Return the lines above, the headings, the rows and the lines below of an export."""
    answer = client.get(f"{path}.{kind}", params=asked)
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    return rows_of(answer.content, kind, COLUMNS[path])


def listed(text):
    """Return the rows of a page's table as a person reads them."""
    body = text[text.index("<tbody>") : text.index("</tbody>")]
    rows = re.findall(r"<tr>(.*?)</tr>", body, re.DOTALL)
    cells = [re.findall(r"<td.*?>(.*?)</td>", row, re.DOTALL) for row in rows]
    return [[unescape(re.sub(r"<.*?>", "", cell)).strip() for cell in row] for row in cells]


def padded(rows, width):
    return [[text_of(cell) for cell in row] + [""] * (width - len(row)) for row in rows]


@pytest.fixture
def book(folder, ledger):
    with LedgerReader(folder / "state" / "ledger") as reader:
        yield reader


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "asked",
    [{}, {"recorder": "LS-0104"}, {"type": "footage.imported"}, {"text": "王建国"},
     {"until": "2026-11-19"}],
)  # fmt: skip
def test_an_export_lists_what_the_ledgers_page_lists(client, ledger, kind, language, asked):
    page = client.get("/ledger", params={**asked, "lang": language}).text
    above, head, rows, below = exported(client, "/ledger", kind, **asked)
    expected = [] if "没有符合" in page or "No entry" in page else listed(page)
    assert padded(rows, 5) == expected
    assert head == [
        "序号 / No.",
        "时间 / Time",
        "类型 / Type",
        "内容 / What happened",
        "证明 / Proof",
    ]
    assert above[0] == ["台账 / Ledger"]
    assert below[0] == [f"行数 / Rows: {len(expected)}"]


def test_an_export_has_every_page_of_a_list(client, folder, ledger):
    back = [facts.RecorderService("LS-0105", "in_service", str(n), "p07") for n in range(2_100)]
    at = moment(NOW)
    with closing(Ledger.open(folder / "state/ledger", "muster/example/s1", at, "0.1.0")) as book:
        book.append(list(map(draft_of, back)), at)
        size = book.size
    assert len(listed(client.get("/ledger").text)) == 50
    _, _, rows, below = exported(client, "/ledger", "csv", before="60")
    assert [int(row[0]) for row in rows] == list(range(size, 0, -1))
    assert below[0] == [f"行数 / Rows: {size}"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("asked", [{}, {"department": "yi", "by": "周管理"}, {"department": "er"}])
def test_the_register_is_exported_as_it_is_printed(client, ledger, kind, asked):
    page = client.get("/forms/usage", params=asked).text
    above, head, rows, below = exported(client, "/forms/usage", kind, **asked)
    expected = [] if "本月没有领用记录" in page else listed(page)
    assert padded(rows, 8) == expected
    printed = re.findall(r"<th>(.*?)</th>", page)
    assert [word.partition(" / ")[0] for word in head] == printed
    said = "\n".join(line[0] for line in above if line)
    unit = {"yi": "执法一中队", "er": "执法二中队"}.get(asked.get("department"))
    for line in (
        "执法记录仪使用档案 / Usage register of body-worn recorders",
        f"填报单位 / Unit: {unit or '示范县综合执法队采集站'}",
        "填报时间 / Date: 2026年11月20日 / 20 November 2026",
        f"填报人 / Filled in by: {asked.get('by', '')}",
        "月份 / Month: 2026-11",
        "导出时间 / Exported: 2026-11-20 17:42:00 Asia/Shanghai",
    ):
        assert line in said
    assert below[1] == ["管理员(签名) / Manager (signature): "]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("path", COLUMNS)
def test_an_export_names_the_signed_head_it_was_read_from(client, book, folder, path, kind):
    above, _, _, below = exported(client, path, kind)
    head = Checkpoint.of_note(book.checkpoint)
    origin, size, root = str(head).splitlines()
    assert [f"台账 / Ledger: {origin}, {size} 条 / entries, 根 / root {root}"] in above
    start = below.index(["签名的校验点 / Signed head: "]) + 1
    note = "\n".join(text_of(line[0]) if line else "" for line in below[start:]) + "\n"
    assert note == book.checkpoint
    kept = folder / "print.note"
    kept.write_text(note, encoding="utf-8")
    assert audit(folder / "state" / "ledger", None, [kept], lambda _: None) == ()
    kept.write_text(note.replace(root, root[::-1]), encoding="utf-8")
    assert audit(folder / "state" / "ledger", None, [kept], lambda _: None) != ()


def test_what_was_searched_for_is_said(client, ledger):
    above, *_ = exported(client, "/ledger", "csv", type="recorder.issued", since="2026-11-01")
    assert ["类型 / Type: 领用 / Issued"] in above
    assert ["从 / From: 2026-11-01"] in above
    assert ["查询 / Search: 全部 / all"] in exported(client, "/ledger", "csv")[0]


def test_the_buttons_ask_for_what_the_page_shows(client, ledger):
    page = client.get("/ledger", params={"text": "a&b", "before": "9", "recorder": "LS-0104"}).text
    assert 'href="/ledger.xlsx?text=a%26b&amp;recorder=LS-0104"' in page
    page = client.get("/forms/usage", params={"month": "x", "department": "yi", "by": "周"}).text
    assert 'href="/forms/usage.csv?month=2026-11&amp;department=yi&amp;by=%E5%91%A8"' in page


def test_files_are_named_for_people(client, ledger):
    names = {
        "/ledger.csv": "台账_s1_2026-11-20.csv",
        "/forms/usage.xlsx": "执法记录仪使用档案_s1_2026-11.xlsx",
    }
    for path, name in names.items():
        quoted = client.get(path).headers["content-disposition"].partition("''")[2]
        assert unquote(quoted) == name


@pytest.mark.parametrize("path", ["/ledger.ods", "/forms/usage.pdf", "/ledger.xlsx/1"])
def test_no_other_kind_of_file_is_offered(client, ledger, path):
    assert client.get(path).status_code == 404


def test_what_cannot_be_exported_is_said_on_a_page(client, folder):
    answer = client.get("/ledger.xlsx")
    assert (answer.status_code, "ledger_storage" in answer.text) == (503, True)
    write_ledger(folder)
    assert client.get("/ledger.csv?since=soon").status_code == 503
