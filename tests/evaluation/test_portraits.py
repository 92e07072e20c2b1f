"""Portraits of the photo's own pixels in an evaluation."""

import numpy as np
import pytest
from PIL import Image

from configs import base
from facealign.cli import modes
from facealign.data.datasets import orl_faces
from facealign.errors import UserError
from facealign.evaluation import portraits
from facealign.evaluation.evaluation_set import Photos
from facealign.faces import find
from facealign.faces.face import load_read
from facealign.faces.turning.style import Style
from facealign.geometry import frame
from facealign.portraits.methods import load_method


def test_portraits_of_frames_are_canonical_crops():
    """A face that looks ahead keeps its crop, but for the fit, and for one more resampling."""
    read = load_read()
    with Image.open(orl_faces.photo_folder() / "s1/1.pgm") as image:
        photo = image.convert("RGB").resize((184, 224))
    ((face, _),) = read([find.cut_patch(photo, (24, 54, 164, 194))])
    matrix = frame.compose(frame.to_portrait(256), face.matrix)
    frames = np.stack([frame.crop(photo, matrix, 256, 3)] * 2)
    method = load_method("portrait", Style(size=128, frame="tight"))
    first, second = portraits.make_portraits(frames, method, read)
    np.testing.assert_array_equal(first.image, second.image)
    assert first.image.shape == (128, 128, 3) and first.crop.shape == (128, 128, 1)
    np.testing.assert_allclose(first.crop.astype(int), face_crop(first.image), atol=2)
    middle = np.s_[40:100, 30:98]
    difference = first.crop[middle].astype(int) - face.crop[middle]
    assert np.abs(difference).mean() < 12


def face_crop(image):
    return np.asarray(Image.fromarray(image).convert("L"))[..., None]


def test_only_photos_that_come_in_both_ways_are_compared():
    first, second = (
        Photos("lfw", ("test",), {"file_name": np.array(names), "yaw": np.arange(len(names))})
        for names in (["a", "b", "d"], ["b", "c", "d", "e"])
    )
    one, other = portraits.in_both(first, second)
    assert one.examples["file_name"].tolist() == other.examples["file_name"].tolist() == ["b", "d"]
    assert one.examples["yaw"].tolist() == [1, 2] and other.examples["yaw"].tolist() == [0, 2]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"step": 3}, "leave --checkpoint and --step out"),
        ({"checkpoint": "runs/x"}, "cannot read the weights runs/x"),
        ({"config": None}, "needs --config"),
        ({"method": "turn"}, "--method of --mode=evaluate"),
    ],
)
def test_flags_that_do_not_fit_are_refused(changes, message, tmp_path):
    values = {"config": base.get_config(), "workdir": tmp_path, "checkpoint": "", "step": 0}
    values |= {"on": "", "method": "portrait"}
    with pytest.raises(UserError, match=message):
        modes.run_evaluate(**values | changes)


def test_a_folder_of_a_run_is_not_written_to(tmp_path):
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(UserError, match="holds a run"):
        modes.run_evaluate(base.get_config(), tmp_path, "", 0, "", "portrait")
