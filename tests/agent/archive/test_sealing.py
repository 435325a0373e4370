import hashlib
import os
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agent.archive import Archive, durable
from agent.archive.sealing import BLOCK_BYTES
from contracts.errors import (
    FileChangedError,
    FileUnreadableError,
    RecorderGoneError,
)
from tests.support.source import MemoryFile, files_below, names_in, seal

SIZES = [0, 1, 4095, 4096, 40_960, BLOCK_BYTES - 1, BLOCK_BYTES, BLOCK_BYTES + 1, 5_000_001]


def quiet(_done):
    pass


@pytest.mark.parametrize("size", SIZES)
def test_a_sealed_file_is_every_byte_of_the_source_under_its_digest(archive, tmp_path, size):
    content = os.urandom(size)
    sealed = seal(archive, content, sm3=True)
    assert (tmp_path / sealed.object).read_bytes() == content
    assert sealed.sha256 == hashlib.sha256(content).hexdigest() == sealed.object.split("/")[-1]
    assert sealed.sm3 == hashlib.new("sm3", content).hexdigest()
    assert (sealed.size, sealed.already_held) == (size, False)


@pytest.mark.parametrize("size", SIZES)
def test_a_file_is_sealed_on_a_file_system_in_memory_too(memory_folder, size):
    archive = Archive(memory_folder)
    archive.prepare()
    content = os.urandom(size)
    sealed = seal(archive, content)
    assert (memory_folder / sealed.object).read_bytes() == content
    archive.verify(sealed.sha256)


def test_an_object_cannot_be_written_by_its_mode_and_leaves_no_part(archive, tmp_path):
    sealed = seal(archive, b"footage")
    status = (tmp_path / sealed.object).stat()
    assert (status.st_mode & 0o777, status.st_nlink) == (0o444, 1)
    assert names_in(tmp_path / "incoming") == []


def test_sm3_is_only_made_where_it_is_asked_for(archive):
    assert seal(archive, b"footage").sm3 is None


def test_progress_tells_how_much_has_been_read(archive):
    told: list[int] = []
    content = os.urandom(3 * BLOCK_BYTES + 5)
    archive.seal(MemoryFile(content), len(content), "a", sm3=False, progress=told.append)
    assert told == [BLOCK_BYTES, 2 * BLOCK_BYTES, 3 * BLOCK_BYTES, 3 * BLOCK_BYTES + 5]


@pytest.mark.parametrize("size", [100, 3 * BLOCK_BYTES])
def test_the_same_bytes_again_are_already_held(archive, tmp_path, size):
    content = os.urandom(size)
    first, again = seal(archive, content), seal(archive, content)
    assert (first.already_held, again.already_held) == (False, True)
    assert again.object == first.object
    assert files_below(tmp_path) == [tmp_path / first.object]


@pytest.mark.parametrize("size", [100, 3 * BLOCK_BYTES])
def test_the_same_bytes_take_the_place_of_a_damaged_object_which_is_kept(archive, tmp_path, size):
    content = os.urandom(size)
    path = tmp_path / seal(archive, content).object
    damaged = content[:-1] + bytes([content[-1] ^ 1])
    path.write_bytes(damaged)
    sealed = seal(archive, content)
    assert (sealed.already_held, sealed.kept) == (False, f"damaged/{path.name}.1")
    assert path.read_bytes() == content
    assert (tmp_path / sealed.kept).read_bytes() == damaged
    assert len(files_below(tmp_path)) == 2


def test_an_object_damaged_twice_is_kept_twice(archive, tmp_path):
    for cut in (b"foot", b"age"):
        sealed = seal(archive, b"footage")
        path = tmp_path / sealed.object
        path.unlink()
        path.write_bytes(cut)
    assert seal(archive, b"footage").kept == f"damaged/{path.name}.2"
    archive.verify(path.name)


def test_an_object_that_cannot_be_opened_is_replaced_too(archive, tmp_path):
    path = tmp_path / seal(archive, b"footage").object
    path.unlink()
    path.symlink_to("/dev/full")
    assert seal(archive, b"footage").kept == f"damaged/{path.name}.1"
    assert path.read_bytes() == b"footage"


@pytest.mark.parametrize("size", [100, 3 * BLOCK_BYTES])
@pytest.mark.parametrize("listed", [-1, 1])
def test_a_file_that_shrank_or_grew_since_the_listing_leaves_nothing(
    archive, tmp_path, size, listed
):
    source = MemoryFile(os.urandom(size))
    with pytest.raises(FileChangedError) as raised:
        archive.seal(source, size + listed, "a.mp4", sm3=False, progress=quiet)
    assert raised.value.fields["name"] == "a.mp4"
    assert files_below(tmp_path) == []


def test_a_file_that_says_it_changed_leaves_nothing(archive, tmp_path):
    with pytest.raises(FileChangedError):
        seal(archive, b"footage", unchanged=False)
    assert files_below(tmp_path) == []


@pytest.mark.parametrize("fails_at", [0, 1, BLOCK_BYTES, 3 * BLOCK_BYTES + 17, 6 * BLOCK_BYTES])
@pytest.mark.parametrize(
    "error", [RecorderGoneError(), FileUnreadableError(name="a", offset=1, reason="EIO")]
)
def test_an_error_of_the_recorder_passes_through_and_leaves_nothing(
    archive, tmp_path, fails_at, error
):
    with pytest.raises(type(error)) as raised:
        seal(archive, bytes(6 * BLOCK_BYTES), error=error, fails_at=fails_at)
    assert raised.value is error
    assert files_below(tmp_path) == []


def test_an_error_of_the_one_who_watches_the_progress_leaves_nothing(archive, tmp_path):
    def stop(_done):
        raise RecorderGoneError

    with pytest.raises(RecorderGoneError):
        archive.seal(MemoryFile(b"footage"), 7, "a.mp4", sm3=False, progress=stop)
    assert files_below(tmp_path) == []


def test_a_planted_link_is_never_written_through(tmp_path):
    (tmp_path / "planted.part").symlink_to(tmp_path / "elsewhere")
    folder = os.open(tmp_path, os.O_RDONLY)
    with pytest.raises(FileExistsError):
        durable.create(folder, "planted.part")
    os.close(folder)
    assert not (tmp_path / "elsewhere").exists()


def test_six_docks_with_the_same_footage_keep_it_once(archive, tmp_path):
    content = os.urandom(3 * BLOCK_BYTES)
    with ThreadPoolExecutor(6) as docks:
        sealed = list(docks.map(lambda _: seal(archive, content), range(6)))
    assert sorted(one.already_held for one in sealed) == [False] + 5 * [True]
    assert len(files_below(tmp_path)) == 1


def test_an_archive_that_was_not_prepared_is_a_fault_of_ours(tmp_path):
    with pytest.raises(RuntimeError):
        seal(Archive(tmp_path), b"footage")


@settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(content=st.binary(max_size=9000))
def test_any_bytes_come_back_as_they_were(archive, tmp_path, content):
    sealed = seal(archive, content)
    assert (tmp_path / sealed.object).read_bytes() == content
    assert archive.holds(sealed.sha256, len(content))
