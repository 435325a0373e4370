"""The index's decisions, without I/O."""
