"""The datasets that configs name, one builder a file."""
