"""What benchmarks share. To be imported before facealign, which it finds, installed or not."""

import argparse
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from facealign.errors import UserError


def create_parser(about: str | None) -> argparse.ArgumentParser:
    """A parser whose help is the first line of a docstring."""
    return argparse.ArgumentParser(description=(about or "").split("\n")[0])


def add_data_flags(parser: argparse.ArgumentParser) -> None:
    """Flags that say where photos lie."""
    parser.add_argument("--data_dir", default="", help="as config.data.data_dir")
    parser.add_argument("--manual_dir", default="", help="as config.data.manual_dir")


def read_npz(path: Path) -> Mapping[str, np.ndarray]:
    """The arrays of an npz file.

    Raises:
      UserError: it is missing or damaged.
    """
    try:
        with np.load(path) as arrays:
            return dict(arrays)
    except (OSError, ValueError) as error:
        raise UserError(f"cannot read {path} ({error}); make it anew") from error


def run_main(main: Callable[[], None]) -> None:
    """Runs a benchmark; an error that the user can fix is one line."""
    try:
        main()
    except UserError as error:
        sys.exit(f"error: {error}")
