"""Looks inside archived copies: what they hold, how long, from when, whole or cut short."""
