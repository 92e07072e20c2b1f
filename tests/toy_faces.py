"""Drawn 'faces' that say who they are and where they look, and face tools that read them.

An image of 32 x 32 px: the upper half shows the person as 128 squares of 2 x 2 px, the lower left
the yaw as a brightness, the lower right is dark where there is no face to be found.
"""

import numpy as np

from facealign.faces import measure
from facealign.faces.dlib_tools import DlibTools, Face
from facealign.faces.measure import Measured, measure_photo
from facealign.geometry import generic_face

SIZE, SQUARES = 32, 128


def draw(person: int, yaw: float = 0.0, photo: int = 0, found: bool = True) -> np.ndarray:
    """uint8 [32, 32, 1]; photos of one person differ by a little noise."""
    pattern = np.random.default_rng(person).integers(30, 226, SQUARES)
    noise = np.random.default_rng((person, photo)).integers(-9, 10, SQUARES)
    image = np.full((SIZE, SIZE), 255, np.uint8)
    image[:16] = (pattern + noise).reshape(8, 16).repeat(2, axis=0).repeat(2, axis=1)
    image[16:, :16] = round(128 + yaw)
    image[16:, 16:] = 255 if found else 0
    return image[:, :, None]


def create_tools() -> DlibTools:
    def find(image: np.ndarray) -> list[Face]:
        if image[20:28, 20:28].mean() < 128:
            return []
        yaw = image[20:28, 4:12].mean() - 128
        points = generic_face.landmarks() @ generic_face.rotation(yaw, 0, 0).T
        return [Face((0, 0, SIZE, SIZE), points[:, :2] + SIZE / 2)]

    def describe(image: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
        del landmarks
        return image[:16, :, 0].reshape(8, 2, 16, 2).mean(axis=(1, 3)).ravel() / 255

    return DlibTools(find, describe)


class ToyMeasurementCache:
    """A `MeasurementCache` that measures in this process and keeps nothing."""

    def __enter__(self) -> "ToyMeasurementCache":
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def measure(self, images: np.ndarray, title: str = "") -> Measured:
        tools = create_tools()
        return measure.unpack(np.array([measure_photo(image, tools) for image in images]))


def examples(rows: list[tuple[int, float, int, bool]]) -> dict[str, np.ndarray]:
    """Examples of (person, yaw, photo, found), as the datasets give them but of unknown yaw."""
    return {
        "image": np.stack([draw(*row) for row in rows]),
        "subject": np.array([f"p{person:03d}" for person, *_ in rows]),
        "file_name": np.array([f"p{person:03d}/{photo}.png" for person, _, photo, _ in rows]),
        "domain": np.array(["unrestricted"] * len(rows)),
        **{angle: np.full(len(rows), np.nan, np.float32) for angle in ("yaw", "pitch", "roll")},
    }


def people(count: int, yaws: tuple[float, ...] = (0, 2, 4, 20, 35, 50)) -> dict[str, np.ndarray]:
    """Each person once at each yaw."""
    return examples([(p, yaw, i, True) for p in range(count) for i, yaw in enumerate(yaws)])


def training(count: int = 40) -> dict[str, dict[str, np.ndarray]]:
    """Other people's photos in both domains."""
    rows = [(1000 + person, 0.0, 0, True) for person in range(count)]
    return {"unrestricted": examples(rows), "restricted": examples(rows)}
