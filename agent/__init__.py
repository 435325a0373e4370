"""The daemon at the dock."""
