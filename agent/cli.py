"""`muster-agent`: runs the agent, asks it for things, and checks ledger, footage and proofs.

Exit codes: 0 good, 1 found something, 2 wrong use or settings, 70 our own or the ledger's fault.
"""

import json
import logging
import sys
from collections.abc import Callable
from datetime import date, datetime
from difflib import get_close_matches
from pathlib import Path
from typing import NoReturn, TypeVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import click

from agent import auditing, catalogue, pins, questioning, recording, storekeeping
from agent import main as wiring
from agent.calling import call
from agent.core.profile import Profile
from agent.profiles import Loaded
from contracts.commands import Command, Declare, Issue, Observe, ReportFault, Retry, Return, Scrub
from contracts.errors import InternalError, LedgerError, MusterError, NoteError, SettingsError
from contracts.names import visible
from contracts.note import VerifyingKey
from contracts.settings import StationSettings, parse_station

T = TypeVar("T")
log = logging.getLogger(__name__)
FOUND, WRONG_USE, FAULT = 1, 2, 70
_CONFIG = Path("/etc/muster/station.toml")
_MOMENT = "YYYY-MM-DDTHH:MM:SS"
_file = click.Path(exists=True, dir_okay=False, path_type=Path)
_key_text = "登记的公钥 / the enrolled public key, name+id+base64"


def _key(_context: click.Context, _option: click.Parameter, text: str | None) -> str | None:
    """Refuse what is no key before anything is done with it."""
    try:
        return text and str(VerifyingKey.parse(text))
    except NoteError as error:
        why = error.fields["why"]
        raise click.BadParameter(f"不是公钥 / no public key: {why}") from error


def _keys(
    context: click.Context, option: click.Parameter, texts: tuple[str, ...]
) -> tuple[str, ...]:
    return tuple(str(_key(context, option, text)) for text in texts)


def _zone(_context: click.Context, _option: click.Parameter, name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise click.BadParameter(f"没有时区 {name!r} / there is no time zone {name!r}") from error


_config = click.option(
    "--config",
    "settings",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    default=_CONFIG,
    show_default=True,
    callback=lambda _c, _p, path: _load(path),
    help="站点设置 / the station's settings",
)


class _Commands(click.Group):
    """Lists every command with its whole sentence: a cut one would lose its English half."""

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, one.help or "") for name, one in self.commands.items()])


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(wiring.VERSION)
def main() -> None:
    """采集站后台服务 / the agent of a docking station."""
    logging.basicConfig(format="%(levelname)s %(name)s: %(message)s", level=logging.INFO)


@main.command()
@_config
def run(settings: StationSettings) -> None:
    """运行采集服务 / run the agent until it is told to stop."""
    _guard(lambda: wiring.run(settings))


@main.command()
@_config
@click.option("--key", callback=_key, help=_key_text)
@click.option(
    "--note",
    "notes",
    multiple=True,
    type=_file,
    help="别处保存的校验点 / a checkpoint kept elsewhere, as from the index; repeatable",
)
@click.option("--footage", is_flag=True, help="逐个校验文件 / check every archived file too")
@click.option(
    "--second-copy", is_flag=True, help="校验第二份副本的文件 / of the second copy instead"
)
def verify(
    settings: StationSettings,
    key: str | None,
    notes: tuple[Path, ...],
    *,
    footage: bool,
    second_copy: bool,
) -> None:
    """从第一条起校验台账 / verify the ledger from its first entry."""
    folder = Path(settings.folders.state) / "ledger"
    problems = _audited(folder, key, notes)
    if footage or second_copy:
        check = auditing.audit_second_copy if second_copy else auditing.audit_footage
        problems += _guard(lambda: check(settings, _tell))
    _report(problems)


@main.group()
def ledger() -> None:
    """台账的备份和核查 / back the ledger up, and check a backup."""


@ledger.command("backup")
@_config
@click.argument("target", type=click.Path(file_okay=False, path_type=Path))
def backup(settings: StationSettings, target: Path) -> None:
    """备份台账到新目录, 运行中也可以 / copy the ledger to TARGET, also while it grows."""
    size = _guard(lambda: auditing.back_up(settings, target))
    click.echo(f"{target}: {size} 条 / entries")


@ledger.command("verify")
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--key", callback=_key, help=_key_text)
@click.option("--note", "notes", multiple=True, type=_file, help="同 verify / as for verify")
def verify_folder(folder: Path, key: str | None, notes: tuple[Path, ...]) -> None:
    """校验一个台账目录, 如备份 / verify the ledger in FOLDER, such as a backup."""
    _report(_audited(folder, key, notes))


