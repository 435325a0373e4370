"""Drivers, one module for each recorder family."""
