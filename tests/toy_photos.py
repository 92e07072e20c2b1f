"""Reads faces that `tests/toy_tools.py` finds in photos whose corner says whether it is covered."""

import numpy as np
from PIL import Image

from facealign.faces import face
from facealign.faces.turning.turn import portrait_camera
from facealign.geometry import camera as cameras
from facealign.geometry import frame
from facealign.geometry.camera import Camera
from facealign.geometry.fit import Head
from facealign.geometry.frame import SIZE, five_points, from_five_points
from facealign.geometry.head import load_head
from tests.toy_tools import landmarks

CORNER = 5  # px: side of the corners
FRAME = 256  # px: of the portrait frame in which the head is placed


def head_in(to_crop):
    """The mean head, looking ahead, in a photo with this transformation to the canonical crop."""
    model = load_head()
    to_photo = frame.invert(frame.compose(frame.to_portrait(FRAME), to_crop))
    camera = cameras.transformed(portrait_camera(model, model.mean, FRAME), to_photo)
    camera = Camera(*(np.asarray(part, np.float32) for part in camera))
    return Head(np.zeros(24, np.float32), np.zeros(41, np.float32), camera, np.float32(1.5))


def is_covered(patch):
    """Whether the upper right corner of a photo is white."""
    return bool(patch.box and patch.pixels[:CORNER, -CORNER:].min() == 255)


def read(patches):
    """A reader to which every head looks straight ahead, in the box where it was found."""
    noted = []
    for patch in patches:
        box, matrix = patch.box, patch.to_crop
        if matrix is None:
            in_photo = from_five_points(five_points(landmarks(None, box)))
            matrix = frame.compose(in_photo, frame.invert(patch.matrix))
        in_photo = frame.compose(matrix, patch.matrix)
        if box and face.eyes_apart(in_photo) < face.EYES_APART:
            noted.append((None, "a face left out: tiny"))
            continue
        seen = face.Face(
            crop=frame.crop(Image.fromarray(patch.pixels), matrix),
            size=round(frame.side_in_photo(in_photo)),
            box=box,
            angles=np.zeros(3),
            error=1.5,
            doubt=2.5,
            landmarks=landmarks(None, (0, 0, SIZE, SIZE)),
            matrix=in_photo,
            patch=patch,
            head=head_in(matrix),
        )
        noted.append((seen, face.COVERED * is_covered(patch)))
    return noted
