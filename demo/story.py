"""The story of the demo: a night and a day of one docking station in under two minutes.

Each step does what people do, waits for what the programs make of it, and tells both.
"""

import os
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from contracts.commands import Issue
from contracts.dock import DockState
from contracts.facts import ClockSet, RecorderChecked, VisitCompleted, VisitInterrupted
from contracts.questions import FootageQuestioned, question_text
from demo.card import Card
from demo.media import Shot, duty_shots, prepare, put_on_card
from demo.programs import DemoError
from demo.scene import SETTLED, Scene, alert_text
from demo.world import DOCKS, PEOPLE, PINS, SHORT_DEADLINE_SECONDS, ZONE, Registered
from outside.clock import clock_state

NORMAL, LOW, FAST, PULLED, TORN, CLASH, LATE = (f"ZF-000{n}" for n in range(1, 8))
INBOX = "inbox"
CLOCK_OFF_SECONDS = 420
LOW_PERCENT = 35
DOCK_OF = {NORMAL: 1, LOW: 2, FAST: 3, PULLED: 4, TORN: 5, CLASH: 6, LATE: 6}
RECORDERS = tuple(
    Registered(number, "patrol" if number in (NORMAL, LATE) else "cases", ("device_number", number))
    for number in DOCK_OF
)
DOCK_PORTS = tuple(f"virtual:dock{number}" for number in range(1, DOCKS + 1))
ISSUED = {
    NORMAL: ("zhang", None),
    LOW: ("wang", "sun"),
    FAST: ("zhao", "sun"),
    PULLED: ("wang", "sun"),
    TORN: ("zhao", "sun"),
    CLASH: ("wang", "sun"),
}
_NEXT_SHIFT = Issue(LOW, "zhao", PINS["zhao"], "sun", PINS["sun"])
_SHOTS = {number: duty_shots(place) for place, number in enumerate(DOCK_OF, 1)}
_YESTERDAY = (Shot("video", 1, 801),)
_COUNTER = (Shot("video", 1, 802),)
_NAMES = {person.id: person.name for person in PEOPLE}
_CAPACITY = "capacity_bytes = 64_000_000_000"
_GOOD = (_CAPACITY, "battery_percent = 96", "clock_offset_seconds = 1")
# What each says of itself when it comes home; the speeds let a browser see the copying.
_HOME = {
    NORMAL: (*_GOOD, "faults.bytes_per_second = 5_000_000"),
    LOW: (
        _CAPACITY,
        f"battery_percent = {LOW_PERCENT}",
        "charging_percent_per_minute = 150",
        "clock_offset_seconds = 1",
        "faults.bytes_per_second = 4_000_000",
    ),
    FAST: (
        _CAPACITY,
        "battery_percent = 88",
        f"clock_offset_seconds = {CLOCK_OFF_SECONDS}",
        "faults.bytes_per_second = 2_500_000",
    ),
    PULLED: (*_GOOD, "faults.bytes_per_second = 2_500_000"),
    TORN: (*_GOOD, "faults.bytes_per_second = 2_000_000"),
    CLASH: (*_GOOD, "faults.bytes_per_second = 2_000_000"),
    LATE: (*_GOOD, "faults.bytes_per_second = 3_000_000"),
}


@dataclass(frozen=True, slots=True)
class Step:
    """One step of the story; its name is for those who watch it.

    The pause after it gives a browser time to show it.
    """

    name: str
    act: Callable[[Scene], None]
    pause_seconds: float = 0


def prepare_footage(cache: Path) -> None:
    """Make the footage that the cache does not hold yet."""
    prepare((*(s for shots in _SHOTS.values() for s in shots), *_YESTERDAY, *_COUNTER), cache)


def set_the_stage(scene: Scene) -> None:
    """Make seven virtual recorders with empty cards, one of them with yesterday's footage."""
    for number in DOCK_OF:
        card = Card(number, scene.world.folder / "recorders" / number, scene.world.ports)
        card.write_script(*_GOOD)
        card.files.mkdir()
        scene.cards[number] = card
    put_on_card(_YESTERDAY, cache_folder(), _dcim(scene.cards[CLASH]), _hours_ago(26))


