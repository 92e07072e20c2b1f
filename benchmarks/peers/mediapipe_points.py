"""MediaPipe's face mesh in photos: `python mediapipe_points.py PHOTOS.txt MESH.obj POINTS.npz`.

PHOTOS.txt names a photo a line. MESH.obj is facealign's `generic_face.obj`, which says which points
are one another's mirror image. POINTS.npz gets `points`, float32 [N, 468, 2], (x, y) in px of the
photo with the centres of pixels at whole numbers, nan where no face is found. Needs only
requirements-mediapipe.txt, in an environment of its own.
"""

import sys

import cv2
import mediapipe as mp
import numpy as np

SIDES = (400, 1280)  # px: smallest and largest longest side that is searched
# Borders in sides of the photo, tried in order: a face that fills its photo is often missed.
BORDERS = (0.0, 0.25, 0.6)
COUNT = 468  # points of the mesh; the irises come after them


def mirror_of(mesh: str) -> np.ndarray:
    """The index [468] of the mirror image of each point of the mesh in an obj file."""
    with open(mesh) as file:
        rows = [line.split()[1:4] for line in file if line.startswith("v ")]
    vertices = np.array(rows, np.float64)
    away = np.linalg.norm(vertices[:, None] * (-1, 1, 1) - vertices[None], axis=-1)
    return away.argmin(axis=1)


def find(faces: mp.solutions.face_mesh.FaceMesh, photo: np.ndarray) -> np.ndarray | None:
    """The points [468, 2] of the face in a photo [H, W, 3], None without one."""
    found = faces.process(photo).multi_face_landmarks
    if not found:
        return None
    height, width = photo.shape[:2]
    points = np.array([(point.x, point.y) for point in found[0].landmark[:COUNT]])
    return points * (width, height) - 0.5


def measure(
    faces: mp.solutions.face_mesh.FaceMesh, photo: np.ndarray, mirror: np.ndarray
) -> np.ndarray:
    """The points [468, 2] in px of the face in a photo [H, W, 3]; nan if there is none."""
    longest = max(photo.shape[:2])
    factor = np.clip(longest, *SIDES) / longest
    method = cv2.INTER_AREA if factor < 1 else cv2.INTER_CUBIC
    photo = cv2.resize(photo, None, fx=factor, fy=factor, interpolation=method)
    for share in BORDERS:
        border = int(share * max(photo.shape[:2]))
        padded = cv2.copyMakeBorder(photo, *[border] * 4, cv2.BORDER_REPLICATE)
        for flipped in (False, True):
            seen = np.ascontiguousarray(padded[:, ::-1] if flipped else padded)
            points = find(faces, seen)
            if points is None:
                continue
            if flipped:
                points = (points * (-1, 1) + (seen.shape[1] - 1, 0))[mirror]
            return (points - border + 0.5) / factor - 0.5
    return np.full((COUNT, 2), np.nan)


def main() -> None:
    photos, mesh, points = sys.argv[1:]
    faces = mp.solutions.face_mesh.FaceMesh(
        static_image_mode=True, refine_landmarks=True, max_num_faces=1, min_detection_confidence=0.3
    )
    mirror = mirror_of(mesh)
    with open(photos) as file:
        names = file.read().splitlines()
    read = (cv2.cvtColor(cv2.imread(name), cv2.COLOR_BGR2RGB) for name in names)
    found = np.array([measure(faces, photo, mirror) for photo in read], np.float32)
    np.savez(points, names=names, points=found)
    print(f"a face in {np.isfinite(found[:, 0, 0]).sum()} of {len(names)} photos", flush=True)


if __name__ == "__main__":
    main()
