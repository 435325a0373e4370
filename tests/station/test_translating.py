"""Every phrase of the templates has its English, and no English is left over."""

from babel.messages.extract import extract_from_dir

from station.rendering import TEMPLATES, english


def phrases():
    found = extract_from_dir(
        TEMPLATES, method_map=[("**.html", "jinja2")], keywords={"_": None}, comment_tags=()
    )
    return {message for _, _, message, _, _ in found}


def test_every_phrase_has_its_english_and_no_other_is_kept():
    assert english().keys() == phrases()
