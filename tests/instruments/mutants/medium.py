"""Bugs about what is on the archive's medium, and when."""

from tests.instruments.mutants.applying import Mutant, tests

_ARCHIVE = "agent/archive/archive.py"
_AUTHENTICATING = "agent/archive/authenticating.py"
_DURABLE = "agent/archive/durable.py"
_GROUPING = "agent/archive/grouping.py"
_SEALING = "agent/archive/sealing.py"

MEDIUM = (
    Mutant(
        "part-not-synced",
        _DURABLE,
        ("    os.fsync(fd)\n    os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)"),
        "    os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)",
        "a file is named that is not on the medium",
        tests(
            "agent/archive/test_order",
            "a_file_is_on_the_medium_before_it_is_read_back_and_named_and_its_folders_after",
        ),
    ),
    Mutant(
        "sync-lies",
        _DURABLE,
        ('    """Bring a file or a folder to the medium."""\n    os.fsync(fd)'),
        '    """Bring a file or a folder to the medium."""',
        "no folder is ever on the medium",
        tests(
            "agent/archive/test_order",
            "a_file_is_on_the_medium_before_it_is_read_back_and_named_and_its_folders_after",
        ),
    ),
    Mutant(
        "syncfs-unheard",
        _DURABLE,
        "    if _LIBC.syncfs(fd):",
        "    if _LIBC.syncfs(fd) and False:",
        "what the disk refused counts as written",
        tests(
            "agent/archive/test_group",
            "a_refused_group_is_thrown_away_and_each_file_sealed_alone_from_the_card",
        ),
    ),
    Mutant(
        "object-folder-not-synced",
        _GROUPING,
        ("            if not self._cached:\n                durable.sync(folder)"),
        ("            if self._cached:\n                durable.sync(folder)"),
        "an object's name is lost by a cut",
        tests(
            "agent/archive/test_order",
            "a_file_is_on_the_medium_before_it_is_read_back_and_named_and_its_folders_after",
        ),
    ),
    Mutant(
        "parents-not-synced",
        _DURABLE,
        "            sync(parent)",
        "            pass",
        "the way to an object is lost by a cut",
        tests(
            "agent/archive/test_order",
            "a_file_is_on_the_medium_before_it_is_read_back_and_named_and_its_folders_after",
        ),
    ),
    Mutant(
        "group-not-synced",
        _GROUPING,
        ("                durable.sync_all(self._root)\n            except"),
        ("                pass\n            except"),
        "small files are named before they are on the medium",
        tests(
            "agent/archive/test_group",
            "a_group_is_on_the_medium_before_it_is_read_back_and_its_names_before_it_is_reported",
        ),
    ),
    Mutant(
        "group-names-not-synced",
        _GROUPING,
        ("        if self._cached:\n            durable.sync_all(self._root)"),
        ("        if not self._files:\n            durable.sync_all(self._root)"),
        "a group is reported before its names are on the medium",
        tests(
            "agent/archive/test_group",
            "a_group_is_on_the_medium_before_it_is_read_back_and_its_names_before_it_is_reported",
        ),
    ),
    Mutant(
        "group-error-forgiven",
        _GROUPING,
        "                return False  # never",
        "                return True  # never",
        "what a failed sync was about is kept",
        tests(
            "agent/archive/test_group",
            "a_refused_group_is_thrown_away_and_each_file_sealed_alone_from_the_card",
        ),
    ),
    Mutant(
        "large-not-synced",
        _GROUPING,
        ("            if copied.fd is not None:\n                durable.sync_data(copied.fd)"),
        ("            if copied.fd is not None:\n                pass"),
        "a large file is named that is not on the medium",
        tests(
            "agent/archive/test_group",
            "a_large_file_in_a_group_is_on_the_medium_before_it_is_read_back_and_named",
        ),
    ),
    Mutant(
        "no-read-back",
        _GROUPING,
        "if not sealing.fits(",
        "if False and not sealing.fits(",
        "what the disk holds is not looked at",
        tests("agent/archive/test_proving", "any_single_bit_that_differs_on_the_medium_is_found"),
    ),
    Mutant(
        "read-back-from-cache",
        _DURABLE,
        "        fd = _open_direct(name, os.O_RDONLY, folder)\n",
        (
            "        fd = os.open(name, os.O_RDONLY, dir_fd=folder)\n"
            "        yield fd\n"
            "        return\n"
        ),
        "memory is compared with itself",
        tests("agent/archive/test_disk_faults", "what_is_read_back_comes_from_the_disk"),
    ),
    Mutant(
        "marks-lie",
        _AUTHENTICATING,
        "        return secrets.compare_digest(self._tag, _tag(self._key, content))",
        "        return len(self._tag) == len(_tag(self._key, content))",
        "any bytes fit",
        tests("agent/archive/test_proving", "a_mark_fits_its_block_and_no_other"),
    ),
    Mutant(
        "marked-after-hashing",
        _SEALING,
        "        return self._marks[offset // BLOCK_BYTES].fits(content)",
        "        return self._marks[-1].fits(content) or len(self._marks) > 1",
        "only the last block is compared",
        tests("agent/archive/test_proving", "whole_blocks_that_changed_places_are_found"),
    ),
    Mutant(
        "held-not-synced",
        _ARCHIVE,
        (
            "            if self._tree.syncs_as_one:\n"
            "                durable.sync_all(root)\n"
            "            else:"
        ),
        ("            if self._tree.syncs_as_one:\n                pass\n            else:"),
        "what a killed process named is trusted before it is on the medium",
        tests(
            "agent/archive/test_order", "what_is_held_is_brought_to_the_medium_before_it_is_trusted"
        ),
    ),
    Mutant(
        "held-of-any-size",
        _ARCHIVE,
        "if durable.size_of(root, _path_of(sha256)) == size",
        "if durable.size_of(root, _path_of(sha256)) is not None",
        "an object cut short counts as held",
        tests("agent/archive/test_archive", "only_footage_of_that_size_is_held"),
    ),
    Mutant(
        "duplicate-not-read",
        _GROUPING,
        ("        if sealing.digest(folder, sha256, ring) != sha256:\n            return False"),
        ("        if sealing.digest(folder, sha256, ring) == '':\n            return False"),
        "a damaged object is taken for the same footage",
        tests(
            "agent/archive/test_sealing",
            "the_same_bytes_take_the_place_of_a_damaged_object_which_is_kept",
        ),
    ),
)
