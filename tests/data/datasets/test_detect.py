"""config.data.faces="detect" and lfw-frontal: faces are searched, and their pose is measured."""

import functools
import importlib

import numpy as np
import pytest
from PIL import Image

from facealign import images
from facealign.data.datasets import crops, detect, lfw, orl_faces, schema
from facealign.data.datasets.photo import Photo
from facealign.data.datasets.table import DATASETS
from facealign.data.load import load_data, load_examples
from facealign.errors import UserError
from facealign.faces import face
from facealign.faces.dlib_tools import load_dlib
from facealign.geometry import frame
from facealign.geometry.frame import five_points
from facealign.geometry.pose import estimate_pose
from tests import photo_sources
from tests.prepared import data_config, load, rejected
from tests.toy_tools import faces_at


@pytest.fixture(scope="module")
def tools():
    pytest.importorskip("dlib")
    return load_dlib()


def face_photo(subject="s1", photo="1", canvas=(220, 190), width=110, angle=0.0):
    """A colour photo of a person of ORL somewhere on a gray wall."""
    with Image.open(orl_faces.photo_folder() / subject / f"{photo}.pgm") as image:
        face = image.convert("RGB").resize((width, width * image.height // image.width))
    wall = Image.new("RGB", canvas, (110, 110, 110))
    wall.paste(face, (canvas[0] - width - 20, (canvas[1] - face.height) // 2))
    return wall.rotate(angle, Image.Resampling.BICUBIC, fillcolor=(110, 110, 110))


SIZE = (300, 300)
CENTRE, CORNER, SMALL = (100, 100, 200, 200), (0, 0, 101, 101), (0, 0, 60, 60)


def test_the_main_face_is_the_largest():
    assert detect.choose_main_box([CORNER], SIZE) == CORNER
    assert detect.choose_main_box([CORNER, SMALL], SIZE) == CORNER


def test_of_faces_alike_in_size_the_central_one_is_meant():
    assert detect.choose_main_box([CORNER, CENTRE], SIZE) == CENTRE


@pytest.mark.parametrize(
    ("boxes", "reason"),
    [
        ((), "no face"),
        ((CORNER, (199, 199, 300, 300)), "2 faces alike"),
        ((CENTRE, (110, 110, 190, 190), SMALL), "2 faces alike"),
    ],
)
def test_a_photo_without_one_main_face_is_refused(boxes, reason):
    with pytest.raises(ValueError, match=reason):
        detect.choose_main_box(boxes, SIZE)


def test_a_pose_that_is_known_stays_and_others_are_measured():
    """The photo of a person of ORL; its frame says that it leans by 10 degrees."""
    image = face_photo(canvas=(160, 190))
    lean = np.radians(10)
    turn = np.array([(np.cos(lean), -np.sin(lean)), (np.sin(lean), np.cos(lean))])
    matrix = np.column_stack([turn, 64 - turn @ (85, 105)])
    box = (40, 60, 130, 150)
    search = lambda photo: faces_at(box)  # noqa: E731
    raw = Photo("a.jpg", "a", "unrestricted", bytes, None)
    cut = raw._replace(locate=crops.at(matrix))
    photos = [raw, cut, cut._replace(yaw=90.0)]
    read = [(photo, image) for photo in photos]
    placed = list(detect.examine_all(search, face.load_read(), read, None))
    # A photo of which everything is known waits for nothing.
    (profile, _, own), (searched, _, _), (measured, patch, in_patch) = placed
    np.testing.assert_array_equal(own, matrix)
    wanted, cut = frame.crop(image, matrix), frame.crop(patch, in_patch)
    assert np.abs(wanted.astype(int) - cut).mean() < 1
    assert abs(searched.yaw) < 15 and abs(searched.roll) < 5
    np.testing.assert_allclose(measured.roll - searched.roll, 10, atol=4)
    np.testing.assert_allclose(measured.yaw, searched.yaw, atol=3)
    np.testing.assert_equal([profile.yaw, profile.pitch], [90, np.nan])


def test_a_tiny_face_is_refused():
    search = lambda photo: faces_at((90, 90, 120, 120))  # noqa: E731
    photo = Photo("a.jpg", "a", "unrestricted", bytes, None)
    image, reasons = face_photo(canvas=(200, 200), width=42), []
    examine = functools.partial(detect.examine_all, search, face.load_read())
    placed = examine([(photo, image)], lambda photo, error: reasons.append(str(error)))
    assert list(placed) == [] and "tiny, eyes" in reasons[0]


@pytest.mark.parametrize("name", ["cfp", "folder", "lfw", "mugshots"])
def test_known_and_detect_are_prepared_apart(name, tmp_path):
    folders = {
        DATASETS[name](data_config(tmp_path, faces=faces), str(tmp_path)).data_dir
        for faces in ("known", "detect")
    }
    assert len(folders) == 2


def test_another_word_for_faces_is_refused(tmp_path):
    with pytest.raises(UserError, match=r"config\.data\.faces='detekt' .*'detect'"):
        load_examples(data_config(tmp_path, faces="detekt"), "folder", "train")


@pytest.mark.parametrize(("name", "faces"), [("folder", "detect"), ("lfw-frontal", "known")])
def test_without_the_extra_it_says_what_to_install(name, faces, tmp_path, monkeypatch):
    real = importlib.import_module

    def without_dlib(module, *args):
        if module == "dlib":
            raise ModuleNotFoundError("No module named 'dlib'")
        return real(module, *args)

    photo_sources.write_manual_dir(tmp_path)
    monkeypatch.setattr(importlib, "import_module", without_dlib)
    with pytest.raises(UserError, match=r"requirements-faces\.txt"):
        load_examples(data_config(tmp_path, faces=faces), name, "train")


def listed(tmp_path, name, **changes):
    """The photos that a builder would prepare."""
    data = data_config(tmp_path, **changes)
    return list(DATASETS[name](data, data.data_dir).builder_config.list_photos())


def test_frontal_people_of_lfw_are_kept_out_of_its_unrestricted_photos(tmp_path):
    photo_sources.write_tar(tmp_path / "lfw.tgz", photo_sources.lfw_files())
    frontal = {photo.subject for photo in listed(tmp_path, "lfw-frontal")}
    both = {"unrestricted": "lfw", "restricted": "lfw-frontal"}
    others = {photo.subject for photo in listed(tmp_path, "lfw", **both)}
    assert not frontal & others and frontal | others == set(photo_sources.EVERYBODY)
    assert len(listed(tmp_path, "lfw", restricted="mugshots")) == 12
    names = [
        DATASETS["lfw"](data_config(tmp_path, **c), str(tmp_path)).data_dir for c in ({}, both)
    ]
    assert names[0] != names[1]


def test_the_frontal_half_has_nothing_to_do_with_the_split():
    people = [f"person {number}" for number in range(6000)]
    for split in schema.SPLITS:
        half = [schema.in_restricted_half(p) for p in people if schema.split_of(p) == split]
        np.testing.assert_allclose(np.mean(half), 0.5, atol=0.06)


@pytest.mark.parametrize(("mode", "aligned"), [("L", True), ("RGB", False)])
def test_photos_of_lfw_in_colour_are_searched(tmp_path, mode, aligned):
    data = photo_sources.photo_bytes(0, mode=mode)
    assert images.is_gray(data) == aligned
    photo_sources.write_folder(tmp_path, {"lfw/Anna_Kowalska/Anna_Kowalska_0001.jpg": data})
    (photo,) = listed(tmp_path, "lfw", faces="detect")
    assert (photo.locate is lfw.locate_face) == aligned
    (photo,) = listed(tmp_path, "lfw", faces="known")
    assert photo.locate is lfw.locate_face


def test_lfw_frontal_holds_photos_by_their_pose(tools, tmp_path):
    photo_sources.write_tar(tmp_path / "lfw.tgz", photo_sources.lfw_files())
    data = data_config(tmp_path, unrestricted="lfw", restricted="lfw-frontal")
    data.update(frontal_yaw=180.0, frontal_pitch=180.0, frontal_roll=180.0)
    domains = load_data(data, "train")
    assert not set(domains["restricted"]["subject"]) & set(domains["unrestricted"]["subject"])
    assert np.isfinite(domains["restricted"]["yaw"]).all()
    data.frontal_yaw = 0.0
    with pytest.raises(UserError, match="has no restricted photo"):
        load_data(data, "train")


def write_photos(folder):
    """Each person in a raw photo, turned in the picture, and photos that cannot be used."""
    pair = Image.new("RGB", (400, 240), (110, 110, 110))
    for place, subject in ((20, "s1"), (230, "s2")):
        pair.paste(face_photo(subject, canvas=(190, 200)), (place, 20))
    bad = {"none": Image.new("RGB", (200, 200), (90, 120, 40)), "two": pair}
    bad["tiny"] = face_photo("s1", canvas=(200, 200), width=42)
    for number, person in enumerate(photo_sources.EVERYBODY):
        (folder / person).mkdir(parents=True)
        face_photo(f"s{number + 1}", angle=5.0 * number - 12).save(folder / person / "1.png")
    for name, image in bad.items():
        image.save(folder / "Anna_Kowalska" / f"{name}.png")


def test_raw_photos_are_searched_and_cut_to_the_canonical_frame(tools, tmp_path):
    write_photos(tmp_path / "photos")
    data = data_config(tmp_path, faces="detect", manual_dir=str(tmp_path / "photos"))
    rows = load(data, "folder")
    assert set(rows) == {f"{person}/1.png" for person in photo_sources.EVERYBODY}
    reasons = {name.split("/")[1]: why for name, why in rejected(data, "folder").items()}
    assert reasons["none.png"] == "no face was found"
    assert reasons["two.png"] == "2 faces alike in size"
    assert "tiny, eyes" in reasons["tiny.png"]
    errors = []
    for row in rows.values():
        (face,) = tools.find(row["image"])
        error = np.linalg.norm(five_points(face.landmarks) - frame.FIVE_POINTS, axis=1)
        errors.append(error.mean())  # by other means than those that framed the face
        assert abs(row["roll"]) < 5 and np.isfinite(row["yaw"])
    assert np.mean(errors) < 5 and max(errors) < 7


def test_pose_of_orl_is_the_one_measured_for_it(tools):
    measured, known = [], []
    for (subject, photo), angles in orl_faces.read_pose().items():
        if photo in ("2", "7"):
            with Image.open(orl_faces.photo_folder() / subject / f"{photo}.pgm") as image:
                faces = tools.find(np.asarray(image))
            if faces:
                measured.append(estimate_pose(faces[0].landmarks))
                known.append((angles["yaw"], angles["pitch"], angles["roll"]))
    assert len(measured) >= 78
    (yaw, _, roll), (known_yaw, _, known_roll) = np.transpose(measured), np.transpose(known)
    assert np.median(np.abs(yaw - known_yaw)) < 2 and np.median(np.abs(roll - known_roll)) < 1
    assert np.corrcoef(yaw, known_yaw)[0, 1] > 0.95
