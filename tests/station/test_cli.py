"""The command muster-station."""

import subprocess

import pytest

from tests.support.running_pages import PROGRAM


def serve(config):
    command = [PROGRAM, "serve", "--config", config]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_broken_settings_are_listed_and_end_the_start(folder):
    config = folder / "station.toml"
    config.write_text(config.read_text(encoding="utf-8") + "colour = 3\n", encoding="utf-8")
    ended = serve(config)
    assert ended.returncode == 2
    assert "colour: 没有这一项" in ended.stderr
    assert ended.stderr.splitlines()[-1].startswith("→ ")


@pytest.mark.parametrize("missing", ["station.toml", "roster.toml"])
def test_a_missing_file_is_named(folder, missing):
    (folder / missing).unlink()
    ended = serve(folder / "station.toml")
    assert ended.returncode == 2
    assert missing in ended.stderr
    assert "读不出 / cannot be read: No such file or directory\n→ " in ended.stderr
