"""Where facealign starts: launch.py, `python -m facealign` and the command `facealign`."""

import os
import sys

from facealign.cli import interrupts


def start() -> None:
    """Parses the flags and runs the mode that they name; ends the process with its exit code."""
    interrupts.end_at_once()
    from facealign.cli.streams import mend_streams, start_in_utf8

    start_in_utf8()
    mend_streams()
    # Before NumPy starts them: threads of its BLAS wait for one another by spinning, which took a
    # quarter of a portrait's time, and large products are JAX's.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    if not hasattr(sys, "ps1"):  # which a notebook has, for its own figures
        os.environ.pop("MPLBACKEND", None)  # may name what is not here; figures in files need none
    from absl import app  # takes a moment, in which an interrupt is handled by now

    from facealign.cli.parse import parse_flags
    from facealign.cli.run import run

    app.run(lambda _: run(), flags_parser=parse_flags)
