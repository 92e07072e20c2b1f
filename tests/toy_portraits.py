"""Photos with faces that `tests/toy_tools.py` finds, and a method that inverts them."""

import numpy as np
from PIL import Image

from facealign.portraits import align_folder, folders, methods
from tests.toy_photos import CORNER, read
from tests.toy_tools import create_tools

NEGATIVE = methods.from_crops("negative", lambda crops, poses: 255 - crops, 128)


def photo(seed, bright=True, covered=False):
    """Gray uint8 [200, 200] with a face in it, or none."""
    pixels = np.random.default_rng(seed).integers(0, 255, (200, 200), np.uint8)
    pixels[:CORNER, :CORNER] = 255
    if not bright:
        pixels[[0, 0, -1, -1], [0, -1, 0, -1]] = 0  # however it is turned
    if covered:
        pixels[:CORNER, -CORNER:] = 255
    return pixels


def write_photos(folder, names):
    for seed, name in enumerate(names):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        pixels = photo(seed, bright="empty" not in name, covered="covered" in name)
        Image.fromarray(pixels).save(path, "PNG")


def run(folder, output, model=NEGATIVE, create=create_tools, **options):
    found = folders.find_photos(folder, output)
    return align_folder.align_folder(model, found, create=create, read=read, **options)
