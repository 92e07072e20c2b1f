"""Tests: one file a module, plus configs, floors and launch."""
