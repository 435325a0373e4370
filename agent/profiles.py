"""Loading the recorder profiles: the station's own beside those shipped, each file by itself.

A malformed file is refused and the others still load. A file of the station's own folder takes the
place of a shipped one of the same name.
"""

import hashlib
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from agent.core.profile import Profile, in_order, problems
from contracts.errors import SettingsError
from contracts.loading import from_toml
from contracts.names import shown

_HERE = Path(__file__).parent
# An installed wheel has them beside this file (pyproject.toml), a checkout in its config folder.
_SHIPPED = (_HERE / "shipped_recorders", _HERE.parent / "config" / "recorders")
_ENTERED = 8  # of an entry's 16 KiB
Makers = Mapping[str, Callable[[Mapping[str, object]], object]]


@dataclass(frozen=True, slots=True)
class Loaded:
    """The profiles in the order they are tried, and why others are not among them.

    `sha256` is of the digests of all files, by name, refused ones included.
    """

    profiles: tuple[Profile, ...]
    refused: tuple[SettingsError, ...] = ()
    sha256: str = ""

    @property
    def refused_files(self) -> tuple[str, ...]:
        """The names of the first refused files, short enough for an entry."""
        files = (Path(str(error.fields["file"])) for error in self.refused)
        return tuple(shown(os.fsencode(file.name)) for file in files)[:_ENTERED]


def load(own: Path | None, families: Makers) -> Loaded:
    """Return the shipped profiles and those of a station's own folder, by file name.

    Those that fit any disk come after all others, whatever their files are called.

    `families` makes each family of its options, and so tells whether they fit.

    Raises:
        SettingsError: one of the folders cannot be read.
    """
    files = {file.name: file for folder in (shipped(), own) if folder for file in _files(folder)}
    profiles: dict[str, Profile] = {}
    refused = []
    running = hashlib.sha256()
    for name in sorted(files):
        try:
            raw = _raw(files[name])
            running.update(hashlib.sha256(raw).digest())
            profile = _profile(raw, files[name], families, profiles)
        except SettingsError as error:
            refused.append(error)
        else:
            profiles[profile.name] = profile
    return Loaded(in_order(profiles.values()), tuple(refused), running.hexdigest())


def shipped() -> Path:
    """Return the folder of the profiles that came with the program.

    Raises:
        SettingsError: there is none, or it cannot be read.
    """
    try:
        found = next((folder for folder in _SHIPPED if folder.is_dir()), None)
    except OSError as error:
        raise SettingsError.unreadable(_HERE, error) from error
    if found is None:
        raise SettingsError(file=str(_HERE), problems=("没有型号档案 / no recorder profiles",))
    return found


def _files(folder: Path) -> tuple[Path, ...]:
    try:
        return tuple(file for file in folder.iterdir() if file.suffix == ".toml")
    except OSError as error:
        raise SettingsError.unreadable(folder, error) from error


def _raw(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise SettingsError.unreadable(file, error) from error


def _profile(raw: bytes, file: Path, families: Makers, before: Mapping[str, Profile]) -> Profile:
    try:
        text = raw.decode()
    except UnicodeDecodeError as error:
        raise SettingsError.unreadable(file, error) from error
    profile = from_toml(text, Profile, str(file))
    wrong = (*problems(profile), *_doubled(profile, before), *_misfit(profile, families))
    if wrong:
        raise SettingsError(file=str(file), problems=wrong)
    return profile


def _doubled(profile: Profile, before: Iterable[str]) -> Iterator[str]:
    if profile.name in before:
        yield f"name: {profile.name!r} 重复 / doubled"


def _misfit(profile: Profile, families: Makers) -> Iterator[str]:
    language = profile.language
    if language is None:
        return
    if language.family not in families:
        known = ", ".join(sorted(families))
        yield f"language.family: 没有 {language.family!r} / there is none; {known}"
        return
    try:
        families[language.family](language.options)
    except SettingsError as error:
        yield from (f"language.options.{problem}" for problem in error.problems)
