"""Pose and identity of many photos, measured once and kept on disk."""

import hashlib
import io
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
from absl import logging
from etils import epath

from facealign.faces import dlib_tools, measure
from facealign.faces.measure import WIDTH, Measured, unpack
from facealign.faces.workers import CreateTools, measure_in_worker, start_pool
from facealign.geometry import frame, generic_face, pose
from facealign.paths import write_whole
from facealign.workdir.progress_bar import progress_bar

PACKAGES = ("dlib-bin", "face_recognition_models")  # whose versions may change a measurement
SOURCES = (dlib_tools, measure, frame, generic_face, pose)  # and whose code may


class MeasurementCache:
    """Measures photos on all cores, each only once. Use it in a `with` statement.

    Measurements are kept by the content of the photo, and by the version of the tools that made
    them, in one file of the folder.

    Args:
      folder: of that file.
      create: makes the face tools; a function that another process can import.

    Raises:
      UserError: requirements-faces.txt is not installed.
    """

    def __init__(self, folder: epath.Path, create: CreateTools = dlib_tools.load_tools):
        create()  # fails here rather than in another process
        self._create = create
        self._path = folder / f"measurements_{_version()}.npz"
        self._rows = _read(self._path)
        self._pool = None

    def __enter__(self) -> "MeasurementCache":
        return self

    def __exit__(self, *_: Any) -> None:
        if self._pool:
            self._pool.shutdown(cancel_futures=True)

    def measure(self, images: np.ndarray, title: str = "photos") -> Measured:
        """Of photos uint8 [N, H, W, 1]; the largest face of each counts.

        `title` stands at the progress bar.
        """
        keys = [_digest(image) for image in images]
        new = {key: image for key, image in zip(keys, images, strict=True) if key not in self._rows}
        if new:
            if self._pool is None:
                self._pool = start_pool(self._create)
            rows = progress_bar(
                self._pool.map(measure_in_worker, new.values(), chunksize=8),
                desc=f"measuring {title}",
                total=len(new),
                unit="photos",
            )
            self._rows |= dict(zip(new, rows, strict=True))
            _write(self._path, self._rows)
        return unpack(np.array([self._rows[key] for key in keys]).reshape(-1, WIDTH))


def _version() -> str:
    """Twelve letters that change whenever a measurement might."""
    installed = {package.name: package.version for package in metadata.distributions()}
    versions = "; ".join(f"{name} {installed.get(name)}" for name in PACKAGES)
    content = b"".join(Path(module.__file__).read_bytes() for module in SOURCES)
    return hashlib.sha256(versions.encode() + content).hexdigest()[:12]


def _read(path: epath.Path) -> dict[str, np.ndarray]:
    try:
        with np.load(io.BytesIO(path.read_bytes())) as arrays:
            return dict(zip(arrays["keys"].tolist(), arrays["rows"], strict=True))
    except Exception as error:  # zipfile, zlib and numpy raise various ones over damaged bytes
        if path.exists():
            logging.warning("%s is damaged and is written anew: %s", path, error)
        return {}


def _write(path: epath.Path, rows: dict[str, np.ndarray]) -> None:
    buffer = io.BytesIO()
    np.savez(buffer, keys=np.array(list(rows)), rows=np.array(list(rows.values())))
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, buffer.getvalue())
    except OSError as error:
        logging.warning("faces are measured again by every evaluation, since %s", error)


def _digest(image: np.ndarray) -> str:
    head = f"{image.shape} {image.dtype}".encode()
    return hashlib.sha256(head + np.ascontiguousarray(image).tobytes()).hexdigest()[:32]
