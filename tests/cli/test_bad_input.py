"""What people have instead of photos: one line each, and the rest of the data goes on."""

import csv
import io
import os
import resource
import signal
import struct
import subprocess
import sys
import time
import zlib
from pathlib import Path

import numpy as np
import pytest
from absl import logging
from PIL import Image

from configs import base
from facealign import images
from facealign.data.datasets.table import DATASETS
from facealign.data.load import load_examples
from tests import photo_sources

ROOT = Path(__file__).parents[2]
PERSON = photo_sources.PEOPLE["train"][1]
RAMP = np.tile(np.arange(0, 256, 4, dtype=np.uint8), (64, 1))  # gray [64, 64]


def data_config(folder, prepared, **changes):
    data = base.get_config().data
    data.update(data_dir=str(prepared), manual_dir=str(folder), image_size=64, **changes)
    return data


def our_lines(caplog):
    package = str(ROOT / "facealign")
    return [r.getMessage() for r in caplog.records if r.pathname.startswith(package)]


def write_rest(folder):
    """A good photo of somebody in every split."""
    for seed, people in enumerate(photo_sources.PEOPLE.values(), 1):
        content = photo_sources.photo_bytes(seed, (90, 90))
        photo_sources.write_folder(folder, {f"{people[0]}/good.jpg": content})


def rejected(data):
    """The reasons in rejected.csv by file name."""
    builder = DATASETS["folder"](data, data.data_dir)
    with Path(builder.data_dir, "rejected.csv").open(newline="", encoding="utf-8") as file:
        return {row["file_name"]: row["reason"] for row in csv.DictReader(file)}


def encode(image, kind="PNG", **options):
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def png_of_one_colour(width, height):
    """A whole PNG file, 1 bit a pixel, all black."""
    packer = zlib.compressobj(1)
    row = bytes(1 + (width + 7) // 8)
    data = b"".join(packer.compress(row) for _ in range(height)) + packer.flush()
    head = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    chunks = [
        struct.pack(">I", len(part) - 4) + part + struct.pack(">I", zlib.crc32(part))
        for part in (b"IHDR" + head, b"IDAT" + data, b"IEND")
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def odd_kinds():
    """The same picture in many ways."""
    gray = Image.fromarray(RAMP)
    exif = Image.Exif()
    exif[0x0112] = 6  # to be shown turned by 90 degrees clockwise
    return {
        "plain.png": encode(gray),
        "16 bit.png": encode(Image.fromarray(RAMP.astype(np.uint16) * 257)),
        "16 bit.tif": encode(Image.fromarray(RAMP.astype(np.uint16) * 257), "TIFF"),
        "cmyk.jpg": encode(gray.convert("RGB").convert("CMYK"), "JPEG", quality=95),
        "alpha.png": encode(gray.convert("RGBA")),
        "gray alpha.webp": encode(gray.convert("RGBA"), "WEBP", lossless=True),
        "palette.gif": encode(gray, "GIF"),
        "turned.jpg": encode(Image.fromarray(np.rot90(RAMP)), "JPEG", exif=exif, quality=95),
        "ünï cödé 顔 .JPG": encode(gray, "JPEG", quality=95),
        "named wrongly.bmp": encode(gray),
    }


def test_odd_photos_are_all_the_same_picture(tmp_path):
    photo_sources.write_folder(tmp_path / "odd photos ü" / PERSON, odd_kinds())
    write_rest(tmp_path / "odd photos ü")
    data = data_config(tmp_path / "odd photos ü", tmp_path / "prepared")
    found = load_examples(data, "folder", "train")
    images = dict(zip(found["file_name"], found["image"][..., 0].astype(int), strict=True))
    assert set(images) == {f"{PERSON}/{name}" for name in odd_kinds()} | {"50_Cent/good.jpg"}
    for name in odd_kinds():
        difference = np.abs(images[f"{PERSON}/{name}"] - images[f"{PERSON}/plain.png"])
        assert difference.max() < 16 and difference.mean() < 3, name
    assert not rejected(data)


def write_bad(folder):
    """Nothing that can be used, whoever reads it, root too."""
    good = photo_sources.photo_bytes(0, (90, 90))
    files = {
        "truncated.jpg": good[:-300],
        "zero bytes.jpg": b"",
        "text.jpg": b"no photo",
        "one pixel.png": encode(Image.new("L", (1, 1))),
        "huge.png": png_of_one_colour(20_000, 20_000),
    }
    photo_sources.write_folder(folder, files)
    os.symlink(folder / "nowhere.jpg", folder / "cannot be read.jpg")
    os.symlink(folder / "itself.jpg", folder / "itself.jpg")
    os.symlink(folder, folder / "loop")
    (folder / "a folder.jpg").mkdir()


REASONS = {
    "truncated.jpg": "damaged",
    "zero bytes.jpg": "empty",
    "text.jpg": "not a photo",
    "one pixel.png": "1 x 1 px",
    "huge.png": "100000000 px",
    "cannot be read.jpg": "No such file",
    "itself.jpg": "symbolic links",
}


def test_the_rest_of_the_photos_goes_on(tmp_path, caplog):
    write_rest(tmp_path / "photos")
    (tmp_path / "photos" / PERSON).mkdir()
    write_bad(tmp_path / "photos" / PERSON)
    data = data_config(tmp_path / "photos", tmp_path / "prepared")
    with caplog.at_level(logging.WARNING):
        for split in photo_sources.PEOPLE:
            assert len(load_examples(data, "folder", split)["image"]) == 1
    reasons = {name.split("/")[1]: reason for name, reason in rejected(data).items()}
    assert set(reasons) == set(REASONS)
    for name, reason in REASONS.items():
        assert reason in reasons[name], reasons
    lines = our_lines(caplog)
    assert len(lines) == 1 and "7 of 10 photos could not be used" in lines[0]


def test_a_huge_photo_is_refused_before_it_fills_the_memory():
    """Its 400 million pixels would not fit under the limit."""
    data = png_of_one_colour(20_000, 20_000)
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    before = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (used + 200 * 2**20, before[1]))
    try:
        with pytest.raises(images.BadPhotoError, match="100000000 px"):
            images.read_gray(data)
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)


