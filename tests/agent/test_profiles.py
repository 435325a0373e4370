"""Recorder profiles: those that are shipped, and a station's own, good and malformed."""

import pytest

from agent import families
from agent.core.profile import NUMBER_MARKS
from agent.profiles import load, shipped
from contracts.errors import SettingsError

FAMILIES = {**families.FAMILIES, "ptp": dict}
ACME = """
name = "acme"
title = { zh = "某型", en = "Acme" }
[match]
usb = ["1234:5678"]
"""


def own(tmp_path, **files):
    for name, text in files.items():
        (tmp_path / f"{name}.toml").write_text(text, "utf-8")
    return load(tmp_path, FAMILIES)


def names(loaded):
    return [one.name for one in loaded.profiles]


def test_every_profile_that_is_shipped_is_sound():
    assert load(None, FAMILIES).refused == ()


def test_the_generic_one_is_last():
    assert names(load(None, FAMILIES))[-1] == "generic-msc"


def test_nothing_is_claimed_to_have_been_seen_on_hardware():
    known = load(None, FAMILIES).profiles
    assert not [one.name for one in known if any(f.confirmed for f in one.facts.values())]
    assert all(one.sources and one.facts for one in known)


def test_a_file_of_the_station_s_own_takes_its_place_among_them(tmp_path):
    found = names(own(tmp_path, **{"60-acme": ACME}))
    assert found.index("acme") == found.index("mtp") - 1
    assert len(found) == len(names(load(None, FAMILIES))) + 1


def test_a_file_that_sorts_behind_the_generic_one_is_tried_before_it(tmp_path):
    found = names(own(tmp_path, acme=ACME))
    assert found[-2:] == ["acme", "generic-msc"]


def test_a_file_of_the_same_name_takes_the_place_of_the_one_that_is_shipped(tmp_path):
    found = names(own(tmp_path, **{"99-generic": ACME}))
    assert (found[-1], "generic-msc" in found) == ("acme", False)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (ACME + "wrong = 1", "match.wrong: 没有这一项"),
        ('name = "acme"', "title: 缺少这一项"),
        (ACME + "[", "(at "),
        (ACME.replace("acme", "ptp"), "name: 'ptp' 重复"),
        (ACME.replace("1234:5678", "1234"), "match.usb: '1234'"),
        (ACME + '[language]\nfamily = "x"\ntransport = "scsi"', "language.family: 没有 'x'"),
        (
            ACME + '[language]\nfamily = "ptp"\ntransport = "x"',
            "language.transport: 没有 'x' 这一种",
        ),
    ],
)
def test_a_malformed_file_is_refused_with_file_key_and_reason_and_the_others_load(
    tmp_path, text, reason
):
    loaded = own(tmp_path, **{"98-acme": text, "97-good": ACME.replace("acme", "good")})
    (refused,) = loaded.refused
    assert names(loaded)[-2:] == ["good", "generic-msc"]
    assert refused.fields["file"] == str(tmp_path / "98-acme.toml")
    assert any(reason in problem for problem in refused.problems)


def test_options_that_do_not_fit_their_family_are_refused_with_their_key(tmp_path):
    def picky(options):
        raise SettingsError(file="", problems=(f"baud: {options['baud']!r} is no number",))

    text = ACME + '[language]\nfamily = "picky"\ntransport = "serial"\noptions.baud = "fast"\n'
    (tmp_path / "50-acme.toml").write_text(text, "utf-8")
    (refused,) = load(tmp_path, {**FAMILIES, "picky": picky}).refused
    assert refused.problems == ("language.options.baud: 'fast' is no number",)


def test_a_file_that_is_no_text_is_refused(tmp_path):
    (tmp_path / "50-acme.toml").write_bytes(b"\xff\xfe")
    assert len(load(tmp_path, FAMILIES).refused) == 1


def test_a_folder_that_is_not_there_is_a_mistake_in_the_settings(tmp_path):
    with pytest.raises(SettingsError):
        load(tmp_path / "nowhere", FAMILIES)


def test_what_governed_is_told_by_one_digest(tmp_path):
    before = load(None, FAMILIES).sha256
    assert before == load(shipped(), FAMILIES).sha256
    assert own(tmp_path, **{"60-acme": ACME}).sha256 != before


def test_what_is_entered_of_refused_files_is_bounded(tmp_path):
    for number in range(12):
        (tmp_path / f"5{number}-\udcff.toml").write_text("[")
    named = load(tmp_path, FAMILIES).refused_files
    assert len(named) == 8
    assert named[0] == "50-\\xff.toml"


def test_every_profile_that_goes_by_the_usual_files_for_its_number_says_so():
    for profile in load(None, FAMILIES).profiles:
        is_disk = profile.language is None or profile.language.transport != "ptp"
        is_usual = is_disk and profile.card.identity == NUMBER_MARKS
        assert is_usual == ("PARAM.INI, Info.dat" in profile.facts["identity"].how), profile.name
