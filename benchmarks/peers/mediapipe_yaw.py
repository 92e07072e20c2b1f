"""Yaw of faces as MediaPipe sees it: `python mediapipe_yaw.py PHOTOS.npy YAWS.npy`.

Photos are uint8 [N, H, W, 1]; yaws are float [N] in degrees, nan where no face is found. Needs only
requirements-mediapipe.txt, in an environment of its own.
"""

import sys

import cv2
import mediapipe as mp
import numpy as np

BORDER, SCALE = 32, 3  # px of repeated border, since a face that fills a photo is often missed
# Points of the mesh that are one another's mirror image: outer eye corners, mouth corners, cheeks.
PAIRS = ((33, 263), (61, 291), (234, 454))


def enlarge(photo: np.ndarray) -> np.ndarray:
    """A photo uint8 [H, W, 1] as MediaPipe wants it, RGB."""
    photo = cv2.copyMakeBorder(photo[..., 0], *[BORDER] * 4, cv2.BORDER_REPLICATE)
    photo = cv2.resize(photo, None, fx=SCALE, fy=SCALE, interpolation=cv2.INTER_CUBIC)
    return cv2.cvtColor(photo, cv2.COLOR_GRAY2RGB)


def measure(mesh: mp.solutions.face_mesh.FaceMesh, photo: np.ndarray) -> float:
    """Yaw in degrees of the face in a photo uint8 [H, W, 1], nan without one.

    It is how far the lines between symmetrical points of the 3D mesh lead away from the camera.
    """
    faces = mesh.process(enlarge(photo)).multi_face_landmarks
    if not faces:
        return np.nan
    points = faces[0].landmark
    ends = [(points[left], points[right]) for left, right in PAIRS]
    return float(np.mean([np.degrees(np.arctan2(b.z - a.z, b.x - a.x)) for a, b in ends]))


def main() -> None:
    photos, yaws = sys.argv[1:]
    mesh = mp.solutions.face_mesh.FaceMesh(
        static_image_mode=True, max_num_faces=1, min_detection_confidence=0.3
    )
    np.save(yaws, [measure(mesh, photo) for photo in np.load(photos)])


if __name__ == "__main__":
    main()
