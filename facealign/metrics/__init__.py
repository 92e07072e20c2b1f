"""Numbers that are reported and not minimized."""
