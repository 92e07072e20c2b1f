"""Experiments: base.py holds every value, each other file the differences from it."""