def _audited(folder: Path, key: str | None, notes: tuple[Path, ...]) -> tuple[str, ...]:
    problems = _guard(lambda: auditing.audit(folder, key, notes, _tell))
    click.echo(f"台账 / ledger {folder}")
    own = "台账自己的公钥, 未核对 (--key) / the key it names itself, NOT checked (--key)"
    click.echo(f"公钥 / key {key}" if key else own)
    return problems


def _report(problems: tuple[str, ...]) -> NoReturn:
    for problem in problems:
        click.echo(visible(problem))
    click.echo(f"{len(problems)} 个问题 / problem(s)")
    sys.exit(FOUND if problems else 0)


@main.command()
@_config
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("-o", "--output", type=click.Path(path_type=Path), help="默认 / default: FILE.proof")
def prove(settings: StationSettings, file: Path, output: Path | None) -> None:
    """为一个文件出具证明 / write the proof that FILE is in the ledger."""
    bundle = _guard(lambda: auditing.prove(settings, file))
    if bundle is None:
        click.echo(f"台账中没有该文件 / the ledger has no such file: {file}", err=True)
        sys.exit(FOUND)
    target = output or file.with_name(file.name + ".proof")
    target.write_bytes(bundle)
    click.echo(target)


@main.command("check-proof")
@click.argument("bundle", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--key", "keys", multiple=True, callback=_keys, help="可信公钥 / a key you trust; repeatable"
)
@click.option(
    "--zone",
    default="Asia/Shanghai",
    show_default=True,
    callback=_zone,
    help="时刻按哪个时区显示 / the time zone that moments are told in",
)
def check_proof(bundle: Path, file: Path, keys: tuple[str, ...], zone: ZoneInfo) -> None:
    """核验证明, 不需要台账和网络 / check a proof; needs neither ledger nor network."""
    report = auditing.check_proof(bundle, file, keys, zone)
    for line in report.lines:
        click.echo(visible(line))
    sys.exit(0 if report.holds else FOUND)


@main.command("check-fork")
@click.argument("report", type=_file)
@click.option("--key", callback=_key, help=_key_text)
def check_fork(report: Path, key: str | None) -> None:
    """核验分叉报告, 不需要台账和网络 / check a fork's report; needs neither ledger nor network."""
    answer = auditing.check_fork_report(report, key)
    for line in answer.lines:
        click.echo(visible(line))
    sys.exit(0 if answer.holds else FOUND)


@main.command("rebuild-views")
@_config
def rebuild_views(settings: StationSettings) -> None:
    """按台账重建浏览目录 / make the folders people browse anew from the ledger."""
    made, missing = _guard(lambda: auditing.rebuild_views(settings))
    click.echo(f"{made} 个链接 / link(s), {missing} 个缺失 / missing")
    sys.exit(FOUND if missing else 0)


@main.command()
@_config
@click.argument("by")
@click.argument("reason")
@click.option("--replace", is_flag=True, help="替换已登记的磁盘 / instead of the one in the ledger")
@click.option("--second-copy", is_flag=True, help="第二份副本的磁盘 / the second copy's disk")
def commission(
    settings: StationSettings, by: str, reason: str, *, replace: bool, second_copy: bool
) -> None:
    """登记存储磁盘, 采集服务须停止 / make the disk at the archive's folder the archive."""
    pin = _ask_pin(f"PIN {by}")
    order = storekeeping.Order(by, pin, reason, replaces=replace)
    enter = wiring.commission_copy if second_copy else wiring.commission
    click.echo(_guard(lambda: enter(settings, order)))


@main.command()
@_config
@click.argument("by")
@click.argument("reason")
def restore(settings: StationSettings, by: str, reason: str) -> None:
    """从第二份副本恢复受损和缺失的文件, 采集服务须停止 / bring back what the archive lost."""
    order = storekeeping.Order(by, _ask_pin(f"PIN {by}"), reason)
    _tell_result(_guard(lambda: wiring.restore(settings, order)))


@main.command()
@_config
def scrub(settings: StationSettings) -> None:
    """立即重新校验全部文件 / read every archived file again, beginning now."""
    if _guard(lambda: storekeeping.is_running(settings)):
        _call(settings, Scrub())
    _tell_result(_guard(lambda: storekeeping.scrub(settings, wiring.VERSION)))


def _tell_result(result: storekeeping.Result) -> NoReturn:
    for line in result.lines:
        click.echo(line)
    sys.exit(0 if result.is_good else FOUND)


