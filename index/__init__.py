"""The centre: receive, verify, store, call the roll, alert."""
