"""Where facealign starts: launch.py, `python -m facealign` and the command `facealign`."""

import io
import os
import sys

from facealign.cli import interrupts


def start() -> None:
    """Parses the flags and runs the mode that they name; ends the process with its exit code."""
    interrupts.end_at_once()
    # Before NumPy starts them: threads of its BLAS wait for one another by spinning, which took a
    # quarter of a portrait's time, and large products are JAX's.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # None if it is closed
            # A path that the terminal cannot show should not end a run in its last line.
            stream.reconfigure(errors="backslashreplace")
    from absl import app  # takes a moment, in which an interrupt is handled by now

    from facealign.cli.parse import parse_flags
    from facealign.cli.run import run

    app.run(lambda _: run(), flags_parser=parse_flags)