@main.command()
@click.option(
    "--config", type=_file, help="站点设置, 可省 / the station's settings; may be left out"
)
@click.option("--json", "as_json", is_flag=True, help="供程序读取 / for programs")
def recorders(config: Path | None, *, as_json: bool) -> None:
    """列出已知型号和现在插着的设备 / list the known models, and what is plugged in now."""
    config = config or (_CONFIG if _CONFIG.exists() else None)
    settings = _load(config) if config else None
    loaded = _guard(lambda: wiring.known_recorders(settings))
    seen = _guard(lambda: wiring.plugged_in(settings, loaded))
    if as_json:
        click.echo(json.dumps(catalogue.document(loaded, seen), ensure_ascii=False, indent=2))
    else:
        click.echo("\n".join(catalogue.text(loaded, seen)))
    sys.exit(FOUND if loaded.refused else 0)


@main.command()
@click.option(
    "--config", type=_file, help="站点设置, 可省 / the station's settings; may be left out"
)
@click.option("--profile", required=True, help="型号档案的名称 / the name of a recorder profile")
@click.option("--device", type=_file, help="设备节点 / a device node: /dev/ttyUSB0, /dev/sg2")
@click.option("--serial", help="USB 序列号 (adb) / a USB serial number, for adb")
@click.option("--json", "as_json", is_flag=True, help="供程序读取 / for programs")
def ask(
    config: Path | None, profile: str, device: Path | None, serial: str | None, *, as_json: bool
) -> None:
    """按型号档案询问一台设备, 只读 / ask one device as a profile says; changes nothing on it."""
    config = config or (_CONFIG if _CONFIG.exists() else None)
    loaded = _guard(lambda: wiring.known_recorders(_load(config) if config else None))
    named = _named(loaded, profile, config)
    lacking = questioning.lacking(named, device, serial)
    if lacking:
        why = f"型号 {profile} 须用 {lacking} 指明设备 / {lacking} must say which device it is"
        raise click.UsageError(why)
    told: list[questioning.Answer] = []
    try:
        _guard(lambda: questioning.ask(named, device, serial, told.append))
    finally:  # what was told before a failure is not lost
        if told and as_json:
            click.echo(json.dumps(questioning.document(told), ensure_ascii=False, indent=2))
        elif told:
            click.echo("\n".join(questioning.text(told)))


@main.command("record-fixture")
@click.option(
    "--config", type=_file, help="站点设置, 可省 / the station's settings; may be left out"
)
@click.option("--port", help="端口, 见 recorders / a port as `recorders` shows it")
@click.option("--device", help="设备节点 / a device node: /dev/sdb, /dev/ttyUSB0")
@click.option("--output", required=True, type=click.Path(dir_okay=False, path_type=Path))
@click.option(
    "--scrub/--no-scrub", default=True, help="隐去编号 / hide numbers and names (default)"
)
def record_fixture(
    config: Path | None, port: str | None, device: str | None, output: Path, *, scrub: bool
) -> None:
    """录下一台设备的回答和文件名, 只读 / keep what one recorder tells; changes nothing on it."""
    if (port is None) == (device is None):
        raise click.UsageError("--port 或 / or --device")
    if not output.parent.is_dir():
        why = f"没有这个文件夹 / there is no such folder: {output.parent}"
        raise click.BadParameter(why, param_hint="--output")
    config = config or (_CONFIG if _CONFIG.exists() else None)
    settings = _load(config) if config else None
    found = _guard(lambda: wiring.record(settings, port or device or ""))
    for line in _guard(lambda: recording.write(found, output, scrub=scrub)):
        click.echo(visible(line))


def _named(loaded: Loaded, name: str, config: Path | None) -> Profile:
    """Return a profile by its name; a malformed file may be why there is none."""
    found = next((one for one in loaded.profiles if one.name == name), None)
    if found is not None:
        return found
    lines = [f"没有型号档案 {name!r} / there is no recorder profile {name!r}"]
    near = get_close_matches(name, [one.name for one in loaded.profiles], 1)
    lines += [f"是不是 / did you mean: {one}?" for one in near]
    lines += [error.account for error in loaded.refused]
    if config is None:
        lines.append("只读了随程序的; 本站的用 --config / only those shipped were read: --config")
    lines.append("现有型号 / those there are: muster-agent recorders")
    raise click.BadParameter("\n".join(lines), param_hint="--profile")


@main.command("hash-pin")
def hash_pin() -> None:
    """生成写入名册的密码摘要 / make the hash of a PIN for the roster."""
    pin = _ask_pin("PIN", confirmed=True)
    if len(pin) < pins.SHORTEST:
        why = f"密码至少 {pins.SHORTEST} 位 / a PIN has at least {pins.SHORTEST} characters"
        raise click.UsageError(why)
    click.echo(pins.hash_pin(pin))


