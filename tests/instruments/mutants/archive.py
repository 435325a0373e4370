"""Bugs about what the archive takes and keeps, and what it makes of a card."""

from tests.instruments.mutants.applying import Mutant, tests

_ARCHIVE = "agent/archive/archive.py"
_DURABLE = "agent/archive/durable.py"
_GROUPING = "agent/archive/grouping.py"
_SEALING = "agent/archive/sealing.py"
_VIEWS = "agent/archive/views.py"
_CORE_PLAN = "agent/core/plan.py"
_RECORDERS_FOLDER = "agent/recorders/folder.py"

ARCHIVE = (
    Mutant(
        "duplicate-not-synced",
        _GROUPING,
        (
            "        with durable.opened(folder, sha256) as fd:\n"
            "            durable.sync(fd)\n"
            "    return True"
        ),
        ("        pass\n    return True"),
        "a double is trusted that is only in memory",
        tests(
            "agent/archive/test_order",
            "footage_that_is_held_is_read_from_the_medium_and_brought_to_it_again",
        ),
    ),
    Mutant(
        "object-overwritten",
        _DURABLE,
        ("    except FileExistsError:\n        return False\n    except OSError as error:"),
        (
            "    except FileExistsError:\n"
            "        os.replace(name, new_name, src_dir_fd=source, dst_dir_fd=target)\n"
            "        return True\n"
            "    except OSError as error:"
        ),
        "what has the name already is written over",
        tests("agent/archive/test_sealing", "the_same_bytes_again_are_already_held"),
    ),
    Mutant(
        "view-overwritten",
        _VIEWS,
        ("        if is_new or durable.identity(folder, own) == durable.identity(source, kept):"),
        "        if True:",
        "other footage is shown under the name",
        tests(
            "agent/archive/test_views",
            "other_footage_under_a_taken_name_gets_a_name_of_its_own_and_keeps_it",
        ),
    ),
    Mutant(
        "manifest-not-synced",
        _VIEWS,
        ("        durable.sync(part.fd)\n        durable.replace(incoming"),
        "        durable.replace(incoming",
        "a manifest is empty after a cut",
        tests(
            "agent/archive/test_order",
            "a_manifest_is_on_the_medium_before_it_gets_its_name_and_its_folder_after",
        ),
    ),
    Mutant(
        "part-left",
        _DURABLE,
        ("        close(part.fd)\n        unlink(folder, part.name)"),
        "        close(part.fd)",
        "parts pile up",
        tests(
            "agent/archive/test_archive", "prepare_removes_what_was_being_copied_and_nothing_else"
        ),
    ),
    Mutant(
        "group-parts-left",
        _GROUPING,
        ("            self._remove(copied)\n\n\ndef folder_of"),
        ("            pass\n\n\ndef folder_of"),
        "parts pile up",
        tests(
            "agent/test_copying", "every_file_is_proven_named_and_reported_in_the_order_of_the_plan"
        ),
    ),
    Mutant(
        "incoming-kept",
        _ARCHIVE,
        (
            "            for name in durable.names(incoming):\n"
            "                durable.unlink(incoming, name)"
        ),
        ("            for name in durable.names(incoming):\n                pass"),
        "what a killed process left stays for ever",
        tests(
            "agent/archive/test_archive", "prepare_removes_what_was_being_copied_and_nothing_else"
        ),
    ),
    Mutant(
        "room-not-reserved",
        _SEALING,
        "    durable.reserve(part, incoming.size)\n",
        "",
        "a full disk is met in mid-file",
        tests(
            "agent/archive/test_disk_faults",
            "a_file_that_finds_no_room_is_refused_before_it_is_read",
        ),
    ),
    Mutant(
        "shorter-accepted",
        _SEALING,
        "    if reading.size < incoming.size:",
        "    if False:",
        "a file cut short passes for the listed one",
        tests(
            "agent/archive/test_sealing",
            "a_file_that_shrank_or_grew_since_the_listing_leaves_nothing",
        ),
    ),
    Mutant(
        "longer-accepted",
        _SEALING,
        "        if offset + filled > self.size:",
        "        if False:",
        "a file that grew passes for the listed one",
        tests(
            "agent/archive/test_sealing",
            "a_file_that_shrank_or_grew_since_the_listing_leaves_nothing",
        ),
    ),
    Mutant(
        "change-ignored",
        _SEALING,
        "    if not incoming.source.unchanged():",
        "    if False:",
        "a file that changed while it was read is accepted",
        tests("agent/archive/test_sealing", "a_file_that_says_it_changed_leaves_nothing"),
    ),
    Mutant(
        "archive-not-locked",
        _DURABLE,
        "            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)",
        "            pass",
        "two agents write to one archive",
        tests("agent/archive/test_archive", "an_archive_is_one_agents_at_a_time"),
    ),
    Mutant(
        "vanished-mount",
        _DURABLE,
        "if device_of(root) != self._device:",
        "if False:",
        "footage goes to the root disk",
        tests(
            "agent/archive/test_archive", "a_vanished_mount_is_an_error_and_never_the_disk_below_it"
        ),
    ),
)
CARD = (
    Mutant(
        "listing-error-swallowed",
        _RECORDERS_FOLDER,
        (
            "        except OSError as error:\n"
            "            self._unlistable(path, error)\n"
            "        # A crafted"
        ),
        ("        except OSError:\n            pass\n        # A crafted"),
        "a half-read folder passes for the whole",
        tests(
            "agent/recorders/test_card_faults",
            "a_listing_that_fails_half_way_says_so_and_keeps_what_it_gave",
        ),
    ),
    Mutant(
        "links-followed",
        _RECORDERS_FOLDER,
        "_FILE = os.O_RDONLY | os.O_NOFOLLOW |",
        "_FILE = os.O_RDONLY |",
        "a card reaches files of the station",
        tests(
            "agent/recorders/test_folder", "what_became_a_link_after_it_was_listed_is_not_followed"
        ),
    ),
    Mutant(
        "stat-follows",
        _RECORDERS_FOLDER,
        "said = os.stat(name, dir_fd=fd, follow_symlinks=False)",
        "said = os.stat(name, dir_fd=fd)",
        "a link counts as footage",
        tests("agent/recorders/test_folder", "what_is_no_regular_file_is_refused_with_its_reason"),
    ),
    Mutant(
        "hard-links-taken",
        _RECORDERS_FOLDER,
        "elif kind == stat.S_IFREG and said.st_nlink <= 1:",
        "elif kind == stat.S_IFREG:",
        "a file with two names is not refused",
        tests("agent/recorders/test_folder", "a_file_with_two_names_is_refused_under_both"),
    ),
    Mutant(
        "time-not-compared",
        _RECORDERS_FOLDER,
        "(now.st_size, now.st_mtime_ns) == (self._listed.size, self._listed.modified_ns)",
        "now.st_size == self._listed.size",
        "a file rewritten while it is read is accepted",
        tests("agent/recorders/test_folder", "a_file_that_changes_while_it_is_read_is_noticed"),
    ),
    Mutant(
        "proven-by-name",
        _CORE_PLAN,
        "same = [p for p in known.get(file.path, []) if _is_same(p, file)]",
        "same = known.get(file.path, [])",
        "new footage under an old name is not copied",
        tests("agent/core/test_plan", "the_same_name_with_another_time_is_copied"),
    ),
)
