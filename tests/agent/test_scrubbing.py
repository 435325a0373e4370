"""Scrubbing under the running agent and by hand: every damage is found, entered once, never mended.

Every kind of damage is put into sixty objects of one archive.
"""

import hashlib
import shutil
import subprocess
from collections import Counter

import pytest

from contracts.commands import Scrub
from tests.instruments.cards import Bad, Card, Item, mounted
from tests.support.running_agent import HEALTHY, PROGRAM, World, running
from tests.support.tracing import injecting

EACH = 60
KINDS = ("whole", "flipped", "cut", "grown", "gone", "swapped")
FILES = {f"DCIM/{n:04}.bin": f"{n:05}".encode() * 40 for n in range(len(KINDS) * EACH)}


@pytest.fixture
def world(tmp_path):
    made = World(tmp_path)
    made.write()
    return made


def objects(world):
    found = (world.archive / "objects").rglob("*")
    return sorted(path for path in found if path.is_file())


def manifests(world):
    return sorted((world.archive / "manifests").iterdir())


def scrubbed(agent, world):
    before = agent.wait(lambda _: True).storage.scrubbed_at
    assert agent.ask(Scrub()).ok
    agent.wait(lambda shown: shown.storage.scrubbed_at != before)
    return world.data("archive.scrubbed")[-1]["counts"]