def leave_in_the_night(scene: Scene) -> None:
    """A recorder goes out for the night."""
    card = scene.cards[LATE]
    card.dock(DOCK_OF[LATE])
    scene.wait_dock(DOCK_OF[LATE], DockState.READY)
    scene.do(Issue(LATE, "li", PINS["li"]))
    card.take_out()
    scene.wait_dock(DOCK_OF[LATE], DockState.EMPTY)
    scene.tell(
        f"夜班: 李四领走 {LATE}; 演示中期限缩短为 {SHORT_DEADLINE_SECONDS} 秒",
        f"Night shift: {LATE} is issued; its deadline is shortened to {SHORT_DEADLINE_SECONDS} s",
    )


def stand_in_the_morning(scene: Scene) -> None:
    """Six recorders stand in their docks; one still holds yesterday's footage."""
    for number in ISSUED:
        scene.cards[number].dock(DOCK_OF[number])
    for number in ISSUED:
        scene.wait_dock(DOCK_OF[number], *SETTLED)
    scene.tell(
        f"早晨: 六台记录仪在工位上, 检查通过; {CLASH} 昨天的录像已采集",
        f"Morning: six recorders stand in their docks and are checked; {CLASH} still held "
        "yesterday's footage",
    )


def issue_in_the_morning(scene: Scene) -> None:
    """Each recorder is issued to a person, with an approver where policy asks for one."""
    for number, (person, approver) in ISSUED.items():
        pin = PINS[approver] if approver else None
        scene.do(Issue(number, person, PINS[person], approver, pin))
        approved = f", {_NAMES[approver]} 批准" if approver else ""
        scene.tell(
            f"领用: {number} → {_NAMES[person]}{approved}",
            f"Issued: {number} to {person}" + (f", approved by {approver}" if approver else ""),
        )


def work(scene: Scene) -> None:
    """All are taken out and record."""
    for number in ISSUED:
        scene.cards[number].take_out()
    for number in ISSUED:
        record(scene.cards[number])
        scene.wait_dock(DOCK_OF[number], DockState.EMPTY)
    scene.tell("白天: 六台记录仪外出执勤, 各录下六个文件", "By day all six record six files each")


def come_home(scene: Scene) -> None:
    """A normal recorder comes home."""
    _dock(scene, NORMAL)
    scene.tell(f"{NORMAL} 回站: 正常采集", f"{NORMAL} comes home: a normal import")


def come_home_flat(scene: Scene) -> None:
    """One comes home with a low battery, and may not be issued."""
    _dock(scene, LOW)
    scene.tell(
        f"{LOW} 回站: 电量 {LOW_PERCENT}%", f"{LOW} comes home with a battery of {LOW_PERCENT} %"
    )
    scene.wait_dock(DOCK_OF[LOW], DockState.ATTENTION)
    refused = scene.ask(_NEXT_SHIFT)
    if refused.ok:
        raise DemoError("电量不足仍被领用 / a flat recorder was issued")
    scene.tell(f"领用 {LOW} 被拒: {refused.zh}", f"Issue of {LOW} refused: {refused.en}")


def come_home_fast(scene: Scene) -> None:
    """One's clock is seven minutes fast: measured, entered, then set if this machine's is sure."""
    _dock(scene, FAST)
    checked = scene.wait_fact(RecorderChecked, FAST, 2)
    reading = next(r for r in checked.readings if r.kind == "clock_offset_ms")
    scene.tell(
        f"{FAST} 回站: 时钟快 {(reading.value or 0) // 60_000} 分钟, 先登记偏差",
        f"{FAST} comes home, its clock {(reading.value or 0) // 60_000} min fast: entered first",
    )


def pull_out(scene: Scene) -> None:
    """One is pulled out in mid-copy."""
    card = scene.cards[PULLED]
    files = sorted((path.stat().st_size, path) for path in card.files.rglob("*") if path.is_file())
    sizes = [size for size, _ in sorted(files, key=lambda file: file[1])]
    cut = sum(sizes[:2]) + sizes[2] // 2
    card.write_script(*_HOME[PULLED], f"faults.vanishes_after_bytes = {cut}")
    card.dock(DOCK_OF[PULLED])
    cut_short = scene.wait_fact(VisitInterrupted, PULLED)
    counts = cut_short.counts
    card.take_out()
    scene.wait_dock(DOCK_OF[PULLED], DockState.EMPTY)
    scene.tell(
        f"{PULLED} 采集中被拔出: {counts.listed} 个文件中 {counts.imported} 个已核实, 已登记中断",
        f"{PULLED} is pulled out in mid-copy: {counts.imported} of {counts.listed} files are "
        "proven, the interruption is entered",
    )


