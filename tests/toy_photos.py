"""Face tools for photos of 200 x 200 px whose corner says whether they show a face.

In a file of its own, since other processes import it.
"""

import numpy as np
from PIL import Image

from facealign.faces import dlib_tools, face
from facealign.faces.dlib_tools import FaceTools
from facealign.geometry import frame
from facealign.geometry.frame import SIZE, five_points, from_five_points
from tests.geometry.test_pose import picture

LARGE, SMALL = (20, 20, 140, 140), (150, 150, 170, 170)


def landmarks(_, box):
    """Those of a frontal face that fills a box."""
    points = picture(0, 0, 0)
    points -= points.min(axis=0)
    return points / points.max() * (box[2] - box[0]) + box[:2]


def create_tools():
    """Face tools that see a face wherever the corner of a photo is bright, and a tiny one more."""

    def search(photo):
        return [LARGE, SMALL] if photo.getpixel((0, 0)) > 128 else []

    def find(image):  # in crops and portraits
        return [dlib_tools.Face((0, 0, SIZE, SIZE), landmarks(image, (0, 0, SIZE, SIZE)))]

    return FaceTools(search, find, lambda image, points: np.full(128, image.mean() / 255))


def read(patches):
    """A reader to which every head looks straight ahead, in the box where it was found."""
    noted = []
    for patch in patches:
        box, in_photo = patch.box, np.eye(2, 3)
        if box:
            in_photo = from_five_points(five_points(landmarks(None, box)))
        if face.eyes_apart(in_photo) < face.EYES_APART:
            noted.append((None, "a face left out: tiny"))
            continue
        matrix = frame.compose(in_photo, frame.invert(patch.matrix))
        crop = frame.crop(Image.fromarray(patch.pixels), matrix)
        size = round(frame.side_in_photo(in_photo))
        angles, points = np.zeros(3), np.zeros((68, 2))
        noted.append((face.Face(crop, size, box, angles, 1.5, 2.5, points, in_photo), ""))
    return noted
