"""Hostile media: mutated files through the confined probe, which must stay in its walls."""