def harm(path, kind):
    path.chmod(0o644)
    raw = bytearray(path.read_bytes())
    if kind == "flipped":
        raw[len(raw) // 2] ^= 1
    elif kind == "cut":
        del raw[-1:]
    elif kind == "grown":
        raw += b"x"
    elif kind == "swapped":
        path.unlink()
        path.symlink_to("/etc/passwd")
        return
    elif kind == "gone":
        path.unlink()
        return
    path.write_bytes(raw)


def harm_all(world):
    by_kind = {kind: objects(world)[n :: len(KINDS)] for n, kind in enumerate(KINDS)}
    for kind, paths in by_kind.items():
        for path in paths:
            harm(path, kind)
    strays = [path.with_name(f"{n:064x}") for n, path in enumerate(by_kind["whole"])]
    for n, stray in enumerate(strays):
        stray.write_bytes(b"stray %d" % n)
    return by_kind, strays


def names(paths):
    return sorted(path.name for path in paths)


def check_found(world, by_kind, strays):
    damaged = [one["sha256"] for one in world.data("footage.damaged")]
    bad = [*by_kind["flipped"], *by_kind["cut"], *by_kind["grown"], *by_kind["swapped"]]
    assert sorted(damaged) == names(bad)
    assert sorted(o["sha256"] for o in world.data("footage.missing")) == names(by_kind["gone"])
    unexpected = [one["name"] for one in world.data("archive.unexpected")]
    assert sorted(unexpected) == sorted(str(p.relative_to(world.archive)) for p in strays)


def filled(agent, world):
    world.card("R1", FILES)
    world.plug("R1")
    assert agent.settled().state == "ready"
    assert len(objects(world)) == len(FILES)


def test_every_damage_in_hundreds_of_objects_is_found_and_entered_once(world):
    with running(world) as agent:
        filled(agent, world)
        (manifest,) = manifests(world)
        read = 200 * len(FILES) + manifest.stat().st_size
        assert Counter(scrubbed(agent, world)) == Counter(
            expected=len(FILES) + 1, intact=len(FILES) + 1, views=len(FILES), bytes_read=read
        )
        by_kind, strays = harm_all(world)
        counts = scrubbed(agent, world)
        assert counts == counts | {
            "expected": len(FILES) + 1, "intact": EACH + 1, "damaged": 4 * EACH, "missing": EACH,
            "unexpected": EACH,
        }  # fmt: skip
        check_found(world, by_kind, strays)
        assert scrubbed(agent, world)["damaged"] == 4 * EACH
        check_found(world, by_kind, strays)
        assert agent.wait(lambda _: True).storage.damaged == 4 * EACH
        agent.stop()
    by_hand = world.tell("scrub")
    assert (by_hand.returncode, f"damaged {4 * EACH}" in by_hand.stdout) == (1, True)
    check_found(world, by_kind, strays)


SMALL = {"DCIM/a.mp4": b"a" * 5000, "DCIM/b.mp4": b"b" * 5000}


@pytest.fixture
def archived(world):
    """A world whose archive holds two files; its agent has stopped."""
    world.card("R1", SMALL)
    world.plug("R1")
    with running(world) as agent:
        assert agent.settled().state == "ready"
    world.pull()
    return world


def test_damage_found_again_by_a_docking_is_replaced_and_kept(archived):
    bad = objects(archived)[0]
    harm(bad, "flipped")
    harmed = bad.read_bytes()
    assert archived.tell("scrub").returncode == 1
    with running(archived) as agent:
        archived.plug("R1")
        assert agent.settled().state == "ready"
        assert agent.wait(lambda _: True).storage.damaged == 0
        (replaced,) = archived.data("footage.replaced")
        assert (archived.archive / replaced["kept"]).read_bytes() == harmed
        assert replaced["sha256"] == bad.name
        scrubbed(agent, archived)
    assert archived.tell("verify", "--footage").returncode == 0


@pytest.fixture
def kept(request, archived):
    """A damaged file, harmed as the test asks, that was kept when a whole one replaced it."""
    harm(objects(archived)[0], request.param)
    assert archived.tell("scrub").returncode == 1
    archived.plug("R1")
    with running(archived) as agent:
        assert agent.settled().state == "ready"
    archived.pull()
    (replaced,) = archived.data("footage.replaced")
    return archived.archive / replaced["kept"]


@pytest.mark.parametrize("kept", ["flipped"], indirect=True)
@pytest.mark.parametrize("kind", ["gone", "flipped"])
def test_a_damaged_file_that_was_kept_is_missed_and_compared_like_any_other(archived, kept, kind):
    harmed, path = kept.read_bytes(), f"damaged/{kept.name}"
    assert archived.tell("scrub").returncode == 0
    harm(kept, kind)
    bad = "footage.missing" if kind == "gone" else "footage.damaged"
    for _ in range(2):
        assert archived.tell("scrub").returncode == 1
        (told,) = [one for one in archived.data(bad) if one["object"] == path]
    digest = hashlib.sha256(harmed).hexdigest()
    assert told == told | {"recorder": "R1", "view": path, "size": 5000, "sha256": digest}
    by_hand = archived.tell("verify", "--footage")
    assert (by_hand.returncode, path in by_hand.stdout) == (1, True)
    kept.unlink(missing_ok=True)
    kept.write_bytes(harmed)
    assert archived.tell("scrub").returncode == 0
    assert archived.data("footage.intact")[-1]["object"] == path
    assert archived.tell("verify", "--footage").returncode == 0


@pytest.mark.parametrize("kept", ["swapped"], indirect=True)
def test_one_that_nobody_could_read_is_missed_and_never_called_whole(archived, kept):
    path, led_to = f"damaged/{kept.name}", kept.readlink()
    assert archived.tell("scrub").returncode == 0
    assert archived.tell("verify", "--footage").returncode == 0
    kept.unlink()
    assert archived.tell("scrub").returncode == 1
    (told,) = archived.data("footage.missing")
    assert told == told | {"object": path, "view": path, "size": None, "sha256": ""}
    by_hand = archived.tell("verify", "--footage")
    assert (by_hand.returncode, path in by_hand.stdout) == (1, True)
    kept.symlink_to(led_to)
    assert archived.tell("scrub").returncode == 0
    assert archived.data("footage.intact") == []


def test_footage_that_is_gone_is_copied_anew_and_said_to_be_whole(archived):
    objects(archived)[0].unlink()
    assert archived.tell("scrub").returncode == 1
    with running(archived) as agent:
        archived.plug("R1")
        assert agent.settled().state == "ready"
    assert [one["sha256"] for one in archived.data("footage.intact")] == [
        one["sha256"] for one in archived.data("footage.missing")
    ]
    assert archived.tell("scrub").returncode == 0


def test_footage_that_somebody_brought_back_is_said_to_be_whole(archived):
    one = objects(archived)[0]
    good = one.read_bytes()
    harm(one, "flipped")
    archived.tell("scrub")
    one.write_bytes(good)
    assert archived.tell("scrub").returncode == 0
    assert [intact["sha256"] for intact in archived.data("footage.intact")] == [one.name]


@pytest.mark.parametrize("kind", ["flipped", "gone", "swapped"])
def test_a_manifest_that_is_not_as_entered_is_said_once_left_and_said_when_it_is_whole(
    archived, kind
):
    (manifest,) = manifests(archived)
    good = manifest.read_bytes()
    harm(manifest, kind)
    bad = "footage.missing" if kind == "gone" else "footage.damaged"
    for _ in range(2):
        assert archived.tell("scrub").returncode == 1
        (told,) = archived.data("footage.missing", "footage.damaged")
    (visit,) = archived.data("visit.completed")
    assert told == archived.data(bad)[0]
    path = f"manifests/{visit['visit']}.sha256"
    assert told == told | {"recorder": "R1", "object": path, "view": path, "size": None}
    assert told["sha256"] == visit["manifest_sha256"] == hashlib.sha256(good).hexdigest()
    assert manifest.exists() == (kind != "gone")
    by_hand = archived.tell("verify", "--footage")
    assert (by_hand.returncode, visit["visit"] in by_hand.stdout) == (1, True)
    manifest.unlink(missing_ok=True)
    manifest.write_bytes(good)
    assert archived.tell("scrub").returncode == 0
    assert [one["object"] for one in archived.data("footage.intact")] == [path]
    assert archived.tell("verify", "--footage").returncode == 0


def test_manifests_gone_with_their_folder_are_all_missing_and_no_footage_is(archived):
    archived.plug("R1")
    with running(archived) as agent:
        assert agent.settled().state == "ready"
    archived.pull()
    gone = [path.relative_to(archived.archive) for path in manifests(archived)]
    shutil.rmtree(archived.archive / "manifests")
    assert archived.tell("scrub").returncode == 1
    assert sorted(one["object"] for one in archived.data("footage.missing")) == list(map(str, gone))
    assert len(gone) == 2
    assert (archived.data("archive.scrubbed")[-1]["counts"]["intact"]) == len(SMALL)


@pytest.fixture
def part(world):
    """What was kept of a file that the card does not give whole; the agent has stopped."""
    damaged = Item(b"a.bin", size=300_000, seed=1, bad=(Bad(9000, 10),))
    with mounted(world.card("R1", {}, HEALTHY), Card((damaged,))), running(world) as agent:
        world.plug("R1")
        agent.settled()
        missed = agent.wait_entry("footage.unreadable")
        world.pull()
        agent.wait_dock(lambda dock: dock.state == "empty")
    return world.archive / missed["partial"]


@pytest.mark.parametrize("kind", ["flipped", "gone"])
def test_what_was_kept_of_a_damaged_file_is_scrubbed_as_footage_is(world, part, kind):
    good, path = part.read_bytes(), f"partial/{part.name}"
    assert world.tell("scrub").returncode == 0
    harm(part, kind)
    assert world.tell("scrub").returncode == 1
    (told,) = world.data("footage.missing" if kind == "gone" else "footage.damaged")
    assert told == told | {"recorder": "R1", "object": path, "view": path, "size": len(good)}
    by_hand = world.tell("verify", "--footage")
    assert (by_hand.returncode, path in by_hand.stdout) == (1, True)
    part.unlink(missing_ok=True)
    part.write_bytes(good)
    assert world.tell("scrub").returncode == 0
    assert [one["object"] for one in world.data("footage.intact")] == [path]


def test_views_that_are_gone_or_lead_elsewhere_are_made_anew_and_said(archived):
    gone, elsewhere = sorted((archived.archive / "执法记录仪影像资料").rglob("*.mp4"))
    gone.unlink()
    elsewhere.unlink()
    elsewhere.write_bytes(b"something else")
    done = archived.tell("scrub")
    assert sorted(one["why"] for one in archived.data("view.remade")) == ["elsewhere", "gone"]
    assert (done.returncode, archived.data("archive.unexpected")) == (0, [])
    assert gone.samefile(archived.archive / "objects" / next(
        path.relative_to(archived.archive / "objects") for path in objects(archived)
        if path.read_bytes() == gone.read_bytes()
    ))  # fmt: skip
    assert elsewhere.read_bytes() == b"something else"
    assert archived.tell("scrub").returncode == 0
    assert len(archived.data("view.remade")) == 2


def test_a_view_that_was_called_unexpected_is_settled_once_an_entry_names_it(archived):
    view = min((archived.archive / "执法记录仪影像资料").rglob("*.mp4"))
    made = view.with_stem(f"{view.stem} (2)")
    made.write_bytes(b"stray")
    assert archived.tell("scrub").returncode == 1
    made.unlink()
    view.unlink()
    view.write_bytes(b"something else")
    assert archived.tell("scrub").returncode == 0
    assert [one["made"] for one in archived.data("view.remade")] == [
        str(made.relative_to(archived.archive))
    ]
    assert [one["name"] for one in archived.data("archive.settled")] == [
        str(made.relative_to(archived.archive))
    ]


def test_a_view_leads_to_the_file_that_took_the_damaged_ones_place(archived):
    bad = objects(archived)[0]
    (view,) = (v for v in (archived.archive / "执法记录仪影像资料").rglob("*") if v.samefile(bad))
    good = view.read_bytes()
    harm(bad, "flipped")
    assert archived.tell("scrub").returncode == 1
    with running(archived) as agent:
        archived.plug("R1")
        assert agent.settled().state == "ready"
    assert view.read_bytes() == good
    assert view.samefile(bad)
    assert archived.tell("scrub").returncode == 0
    assert archived.data("view.remade") == []


STRAYS = (
    "stray", "objects/x", "objects/sha256/zz", "objects/sha256/00/stray", "manifests/x.sha256",
    "damaged/x", "partial/x", "执法记录仪影像资料/2026/11/20/x.mp4", "执法记录仪影像资料/x",
)  # fmt: skip


def test_what_nobody_put_there_is_said_once_and_again_when_it_is_gone(archived):
    for stray in STRAYS:
        (archived.archive / stray).parent.mkdir(parents=True, exist_ok=True)
        (archived.archive / stray).write_bytes(b"stray")
    for _ in range(2):
        assert archived.tell("scrub").returncode == 1
        assert {one["name"] for one in archived.data("archive.unexpected")} == set(STRAYS)
    assert len(archived.data("archive.unexpected")) == len(STRAYS)
    for stray in STRAYS:
        (archived.archive / stray).unlink()
    assert archived.tell("scrub").returncode == 0
    assert len(archived.data("archive.settled")) == len(STRAYS)


def test_a_file_the_disk_does_not_give_is_damaged_and_one_it_gives_at_once_again_is_not(archived):
    # The disk's mark is read first, then a file; after a failed read the mark, then the file again.
    for failing, damaged in (("2", 0), ("2..4+2", 1)):
        trace = injecting("preadv,preadv2", f"error=EIO:when={failing}")
        done = subprocess.run(
            [*trace, PROGRAM, "scrub", "--config", archived.config],
            capture_output=True,
            check=False,
        )
        assert done.returncode == damaged, done.stderr
        assert len(archived.data("footage.damaged")) == damaged
    assert archived.data("footage.damaged")[0]["reason"] == "Input/output error"


def test_a_pass_under_a_running_agent_is_asked_of_the_agent(archived):
    with running(archived):
        asked = archived.tell("scrub")
        assert (asked.returncode, "已开始" in asked.stdout) == (0, True)
