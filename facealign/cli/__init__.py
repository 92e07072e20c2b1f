"""The command line: modes, flags, and how a process ends."""
