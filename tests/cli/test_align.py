"""The command that aligns a folder."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from facealign.cli import modes
from facealign.cli.flags import FLAGS, MODES
from facealign.errors import UserError
from tests import photo_sources

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"method": "trun"}, "did you mean 'turn'"),
        ({"method": "geometric", "checkpoint": "runs/x"}, "leave --checkpoint and --step out"),
        ({"step": 7}, "is no workdir; leave it out"),
        ({"checkpoint": "weights/nobody.safetensors"}, "cannot read the weights"),
        ({"method": "network", "yaw": 20.0}, "leave --frame, --yaw, --pitch and --background out"),
        ({"method": "network", "mask": True}, "need --method=portrait"),
        ({"size": 64}, "--size=64 must be from 128 to 1024, or 0"),
        ({"frame": "wide"}, "--frame='wide' is unknown; choose from: portrait, tight"),
        ({"pitch": 30.0}, "--pitch=30.0 must be from -20 to 20"),
        ({"format": "gif"}, "--format='gif' is unknown"),
        ({"quality": 0}, "--quality=0 must be from 1 to 100"),
        ({"already_aligned": True, "min_face": 9}, "leave --faces and --min_face out"),
        ({"original_size": True}, "--original_size is --size=0 now"),
    ],
)
def test_flags_that_cannot_be_are_refused(changes, message, tmp_path):
    Image.new("L", (128, 128)).save(tmp_path / "photo.png")
    folders = {"input": str(tmp_path), "output": str(tmp_path.parent / "out")}
    values = {name: FLAGS[name].default for name in MODES["align"].flags}
    with pytest.raises(UserError, match=message):
        modes.run_align(**values | folders | changes)


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
    (tmp_path / "in" / "a.png").write_bytes(photo_sources.face_bytes())
    folders = f"--input={tmp_path / 'in'}", f"--output={tmp_path / 'out'}"
    done = launch(*folders, "--already_aligned", "--size=150", "--gray", "--format=jpg", "--mask")
    assert done.returncode == 0, done.stderr
    assert "1 portrait of 1 photo" in done.stdout
    assert "peak memory: " in done.stdout
    for name, mode in (("a.png.jpg", "L"), ("a.png.mask.png", "RGB")):
        with Image.open(tmp_path / "out" / name) as image:
            assert image.size == (150, 150) and image.mode == mode
            assert "hidden parts are invented" in image.getexif()[0x010E]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--output=x"], "--mode=align needs --input=FOLDER"),
        (["--input=x"], "--mode=align needs --output=FOLDER"),
        (["--input=no/such", "--output=x"], "neither a folder nor a photo"),
    ],
)
def test_a_wrong_command_is_one_line(arguments, message):
    done = launch(*arguments)
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line.startswith("error: ") and message in line