def test_a_cache_that_cannot_be_written_costs_a_line(tmp_path, caplog):
    write_rest(tmp_path / "photos")
    data = data_config(tmp_path / "photos", tmp_path / "prepared")
    load_examples(data, "folder", "test")
    prepared = Path(DATASETS["folder"](data, data.data_dir).data_dir)
    (prepared / "cache_train_64px").write_text("a file where the cache should be")
    with caplog.at_level(logging.WARNING):
        assert len(load_examples(data, "folder", "train")["image"]) == 1
    lines = our_lines(caplog)
    assert len(lines) == 1 and "decoded at every start" in lines[0]
    assert not list(prepared.glob("cache_train_64px.*"))


PREPARE = """
import sys
from tests.cli import test_bad_input as t
t.load_examples(t.data_config(*sys.argv[1:]), "folder", "train")
"""


def test_a_preparation_that_is_killed_is_done_again(tmp_path):
    count = 400
    content = photo_sources.photo_bytes(0, (40, 40))
    photos = {f"{PERSON}/{number}.jpg": content for number in range(count)}
    photo_sources.write_folder(tmp_path / "photos", photos)
    write_rest(tmp_path / "photos")
    data = data_config(tmp_path / "photos", tmp_path / "prepared")
    final = Path(DATASETS["folder"](data, data.data_dir).data_dir)
    process = subprocess.Popen(
        [sys.executable, "-c", PREPARE, tmp_path / "photos", tmp_path / "prepared"],
        cwd=ROOT,
        stderr=subprocess.DEVNULL,
    )
    while process.poll() is None and not list(final.parent.glob("incomplete.*")):
        time.sleep(0.005)
    time.sleep(0.1)  # a sixth of what it takes
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL and not final.exists()
    found = load_examples(data, "folder", "train")
    assert len(found["image"]) == count + 1
    assert len(set(found["file_name"])) == count + 1
    others = [path.name for path in final.parent.iterdir() if path != final]
    assert len(others) == 1 and others[0].startswith("incomplete.")  # tfds never looks at it again


def read_mugshots(data):
    found = load_examples(data, "mugshots", "train")
    return dict(zip(found["file_name"], found["image"].mean(axis=(1, 2, 3)), strict=True))


def test_another_archive_at_the_same_place_is_prepared_anew(tmp_path):
    data = data_config(tmp_path, tmp_path / "prepared")
    archive, files = tmp_path / "mugshots.tar", photo_sources.mugshot_files()
    photo_sources.write_tar(archive, files)
    first = read_mugshots(data)
    (builder,) = (tmp_path / "prepared" / "photo_set").glob("mugshots_*")
    written = (builder / "1.0.0" / "dataset_info.json").stat().st_mtime_ns
    assert read_mugshots(data) == first
    assert (builder / "1.0.0" / "dataset_info.json").stat().st_mtime_ns == written

    archive.unlink()  # to save space: what was prepared stays
    assert read_mugshots(data) == first

    files[f"mugshots/{PERSON}_neutral.jpg"] = photo_sources.photo_bytes(99, (190, 240), "RGB")
    photo_sources.write_tar(archive, files)
    second = read_mugshots(data)
    assert [name for name in first if first[name] != second[name]] == [
        f"mugshots/{PERSON}_neutral.jpg"
    ]
    assert [path.name for path in builder.iterdir()] == ["1.0.0"]
