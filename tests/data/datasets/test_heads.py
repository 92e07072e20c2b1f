"""Heads to read: what is known of photos and of turned photos."""

import numpy as np
import pytest
from PIL import Image

from facealign.data.datasets import head_lists, heads, mesh_points, orl_faces, schema
from facealign.data.datasets.head_lists import FIDUCIALS, SOLID, Known
from facealign.geometry import camera as cameras
from facealign.geometry import generic_face
from facealign.geometry import head as head_models
from facealign.geometry.camera import Camera
from facealign.geometry.head_points import MIRROR
from facealign.geometry.reader_window import STORED
from tests import photo_sources
from tests.prepared import data_config


def known_photos(split, count=2):
    """Photos of ORL with their points."""
    chosen, points = mesh_points.read_points()
    found = []
    for photo in head_lists.LISTS["orl_faces"](None, ""):
        key = f"orl_faces/{photo.file_name}"
        if key in points and schema.split_of(photo.subject) == split and len(found) < count:
            mesh = mesh_points.whole(chosen, points[key][None])[0]
            landmarks = mesh[generic_face.LANDMARKS]
            found.append(Known(photo, landmarks, np.ones(68, np.float32), mesh))
    return found


def test_mirrored_landmarks_are_one_another_s_and_lie_on_the_other_side():
    np.testing.assert_array_equal(MIRROR[MIRROR], np.arange(68))
    points = generic_face.landmarks()
    np.testing.assert_allclose(points[MIRROR, 0], -points[:, 0], atol=1e-3)
    assert len(set(FIDUCIALS)) == 30 and set(SOLID) <= set(FIDUCIALS)


def test_points_are_of_training_and_validation_people_only():
    chosen, points = mesh_points.read_points()
    assert len(chosen) < 150 and set(generic_face.LANDMARKS) <= set(chosen.tolist())
    people = {"_".join(n[4:].split("_")[:-1]) for n in points if n.startswith("lfw/")}
    people |= {name.split("/")[1] for name in points if name.startswith("orl_faces/")}
    assert len(people) > 1000
    # CFP 151 to 200 are its fold for tests.
    numbers = {int(name.split("/")[1]) for name in points if name.startswith("cfp/")}
    assert len(numbers) > 150 and not numbers & set(range(151, 201))
    assert not any("/profile/" in name for name in points)
    assert {schema.split_of(person) for person in people} == {"train", "validation"}


@pytest.mark.parametrize("side", [1, -1])
def test_a_profile_is_seen_from_the_side_that_it_shows(side):
    """The mean head from the side; its own camera comes back."""
    model = head_models.load_head()
    rotation = cameras.rotation_of(np.array([side * head_lists.PROFILE, 0.0, 0.0]))
    true = Camera(rotation, np.float32(4.0), np.array([90.0, 70.0], np.float32))
    landmarks = np.array(
        cameras.project(head_models.landmarks68(model, model.mean), true)[:, :2], float
    )
    hidden = np.isin(np.arange(68), MIRROR[SOLID] if side > 0 else SOLID)
    hidden &= ~np.isin(np.arange(68), SOLID if side > 0 else MIRROR[SOLID])
    landmarks[hidden] = np.nan
    found = head_lists.see_profile(model, landmarks)
    np.testing.assert_allclose(found.rotation, rotation, atol=1e-4)
    np.testing.assert_allclose([found.scale, *found.shift], [4, 90, 70], rtol=1e-3)


def test_fiducials_of_a_profile_become_the_landmarks_of_the_side_that_is_seen(tmp_path):
    photo_sources.write_tar(tmp_path / "cfp-001-250.tar", photo_sources.cfp_files())
    found = head_lists.read_fiducials(tmp_path)
    assert set(found) == {
        f"{n:03d}/profile/{p:02d}" for n in photo_sources.CFP_NAMES for p in (1, 2)
    }
    right, weights = found["001/profile/01"]
    left, _ = found["001/profile/02"]
    np.testing.assert_allclose(right[30], (125, 114))
    np.testing.assert_allclose(left[30], (65, 114))
    np.testing.assert_allclose([right[48], left[54]], [(95, 136)] * 2)
    assert np.isnan(right[54]).all() and np.isnan(left[48]).all()
    assert weights[36] == 1 and weights[0] == head_lists.OUTLINE and weights[45] == 0


def test_a_turned_photo_shows_the_landmarks_that_it_says():
    """Turned by nothing, landmarks and pixels are those of the photo's own window."""
    known = known_photos("train", 1)
    turner = heads.Turner(known, head_lists.fit_all(known))
    with Image.open(orl_faces.photo_folder() / known[0].photo.file_name) as file:
        photo = file.convert("RGB")
    rng = np.random.default_rng(0)
    own = np.asarray(cameras.angles_of(turner.fitted.camera.rotation))[0]
    same = turner.turn(0, photo, np.array([own[0], own[1], 0.0]), rng)
    as_it_is = heads.as_it_is(known[0], heads.head_of(turner.fitted, 0), photo)
    assert same["image"].shape == (STORED, STORED, 3)
    np.testing.assert_allclose(same["landmarks"], as_it_is["landmarks"], atol=2.5)
    face = np.s_[60:115, 65:110]
    difference = np.abs(same["image"][face].astype(int) - as_it_is["image"][face])
    assert np.median(difference) < 12
    side = turner.turn(0, photo, np.array([80.0, 0.0, 0.0]), rng)
    assert side["yaw"] == 80 and side["known"].min() == 1
    np.testing.assert_allclose(cameras.angles_of(side["rotation"])[0], 80, atol=0.1)
    nose, eyes = side["landmarks"][30], side["landmarks"][36:48].mean(axis=0)
    assert nose[0] > eyes[0] + 15  # it looks to the right


@pytest.mark.parametrize("turned", [False, True])
def test_heads_are_prepared_as_examples(turned, tmp_path):
    known = known_photos("train") + known_photos("validation")
    builder = heads.create_builder("orl_faces", turned, data_config(tmp_path), str(tmp_path))
    builder.list_known = lambda: iter(known)
    builder.download_and_prepare()
    assert set(builder.info.splits) == {"train", "validation"}
    for split in builder.info.splits:
        rows = list(builder.as_data_source(split=split))
        assert len(rows) == 2
        for row in rows:
            assert row["image"].shape == (STORED, STORED, 3)
            assert row["domain"] == (b"restricted" if turned else b"unrestricted")
            inside = (row["landmarks"] > 20) & (row["landmarks"] < STORED - 20)
            assert inside.mean() > 0.95 and np.isfinite(row["yaw"])


def test_people_of_a_test_have_no_known_heads():
    assert not known_photos("test")
