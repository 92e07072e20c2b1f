"""Photos in, portraits out: any kind of photo, any number of faces, and a folder of them."""

import csv
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from facealign.cli import modes
from facealign.data.datasets.archives import BadPhotoError
from facealign.errors import UserError
from facealign.faces import find
from facealign.faces.dlib_tools import five_points
from facealign.geometry import frame, generic_face
from facealign.portraits import align_folder, aligner, demo, results
from tests import photo_sources
from tests.toy_photos import LARGE, create_tools

ROOT = Path(__file__).parents[2]
NEGATIVE = aligner.Model("negative", lambda crops, poses: 255 - crops)


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
    return align_folder.align_folder(model, folders, create=create_tools, **options)


def content(folder):
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


@pytest.fixture(scope="module")
def make_portraits():
    return aligner.Aligner(NEGATIVE, create_tools())


def test_a_portrait_is_made_of_the_canonical_crop(make_portraits):
    ((portrait,),) = make_portraits([photo(0)])
    points = five_points(create_tools().landmarks(photo(0), LARGE))
    crop = frame.crop(Image.fromarray(photo(0)), frame.from_five_points(points))
    np.testing.assert_array_equal(portrait.crop, crop[..., 0])
    np.testing.assert_array_equal(portrait.image, 255 - crop[..., 0])
    assert portrait.box == LARGE and abs(portrait.yaw) < 1


def test_paths_arrays_and_images_give_the_same(make_portraits, tmp_path):
    path = tmp_path / "photo.png"
    Image.fromarray(photo(1)).save(path)
    pixels = photo(1)
    kinds = [pixels, pixels[..., None], pixels[..., None].repeat(3, -1), Image.fromarray(pixels)]
    portraits = make_portraits([*kinds, path, str(path), photo(2, bright=False)])
    assert [len(each) for each in portraits] == [1] * 6 + [0]
    for (other,) in portraits[1:6]:
        np.testing.assert_array_equal(other.image, portraits[0][0].image)
    assert make_portraits([]) == [] and make_portraits([photo(3, bright=False)]) == [[]]


def test_what_is_no_photo_is_named(make_portraits, tmp_path):
    (tmp_path / "text.jpg").write_text("hello")
    with pytest.raises(BadPhotoError, match="not a photo"):
        make_portraits([tmp_path / "text.jpg"])


def test_an_aligned_photo_needs_no_instruments_and_has_to_be_square():
    whole = aligner.Aligner(NEGATIVE, None)
    crop = photo(0)[:128, :128]
    np.testing.assert_array_equal(whole([crop])[0][0].image, 255 - crop)
    assert whole([photo(0)[:100]]) == [[]]
    assert "square" in find.take_whole(Image.fromarray(photo(0)[:100])).notes[0]


def test_geometric_alignment_is_the_crop_itself():
    ((portrait,),) = aligner.Aligner(aligner.METHODS["geometric"], create_tools())([photo(0)])
    np.testing.assert_array_equal(portrait.image, portrait.crop)


def test_the_turn_uses_what_is_seen_of_the_pose_and_leaves_alone_what_is_not_seen():
    turn = aligner.METHODS["turn"].frontal
    crops = np.random.default_rng(0).integers(0, 256, (3, 128, 128, 1), np.uint8)
    poses = np.array([(30, 0), (-30, 0), (np.nan, np.nan)])
    turned = turn(crops, poses)
    np.testing.assert_array_equal(turned[2], crops[2])
    assert all((turned[i] != crops[i]).mean() > 0.5 for i in (0, 1))
    np.testing.assert_array_equal(turn(crops[2:], poses[2:]), crops[2:])
    face = find.take_whole(Image.fromarray(crops[0, ..., 0])).faces[0]
    landmarks = generic_face.landmarks() @ generic_face.rotation(25, 0, 0).T
    seen = face._replace(landmarks=8 * landmarks[:, :2] + 64)
    found = find.poses_of([seen, face])
    assert abs(found[0, 0] - 25) < 3 and np.isnan(found[1]).all()
    assert find.poses_of([]).shape == (0, 2)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"method": "trun"}, "did you mean 'turn'"),
        ({"method": "geometric", "checkpoint": "runs/x"}, "leave --checkpoint and --step out"),
        ({"step": 7}, "is no workdir; leave it out"),
        ({"checkpoint": "weights/nobody.safetensors"}, "cannot read the weights"),
        ({"method": "turn", "already_aligned": True}, "leave --already_aligned out"),
    ],
)
def test_methods_that_cannot_be_are_refused(changes, message, tmp_path):
    Image.new("L", (128, 128)).save(tmp_path / "photo.png")
    output = str(tmp_path.parent / "out")
    job = modes.Job(None, tmp_path, 0, False, input=str(tmp_path), output=output)._replace(
        **changes
    )
    with pytest.raises(UserError, match=message):
        modes.run_align(job)