def put_back(scene: Scene) -> None:
    """It is put back, and goes on where it was."""
    _dock(scene, PULLED)
    scene.tell(f"{PULLED} 插回: 接着采集, 不重复", f"{PULLED} is put back and goes on from there")


def come_home_torn(scene: Scene) -> None:
    """One has an unreadable sector."""
    card = scene.cards[TORN]
    bad = sorted(path for path in card.files.rglob("*") if path.is_file())[2]
    path, offset = str(bad.relative_to(card.files)), bad.stat().st_size // 2
    scene.expected["unreadable"] = [(TORN, path, offset)]
    fault = f'faults.unreadable = [{{ path = "{path}", offset = {offset} }}]'
    card.write_script(*_HOME[TORN], fault)
    card.dock(DOCK_OF[TORN])
    scene.tell(f"{TORN} 回站: 有一个坏扇区", f"{TORN} comes home with an unreadable sector")


def come_home_with_an_old_name(scene: Scene) -> None:
    """One gives a new file the name that yesterday's had."""
    _dock(scene, CLASH)
    scene.tell(
        f"{CLASH} 回站: 有一个文件与昨天的文件同名", f"{CLASH} comes home with a name it had before"
    )


def bring_by_hand(scene: Scene) -> None:
    """Footage that cannot dock is dropped into the inbox."""
    made = put_on_card(_COUNTER, cache_folder(), scene.world.folder / "counter", _hours_ago(1))
    brought = scene.world.inbox / "办事大厅.mp4"
    shutil.copy2(made[0], brought)
    shutil.rmtree(made[0].parent)
    scene.wait_fact(VisitCompleted, INBOX)
    scene.tell(
        "收件箱: 办事大厅的监控录像已采集", "Inbox: footage of the counter's camera imported"
    )


def see_all_home(scene: Scene) -> None:
    """Every visit comes to its end."""
    for number in ISSUED:
        view = scene.wait_dock(DOCK_OF[number], *SETTLED)
        counts = scene.facts(VisitCompleted, number)[-1].counts
        remarks = "; ".join(finding.sentence.zh for finding in view.findings)
        remarks_en = "; ".join(finding.sentence.en for finding in view.findings)
        scene.tell(
            f"{number}: {counts.listed} 个文件, 采集 {counts.imported}, 已有 {counts.held}, "
            f"读不出 {counts.unreadable}{'; ' if remarks else ''}{remarks}",
            f"{number}: {counts.listed} files, {counts.imported} imported, {counts.held} held, "
            f"{counts.unreadable} unreadable{'; ' if remarks else ''}{remarks_en}",
        )
    for question in scene.facts(FootageQuestioned):
        asked = question_text(question, ZoneInfo(ZONE))
        scene.tell(
            f"{question.recorder} 待说明 (页面可答): {asked.zh}",
            f"{question.recorder}, to be answered on a page: {asked.en}",
        )
    if clock_state() != "synchronised":
        scene.tell(
            f"{FAST} 没有校时: 本机时钟未校时",
            f"{FAST}'s clock was not set: this machine's own is not synchronised",
        )
        return
    set_at = scene.wait_fact(ClockSet, FAST)
    scene.tell(
        f"{FAST} 时钟已校准 (原偏差 {(set_at.offset_ms_before or 0) // 1000} 秒)",
        f"{FAST}'s clock was set (it was {(set_at.offset_ms_before or 0) // 1000} s off)",
    )


