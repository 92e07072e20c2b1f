"""Metrics: numbers that are reported, not minimized."""