def test_the_weights_of_the_repository_make_frontal_photos_of_any_size_of_crop():
    model = aligner.load_model()
    crops = np.zeros((3, 128, 128, 1), np.uint8)
    assert model.frontal(crops, None).shape == crops.shape
    assert "frontalize.safetensors" in model.name


def test_a_folder_keeps_its_names_and_says_what_was_left_out(tmp_path):
    write_photos(tmp_path / "in", ["a.png", "sub/a.png", "sub/empty.png"])
    (tmp_path / "in" / "bad.jpg").write_text("hello")
    (tmp_path / "in" / "notes.txt").write_text("not meant")
    rows = run(tmp_path / "in", tmp_path / "out")
    assert [(row.photo, row.portrait) for row in rows] == [
        ("a.png", "a.png.png"),
        ("a.png", ""),  # its tiny face
        ("bad.jpg", ""),
        ("sub/a.png", "sub/a.png.png"),
        ("sub/a.png", ""),
        ("sub/empty.png", ""),
    ]
    assert rows[1].note.startswith("a tiny face") and rows[2].note == "not a photo"
    assert rows[5].note == "no face was found" and rows[0].note == "already frontal"
    with (tmp_path / "out" / "results.csv").open(newline="") as file:
        assert [tuple(row.values()) for row in csv.DictReader(file)] == [
            tuple(map(str, row)) for row in rows
        ]
    with Image.open(tmp_path / "out" / "a.png.png") as portrait:
        assert portrait.size == (128, 128) and portrait.mode == "L"


def test_a_portrait_may_be_as_large_as_the_crop_in_the_photo(tmp_path):
    write_photos(tmp_path / "in", ["a.png"])
    run(tmp_path / "in", tmp_path / "out", original_size=True)
    ((portrait,),) = aligner.Aligner(NEGATIVE, create_tools())([photo(0)])
    with Image.open(tmp_path / "out" / "a.png.png") as image:
        assert image.size == (portrait.size, portrait.size) and portrait.size > 128
    with pytest.raises(UserError, match="as large as in the photo"):  # never both in one folder
        run(tmp_path / "in", tmp_path / "out")


def test_a_second_run_does_what_is_missing_and_no_more(tmp_path):
    write_photos(tmp_path / "in", ["a.png", "b.png", "c.png"])
    run(tmp_path / "in", tmp_path / "whole")
    (tmp_path / "in" / "c.png").rename(tmp_path / "c.png")
    run(tmp_path / "in", tmp_path / "parts")
    (tmp_path / "c.png").rename(tmp_path / "in" / "c.png")
    path = tmp_path / "parts" / "results.csv"
    # as if a kill had cut the second photo's line in two
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(lines[:3]) + lines[3][:7])
    untouched = (tmp_path / "parts" / "a.png.png").stat().st_mtime_ns
    run(tmp_path / "in", tmp_path / "parts")
    assert (tmp_path / "parts" / "a.png.png").stat().st_mtime_ns == untouched
    assert content(tmp_path / "parts") == content(tmp_path / "whole")


def test_another_model_may_not_mix_in(tmp_path):
    write_photos(tmp_path / "in", ["a.png"])
    run(tmp_path / "in", tmp_path / "out")
    before = content(tmp_path / "out")
    other = aligner.Model("other", lambda crops, poses: crops)
    with pytest.raises(UserError, match="portraits by negative, not by other"):
        run(tmp_path / "in", tmp_path / "out", other)
    assert content(tmp_path / "out") == before


@pytest.mark.parametrize(
    ("file", "text"),
    [("model.json", "{"), ("model.json", "{}"), ("results.csv", "x\n" + 20 * "," + "\n")],
)
def test_files_that_are_not_ours_are_named(tmp_path, file, text):
    write_photos(tmp_path / "in", ["a.png"])
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / file).write_text(text)
    with pytest.raises(UserError, match="changed by somebody else"):
        run(tmp_path / "in", tmp_path / "out")


