"""`python -m demo.shots`: plays the story and takes a picture of every page for the documents."""

import subprocess
import sys
import tempfile
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from contracts.facts import FootageImported
from contracts.loading import to_json
from demo.__main__ import raise_the_curtain, stage, stopped_by_signals
from demo.programs import DemoError, found
from demo.scene import Scene, listens
from demo.staged import STAGED
from demo.story import FAST, LATE, NORMAL, act_out
from demo.world import free_port
from ledger.reading import LedgerReader

IMAGES = Path("docs/images")
_SIZE = (1366, 768)
_TIMEOUT_SECONDS = 60
_QUIET = (
    "--headless",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
    "--no-sandbox",  # the pages are ours, and root has no sandbox
)
# After which step which picture is taken: its name and the page.
_KIOSK: Mapping[str, tuple[tuple[str, str], ...]] = {
    "morning": (("kiosk-idle", "/"), ("issue", f"/issue?recorder={NORMAL}&person=zhang")),
    "clash": (("kiosk-copying-en", "/?lang=en"),),
    "back": (("kiosk-copying", "/"),),
    "home": (("kiosk-done", "/"), ("return", f"/return?recorder={LATE}")),
    "late": (
        ("ledger", "/ledger"),
        ("ledger-en", "/ledger?lang=en"),
        ("usage-form", "/forms/usage"),
    ),
}
_OFFICE: Mapping[str, tuple[tuple[str, str], ...]] = {
    "missing": (("office-today", "/"), ("office-today-en", "/?lang=en"), ("alerts", "/alerts")),
    "late": (("office-today-late", "/"), ("stations", "/stations")),
}


def main() -> int:
    """Play the story and take the pictures; return the exit code."""
    try:
        browser = found("chromium")
        IMAGES.mkdir(parents=True, exist_ok=True)
        with stopped_by_signals(), stage() as scene:
            raise_the_curtain(scene)
            act_out(scene, lambda name, scene: _take_all(browser, name, scene))
    except DemoError as error:
        print(error, file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    return 0


def _take_all(browser: str, step: str, scene: Scene) -> None:
    for name, page in _KIOSK.get(step, ()):
        _take(browser, f"{scene.world.kiosk_url}{page}", name)
    for name, page in _OFFICE.get(step, ()):
        _take(browser, f"{scene.world.office_url}{page}", name)
    if step == "home":
        _take_staged(browser, scene)
    if step == "late":
        _take(browser, f"{scene.world.kiosk_url}/ledger/{_an_import(scene)}", "entry")


def _take_staged(browser: str, scene: Scene) -> None:
    """Take what the story does not play from a second kiosk that is shown made-up snapshots."""
    run, port = scene.world.folder / "staged", free_port(0)
    run.mkdir()
    settings = scene.world.station_toml.read_text(encoding="utf-8")
    settings = settings.replace(f'run = "{scene.world.run}"', f'run = "{run}"')
    settings = settings.replace(f"port = {scene.world.kiosk_port}", f"port = {port}")
    config = scene.world.folder / "staged.toml"
    config.write_text(settings, encoding="utf-8")
    scene.programs.start("staged", "muster-station", "serve", "--config", str(config))
    scene.programs.wait_for("staged", lambda: listens(port))
    for name, stage_it in STAGED.items():
        shown = stage_it(scene.snapshot(), datetime.now(UTC))
        (run / "new.json").write_bytes(to_json(shown))
        (run / "new.json").replace(run / "snapshot.json")
        _take(browser, f"http://127.0.0.1:{port}/", name)
        _take(browser, f"http://127.0.0.1:{port}/?lang=en", f"{name}-en")


def _an_import(scene: Scene) -> int:
    with LedgerReader(scene.world.ledger) as reader:
        return next(reader.select(subject=FAST, types=(FootageImported.TYPE,))).sequence


def _take(browser: str, url: str, name: str) -> None:
    image = (IMAGES / f"{name}.png").resolve()
    with tempfile.TemporaryDirectory(prefix="muster-shots-") as profile:
        subprocess.run(
            (
                browser,
                *_QUIET,
                f"--user-data-dir={profile}",
                f"--window-size={_SIZE[0]},{_SIZE[1]}",
                f"--screenshot={image}",
                url,
            ),
            check=True,
            capture_output=True,
            timeout=_TIMEOUT_SECONDS,
        )
    print(image, flush=True)


if __name__ == "__main__":
    sys.exit(main())
