"""Photos with faces that `tests/toy_photos.py` finds, and a method that inverts them."""

import numpy as np
from PIL import Image

from facealign.portraits import align_folder, aligner
from tests.toy_photos import create_tools, read

NEGATIVE = aligner.Method("negative", lambda crops, poses: 255 - crops)


def photo(seed, bright=True):
    """Gray uint8 [200, 200] with a face in it, or none."""
    pixels = np.random.default_rng(seed).integers(0, 256, (200, 200), np.uint8)
    pixels[:5, :5] = 255 if bright else 0
    return pixels


def write_photos(folder, names):
    for seed, name in enumerate(names):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(photo(seed, "empty" not in name)).save(path, "PNG")


def run(folder, output, model=NEGATIVE, **options):
    folders = align_folder.find_photos(folder, output)
    return align_folder.align_folder(model, folders, create=create_tools, read=read, **options)
