"""Progress bars with rate and time left, which do not fill log files."""

import sys
from typing import Any

from tqdm import tqdm


def progress_bar(items: Any = None, **options: Any) -> tqdm:
    """A `tqdm.tqdm` of items, or of a `total`; in a log file, drawn every 20 s."""
    return tqdm(items, mininterval=0.5 if sys.stderr.isatty() else 20, **options)
