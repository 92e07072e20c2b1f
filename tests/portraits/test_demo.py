"""The demo page."""

import os
import urllib.request

import numpy as np
from PIL import Image

from facealign.faces.turning.style import Style
from facealign.geometry import frame
from facealign.portraits import aligner, demo
from facealign.portraits.methods import turned_in_3d
from tests.toy_photos import read
from tests.toy_portraits import NEGATIVE, photo
from tests.toy_tools import create_tools


def test_the_page_shows_crops_portraits_and_error_messages(tmp_path):
    make_portraits = aligner.Aligner(NEGATIVE, create_tools(), read)
    path = tmp_path / "photo.png"
    Image.fromarray(photo(0)).save(path)
    shown = demo.turn_photo(make_portraits, str(path))
    (face, _), (portrait, _) = shown.pictures
    assert face.size == (demo.SHOWN, demo.SHOWN) and portrait.size == (128, 128)
    ((number, *values),) = shown.rows
    before, after, distance = map(float, values)
    assert number == 1 and abs(before) < 1 and abs(after) < 1 and distance >= 0
    Image.fromarray(photo(0).astype(np.uint16) * 257).save(path)  # of 16 bits, as align takes it
    assert demo.turn_photo(make_portraits, str(path)).pictures[1][0] == portrait
    assert demo.turn_photo(make_portraits, None).message == "Choose a photo first."
    for content, reason in (
        (b"hello", "not a photo"),
        (b"", "the file is empty"),
        (b"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic" + bytes(40), "pillow-heif"),
    ):
        path.write_bytes(content)
        assert reason in demo.turn_photo(make_portraits, str(path)).message
    Image.fromarray(photo(0, bright=False)).save(path)
    assert demo.turn_photo(make_portraits, str(path)).message.startswith("No clear face was found")


def test_the_slider_turns_the_portraits_of_a_method_that_can(tmp_path):
    path = tmp_path / "photo.png"
    Image.fromarray(photo(0)).save(path)
    make_portraits = aligner.Aligner(turned_in_3d(Style(128)), create_tools(), read)
    ((ahead,),) = make_portraits([path])
    (aside,) = turned_in_3d(Style(128, yaw=30.0)).make([ahead.face])
    for yaw, wanted in ((0.0, ahead), (30.0, aside)):
        _, (picture, _) = demo.turn_photo(make_portraits, str(path), yaw).pictures
        np.testing.assert_array_equal(np.asarray(picture), wanted.image)
    assert (ahead.image != aside.image).any()
    gray = aligner.Aligner(NEGATIVE, create_tools(), read)
    (_, (still, _)), (_, (same, _)) = (
        demo.turn_photo(gray, str(path), yaw).pictures for yaw in (0.0, 30.0)
    )
    assert still == same


def test_the_page_shows_the_face_as_the_photo_has_it_with_its_landmarks(tmp_path):
    path = tmp_path / "photo.png"
    Image.fromarray(photo(0)).save(path)
    make_portraits = aligner.Aligner(NEGATIVE, create_tools(), read)
    ((portrait,),) = make_portraits([path])
    (picture, _), _ = demo.turn_photo(make_portraits, str(path)).pictures
    larger = frame.compose(frame.zoom(demo.SHOWN / 128), portrait.face.matrix)
    plain = frame.crop(Image.fromarray(photo(0)), larger, demo.SHOWN, 3)
    drawn = (np.asarray(picture) != plain).any(axis=2)
    places = np.argwhere(drawn)[:, ::-1]
    away = places[:, None] - (2 * portrait.face.landmarks + 0.5)
    assert drawn.any() and np.linalg.norm(away, axis=2).min(axis=1).max() < 3


def test_a_proxy_of_the_environment_is_not_asked_for_the_page_and_is_there_afterwards(monkeypatch):
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.setenv("no_proxy", "intranet")
    monkeypatch.delenv("NO_PROXY", raising=False)
    before = dict(os.environ)
    assert not urllib.request.proxy_bypass("127.0.0.1")
    with demo.without_proxies():
        assert urllib.request.proxy_bypass("127.0.0.1")
    assert dict(os.environ) == before
