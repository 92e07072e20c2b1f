"""Finds faces of any pose and roll with facealign's own network, in NumPy, without JAX."""

from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
from PIL import Image
from safetensors import SafetensorError
from safetensors.numpy import load_file

from facealign.errors import UserError
from facealign.faces.numpy_cnn import fold, run
from facealign.faces.verify import Verifier
from facealign.geometry.face_cells import (
    HEADS,
    LARGEST,
    LAYERS,
    STRIDES,
    Faces,
    centres,
    read_cells,
)
from facealign.paths import shipped

WEIGHTS = "detector.safetensors"
POSSIBLE = 0.2  # least likeness, to the detector, of what the verifier looks at
LIKELY = 0.72  # least likeness of a face, the mean of both; chosen on validation people
SEARCHED = 1024  # px: longest longest side that is searched; larger photos are shrunk
DEEPER = 2048  # px: the same, for a photo in which no face was found, or a small one
SMALL = 48  # px, as it is searched, so small that smaller ones may be beside it
AGAIN = 8  # how much smaller a photo is searched again for larger faces
BORDER = 16  # px of repeated border, so that a face that fills the photo is found
ALIKE, INSIDE = 0.4, 0.6  # as in `choose`
Box = tuple[int, int, int, int]  # px: left, top, right, bottom
Search = Callable[[Image.Image], Faces]  # of gray photos; faces of any pose, the largest first
QUARTERS = {  # quarter turns counterclockwise, the most frequent first
    1: Image.Transpose.ROTATE_90,
    3: Image.Transpose.ROTATE_270,
    2: Image.Transpose.ROTATE_180,
}


class Detector:
    """A trained detector.

    Args:
      path: its packed weights.

    Raises:
      UserError: they are missing or no detector's.
    """

    def __init__(self, path: Path):
        try:
            arrays = {name: array.astype(np.float32) for name, array in load_file(path).items()}
            strides = [stride for *_, stride in LAYERS]
            self._layers = [fold(arrays, "detector", *each) for each in enumerate(strides)]
            self._heads = {number: _head(arrays, number) for number in HEADS}
            self._verify = Verifier(arrays)
        except (OSError, SafetensorError, KeyError) as error:
            raise UserError(f"{path} holds no detector ({error}); download it again") from error

    def __call__(self, photo: Image.Image) -> Faces:
        """The faces of a gray photo, the largest first."""
        longest = max(photo.size)
        factor = min(1.0, SEARCHED / longest)
        found = self._at(photo, factor)
        if factor == 1 or not may_miss(found, factor):
            return found
        return self._at(photo, min(1.0, DEEPER / longest))

    def _at(self, photo: Image.Image, factor: float) -> Faces:
        """The faces of all sizes of a photo that is scaled."""
        scaled = smaller = _resize(photo, factor)
        parts = [self.see(scaled)]
        while max(smaller.size) >= LARGEST:
            factor /= AGAIN
            smaller = _resize(photo, factor)
            parts.append(_in_photo(self.see(smaller), smaller.size, scaled.size))
        faces = choose(Faces(*map(np.concatenate, zip(*parts, strict=True))))
        # They err in different places: together they invent half of what the verifier alone does.
        likeness = (faces.likeness + self._verify(scaled, faces)) / 2
        faces = Faces(*(a[likeness >= LIKELY] for a in faces._replace(likeness=likeness)))
        return _in_photo(faces, scaled.size, photo.size)

    def see(self, photo: Image.Image) -> Faces:
        """The likely faces of a gray photo, some more than once, of SMALLEST to LARGEST px."""
        pixels = np.asarray(photo, np.float32) / 127.5 - 1
        height, width = (-(side + 2 * BORDER) % STRIDES[-1] for side in pixels.shape)
        pads = ((BORDER, BORDER + height), (BORDER, BORDER + width))
        padded = np.pad(pixels, pads, mode="edge")
        faces = read_cells(self._say(padded[..., None]), centres(*padded.shape), POSSIBLE)
        return faces._replace(centre=faces.centre - BORDER)

    def _say(self, image: np.ndarray) -> np.ndarray:
        """What the cells of an image [H, W, 1] say, [N, NUMBERS]."""
        x, said = image, []
        for number, layer in enumerate(self._layers):
            x = run(x, layer)
            np.maximum(x, 0, out=x)
            if number in self._heads:
                kernel, bias = self._heads[number]
                said.append(x.reshape(-1, x.shape[-1]) @ kernel + bias)
        return np.concatenate(said)


def may_miss(found: Faces, factor: float) -> bool:
    """Whether a photo may have faces too small to be found at `factor` times its size.

    It may where no face was found, or a small one.
    """
    return not len(found.side) or bool(found.side.min() * factor < SMALL)


@cache
def load_search() -> Search:
    """A search by the detector that comes with facealign."""
    return Detector(shipped(WEIGHTS))


def boxes_of(faces: Faces) -> list[Box]:
    """The squares of faces, upright, of which `Faces` say centres."""
    half = faces.side[:, None] / 2
    corners = np.hstack([faces.centre + 0.5 - half, faces.centre + 0.5 + half])
    return [tuple(round(side) for side in box) for box in corners.tolist()]


def turned(faces: Faces, size: tuple[int, int], quarters: int) -> Faces:
    """Faces in a photo of (width, height) px after so many quarter turns counterclockwise."""
    for number in range(quarters):
        (x, y), (up_x, up_y) = faces.centre.T, faces.up.T
        centre = np.stack([y, size[number % 2] - 1 - x], axis=-1)
        faces = faces._replace(centre=centre, up=np.stack([up_y, -up_x], axis=-1))
    return faces


def _head(arrays: dict[str, np.ndarray], number: int) -> tuple[np.ndarray, np.ndarray]:
    own = {each: arrays[f"detector/params/head_{number}/{each}"] for each in ("kernel", "bias")}
    return own["kernel"][0, 0], own["bias"]


def _resize(photo: Image.Image, factor: float) -> Image.Image:
    size = tuple(max(1, round(factor * side)) for side in photo.size)
    if size == photo.size:
        return photo
    smaller = max(photo.size) / max(size)
    return photo.resize(size, Image.Resampling.BILINEAR, reducing_gap=2.0 if smaller > 4 else None)


def _in_photo(faces: Faces, size: tuple[int, int], photo: tuple[int, int]) -> Faces:
    """Faces in px of a photo of (width, height), found where it had another size."""
    factor = np.array(photo, np.float32) / size
    centre = (faces.centre + 0.5) * factor - 0.5
    return faces._replace(centre=centre, side=faces.side * np.sqrt(factor.prod()))


def choose(faces: Faces) -> Faces:
    """The faces that overlap no likelier one, the largest first (non-maximum suppression).

    Two are one if their squares have ALIKE of their union in common, or INSIDE of the smaller one.
    """
    rest, chosen = np.argsort(-faces.likeness, kind="stable"), []
    half = faces.side / 2
    low, high = faces.centre - half[:, None], faces.centre + half[:, None]
    areas = faces.side**2
    while len(rest):
        best, rest = rest[0], rest[1:]
        chosen.append(best)
        sides = np.minimum(high[best], high[rest]) - np.maximum(low[best], low[rest])
        common = sides.clip(0).prod(axis=1)
        union, smaller = areas[best] + areas[rest] - common, np.minimum(areas[best], areas[rest])
        rest = rest[(common < ALIKE * union) & (common < INSIDE * smaller)]
    order = np.array(chosen, int)
    order = order[np.argsort(-faces.side[order], kind="stable")]
    return Faces(*(array[order] for array in faces))
