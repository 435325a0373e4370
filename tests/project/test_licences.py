"""What the programs need may be given away under the licence of this project."""

import re
from importlib.metadata import distribution
from pathlib import Path

ROOT = Path(__file__).parents[2]
ALLOWED = {
    "Apache-2.0",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "EPL-2.0",
    "LGPL-2.1-or-later",
    "LGPL-3.0-only",
    "LGPL-3.0-or-later",
    "MIT",
    "MIT-0",
    "MPL-2.0",
    "PSF-2.0",
}
# Those that state no SPDX expression, by what their own licence files say.
READ = {
    "apsw": "MIT",  # "any-OSI": whichever licence the Open Source Initiative approves
    "babel": "BSD-3-Clause",
    "chinesecalendar": "MIT",
    "editables": "MIT",
    "h11": "MIT",
    "jinja2": "BSD-3-Clause",
    "pathspec": "MPL-2.0",
    "pluggy": "MIT",
    "pyserial": "BSD-3-Clause",
    "pyusb": "BSD-3-Clause",
    "rfc8785": "Apache-2.0",
    "trove-classifiers": "Apache-2.0",
    "watchdog": "Apache-2.0",
}


def pinned(lock):
    text = (ROOT / lock).read_text(encoding="utf-8")
    found = re.findall(r"^([a-z0-9._-]+)==(\S+)", text, re.MULTILINE | re.IGNORECASE)
    return dict(found)


def locked():
    return sorted({*pinned("requirements.lock"), *pinned("requirements-postgres.lock")})


def test_a_centre_with_postgresql_gets_what_the_tests_ran_with():
    assert pinned("requirements-postgres.lock").items() <= pinned("requirements-dev.lock").items()


def licences(name):
    """Return the licences of a package of which any one may be chosen."""
    expression = distribution(name).metadata.get("License-Expression")
    if expression is None:
        return {READ.get(name, f"{name} states no licence: read its files, then enter it above")}
    return set(expression.split(" OR "))


def test_every_locked_package_has_a_licence_that_we_may_pass_on():
    names = locked()
    assert len(names) > 20
    assert {name: licences(name) for name in names if not licences(name) & ALLOWED} == {}


def test_what_was_read_by_hand_is_still_locked_and_still_states_nothing():
    assert set(READ) <= set(locked())
    assert [n for n in READ if distribution(n).metadata.get("License-Expression")] == []
