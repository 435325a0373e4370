"""A made-up station for the pages: settings, roster, snapshots and a real ledger in a folder."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

from contracts import archive_facts as archive
from contracts import copy_facts as copies
from contracts import facts, questions
from contracts.dock import DockState
from contracts.entry import Moment
from contracts.facts import Counts, draft_of
from contracts.finding import Finding
from contracts.loading import to_json
from contracts.reading import Identity, Reading
from contracts.snapshot import DockView, Progress, RecorderView, RefusedDevice, Snapshot
from ledger.store import Ledger
from tests.support.entering import cosign

NOW = datetime(2026, 11, 20, 9, 42, tzinfo=UTC)
STATION = """
[station]
organisation = "example"
id = "s1"
name = "示范县综合执法队采集站"
[folders]
archive = "{folder}/archive"
state = "{folder}/state"
run = "{folder}/run"
roster = "{folder}/roster.toml"
[pages]
port = {port}
"""
DOCK = '[[dock]]\nnumber = {n}\nport = "virtual:{n}"\n'
ROSTER = """
[[policy]]
name = "s2"
approval = true
deadline = {{ rule = "same_workday" }}
[[policy]]
name = "s1"
deadline = {{ rule = "after_issue", hours = 24 }}
[[department]]
id = "yi"
name = "执法一中队"
policy = "s2"
[[department]]
id = "er"
name = "执法二中队"
policy = "s1"
{people}
{recorders}
"""
PERSON = '[[person]]\nid = "{0}"\nname = "{1}"\ndepartment = "{2}"\nrole = "{3}"\npin_hash = "x"\n'
PEOPLE = (
    ("p01", "王建国", "yi", "officer"),
    ("p02", "李秀英", "yi", "officer"),
    ("p03", "欧阳志强", "yi", "approver"),
    ("p04", "赵敏", "er", "officer"),
    ("p05", "买买提江·吐尔逊", "er", "officer"),
    ("p06", "孙丽华", "er", "approver"),
    ("p07", "周管理", "er", "manager"),
)
RECORDERS = ("LS-0101", "LS-0102", "LS-0103", "LS-0104", "LS-0105", "LS-0201", "LS-0202")
_RECORDER = '[[recorder]]\nnumber = "{0}"\ndepartment = "{1}"\n'


def write_station(folder, port=8640):
    """Write settings, roster and a snapshot; return the settings file."""
    for name in ("archive", "state", "run"):
        (folder / name).mkdir(parents=True)
    people = "".join(PERSON.format(*person) for person in PEOPLE)
    recorders = "".join(_RECORDER.format(r, "yi" if "-01" in r else "er") for r in RECORDERS)
    docks = "".join(DOCK.format(n=n) for n in range(1, 7))
    (folder / "roster.toml").write_text(
        ROSTER.format(people=people, recorders=recorders), encoding="utf-8"
    )
    config = folder / "station.toml"
    config.write_text(STATION.format(folder=folder, port=port) + docks, encoding="utf-8")
    return config


def write_snapshot(folder, snapshot):
    """Replace the snapshot file as the agent does."""
    temporary = folder / "run" / "snapshot.new"
    temporary.write_bytes(to_json(snapshot))
    temporary.replace(folder / "run" / "snapshot.json")


def readings(battery=86, offset_ms=-1_200, free=48_300_000_000, at=NOW):
    """Return the three readings of one recorder."""
    return (
        Reading("battery_percent", battery, "virtual", at, "reported"),
        Reading("clock_offset_ms", offset_ms, "virtual", at, "measured"),
        Reading("free_bytes", free, "statvfs", at, "measured"),
    )


LOW = Finding("battery_low", "blocking", 31, 60)
FAST = Finding("clock_off", "blocking", 427, 30)
ERRORS = Finding("card_errors", "warning", 1)
UNKNOWN = Finding("battery_unknown", "warning")


def docks():
    """Return six docks in six states."""
    since = NOW - timedelta(minutes=4)
    one = {"person": "p01", "department": "yi"}
    return (
        DockView(1, "", DockState.COPYING, since, "LS-0101", **one, readings=readings(),
                 progress=Progress(23, 61, 9_700_000_000, 27_400_000_000, 41_300_000, 431)),
        DockView(2, "", DockState.READY, since, "LS-0102", person="p02", department="yi",
                 readings=readings(97), counts=Counts(18, 17, 1)),
        DockView(3, "", DockState.ATTENTION, since, "LS-0103", person="p03", department="yi",
                 readings=readings(31, 427_000), findings=(LOW, FAST, ERRORS),
                 counts=Counts(42, 40, 1, 1)),
        DockView(4, "", DockState.EMPTY, since),
        DockView(5, "", DockState.FAILED, since, "LS-0201", person="p05", department="er",
                 readings=readings(), error_code="read_back_differs",
                 error_zh="写入后校验不一致, 该文件未入库",
                 error_en="What was read back differs from what was written; "
                 "the file was not accepted",
                 remedy_zh="更换数据线或工位后重插; 再次出现请更换存储磁盘",
                 remedy_en="Dock again with another cable or dock; "
                 "if it happens again replace the archive disk"),
        DockView(6, "", DockState.REFUSED, since, device="Kingston DataTraveler",
                 error_code="recorder_unknown", error_zh="花名册中没有这台记录仪",
                 error_en="This recorder is not on the roster",
                 remedy_zh="请管理员登记后重插", remedy_en="Have it registered, then dock again"),
    )  # fmt: skip


def recorders():
    """Return where the registered recorders are."""
    return (
        _recorder("LS-0101", "yi", 1, 86, (Finding("import_unfinished", "blocking"),)),
        _recorder("LS-0102", "yi", 2, 97),
        _recorder("LS-0103", "yi", 3, 31, (LOW, FAST, ERRORS)),
        _recorder("LS-0201", "er", 5, 86, (Finding("import_unfinished", "blocking"),)),
        RecorderView("LS-0104", "yi", "DSJ-V8", "issued", None, "p01", "王建国",
                     NOW - timedelta(hours=8), None, issuable=False, findings=()),
    )  # fmt: skip


def _recorder(number, department, dock, battery, findings=()):
    return RecorderView(number, department, "DSJ-V8", "dock", dock, None, None, None, battery,
                        issuable=not any(f.severity == "blocking" for f in findings),
                        findings=findings)  # fmt: skip


def snapshot(**changes):
    """Return the station's snapshot with some fields changed."""
    keyboard = ("usb-0:1.4:1.0", "SEMICO USB Keyboard", "not_a_recorder")
    words = ("键盘不是记录仪, 未打开", "A keyboard is no recorder; it was not opened")
    whole = Snapshot(
        organisation="example", station="s1", name="示范县综合执法队采集站", version="0.1.0",
        at=NOW, docks=docks(),
        inbox=DockView(0, "", DockState.READY, NOW, counts=Counts(3, 3)),
        recorders=recorders(),
        refused=(RefusedDevice(*keyboard, *words, NOW),),
        ledger_size=1284, index_has=1279, witnessed=1276, index_connected=True,
        clock="synchronised", archive_free_bytes=2_310_000_000_000,
        archive_total_bytes=4_000_000_000_000,
    )  # fmt: skip
    return replace(whole, **changes)