@main.command()
@_config
@click.argument("recorder")
@click.argument("person")
@click.option("--approver", help="批准人 / who approves")
@click.option("--override", help="检查未通过仍放行的理由 / why it goes out although a check failed")
def issue(
    settings: StationSettings,
    recorder: str,
    person: str,
    approver: str | None,
    override: str | None,
) -> None:
    """领用 / hand RECORDER to PERSON."""
    pin = _ask_pin(f"PIN {person}")
    approver_pin = _ask_pin(f"PIN {approver}") if approver else None
    _call(settings, Issue(recorder, person, pin, approver, approver_pin, override))


@main.command("return")
@_config
@click.argument("recorder")
@click.argument("by")
def return_(settings: StationSettings, recorder: str, by: str) -> None:
    """交回 / take RECORDER back by hand."""
    _call(settings, Return(recorder, by, _ask_pin(f"PIN {by}")))


@main.command()
@_config
@click.argument("recorder")
@click.argument("day", type=click.DateTime(["%Y-%m-%d"]), metavar="YYYY-MM-DD")
@click.argument("kind", type=click.Choice(["no_footage", "off_site", "repair", "loss", "other"]))
@click.argument("reason")
@click.argument("by")
@click.option(
    "--until", type=click.DateTime(), metavar=_MOMENT, help="off_site: 延至 / extended until"
)
def declare(  # noqa: PLR0913, PLR0917  # a declaration has these parts
    settings: StationSettings,
    recorder: str,
    day: datetime,
    kind: str,
    reason: str,
    by: str,
    until: datetime | None,
) -> None:
    """填写说明 / answer a duty without footage."""
    pin = _ask_pin(f"PIN {by}")
    moment = until.astimezone() if until else None
    _call(settings, Declare(recorder, _day(day), kind, reason, by, pin, moment))  # type: ignore[arg-type]  # a Choice


@main.command()
@_config
@click.argument("recorder")
@click.argument("by")
@click.option("--battery", type=int, help="屏幕电量 / per cent on the screen")
@click.option(
    "--clock", type=click.DateTime(), metavar=_MOMENT, help="屏幕时间 / wall time on the screen"
)
def observe(
    settings: StationSettings, recorder: str, by: str, battery: int | None, clock: datetime | None
) -> None:
    """登记屏幕读数 / enter what the recorder's screen shows."""
    _call(settings, Observe(recorder, by, _ask_pin(f"PIN {by}"), battery, clock))


@main.command("report-fault")
@_config
@click.argument("recorder")
@click.argument("state", type=click.Choice(["in_repair", "lost", "in_service"]))
@click.argument("reason")
@click.argument("by")
def report_fault(
    settings: StationSettings, recorder: str, state: str, reason: str, by: str
) -> None:
    """报修、报失、恢复使用 / take a recorder out of service or put it back."""
    pin = _ask_pin(f"PIN {by}")
    _call(settings, ReportFault(recorder, state, reason, by, pin))  # type: ignore[arg-type]  # a Choice


@main.command()
@_config
@click.argument("dock", type=int)
def retry(settings: StationSettings, dock: int) -> None:
    """重试一个工位 / try a dock's visit again."""
    _call(settings, Retry(dock))


def _call(settings: StationSettings, command: Command) -> NoReturn:
    answer = _guard(lambda: call(Path(settings.folders.run) / "agent.sock", command))
    click.echo(f"{answer.zh} / {answer.en}" + (f" [{answer.code}]" if answer.code else ""))
    if answer.remedy_zh:
        click.echo(f"→ {answer.remedy_zh} / {answer.remedy_en}")
    if answer.sequence is not None:
        click.echo(json.dumps({"entry": answer.sequence}))
    sys.exit(0 if answer.ok else FOUND)


def _guard(work: Callable[[], T]) -> T:
    """Do something; an error of ours ends the program with its sentence and exit code."""
    try:
        return work()
    except MusterError as error:
        click.echo(error.account, err=True)
        for note in error.fields.get("evidence", ()):  # type: ignore[attr-defined]  # notes, if any
            click.echo(f"\n{note}", err=True)
        sys.exit(FAULT if isinstance(error, LedgerError | InternalError) else WRONG_USE)
    except Exception:  # whatever nobody foresaw is ours: traceback for the journal, exit code 70
        log.exception("程序内部错误 / our own error")
        sys.exit(FAULT)


def _load(path: Path) -> StationSettings:
    return _guard(lambda: parse_station(_read(path), str(path)))


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError.unreadable(path, error) from error


def _ask_pin(prompt: str, *, confirmed: bool = False) -> str:
    if sys.stdin.isatty():
        return str(click.prompt(prompt, hide_input=True, confirmation_prompt=confirmed))
    return sys.stdin.readline().rstrip("\n")


def _day(moment: datetime) -> date:
    return moment.date()


def _tell(text: str) -> None:
    click.echo(text, err=True)
