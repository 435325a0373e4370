"""Attacks on a ledger by somebody with the disk in hand and, at worst, with the station's key."""
