"""A vendor's library of our own, compiled as a test asks."""

import hashlib
import subprocess
from pathlib import Path

_SOURCE = Path(__file__).parent / "library.c"


def compiled(folder: Path, *wrong: str) -> dict[str, str]:
    """Compile the library with these names defined; return the options that name it."""
    file = folder / "library.so"
    defined = [f"-D{one}" for one in ("WANTED_HOUR=8", *wrong)]
    command = ("gcc", "-shared", "-fPIC", "-O1", "-w", "-pthread", *defined)
    subprocess.run((*command, "-o", str(file), str(_SOURCE)), check=True)
    return {"path": str(file), "sha256": hashlib.sha256(file.read_bytes()).hexdigest()}
