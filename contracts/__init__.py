"""What two programs must agree on: pure values and formats, without clock, files or threads."""
