"""MediaPipe's points of faces in photos of training and validation people, as numbers."""

import functools

import numpy as np

from facealign.errors import UserError
from facealign.paths import shipped

FILE = "mesh_points.npz"  # made by benchmarks/label_points.py; not in the wheel
UNIT = 8  # steps a px
COUNT = 468  # points of MediaPipe's mesh


@functools.cache
def read_points() -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Which of the 468 points are known, int [P]; and by photo their places [P, 2] in px.

    Photos are named `lfw/Name_0001`, `cfp/001/frontal/01`, `mugshots/FILE`, `orl_faces/s1/1.pgm`.

    Raises:
      UserError: the file is missing or damaged.
    """
    path = shipped(FILE)
    try:
        with np.load(path) as arrays:
            points = np.cumsum(arrays["steps"], axis=0, dtype=np.int32).transpose(2, 0, 1) / UNIT
            return arrays["points"], dict(zip(arrays["photos"].tolist(), points, strict=True))
    except (OSError, KeyError, ValueError) as error:
        raise UserError(
            f"{path} is missing or damaged ({error}); it is in facealign's repository, not in its "
            "package: clone it"
        ) from error


def write_points(chosen: np.ndarray, photos: list[str], points: np.ndarray) -> None:
    """Writes the file: of N photos the places [N, P, 2] in px of the chosen points, int [P]."""
    steps = np.diff(np.rint(points * UNIT).astype(np.int16), axis=1, prepend=0)
    # From point to point, and all photos together: these compress best.
    np.savez_compressed(shipped(FILE), points=chosen, photos=photos, steps=steps.transpose(1, 2, 0))


def whole(chosen: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Places [N, 468, 2] of all points from those of the chosen ones [N, P, 2]; others are nan."""
    every = np.full((len(points), COUNT, 2), np.nan, np.float32)
    every[:, chosen] = points
    return every