def charge(scene: Scene) -> None:
    """The flat one has charged, and is issued for the next shift."""
    scene.tell(f"等 {LOW} 充电", f"Waiting for {LOW} to charge")
    scene.wait_dock(DOCK_OF[LOW], DockState.READY)
    scene.do(_NEXT_SHIFT)
    scene.cards[LOW].take_out()
    scene.wait_dock(DOCK_OF[LOW], DockState.EMPTY)
    scene.tell(f"{LOW} 充电后领给赵六", f"{LOW} has charged and is issued for the next shift")


def miss_one(scene: Scene) -> None:
    """The one of the night is missing: MQTT and the office say so."""

    def heard() -> bool:
        return f"alert/missing/{LATE}" in scene.heard_alerts()

    scene.tell(
        f"等 {LATE} 的采集期限过去, 至多 {SHORT_DEADLINE_SECONDS} 秒",
        f"Waiting for the deadline of {LATE} to pass, {SHORT_DEADLINE_SECONDS} s at most",
    )
    scene.programs.wait_for(f"alert/missing/{LATE}", heard, SHORT_DEADLINE_SECONDS + 30)
    message = scene.retained("alert/missing/#")
    said = alert_text(message)
    scene.expected["alert_retained"] = LATE in message.decode()
    scene.expected["alert_on_page"] = LATE in scene.page(f"{scene.world.office_url}/alerts")
    scene.tell(f"MQTT 告警 (保留): {said.zh}", f"MQTT alert (retained): {said.en}")


def come_home_late(scene: Scene) -> None:
    """It comes home after all: accepted, late, and the alert is cleared."""
    card = scene.cards[LATE]
    record(card)
    scene.tell(f"{LATE} 终于回站", f"{LATE} comes home after all")
    _write_home(card)
    card.dock(DOCK_OF[LOW])  # that dock is free again
    scene.wait_fact(VisitCompleted, LATE, 2)
    scene.programs.wait_for(
        "the alert is cleared", lambda: not scene.retained("alert/missing/#", 1), 20
    )
    scene.tell("迟到采集, 照收; 告警已撤销", "Imported late, and accepted; the alert is cleared")


STORY = (
    Step("night", leave_in_the_night),
    Step("morning", stand_in_the_morning),
    Step("issue", issue_in_the_morning, 1),
    Step("work", work),
    Step("normal", come_home, 2),
    Step("low", come_home_flat, 2),
    Step("fast", come_home_fast, 2),
    Step("torn", come_home_torn, 2),
    Step("clash", come_home_with_an_old_name, 2),
    Step("copying", pull_out),
    Step("back", put_back),
    Step("inbox", bring_by_hand),
    Step("home", see_all_home),
    Step("charged", charge),
    Step("missing", miss_one),
    Step("late", come_home_late),
)


def act_out(scene: Scene, watch: Callable[[str, Scene], None] = lambda _name, _scene: None) -> None:
    """Act every step, and show each to the one who watches."""
    for step in STORY:
        step.act(scene)
        watch(step.name, scene)
        time.sleep(step.pause_seconds)


def record(card: Card) -> None:
    """Fill a card anew; the wrong clock and the reset counter show in what is written.

    A card that is not of the story is left as it is.
    """
    if card.number not in _SHOTS:
        return
    shutil.rmtree(card.files)
    fast = timedelta(seconds=CLOCK_OFF_SECONDS if card.number == FAST else 0)
    began_at = _hours_ago(3) + timedelta(minutes=int(card.number[-1])) + fast
    made = put_on_card(_SHOTS[card.number], cache_folder(), _dcim(card), began_at)
    if card.number == CLASH:
        made[0].rename(made[0].with_name(_clash_name(card)))


def cache_folder() -> Path:
    """Return where the demo's footage is kept between demos."""
    return _cache_home() / "muster-demo"


def _clash_name(card: Card) -> str:
    return next(Path(path).name for path in card.dockings[0].files)


def _dock(scene: Scene, number: str) -> None:
    card = scene.cards[number]
    _write_home(card)
    card.dock(DOCK_OF[number])


def _write_home(card: Card) -> None:
    card.write_script(*_HOME[card.number])


def _dcim(card: Card) -> Path:
    return card.files / "DCIM"


def _hours_ago(hours: int) -> datetime:
    return datetime.now(ZoneInfo(ZONE)).replace(microsecond=0) - timedelta(hours=hours)


def _cache_home() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
