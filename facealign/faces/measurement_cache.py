"""Measures many photos in parallel, each only once, and keeps the results on disk."""

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
from facealign.faces.workers import CreateTools, end_pool, measure_in_worker, start_pool
from facealign.geometry import frame, pose, pose_face
from facealign.paths import write_whole
from facealign.workdir.progress_bar import progress_bar

# Packages whose version, and modules whose code, can change a measurement.
PACKAGES = ("dlib-bin", "face_recognition_models")
SOURCES = (dlib_tools, measure, frame, pose_face, pose)


class MeasurementCache:
    """Measures photos on all cores, each only once. Use it in a `with` statement.

    A file in `folder` keeps the measurements, by the content of each photo. Its name depends on
    the versions of the face tools and of the code, so that a change starts a new file.

    Args:
      folder: for the file.
      create: makes the face tools; a function that other processes can import.

    Raises:
      UserError: requirements-faces.txt is not installed.
    """

    def __init__(self, folder: epath.Path, create: CreateTools = dlib_tools.load_dlib):
        create()  # raises UserError here instead of in another process
        self._create = create
        self._path = folder / f"measurements_{_version()}.npz"
        self._rows = _read(self._path)
        self._pool = None

    def __enter__(self) -> "MeasurementCache":
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: Any) -> None:
        if self._pool:
            end_pool(self._pool, at_once=kind is not None)

    def measure(self, images: np.ndarray, title: str = "photos") -> Measured:
        """Measures the largest face of each photo uint8 [N, H, W, 1].

        `title` is shown at the progress bar.
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
    """Twelve hex digits, a hash of the versions of PACKAGES and the code of SOURCES."""
    installed = {package.name: package.version for package in metadata.distributions()}
    versions = "; ".join(f"{name} {installed.get(name)}" for name in PACKAGES)
    content = b"".join(Path(module.__file__).read_bytes() for module in SOURCES)
    return hashlib.sha256(versions.encode() + content).hexdigest()[:12]


def _read(path: epath.Path) -> dict[str, np.ndarray]:
    try:
        with np.load(io.BytesIO(path.read_bytes())) as arrays:
            return dict(zip(arrays["keys"].tolist(), arrays["rows"], strict=True))
    except Exception as error:  # zipfile, zlib and numpy raise various errors for damaged bytes
        if path.exists():
            logging.warning("%s is damaged, so its photos are measured again: %s", path, error)
        return {}


def _write(path: epath.Path, rows: dict[str, np.ndarray]) -> None:
    buffer = io.BytesIO()
    np.savez(buffer, keys=np.array(list(rows)), rows=np.array(list(rows.values())))
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, buffer.getvalue())
    except OSError as error:
        logging.warning("measurements are not kept, so the next run repeats them: %s", error)


def _digest(image: np.ndarray) -> str:
    head = f"{image.shape} {image.dtype}".encode()
    return hashlib.sha256(head + np.ascontiguousarray(image).tobytes()).hexdigest()[:32]
