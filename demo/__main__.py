"""`python -m demo`: the whole system on this machine, with virtual recorders or with your own."""

import argparse
import json
import shutil
import signal
import stat
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType

from demo import own
from demo.counting import Check, count_story
from demo.playing import play_along
from demo.programs import DemoError, Programs, found
from demo.scene import Scene
from demo.story import (
    DOCK_PORTS,
    RECORDERS,
    act_out,
    cache_folder,
    prepare_footage,
    set_the_stage,
)
from demo.world import World

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
WRONG, CANNOT = 1, 2
_NEEDED = ("mosquitto", "mosquitto_sub", "muster-index", "muster-agent", "muster-station")
_LOOK_SECONDS = 5


def main() -> int:
    """Tell the story; return the exit code."""
    wish = _arguments()
    try:
        for program in _NEEDED:
            found(program)
        with stopped_by_signals(), stage(to_stderr=wish.json) as scene:
            return _perform(scene, wish)
    except DemoError as error:
        print(error, file=sys.stderr)
        return CANNOT
    except KeyboardInterrupt:
        return 128 + signal.SIGINT


@contextmanager
def stage(*, to_stderr: bool = False) -> Iterator[Scene]:
    """Yield a scene in a folder of its own; leave no process and no file behind."""
    folder = Path(tempfile.mkdtemp(prefix="muster-demo-"))
    programs = Programs(folder)

    def say(text: str) -> None:
        print(text, file=sys.stderr if to_stderr else sys.stdout, flush=True)

    try:
        yield Scene(World.found(folder), programs, say)
    finally:
        with suppress(OSError):  # whoever read it may be gone
            say("正在停止各程序 / stopping the programs")
        before = {number: signal.signal(number, signal.SIG_IGN) for number in SIGNALS}
        programs.stop()
        for mount in own.mounts_below(folder):  # an agent that was killed could not unmount
            programs.run("umount", "--lazy", "--", str(mount))
        shutil.rmtree(folder, onerror=_make_writable)
        with suppress(OSError):
            say("已停止, 临时文件已删除 / stopped; the temporary files are gone")
        for number, handler in before.items():
            signal.signal(number, handler)


def raise_the_curtain(scene: Scene) -> None:
    """Set the stage and start the programs."""
    scene.tell(
        "制作演示录像 (首次需要十几秒, 之后从缓存取)",
        "Making the footage (some seconds at the first time, then kept)",
    )
    prepare_footage(cache_folder())
    scene.world.write(RECORDERS, DOCK_PORTS)
    set_the_stage(scene)
    scene.start_programs()


def _perform(scene: Scene, wish: argparse.Namespace) -> int:
    if wish.footage:
        checks = own.import_folder(scene, wish.footage)
    elif wish.device:
        checks = own.import_device(scene, wish.device)
    else:
        raise_the_curtain(scene)
        scene.tell_urls()
        time.sleep(0 if wish.once else _LOOK_SECONDS)
        act_out(scene)
        checks = count_story(scene)
    _tell_summary(scene, checks, as_json=wish.json)
    if not wish.once:
        with suppress(KeyboardInterrupt):  # Ctrl-C is how it is meant to end
            play_along(scene)
    return 0 if all(check.holds for check in checks) else WRONG


def _tell_summary(scene: Scene, checks: tuple[Check, ...], *, as_json: bool) -> None:
    wrong = [check for check in checks if not check.holds]
    for check in wrong:
        scene.tell(
            f"不符: {check.name}: 应为 {check.expected}, 实为 {check.actual}",
            f"wrong: {check.name}: expected {check.expected}, found {check.actual}",
        )
    scene.tell(
        f"{len(checks)} 项核对, {len(wrong)} 项不符",
        f"{len(checks)} checks, {len(wrong)} wrong",
    )
    if as_json:
        print(json.dumps(_summary(scene, checks), ensure_ascii=False, indent=2), flush=True)


def _summary(scene: Scene, checks: tuple[Check, ...]) -> dict[str, object]:
    return {
        "ok": all(check.holds for check in checks),
        "seconds": round(scene.seconds, 1),
        "wrong": [check.name for check in checks if not check.holds],
        "checks": {c.name: {"expected": c.expected, "actual": c.actual} for c in checks},
    }


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        "./run demo",
        description="整套系统在本机演示 / the whole system on this machine: virtual recorders, "
        "your own files or your own card",
    )
    parser.add_argument("--once", action="store_true", help="不等浏览器, 演完即退出 / then exit")
    parser.add_argument("--json", action="store_true", help="输出 JSON 摘要 / print a summary")
    source = parser.add_mutually_exclusive_group()
    source.add_argument("--footage", type=Path, metavar="DIR", help="用自己的文件 / your own files")
    source.add_argument("--device", type=Path, metavar="DEV", help="用自己的卡 / your own card")
    return parser.parse_args()


@contextmanager
def stopped_by_signals() -> Iterator[None]:
    """Make every signal that asks to stop a KeyboardInterrupt, so that all is cleaned up."""

    def stop(number: int, _: FrameType | None) -> None:
        raise KeyboardInterrupt(number)

    before = {number: signal.signal(number, stop) for number in SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _make_writable(_function: object, path: str, _error: object) -> None:
    parent = Path(path).parent
    parent.chmod(parent.stat().st_mode | stat.S_IRWXU)
    Path(path).unlink(missing_ok=True)


if __name__ == "__main__":
    sys.exit(main())
