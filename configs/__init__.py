"""Experiments: base.py has every value, each other file the differences from it."""
