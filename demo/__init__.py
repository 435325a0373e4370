"""The whole system on one machine with virtual recorders."""