def test_the_page_shows_every_face_and_escapes_names(tmp_path):
    write_photos(tmp_path / "in", ["<b>&#.png", "empty.png"])
    run(tmp_path / "in", tmp_path / "out", sheet=True)
    page = (tmp_path / "out" / "sheet.html").read_text()
    assert "<b>" not in page and "&lt;b&gt;&amp;#.png" in page
    assert 'src="%3Cb%3E%26%23.png.png"' in page and 'src="%3Cb%3E%26%23.png.crop.png"' in page
    assert "empty.png: no face was found" in page
    assert (tmp_path / "out" / "<b>&#.png.crop.png").exists()


def test_the_summary_by_hand():
    rows = [
        results.Row("a", "a.png", yaw_before="-20.0", yaw_after="3.0", distance="0.2"),
        results.Row("a", "a.2.png", yaw_before="4.0", yaw_after="", note="no face"),
        results.Row("b", "b.png", yaw_before="9.0", yaw_after="-7.9", distance="0.4"),
        results.Row("c", note="no face was found"),
    ]
    first, second, third = results.describe(rows)
    assert first == "3 portraits of 3 photos, 1 without any"
    assert "33% before, 67% after" in second
    assert third.endswith("median 0.30, of 2 that could be measured")
    assert results.describe([results.Row("a", "a.png")]) == [
        "1 portraits of 1 photos, 0 without any"
    ]


def test_no_two_portraits_or_crops_have_one_path():
    photos = ["a.png", "a.jpg", "a.png.jpg", "a.2.png", "a.png.2.png", "a.crop.png", "b/a.png"]
    portraits = [results.portrait_path(name, face) for name in photos for face in (1, 2, 3)]
    every = portraits + [results.crop_path(portrait) for portrait in portraits]
    assert len(set(every)) == len(every)


def test_folders_that_cannot_be_meant_are_refused(tmp_path):
    write_photos(tmp_path / "in", ["a.png", "sub/b.png"])
    (tmp_path / "none").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "in")
    find_photos = align_folder.find_photos
    for output in ("in", "in/out", ".", "link/out"):
        with pytest.raises(UserError, match="lie in each other"):
            find_photos(tmp_path / "in", tmp_path / output)
    with pytest.raises(UserError, match="no folder and no photo"):
        find_photos(tmp_path / "missing", tmp_path / "out")
    with pytest.raises(UserError, match="has no photo"):
        find_photos(tmp_path / "none", tmp_path / "out")
    assert list(find_photos(tmp_path / "in", tmp_path / "out", recursive=False).photos) == ["a.png"]
    assert list(find_photos(tmp_path / "in" / "a.png", tmp_path / "out").photos) == ["a.png"]


def test_an_output_that_cannot_be_written_is_named(tmp_path):
    write_photos(tmp_path / "in", ["a.png"])
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match=r"cannot write to --output=.*file.*goes on"):
        run(tmp_path / "in", tmp_path / "file" / "out")


def launch(*arguments):
    return subprocess.run(
        [sys.executable, "launch.py", "--mode=align", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        env=os.environ | {"JAX_PLATFORMS": "cpu"},
    )


def test_the_command_aligns_a_folder(tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.jpg").write_bytes(photo_sources.photo_bytes(0, (128, 128)))
    done = launch(f"--input={tmp_path / 'in'}", f"--output={tmp_path / 'out'}", "--already_aligned")
    assert done.returncode == 0, done.stderr
    assert "1 portraits of 1 photos, 0 without any" in done.stdout
    assert "peak memory: " in done.stdout
    assert (tmp_path / "out" / "a.jpg.png").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--output=x"], "--mode=align needs --input=FOLDER"),
        (["--input=x"], "--mode=align needs --output=FOLDER"),
        (["--input=no/such", "--output=x"], "no folder and no photo"),
    ],
)
def test_a_wrong_command_is_one_line(arguments, message):
    done = launch(*arguments)
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line.startswith("error: ") and message in line


def test_the_page_shows_each_face_before_and_after_and_says_what_is_wrong(make_portraits, tmp_path):
    path = tmp_path / "photo.png"
    Image.fromarray(photo(0)).save(path)
    shown = demo.turn_photo(make_portraits, str(path))
    assert [picture.size for picture, _ in shown.pictures] == [(demo.SHOWN, demo.SHOWN)] * 2
    ((number, *values),) = shown.rows
    before, after, distance = map(float, values)
    assert number == 1 and abs(before) < 1 and abs(after) < 1 and distance >= 0
    assert demo.turn_photo(make_portraits, None).message == "Choose a photo first."
    path.write_text("hello")
    assert "not a photo" in demo.turn_photo(make_portraits, str(path)).message
    Image.fromarray(photo(0, bright=False)).save(path)
    assert demo.turn_photo(make_portraits, str(path)).message.startswith("No face was found")
