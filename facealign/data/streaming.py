"""Images that stay on disk, for datasets that do not fit in memory."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np


class StreamedImages:
    """Acts as an array uint8 [N, H, W, C]; decodes images each time they are read.

    Several threads may read at once.
    """

    def __init__(
        self,
        source: Sequence[dict[str, Any]],
        records: np.ndarray,
        shape: tuple[int, int],
        decode: Callable[[dict[str, Any], tuple[int, int]], np.ndarray],
    ):
        """Images of some records of a source; none is read yet.

        Args:
          source: records, read by their index.
          records: [N], the index of each image's record.
          shape: size in px, H and W, and channels.
          decode: (record, shape) -> image uint8 [H, W, C].
        """
        self._source, self._records, self._decode = source, records, decode
        self._image_shape, (size, channels) = shape, shape
        self.shape = (len(records), size, size, channels)
        self.nbytes = len(records) * size * size * channels

    def __len__(self) -> int:
        return len(self._records)

    def __getitem__(self, index: Any) -> np.ndarray:
        """One image [H, W, C] for an index, images [n, H, W, C] for n indices."""
        records = self._records[index]
        rows = self._source.__getitems__(np.atleast_1d(records).tolist())
        images = np.stack([self._decode(row, self._image_shape) for row in rows])
        return images if np.ndim(records) else images[0]

    def where(self, chosen: np.ndarray) -> "StreamedImages":
        """The images where a mask [N] is True; nothing is read."""
        return StreamedImages(self._source, self._records[chosen], self._image_shape, self._decode)
