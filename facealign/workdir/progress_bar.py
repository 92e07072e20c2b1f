"""Progress bars that fill no log: rate and time left, drawn rarely where nobody watches."""

import sys
from typing import Any

from tqdm import tqdm


def progress_bar(items: Any = None, **options: Any) -> tqdm:
    """A `tqdm.tqdm` of items or, without them, of a `total`; drawn every 20 s in a log file."""
    return tqdm(items, mininterval=0.5 if sys.stderr.isatty() else 20, **options)
