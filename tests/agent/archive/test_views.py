import hashlib
import shutil
import subprocess
from datetime import datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from contracts.errors import ObjectMissingError
from contracts.names import view_path
from tests.support.source import names_in, seal

VIEW = "2026/08/04/100000_DSJ-01_a.mp4"
VIEWS = "执法记录仪影像资料"


def check_sums(root: Path, manifest: str) -> int:
    command = ["sha256sum", "--strict", "-c", manifest]
    return subprocess.run(command, cwd=root, capture_output=True, check=False).returncode


def test_a_view_is_another_name_of_the_object(archive, tmp_path):
    sealed = seal(archive, b"footage")
    path = archive.link_view(VIEW, sealed.sha256)
    assert path == f"{VIEWS}/{VIEW}"
    assert (tmp_path / path).samefile(tmp_path / sealed.object)


def test_a_folder_that_people_removed_is_made_again(archive, tmp_path):
    sealed = seal(archive, b"footage")
    shutil.rmtree((tmp_path / archive.link_view(VIEW, sealed.sha256)).parents[1])
    assert (tmp_path / archive.link_view(VIEW, sealed.sha256)).samefile(tmp_path / sealed.object)


def test_the_same_footage_under_the_same_name_is_the_same_name(archive):
    sealed = seal(archive, b"footage")
    assert archive.link_view(VIEW, sealed.sha256) == archive.link_view(VIEW, sealed.sha256)


def test_other_footage_under_a_taken_name_gets_a_name_of_its_own_and_keeps_it(archive, tmp_path):
    digests = [seal(archive, content).sha256 for content in (b"1", b"2", b"3")]
    first = [archive.link_view(VIEW, digest) for digest in digests]
    assert first == [f"{VIEWS}/2026/08/04/100000_DSJ-01_a{own}.mp4" for own in ("", " (2)", " (3)")]
    assert [archive.link_view(VIEW, digest) for digest in digests] == first
    assert [(tmp_path / path).read_bytes() for path in first] == [b"1", b"2", b"3"]


def test_a_name_without_a_suffix_gets_its_number_at_the_end(archive):
    for content, name in ((b"1", "a"), (b"2", "a (2)")):
        assert archive.link_view("d/a", seal(archive, content).sha256) == f"{VIEWS}/d/{name}"


@pytest.fixture
def whole(archive, tmp_path):
    """Footage whose damaged object was replaced; its view is the damaged one's still."""
    sealed = seal(archive, b"footage")
    archive.link_view(VIEW, sealed.sha256)
    damaged = tmp_path / sealed.object
    damaged.chmod(0o644)
    damaged.write_bytes(b"garbage")
    return seal(archive, b"footage")


@pytest.mark.parametrize("at_once", [False, True])
def test_a_name_that_shows_the_damaged_file_is_the_whole_ones(archive, tmp_path, whole, at_once):
    view = tmp_path / VIEWS / VIEW
    assert view.samefile(tmp_path / whole.kept)
    if at_once:
        archive.tree.syncs_as_one = True
    assert archive.link_views([(VIEW, whole.sha256)]) == [f"{VIEWS}/{VIEW}"]
    assert view.samefile(tmp_path / whole.object)
    assert (tmp_path / whole.kept).read_bytes() == b"garbage"
    assert names_in(tmp_path / "incoming") == []


def test_other_footage_is_never_given_a_name_that_shows_a_damaged_file(archive, tmp_path, whole):
    other = seal(archive, b"another")
    own = archive.link_view(VIEW, other.sha256)
    assert own.endswith("a (2).mp4")
    assert (tmp_path / VIEWS / VIEW).samefile(tmp_path / whole.kept)


def test_a_name_that_shows_the_same_bytes_in_another_file_is_the_objects(archive, tmp_path):
    sealed = seal(archive, b"footage")
    view = tmp_path / archive.link_view(VIEW, sealed.sha256)
    (tmp_path / sealed.object).unlink()
    sealed = seal(archive, b"footage")
    assert archive.link_view(VIEW, sealed.sha256) == f"{VIEWS}/{VIEW}"
    assert view.samefile(tmp_path / sealed.object)


@pytest.mark.parametrize("kind", ["folder", "link", "other bytes"])
def test_what_is_in_the_way_of_a_view_is_left(archive, tmp_path, kind):
    sealed = seal(archive, b"footage")
    view = tmp_path / archive.link_view(VIEW, sealed.sha256)
    view.unlink()
    if kind == "folder":
        view.mkdir()
    elif kind == "link":
        view.symlink_to(tmp_path / sealed.object)
    else:
        view.write_bytes(b"foot4ge")
    before = view.lstat()
    assert archive.link_view(VIEW, sealed.sha256).endswith("a (2).mp4")
    assert view.lstat().st_ino == before.st_ino


def test_a_view_of_footage_that_is_not_there_is_an_error(archive):
    with pytest.raises(ObjectMissingError):
        archive.link_view(VIEW, "0" * 64)


@pytest.mark.parametrize("view", ["../a", "a/../../b", "/etc/a", "a//b", "./a", ""])
def test_a_view_never_leaves_its_folder(archive, view):
    sealed = seal(archive, b"footage")
    with pytest.raises(ValueError, match=r".*"):
        archive.link_view(view, sealed.sha256)


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(raw=st.binary(max_size=300), recorder=st.text(max_size=80))
def test_any_name_from_a_card_becomes_a_view_that_sha256sum_checks(
    archive, tmp_path, raw, recorder
):
    sealed = seal(archive, raw)
    view = view_path(datetime(2026, 8, 4, 10, 0, 0), recorder, raw)  # noqa: DTZ001 - local by contract
    path = archive.link_view(view, sealed.sha256)
    assert (tmp_path / path).read_bytes() == raw
    assert path.startswith(f"{VIEWS}/2026/08/04/100000_")
    assert path.count("/") == 4


@pytest.mark.parametrize("name", ["a.mp4", "b\nc", "d\\e", "f\\ng", "行车\t记录", " h ", "i\rj"])
def test_sha256sum_understands_the_manifest(archive, tmp_path, name):
    (tmp_path / name).write_bytes(b"footage")
    digest = hashlib.sha256(b"footage").hexdigest()
    archive.write_manifest("visit-1", [(digest, name)])
    assert check_sums(tmp_path, "manifests/visit-1.sha256") == 0
    (tmp_path / name).write_bytes(b"changed")
    assert check_sums(tmp_path, "manifests/visit-1.sha256") == 1


def test_a_manifest_has_its_digest_and_may_be_written_again(archive, tmp_path):
    lines = [("0" * 64, f"{VIEWS}/{VIEW}")]
    first = archive.write_manifest("visit-1", lines)
    content = (tmp_path / "manifests/visit-1.sha256").read_bytes()
    assert first == archive.write_manifest("visit-1", lines) == hashlib.sha256(content).hexdigest()
    assert names_in(tmp_path / "incoming") == []


def test_a_longer_manifest_of_the_same_visit_takes_the_place_of_the_shorter(archive, tmp_path):
    archive.write_manifest("visit-1", [("0" * 64, "a")])
    archive.write_manifest("visit-1", [("0" * 64, "a"), ("1" * 64, "b")])
    assert len((tmp_path / "manifests/visit-1.sha256").read_text().splitlines()) == 2
    assert names_in(tmp_path / "manifests") == ["visit-1.sha256"]


@pytest.mark.parametrize("visit", ["", "a/b", "../a", ".hidden"])
def test_a_visit_that_is_no_file_name_is_a_fault_of_ours(archive, visit):
    with pytest.raises(ValueError, match=r".*"):
        archive.write_manifest(visit, [])
