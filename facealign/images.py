"""Reads, converts and encodes images, without JAX and TensorFlow Datasets."""

import contextlib
import io
import threading
import warnings
from collections.abc import Callable, Iterator
from importlib import import_module
from typing import Any

import numpy as np
from PIL import ExifTags, Image, ImageCms, ImageFile, JpegImagePlugin

with contextlib.suppress(ImportError):  # with this package Pillow reads HEIC
    import_module("pillow_heif").register_heif_opener()

SUFFIXES = (".jpg", ".jpeg", ".png", ".pgm", ".ppm", ".bmp", ".tif", ".tiff", ".webp", ".gif",
            ".jpe", ".jfif", ".mpo", ".avif", ".heic", ".heif", ".hif")  # fmt: skip
SMALLEST, LARGEST = 16, 100_000_000  # smallest shorter side in px, largest number of pixels
SHRINKS = (1, 2, 4, 8)  # a JPEG with more pixels is shrunk so many times while it is decoded
KEPT, EMPTY = 0.7, (0, 128)  # share of the rows that have to be there; values of rows that are not
FAULT = "fault"  # key of `Image.info`: what is wrong with a photo that can be used
KINDS = ("JPEG", "PNG", "WEBP", "AVIF", "GIF", "TIFF", "BMP")  # Pillow's names of usual formats
LINEAR = ("linear", "g10")  # in names of profiles with the primaries of sRGB, not its curve
RANGES = {"I": (255, 65535), "F": (1, 255, 65535)}  # largest values of pixels, by mode
RARE, BEYOND = 0.1, 0.2  # percent of strange pixels; share of the range that edges may exceed
ORIENTATIONS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}  # by the number in EXIF data
BATCH_SIZE = 32  # images per call of a network outside of training
_lenient = threading.RLock()  # Pillow's switch for files with faults is one of the process


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
    profile become those of sRGB. Huge JPEG files are shrunk. The FAULT in its `info` says what is
    wrong with a photo that can be used.

    Raises:
      BadPhotoError: not a photo, or a damaged, tiny or huge photo.
      MemoryError: it may be a good one.
    """
    if not data:
        raise BadPhotoError("the file is empty")
    # Decoders raise errors of any kind for damaged data. Pillow warns about many pixels, and only
    # raises for twice as many, so its warnings are ignored and the size is checked here.
    with warnings.catch_warnings(action="ignore"):
        image = _open(data)
        try:
            image, fault = _load(image, data)
            image = convert(upright(image), channels)
        except (BadPhotoError, MemoryError):
            raise
        except Exception as error:
            raise BadPhotoError(f"damaged: {error}") from None
    image.info = {FAULT: fault} if fault else {}
    return image


def _open(data: bytes) -> Image.Image:
    """A photo that is not decoded yet, to be decoded at a size that can be used."""
    try:
        image = _identify(data)
    except Image.DecompressionBombError:
        if not data.startswith(b"\xff\xd8"):
            raise BadPhotoError(f"more than {LARGEST} px") from None
        image = JpegImagePlugin.JpegImageFile(io.BytesIO(data))
    except MemoryError:
        raise
    except Exception:
        kind = next((kind for kind in KINDS if _begins_as(kind, data)), "")
        raise BadPhotoError(f"damaged: no whole {kind}" if kind else "not a photo") from None
    width, height = image.size
    if min(width, height) < SMALLEST:
        raise BadPhotoError(f"{width} x {height} px; at least {SMALLEST} px are needed")
    times = next((t for t in SHRINKS if width * height <= t**2 * LARGEST), SHRINKS[-1])
    if times > 1:
        image.draft(image.mode, (width // times, height // times))  # only a JPEG can
    if image.width * image.height > LARGEST:
        raise BadPhotoError(f"{width} x {height} px; at most {LARGEST} px can be used")
    return image


def _identify(data: bytes) -> Image.Image:
    """A file as Pillow opens it; parts beside the pixels are not checked if that fails."""
    try:
        return Image.open(io.BytesIO(data))
    except (Image.DecompressionBombError, MemoryError):
        raise
    except Exception:
        with _faults_allowed():
            return Image.open(io.BytesIO(data))


@contextlib.contextmanager
def _faults_allowed() -> Iterator[None]:
    """In this context, Pillow reads files without an end, and PNG without sound metadata."""
    with _lenient:
        before, ImageFile.LOAD_TRUNCATED_IMAGES = ImageFile.LOAD_TRUNCATED_IMAGES, True
        try:
            yield
        finally:
            ImageFile.LOAD_TRUNCATED_IMAGES = before


def _begins_as(kind: str, data: bytes) -> bool:
    """Whether the first bytes of a file are those of a format, by its name in Pillow."""
    accept = Image.OPEN[kind][1] if kind in Image.OPEN else None
    return accept is not None and accept(data[:16]) is True  # else words on what is missing


def _load(image: Image.Image, data: bytes) -> tuple[Image.Image, str]:
    """A decoded photo, and what is wrong with it; without the end of its file if that is lacking.

    Raises:
      BadPhotoError: too many rows are lacking.
      Exception: of any kind, for damaged data.
    """
    try:
        image.load()
        return image, ""
    except OSError as error:
        if "truncated" not in str(error):
            raise
    with _faults_allowed():
        image = _open(data)
        image.load()
    rows = np.asarray(image.convert("RGB")).reshape(image.height, -1)
    there = np.flatnonzero(~np.any([(rows == value).all(axis=1) for value in EMPTY], axis=0))
    share = (np.ptp(there) + 1 if len(there) else 0) / image.height
    if share < KEPT:
        raise BadPhotoError(f"damaged: the file ends after {share:.0%} of its rows")
    return image, "the end of the file is missing"


def upright(image: Image.Image) -> Image.Image:
    """An image, rotated as its EXIF data say, if they can be read."""
    try:
        method = ORIENTATIONS.get(image.getexif().get(ExifTags.Base.Orientation))
    except Exception:  # damaged EXIF data raise errors of any kind; the pixels can be used
        return image
    return image if method is None else image.transpose(method)


def read_gray(data: bytes) -> Image.Image:
    """`read_photo` with one channel."""
    return read_photo(data, 1)


def convert(image: Image.Image, channels: int) -> Image.Image:
    """An image of any mode with 8 bits, gray (1 channel) or sRGB (3); see `read_photo`."""
    if image.mode in ("F", "I") or image.mode.startswith("I;16"):
        values = _to_bytes(np.asarray(image, np.float64), image.mode)
        return convert(Image.fromarray(values), channels)
    profile = image.info.get("icc_profile")
    if image.has_transparency_data:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    if profile and image.mode != "L":
        image = _in_srgb(image if image.mode == "CMYK" else image.convert("RGB"), profile)
    if image.mode == "CMYK":
        image = image.convert("RGB")
    return image.convert("L" if channels == 1 else "RGB")


def _to_bytes(values: np.ndarray, mode: str) -> np.ndarray:
    """Pixels of 16 or 32 bits or fractions, as uint8. The range of nearly all says which."""
    values = np.nan_to_num(values, posinf=0.0, neginf=0.0)
    if mode.startswith("I;16"):
        low, high = 0.0, 65535.0
    else:
        low, high = np.percentile(values, (RARE, 100 - RARE), method="closest_observation")
        usual = [most for most in RANGES[mode] if high <= (1 + BEYOND) * most]
        if usual and low >= -BEYOND * high:
            low, high = 0.0, usual[0]
        elif low >= 0:
            low, high = 0.0, values.max()
    return ((values - low) * (255 / max(high - low, 1e-9))).clip(0, 255).round().astype(np.uint8)


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
        with warnings.catch_warnings(action="ignore"):
            return _identify(data).mode == "L"
    except Exception:  # decoders raise errors of any kind
        return False


def is_photo(name: str) -> bool:
    """Whether a file name ends in one of SUFFIXES, in any case."""
    return name.lower().endswith(SUFFIXES)
