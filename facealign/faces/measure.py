"""Pose and identity of many photos by the instruments, measured once and kept on disk."""

import hashlib
import io
import multiprocessing
import os
import sys
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from importlib import metadata
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from absl import logging
from etils import epath
from tqdm import tqdm

from facealign.faces import dlib_tools
from facealign.geometry import generic_face, pose
from facealign.paths import write_whole

DESCRIPTOR, LANDMARKS = 128, 68
WIDTH = 3 + DESCRIPTOR + 2 * LANDMARKS  # of a row: yaw, pitch, roll, descriptor, landmarks
THREADS = "OPENBLAS_NUM_THREADS"
PACKAGES = ("dlib-bin", "face_recognition_models")

Create = Callable[[], dlib_tools.Instruments]


class Measured(NamedTuple):
    """What the instruments say of N photos; nan where they find no face."""

    found: np.ndarray  # bool [N]
    yaw: np.ndarray  # [N] degrees
    pitch: np.ndarray
    roll: np.ndarray
    descriptor: np.ndarray  # [N, 128], near one another for one person
    landmarks: np.ndarray  # [N, 68, 2] px


class Meter:
    """Measures photos on all cores, each only once. Use it in a `with` statement.

    Measurements are kept by the content of the photo, and by the instruments that made them, in
    one file of the folder.

    Args:
      folder: of that file.
      create: the instruments; a function that another process can import.

    Raises:
      UserError: the instruments are not installed.
    """

    def __init__(self, folder: epath.Path, create: Create = dlib_tools.load_instruments):
        create()  # fails here rather than in another process
        self._create = create
        self._path = folder / f"measurements_{_version()}.npz"
        self._rows = _read(self._path)
        self._pool = None

    def __enter__(self) -> "Meter":
        return self

    def __exit__(self, *_: Any) -> None:
        if self._pool:
            self._pool.shutdown(cancel_futures=True)

    def measure(self, images: np.ndarray, title: str = "photos") -> Measured:
        """Of photos uint8 [N, H, W, 1]; the largest face of each counts. Progress has a title."""
        keys = [_digest(image) for image in images]
        new = {key: image for key, image in zip(keys, images, strict=True) if key not in self._rows}
        if new:
            if self._pool is None:
                self._pool = start_pool(_load, self._create)
            rows = tqdm(
                self._pool.map(_measure, new.values(), chunksize=8),
                desc=f"measuring {title}",
                total=len(new),
                unit="photos",
                mininterval=0.5 if sys.stderr.isatty() else 20,
            )
            self._rows |= dict(zip(new, rows, strict=True))
            _write(self._path, self._rows)
        return unpack(np.array([self._rows[key] for key in keys]).reshape(-1, WIDTH))


def unpack(rows: np.ndarray) -> Measured:
    """Rows [N, WIDTH] by their names."""
    yaw, pitch, roll = rows[:, :3].T
    descriptor, landmarks = np.split(rows[:, 3:], [DESCRIPTOR], axis=1)
    return Measured(
        ~np.isnan(yaw), yaw, pitch, roll, descriptor, landmarks.reshape(-1, LANDMARKS, 2)
    )


def measure_photo(image: np.ndarray, tools: dlib_tools.Instruments) -> np.ndarray:
    """The row [WIDTH] of one photo uint8 [H, W, 1]; all nan if no face is found in it."""
    faces = tools.find(image)
    if not faces:
        return np.full(WIDTH, np.nan, np.float32)
    landmarks = faces[0].landmarks
    angles, descriptor = pose.estimate_pose(landmarks), tools.describe(image, landmarks)
    return np.concatenate([angles, descriptor, landmarks.ravel()]).astype(np.float32)


_tools: list[dlib_tools.Instruments] = []  # of a process of the pool, which has no other state


def _load(create: Create) -> None:
    _tools.append(create())


def _measure(image: np.ndarray) -> np.ndarray:
    return measure_photo(image, _tools[0])


def _digest(image: np.ndarray) -> str:
    head = f"{image.shape} {image.dtype}".encode()
    return hashlib.sha256(head + np.ascontiguousarray(image).tobytes()).hexdigest()[:32]


def start_pool(prepare: Callable[[Any], None], argument: Any) -> ProcessPoolExecutor:
    """A process for each core, prepared by a function that another process can import.

    Each computes in one thread: the threads of NumPy's BLAS wait for one another by spinning, and
    those of two processes took three times as long on two cores.
    """
    context = multiprocessing.get_context("spawn")  # forking a process that runs JAX may hang
    pool = ProcessPoolExecutor(cores(), context, prepare, (argument,))
    before = os.environ.get(THREADS)
    os.environ[THREADS] = "1"
    try:
        pool.submit(int)  # starts all processes, which inherit the environment
    finally:
        del os.environ[THREADS]
        if before is not None:
            os.environ[THREADS] = before
    return pool


def cores() -> int:
    """That this process may use."""
    affinity = getattr(os, "sched_getaffinity", None)  # Linux only
    return len(affinity(0)) if affinity else os.cpu_count() or 1


def _version() -> str:
    """Another one whenever the instruments might give other numbers."""
    installed = {package.name: package.version for package in metadata.distributions()}
    versions = [f"{name} {installed.get(name)}" for name in PACKAGES]
    sources = [Path(module.__file__) for module in (dlib_tools, pose, generic_face)]
    content = b"".join(path.read_bytes() for path in [*sources, Path(__file__)])
    return hashlib.sha256("; ".join(versions).encode() + content).hexdigest()[:12]


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
