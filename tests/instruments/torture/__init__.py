"""Torture: the real programs, killed at random, must end complete and identical."""
