"""The demo page."""

from PIL import Image

from facealign.portraits import aligner, demo
from tests.toy_photos import create_tools, read
from tests.toy_portraits import NEGATIVE, photo


def test_the_page_shows_crops_portraits_and_error_messages(tmp_path):
    make_portraits = aligner.Aligner(NEGATIVE, create_tools(), read)
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
