"""A card whose policy asks for two copies: it waits for the second disk, and is cleared then."""

from contracts.clearing import Reason
from tests.acceptance.test_station_clearing import (
    FOOTAGE,
    POLICY,
    SCRIPT,
    cleared,
    kept,
    names,
    office,  # noqa: F401  # a fixture
    order_of,
    station,
)
from tests.support.loopdisk import loop_disk, run
from tests.support.running_agent import running


def asking_for_two(folder, office, path=None):  # noqa: F811
    """Return a station under a policy that says nothing of copies, and its card's folder."""
    world = station(folder, office)
    world.write_roster(POLICY.replace("VOLUME", "V1").replace("copies = 1\n", ""))
    if path is not None:
        with world.config.open("a", encoding="utf-8") as settings:
            settings.write(f'[second_copy]\npath = "{path}"\n')
    return world, world.card("C1", FOOTAGE, SCRIPT)


def waits_for(*reasons):
    return lambda dock: dock.clearing and set(reasons) <= set(dock.clearing.reasons)


def test_a_card_waits_for_the_second_copy_and_is_cleared_when_it_is_confirmed(
    tmp_path,
    office,  # noqa: F811
):
    with loop_disk(48) as disk:
        world, card = asking_for_two(tmp_path, office, disk.path)
        with running(world) as agent:
            agent.wait(lambda shown: shown.second_copy.is_known and not shown.second_copy.code)
            run("umount", "--lazy", str(disk.path))
            agent.wait(lambda shown: shown.second_copy.code)
            world.plug("C1")
            agent.wait_dock(waits_for(Reason.SECOND_COPY_AWAY, Reason.NOT_READ_AGAIN))
            assert len(names(card)) == len(FOOTAGE)
            run("mount", str(disk.device), str(disk.path))
            agent.wait_dock(cleared)
            assert names(card) == []
            copied = (disk.path / "objects").rglob("*")
            assert sum(path.is_file() for path in copied) == len(FOOTAGE)
    steps = order_of(world, "footage.copied", "recorder.clearing", "recorder.cleared")
    assert steps[-2:] == ["recorder.clearing", "recorder.cleared"]
    assert steps[0] == "footage.copied"


def test_a_station_without_a_second_copy_clears_nothing_and_says_why(tmp_path, office):  # noqa: F811
    world, card = asking_for_two(tmp_path, office)
    with running(world) as agent:
        world.plug("C1")
        dock = agent.wait_dock(kept)
    assert dock.clearing.reasons == (Reason.NO_SECOND_COPY,)
    assert world.data("clearing.refused")[0]["reasons"] == ["clear_no_second_copy"]
    assert len(names(card)) == len(FOOTAGE)
