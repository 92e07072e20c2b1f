"""Turns the head so that it looks into the camera, as people do in portraits for documents."""

import numpy as np

from facealign.geometry import camera, fit
from facealign.geometry.generic_face import rotation
from facealign.geometry.head import HeadModel
from head import people
from head.correspondence import trust
from head.mesh import EYES, PUPILS, TIP_DEPTH, Mesh
from head.statistics import Head

MODES = 20  # of the identity, in the fit
NOSE_TIP = 1  # of MediaPipe's points


def portrait_pitch(
    head: Head, modes: np.ndarray, everybody: list[list[people.Photo]]
) -> tuple[float, int]:
    """(median pitch in degrees, number) of the photos of people who were told to look neutral.

    Modes are [K, V, 3].
    """
    photos = [photo for photos in everybody for photo in photos if photo.neutral]
    model = HeadModel(
        *(np.float32(array) for array in (head.mean, modes[:MODES], head.expression)),
        head.mesh.triangles,
        head.mesh.part,
        head.mesh.mirror,
        head.points.vertices,
        np.float32(head.points.weights),
        np.float32(trust()),
        head.landmarks.vertices,
        np.float32(head.landmarks.weights),
    )
    places = np.stack([photo.places for photo in photos])
    fitted = fit.fit(places, np.ones(places.shape[:2]), model, "mesh")
    return float(np.median(camera.angles_of(fitted.camera.rotation)[:, 1])), len(photos)


def straighten(
    head: Head, modes: np.ndarray, pitch: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(mean, modes, expression) of a head that the portraits show at `pitch`, now at 0.

    The eyes are then at y = 0 and 6.3 cm apart, and the tip of the nose is 13 cm before the origin.
    """
    turn = rotation(0, pitch, 0).T
    mean = head.mean @ turn
    scale = PUPILS / np.ptp(_eyes(head.mesh, mean)[:, 0])
    mean = mean * scale
    tip = head.points.on(mean)[NOSE_TIP]
    mean = mean - (0, _eyes(head.mesh, mean)[:, 1].mean(), tip[2] - TIP_DEPTH)
    return mean, modes @ turn * scale, head.expression @ turn * scale


def _eyes(mesh: Mesh, points: np.ndarray) -> np.ndarray:
    """The centres [2, 3] of both eyeballs."""
    eyes = points[mesh.part == EYES]
    return np.stack([eyes[eyes[:, 0] < 0].mean(axis=0), eyes[eyes[:, 0] > 0].mean(axis=0)])
