"""Images that stay on disk, for datasets larger than the memory that they may take."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np


class StreamedImages:
    """Stands for an array uint8 [N, H, W, 1] whose images are decoded each time they are read.

    Several threads may read at once.
    """

    def __init__(
        self,
        source: Sequence[dict[str, Any]],
        records: np.ndarray,
        size: int,
        decode: Callable[[dict[str, Any], int], np.ndarray],
    ):
        """
        Args:
          source: of records, read by their number.
          records: [N], the number of each image's record.
          size: px, H and W.
          decode: (record, size) -> image uint8 [H, W, 1].
        """
        self._source, self._records, self._decode = source, records, decode
        self.shape = (len(records), size, size, 1)
        self.nbytes = len(records) * size * size

    def __len__(self) -> int:
        return len(self._records)

    def __getitem__(self, index: Any) -> np.ndarray:
        """One image [H, W, 1] for a number, as many as asked for [n, H, W, 1] for numbers."""
        records = self._records[index]
        rows = self._source.__getitems__(np.atleast_1d(records).tolist())
        images = np.stack([self._decode(row, self.shape[1]) for row in rows])
        return images if np.ndim(records) else images[0]

    def where(self, chosen: np.ndarray) -> "StreamedImages":
        """Those that a mask [N] chooses; nothing is read."""
        return StreamedImages(self._source, self._records[chosen], self.shape[1], self._decode)
