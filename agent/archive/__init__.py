"""The archive: turns a recorder's file into proven footage on disk, kept once by its content."""

from agent.archive.archive import Archive
from agent.archive.sealing import Sealed

__all__ = ["Archive", "Sealed"]
