"""Files that cannot be read whole at once: what is tried again, kept apart, and told."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime
from types import SimpleNamespace
from zoneinfo import ZoneInfo

import pytest

from agent.archive import Archive
from agent.copying import Copying, Watch
from agent.core.effect import CopyFiles
from agent.core.event import FileImported
from agent.core.plan import Plan, PlannedCopy
from agent.core.recorder import MediaFacts
from agent.recorders.folder import TRIES, CardFolder
from contracts.errors import RecorderGoneError
from tests.instruments.cards import Bad, Card, Item, Then, mounted
from tests.support.source import files_below

MIB = 1 << 20
BIG = 2 * MIB + 500


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    with mounted(tmp_path_factory.mktemp("card"), Card()) as card:
        yield card


@pytest.fixture
def visit(made, tmp_path):
    """What a test calls to have a card of these items copied; returns what was reported."""

    def copied(*items, then=None, **more):
        made.become(Card(items, **more))
        with closing(CardFolder(made.folder, lambda: False)) as recorder:
            listing = recorder.list_files()
            if then is not None:
                made.become(Card(then, **more))
            return copy(recorder, listing, tmp_path)

    return copied


def copy(recorder, listing, root):
    archive, events = Archive(root), []
    archive.prepare()
    means = SimpleNamespace(
        archive=archive,
        archive_root=root,
        look=lambda _path, _name: MediaFacts("not_media"),
        now=lambda: datetime(2026, 8, 4, tzinfo=UTC),
        zone=ZoneInfo("Asia/Shanghai"),
    )
    plan = Plan(tuple(map(PlannedCopy, listing.files)), ())
    order = CopyFiles(1, "v", "R1", plan, None, sm3=False)
    watch = Watch(lambda: None, lambda _: None, events.append)
    with ThreadPoolExecutor(1) as settler:
        Copying(order, recorder, means, watch).run(settler)
    return events


def file(size=BIG, **more):
    return Item(b"a", size=size, seed=1, **more)


def told(event):
    return event.trouble.code, event.salvaged is not None and event.salvaged.partial is not None


@pytest.mark.parametrize("size", [0, 1, 40_960, BIG])
def test_a_card_without_faults_is_imported(visit, size):
    (event,) = visit(file(size))
    assert (type(event), event.sha256) == (FileImported, file(size).sha256())


def test_what_fails_at_first_and_can_be_read_then_is_imported_whole(visit, tmp_path):
    (event,) = visit(file(bad=(Bad(70_000, 5, times=2 * TRIES),)))
    assert event.sha256 == file().sha256()
    assert not (tmp_path / "partial").exists()


def test_bad_ranges_are_told_and_the_rest_is_kept_apart(visit, tmp_path):
    (event,) = visit(file(bad=(Bad(5000, 10), Bad(MIB + 1, 5000))))
    assert told(event) == ("file_unreadable", True)
    assert (event.offset, event.salvaged.bad) == (4096, ((4096, 4096), (MIB, 8192)))
    content = (tmp_path / event.salvaged.partial).read_bytes()
    assert content[MIB + 8192 :] == file().bytes_at(MIB + 8192, BIG)
    assert not [path for path in files_below(tmp_path) if "partial" not in path.parts]


def test_a_bad_file_does_not_keep_the_others_back(visit):
    others = [Item(b"%d" % number, size=9 * number, seed=number) for number in range(1, 9)]
    events = visit(file(bad=(Bad(0, 1),)), *others)
    assert [event.sha256 for event in events if isinstance(event, FileImported)] == [
        item.sha256() for item in others
    ]
    assert len(events) == 9


def test_a_file_that_grew_since_it_was_listed_is_imported_as_what_it_is(visit):
    (event,) = visit(file(9000), then=(file(9500, modified_ns=5),))
    assert (event.sha256, event.planned.file.size) == (file(9500).sha256(), 9500)
    assert (event.planned.listed.size, event.planned.file.modified_ns) == (9000, 5)


@pytest.mark.parametrize(
    ("change", "size"),
    [({"size": 9500, "modified_ns": 5}, 9500), ({"size": 20}, 20), ({"modified_ns": 5}, 9000)],
)
def test_a_file_that_changes_while_it_is_read_is_tried_once_more(visit, change, size):
    (event,) = visit(file(9000, then=(Then("reads", 1, change),)))
    assert (event.sha256, event.planned.listed.size) == (file(size).sha256(), 9000)


def test_a_file_that_changes_each_time_is_told_as_changed(visit):
    changes = tuple(Then("reads", n, {"modified_ns": n}) for n in range(1, 20))
    (event,) = visit(file(9000, then=changes))
    assert told(event) == ("file_changed", False)


def test_a_file_that_grows_each_time_is_told_as_grown(visit):
    changes = tuple(Then("reads", n, {"size": 9000 + n * 5000}) for n in range(1, 30))
    (event,) = visit(file(9000, then=changes))
    assert event.trouble.code in ("file_grown", "file_changed")


def test_a_file_shorter_than_it_says_is_told_as_short_and_kept_as_far_as_it_goes(visit, tmp_path):
    (event,) = visit(file(9000, given_bytes=6000))
    assert told(event) == ("file_short", True)
    assert event.salvaged.bad == ((6000, 3000),)
    assert (tmp_path / event.salvaged.partial).read_bytes() == file().bytes_at(0, 6000)


def test_short_reads_are_put_together(visit):
    (event,) = visit(file(9000, short_bytes=700))
    assert event.sha256 == file(9000).sha256()


def test_a_file_that_is_gone_when_it_is_its_turn_is_told_as_vanished(visit):
    (event,) = visit(file(9000), then=())
    assert told(event) == ("file_vanished", False)


def test_a_file_that_vanishes_while_it_is_read_is_told_as_vanished(visit):
    (event,) = visit(file(9 * MIB, then=(Then("reads", 3, {"gone": True}),)))
    assert told(event) == ("file_vanished", False)


def test_a_file_that_became_a_link_is_told_as_vanished_and_not_followed(visit):
    (event,) = visit(file(9000), then=(Item(b"a", "symlink"),))
    assert told(event) == ("file_vanished", False)


def test_a_file_that_cannot_be_looked_at_again_is_told_as_unreadable(visit):
    deep = Item(b"d/a", size=100, seed=1)
    (event,) = visit(deep, then=(deep, Item(b"d", "folder", hides_errno=5)))
    assert told(event) == ("file_unreadable", False)


def test_a_file_that_cannot_be_read_at_all_leaves_its_ranges_and_no_partial(visit, tmp_path):
    (event,) = visit(file(9000, bad=(Bad(0, 9000),)))
    assert (told(event), event.salvaged.bad) == (("file_unreadable", False), ((0, 9000),))
    assert files_below(tmp_path) == []


def test_bytes_that_are_other_at_the_second_opening_do_not_touch_what_was_imported(visit):
    (event,) = visit(file(then=(Then("opens", 2, {"seed": 9}),)))
    assert event.sha256 == file().sha256()


def test_a_card_pulled_out_in_mid_file_ends_the_copy(visit, tmp_path):
    with pytest.raises(RecorderGoneError):
        visit(file(9 * MIB), gone_after=20)
    assert files_below(tmp_path) == []


@pytest.mark.parametrize("size", [2**32 - 1, 2**32 + 1])
def test_where_a_card_fails_beyond_four_gigabytes_is_told_to_the_byte(made, size):
    made.become(Card((Item(b"a", size=size, seed=1, bad=(Bad(size - 1, 1),)),)))
    with closing(CardFolder(made.folder, lambda: False)) as recorder:
        opened = recorder.open_file(recorder.list_files().files[0])
        opened.seek(size - 5000)
        buffer = memoryview(bytearray(MIB))
        count = opened.readinto(buffer)
        opened.close()
    assert bytes(buffer[:count]) == Item(b"a", size=size, seed=1).bytes_at(size - 5000, count)
