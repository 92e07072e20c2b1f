"""Images in memory: read, converted, encoded, in batches. Free of JAX and TensorFlow Datasets."""

import io
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
from PIL import Image, ImageOps

SUFFIXES = (".jpg", ".jpeg", ".png", ".pgm", ".ppm", ".bmp", ".tif", ".tiff", ".webp", ".gif")
SMALLEST, LARGEST = 16, 100_000_000  # px: of the shorter side, and of the whole photo
BATCH_SIZE = 32  # images that a network is applied to at a time, outside of training


class BadPhotoError(ValueError):
    """Why a photo cannot be used, in a few words."""


def to_float(images: Any) -> Any:
    """uint8 pixels to float32 in [-1, 1]; an array of any shape, of NumPy or JAX."""
    return images.astype(np.float32) / 127.5 - 1


def to_uint8(images: np.ndarray) -> np.ndarray:
    """Floats in [-1, 1] (others are clipped) to uint8 pixels; the inverse of `to_float`."""
    return np.rint((np.clip(np.asarray(images), -1, 1) + 1) * 127.5).astype(np.uint8)


def in_batches(
    function: Callable[..., Any], *arrays: np.ndarray, batch_size: int = BATCH_SIZE
) -> np.ndarray:
    """What a function of batches makes of all rows of some arrays [N, ...], as one array [N, ...].

    The last batch is filled up with rows over again, so that a jitted function compiles once.
    """
    count, parts = len(arrays[0]), []
    for start in range(0, count, batch_size):
        own = np.arange(start, min(start + batch_size, count))
        rows = np.resize(own, batch_size)
        parts.append(np.asarray(function(*(array[rows] for array in arrays)))[: len(own)])
    return np.concatenate(parts)


def png_bytes(image: Image.Image) -> io.BytesIO:
    """A PNG file in memory; tfds would need TensorFlow to encode an array itself."""
    buffer = io.BytesIO()
    image.save(buffer, format="PNG", compress_level=1)  # twice as fast, an eighth larger
    buffer.seek(0)
    return buffer


def read_gray(data: bytes) -> Image.Image:
    """A gray 8-bit image of the bytes of a photo: upright by its EXIF, on white where transparent.

    Raises:
      BadPhotoError: no photo, a damaged one, a tiny or a huge one.
    """
    if not data:
        raise BadPhotoError("the file is empty")
    # Decoders raise whatever they please on damaged data. Pillow's own limit on pixels warns
    # first and raises later; this one is said in a line.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            image = Image.open(io.BytesIO(data))
        except Image.DecompressionBombError:
            raise BadPhotoError(f"more than {LARGEST} px") from None
        except Exception:
            raise BadPhotoError("not a photo") from None
        width, height = image.size
        if width * height > LARGEST:
            raise BadPhotoError(f"{width} x {height} px; at most {LARGEST} px can be used")
        if min(width, height) < SMALLEST:
            raise BadPhotoError(f"{width} x {height} px; at least {SMALLEST} px are needed")
        try:
            image.load()
            return to_gray(ImageOps.exif_transpose(image))
        except Exception as error:
            raise BadPhotoError(f"damaged: {error}") from None


def to_gray(image: Image.Image) -> Image.Image:
    """An image of any mode as a gray one of 8 bits, on white where it is transparent."""
    if image.mode in ("F", "I") or image.mode.startswith("I;16"):
        values = np.asarray(image, np.float64)
        if image.mode.startswith("I;16") or values.max() > 255:  # 16 bits
            values = values / 257
        return Image.fromarray(values.clip(0, 255).round().astype(np.uint8))
    if image.has_transparency_data:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    return image.convert("RGB").convert("L") if image.mode == "CMYK" else image.convert("L")


def is_gray(data: bytes) -> bool:
    """Whether the bytes of a photo say that it has no colour; False if they are no photo."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return Image.open(io.BytesIO(data)).mode == "L"
    except Exception:  # decoders raise whatever they please
        return False


def is_photo(name: str) -> bool:
    """Whether a file name ends like that of a photo."""
    return name.lower().endswith(SUFFIXES)
