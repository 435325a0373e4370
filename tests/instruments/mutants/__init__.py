"""Seeded bugs: one-line mutants of the engine, each of which the suite must catch."""
