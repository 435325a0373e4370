"""Instruments: programs that look for lost evidence under every fault; each is a share of tests."""
