"""Mugshots: their pupils, their people, no profiles."""

import numpy as np
import pytest
from PIL import Image

from facealign.data.datasets import mugshots
from facealign.geometry import frame
from tests import photo_sources
from tests.prepared import data_config, load


def test_mugshots_have_their_pupils_where_all_faces_have_them(tmp_path):
    """A bright spot on each pupil of a photo lands on the canonical eyes."""
    files = photo_sources.mugshot_files()
    canvas = np.zeros((240, 190), np.uint8)
    for x, y in ((100, 100), (80, 101)):
        canvas[y - 2 : y + 3, x - 2 : x + 3] = 255
    for name in files:
        if name.endswith(".jpg"):
            Image.fromarray(canvas).save(tmp_path / "spots.png")
            files[name] = (tmp_path / "spots.png").read_bytes()
    photo_sources.write_tar(tmp_path / "mugshots.tar", files)
    rows = load(data_config(tmp_path, image_size=128), "mugshots")
    assert {row["subject"] for row in rows.values()} == set(photo_sources.EVERYBODY)
    for row in rows.values():
        assert row["domain"] == "restricted"
        for x, y in frame.EYES:
            assert row["image"][round(y), round(x), 0] > 250
        assert row["image"].mean() < 20


def test_mugshots_of_nist_have_their_person_in_the_name(tmp_path):
    photo = photo_sources.photo_bytes(0)
    names = ("f1_p1/00012_1_F.jpg", "f1_p2/00012_2_F.jpg", "f1_p1/00013_1_P.jpg", "f1_p1/notes.txt")
    photo_sources.write_folder(tmp_path / "sd18" / "single", dict.fromkeys(names, photo))
    listed = list(mugshots.list_mugshots(tmp_path))
    assert [photo.subject for photo in listed] == ["00012", "00013", "00012"]
    with pytest.raises(ValueError, match="a profile"):
        listed[1].locate(Image.new("L", (250, 250)))
