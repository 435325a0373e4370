"""The outside things that two programs meet in the same way: the broker, the clocks, systemd."""
