"""Reads, converts and encodes images, without JAX and TensorFlow Datasets."""

import io
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
from PIL import Image, ImageCms, ImageOps

SUFFIXES = (".jpg", ".jpeg", ".png", ".pgm", ".ppm", ".bmp", ".tif", ".tiff", ".webp", ".gif")
SMALLEST, LARGEST = 16, 100_000_000  # smallest shorter side in px, largest number of pixels
LINEAR = ("linear", "g10")  # in names of profiles with the primaries of sRGB, not its curve
BATCH_SIZE = 32  # images per call of a network outside of training


class BadPhotoError(ValueError):
    """A photo that cannot be used; the message says why in a few words."""


def to_float(images: Any) -> Any:
    """uint8 pixels to float32 in [-1, 1]; a NumPy or JAX array of any shape."""
    return images.astype(np.float32) / 127.5 - 1


def to_uint8(images: np.ndarray) -> np.ndarray:
    """Floats, clipped to [-1, 1], to uint8 pixels; the inverse of `to_float`."""
    return np.rint((np.clip(np.asarray(images), -1, 1) + 1) * 127.5).astype(np.uint8)


def in_batches(
    function: Callable[..., Any], *arrays: np.ndarray, batch_size: int = BATCH_SIZE
) -> np.ndarray:
    """Applies a function to batches of arrays [N, ...]; returns its results as one array [N, ...].

    The last batch is filled with repeated rows, so that a jitted function compiles only once.
    """
    count, parts = len(arrays[0]), []
    for start in range(0, count, batch_size):
        own = np.arange(start, min(start + batch_size, count))
        rows = np.resize(own, batch_size)
        parts.append(np.asarray(function(*(array[rows] for array in arrays)))[: len(own)])
    return np.concatenate(parts)


def png_bytes(image: Image.Image) -> io.BytesIO:
    """A PNG file in memory. tfds needs TensorFlow to encode an array, but not to store a file."""
    buffer = io.BytesIO()
    image.save(buffer, format="PNG", compress_level=1)  # twice as fast, files 1/8 larger
    buffer.seek(0)
    return buffer


def read_photo(data: bytes, channels: int) -> Image.Image:
    """Decodes the bytes of a photo to an 8-bit image, gray (1 channel) or sRGB (3 channels).

    The image is rotated as EXIF says; transparent pixels are on white. Colours of an embedded
    profile become those of sRGB.

    Raises:
      BadPhotoError: not a photo, or a damaged, tiny or huge photo.
    """
    if not data:
        raise BadPhotoError("the file is empty")
    # Decoders raise errors of any kind for damaged data. Pillow warns about many pixels, and only
    # raises for twice as many, so its warnings are ignored and the size is checked here.
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
            return convert(ImageOps.exif_transpose(image), channels)
        except Exception as error:
            raise BadPhotoError(f"damaged: {error}") from None


def read_gray(data: bytes) -> Image.Image:
    """`read_photo` with one channel."""
    return read_photo(data, 1)


def convert(image: Image.Image, channels: int) -> Image.Image:
    """An image of any mode with 8 bits, gray (1 channel) or sRGB (3); see `read_photo`."""
    if image.mode in ("F", "I") or image.mode.startswith("I;16"):
        values = np.asarray(image, np.float64)
        if image.mode.startswith("I;16") or values.max() > 255:  # 16 bits
            values = values / 257
        return convert(Image.fromarray(values.clip(0, 255).round().astype(np.uint8)), channels)
    profile = image.info.get("icc_profile")
    if image.has_transparency_data:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    if profile and image.mode != "L":
        image = _in_srgb(image if image.mode == "CMYK" else image.convert("RGB"), profile)
    if image.mode == "CMYK":
        image = image.convert("RGB")
    return image.convert("L" if channels == 1 else "RGB")


def _in_srgb(image: Image.Image, profile: bytes) -> Image.Image:
    """An RGB or CMYK image with this ICC profile, as sRGB; unchanged if the profile is no use."""
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        name = ImageCms.getProfileDescription(source).lower()
        if "srgb" in name and not any(word in name for word in LINEAR):
            return image  # as it is: rounding would change pixels
        target = ImageCms.createProfile("sRGB")
        return ImageCms.profileToProfile(image, source, target, outputMode="RGB")
    except (ImageCms.PyCMSError, OSError, ValueError):  # damaged, or of another colour space
        return image


def is_gray(data: bytes) -> bool:
    """Whether the bytes of a photo have a gray mode; False if they are not a photo."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return Image.open(io.BytesIO(data)).mode == "L"
    except Exception:  # decoders raise errors of any kind
        return False


def is_photo(name: str) -> bool:
    """Whether a file name ends in one of SUFFIXES, in any case."""
    return name.lower().endswith(SUFFIXES)
