"""Images that stay on disk, for datasets that do not fit in memory."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np


class StreamedImages:
    """Acts as an array uint8 [N, H, W, 1]; decodes images each time they are read.

    Several threads may read at once.
    """

    def __init__(
        self,
        source: Sequence[dict[str, Any]],
        records: np.ndarray,
        size: int,
        decode: Callable[[dict[str, Any], int], np.ndarray],
    ):
        """Images of some records of a source; none is read yet.

        Args:
          source: records, read by their index.
          records: [N], the index of each image's record.
          size: px, H and W.
          decode: (record, size) -> image uint8 [H, W, 1].
        """
        self._source, self._records, self._decode = source, records, decode
        self.shape = (len(records), size, size, 1)
        self.nbytes = len(records) * size * size

    def __len__(self) -> int:
        return len(self._records)

    def __getitem__(self, index: Any) -> np.ndarray:
        """One image [H, W, 1] for an index, images [n, H, W, 1] for n indices."""
        records = self._records[index]
        rows = self._source.__getitems__(np.atleast_1d(records).tolist())
        images = np.stack([self._decode(row, self.shape[1]) for row in rows])
        return images if np.ndim(records) else images[0]

    def where(self, chosen: np.ndarray) -> "StreamedImages":
        """The images where a mask [N] is True; nothing is read."""
        return StreamedImages(self._source, self._records[chosen], self.shape[1], self._decode)
