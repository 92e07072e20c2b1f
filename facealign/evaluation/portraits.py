"""Portraits of the photo's own pixels, judged like the outputs of a network."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from etils import epath
from ml_collections import ConfigDict

from facealign.data.load import data_folder, load_data
from facealign.errors import UserError
from facealign.evaluation.baselines import comes_aligned
from facealign.evaluation.compare import compare
from facealign.evaluation.evaluation_set import Photos, load_photos
from facealign.evaluation.run import describe, for_terminal, write_evaluation
from facealign.faces.face import ReadFaces, load_read
from facealign.faces.find import Patch
from facealign.faces.measurement_cache import MeasurementCache
from facealign.faces.turning.style import Style
from facealign.geometry import frame
from facealign.geometry.frame import PORTRAIT_SIZE, SIZE
from facealign.portraits.methods import Method, load_method
from facealign.portraits.portrait import Portrait
from facealign.workdir.progress_bar import progress_bar

AT_ONCE = 64  # photos
FRAMES = {"frame": "portrait", "channels": 3, "image_size": PORTRAIT_SIZE}


def evaluate_portraits(
    config: ConfigDict, workdir: epath.Path, on: str, method: str = "portrait", weights: str = ""
) -> None:
    """Evaluates portraits beside baselines: prints the first table and writes all of them.

    They are made of portrait frames in colour, and judged as gray canonical crops, beside those of
    the photos.

    Args:
      config: says where photos are, and which.
      workdir: the files are written there.
      on: the photos, as in `run_evaluation`.
      method, weights: "portrait" and packed weights of a completion or "", or "unmended".

    Raises:
      UserError: photos that do not come in canonical crops, or as in `load_photos`.
    """
    photos, frames = load_photos(config.data, on), load_photos(_in_frames(config.data), on)
    if not comes_aligned(photos.dataset):
        raise UserError(f"--on={photos.dataset} has no portrait frames; choose lfw or cfp")
    photos, frames = in_both(photos, frames)
    way = load_method(method, Style(size=SIZE, frame="tight"), weights)
    made = make_portraits(frames.examples["image"], way, load_read())
    crops = np.stack([portrait.crop for portrait in made])
    comparison = compare(
        method,
        lambda _: crops,
        photos,
        load_data(config.data, "train"),
        config.data.frontal_yaw,
        lambda: MeasurementCache(data_folder(config.data)),
        canonical=True,
    )
    facts = describe(comparison, way.name)
    write_evaluation(workdir, comparison, facts, 0, {})
    print(for_terminal(comparison, facts))
    print(f"wrote {workdir / 'evaluation.html'}, evaluation.md and evaluation.json")


def make_portraits(frames: np.ndarray, method: Method, read: ReadFaces) -> Sequence[Portrait]:
    """The portraits of portrait frames uint8 [N, H, H, 3]; of strange faces too."""
    to_crop, made = frame.invert(frame.to_portrait(frames.shape[1])), []
    for start in progress_bar(range(0, len(frames), AT_ONCE), unit="times 64 photos"):
        some = frames[start : start + AT_ONCE]
        noted = read([Patch(pixels, np.eye(2, 3), None, to_crop) for pixels in some])
        made += method.make([face for face, _ in noted])
    return made


def _in_frames(data: Any) -> ConfigDict:
    wide = ConfigDict(data)
    wide.update(FRAMES)
    return wide


def in_both(*both: Photos) -> list[Photos]:
    """The photos that are in both, in the same order."""
    names = [photos.examples["file_name"] for photos in both]
    shared = np.intersect1d(*names)
    return [
        photos._replace(examples={k: v[np.isin(own, shared)] for k, v in photos.examples.items()})
        for photos, own in zip(both, names, strict=True)
    ]