def moment(at):
    """Return a moment of the made-up station."""
    return Moment(at, "example-boot", 1_500, "synchronised")


HOLE = questions.FootageQuestioned(
    "q1", "v1", "LS-0104", "hole", "yi", NOW - timedelta(hours=3), NOW - timedelta(hours=2.9),
    "p01", "王建国", ("20261120_101330.MP4", "20261120_102105.MP4"),
)  # fmt: skip


def every_fact():
    """Return one fact of each type, with all that may be absent present."""
    found = (LOW,)
    media = facts.Media("good", "mp4", ("h264", "aac"), 1920, 1080, 61_000, NOW, "")
    return (
        facts.LedgerOpened("muster/example/s1/0", "key", "example", "s1", "0.1.0"),
        facts.AgentStarted("0.1.0", 6, "0" * 64, "1" * 64, ("50-acme.toml",)),
        facts.AgentStopped("SIGTERM"),
        facts.WitnessMet("muster/example/index+key", pinned=False),
        facts.DeviceRefused("usb-1.4", "SEMICO USB Keyboard", "not_a_recorder", 6),
        facts.RecorderDocked("v1", 1, "usb-0:5", "LS-0101", Identity("0101"), "Acme", "acme-cam"),
        facts.RecorderChecked("v1", "LS-0101", readings(), found),
        facts.ReadingObserved("LS-0101", "p01", readings(), found, "v1"),
        facts.ClockSet("v1", "LS-0101", 427_000, NOW),
        facts.FootageImported(
            "v1", "LS-0101", 1, b"DCIM/A.MP4", "DCIM/A.MP4", 61_000_000, 1, NOW, None, NOW,
            "modified", None, "0" * 64, "objects/sha256/00/00/0", "2026/11/20/A.MP4",
            held=True, media=media, important="name", recording="5f" * 8, part=2,
            sidecar_of="DCIM/Z.MP4"),
        facts.FootageUnreadable(
            "v1", "LS-0101", b"DCIM/B.MP4", "DCIM/B.MP4", 734_003_200, "file_unreadable",
            "文件 DCIM/B.MP4 在第 4096000 字节处读不出 (EIO) / "
            "File DCIM/B.MP4 cannot be read at byte 4096000 (EIO)",
            4_096_000, 20_480, 2, ((4_096_000, 16_384), (8_192_000, 4_096)),
            "partial/v1/1-B.MP4", 733_982_720, "ab" * 32),
        facts.FootageRefused("v1", "LS-0101", b"C", "C", "symlink"),
        facts.VisitCompleted(
            "v1", "LS-0101", 1, NOW, Counts(4, 2, 1, 1, 0), 61_000_000, "0" * 64, found),
        facts.ClearingRefused("v1", "LS-0101", 1, ("clear_card_differs", "clear_battery_low")),
        facts.RecorderClearing("v1", "LS-0101", 1, 3, 61_000_000, "0" * 64, 40, "key"),
        facts.RecorderCleared("v1", "LS-0101", 1, 3, None, None, None, "recorder_gone", "拔出"),
        facts.VisitInterrupted(
            "v2", "LS-0102", 2, NOW, Counts(9, 3), "recorder_gone", "记录仪被拔出"),
        archive.ArchiveCommissioned(
            "a1", "/srv/archive", "uuid", is_mount=True, total_bytes=10**12, by="p07",
            reason="扩容", replaces="a0"),
        archive.StorageFaulted("archive_low", "存储磁盘剩余 1 MiB", "1 MiB left", stops=True),
        archive.StorageRecovered("archive_low"),
        archive.FootageDamaged(
            "LS-0101", "0" * 64, "objects/sha256/00/00/0", "2026/11/20/A.MP4", 61, 60, "1" * 64,
            "Input/output error"),
        archive.FootageMissing(
            "LS-0101", "0" * 64, "manifests/v1.sha256", "manifests/v1.sha256", None),
        archive.FootageIntact("LS-0101", "0" * 64, "objects/sha256/00/00/0"),
        archive.FootageReplaced(
            "v1", "LS-0101", "0" * 64, "objects/sha256/00/00/0", "damaged/0.1"),
        archive.ArchiveUnexpected(b"objects/x", "objects/x", "file", 5),
        archive.ArchiveSettled(b"objects/x", "objects/x"),
        archive.ViewRemade("LS-0101", "0" * 64, "2026/11/20/A.MP4", "2026/11/20/A.MP4", "gone"),
        archive.ArchiveScrubbed(
            NOW, asked=True, counts=archive.ScrubCounts(9, 7, 1, 1, 2, 9, 1, 10**9)),
        copies.CopyCommissioned(
            "d" * 32, "/srv/second", "1234-abcd", True, 4 * 10**12, by="p07", reason="新磁盘",
            replaces="e" * 32),
        copies.CopyFaulted("second_copy_full", "第二份副本的磁盘剩余 0.1 GB", "0.1 GB left"),
        copies.CopyRecovered("second_copy_full"),
        copies.FootageCopied("d" * 32, ("0" * 64, "1" * 64), 2 * 10**9),
        copies.CopyDamaged(
            "d" * 32, "0" * 64, "objects/sha256/00/00/0", 9, 9, "1" * 64, "Input/output error"),
        copies.CopyMissing("d" * 32, "0" * 64, "objects/sha256/00/00/0", 9),
        copies.CopyScrubbed(NOW, asked=False, counts=archive.ScrubCounts(9, 7, 1, 1)),
        copies.FootageRestored(
            "LS-0101", "0" * 64, "objects/sha256/00/00/0", "d" * 32, "p07", "磁盘受损",
            "damaged/0.1"),
        facts.RecorderIssued(
            "h1", "LS-0104", "p01", "王建国", "yi", found, 4, "p03", "欧阳志强",
            facts.Override("p03", "现场急需")),
        facts.RecorderReturned("h1", "LS-0104", "p01", "v3", "p07"),
        facts.DutyDeclared("LS-0104", date(2026, 11, 19), "off_site", "外地办案", "p01", NOW),
        facts.RecorderService("LS-0105", "in_repair", "镜头破裂", "p07"),
        HOLE,
        questions.QuestionAnswered("q1", "LS-0104", "battery", "换电池", "p01"),
        facts.KeeperNoted("LS-0105", None, None, "yi", date(2026, 11, 20)),
        facts.StationEnrolled("s1", "muster/example/s1/0", "key", pinned=True),
        facts.StationForked("s1", "0" * 64, "two roots for size 9"),
        facts.AlertOpened("missing", "LS-0104/2026-11-19", "LS-0104 未采集", "LS-0104 is missing"),
        facts.AlertCleared("missing", "LS-0104/2026-11-19", "met_late"),
        facts.RecorderSwitched("v1", "LS-0101", 1, "Acme BWC", Identity(volume="9276-BBB5")),
    )  # fmt: skip


def write_ledger(folder, more=()):
    """Make a real ledger of every type of entry and some more; all but the last are witnessed."""
    ledger = Ledger.open(folder / "state" / "ledger", "muster/example/s1", moment(NOW), "0.1.0")
    for place, fact in enumerate((*every_fact()[1:], *more)):
        ledger.append([draft_of(fact)], moment(NOW + timedelta(seconds=place)))
    cosign(ledger)
    ledger.append(
        [draft_of(facts.AgentStarted("0.1.0", 6, "0" * 64, "1" * 64, ("50-acme.toml",)))],
        moment(NOW),
    )
    size = ledger.size
    ledger.close()
    return size
