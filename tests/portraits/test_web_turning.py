"""The page's own arithmetic, run by node: heads are fitted and turned as Python does it."""

import json
import shutil
import subprocess
from pathlib import Path

import jax
import numpy as np
import pytest
from PIL import Image
from scipy import ndimage

from facealign.faces import reading
from facealign.faces.turning.compose import compose_portrait
from facealign.faces.turning.matte import Matte
from facealign.faces.turning.style import Style
from facealign.geometry import camera as cameras
from facealign.geometry import head as heads
from facealign.geometry import rasterize
from facealign.geometry.camera import Camera
from facealign.geometry.fit import Head
from facealign.portraits import site

NODE = shutil.which("node")
SIZE, ACROSS = 96, 240  # px of the portraits, and of the photos
# The head in its photo (yaw, pitch and roll), and what is wished.
TURNS = {
    "from_the_front": ((2.0, 3.0, 5.0), {}),
    "turned": ((32.0, -6.0, 8.0), {}),
    "far_turned": ((-58.0, 4.0, 0.0), {"background": "keep"}),
    "looks_aside": ((-20.0, 0.0, 0.0), {"yaw": 20.0, "pitch": 5.0}),
    "before_a_colour": ((25.0, 0.0, 0.0), {"background": "#20C040"}),
}
FITS = {"turned": 25.0, "far_turned": -70.0}


def head_at(angles, coefficients):
    rotation = np.asarray(cameras.rotation_of(np.array(angles)))
    camera = Camera(rotation, np.float32(5), np.array([115.0, 110.0], np.float32))
    identity, expression = np.split(np.float32(coefficients), [24])
    return Head(identity, expression, camera, np.float32(0))


def seen_by(camera, points):
    return np.asarray(cameras.project(np.asarray(points, np.float32), camera))


def photograph(head, seed):
    """A head of smooth colours before another pattern, [ACROSS, ACROSS, 3], and how much it is."""
    noise = np.random.default_rng(seed).uniform(0, 255, (2, ACROSS, ACROSS, 3))
    inside, outside = ndimage.gaussian_filter(noise, (0, 4, 4, 0)).clip(100, 155) * 4 - 380
    model = heads.load_head()
    seen = seen_by(head.camera, heads.shape(model, head.identity, head.expression))
    drawn = rasterize.draw_triangles(seen, model.triangles, (ACROSS, ACROSS))
    person = ndimage.gaussian_filter((drawn.triangle >= 0).astype(np.float32), 1)
    image = outside + (inside - outside) * person[..., None]
    return np.rint(image.clip(0, 255)).astype(np.uint8), person


def listed(head):
    """What JavaScript is told of a head."""
    camera = {name: np.asarray(each).tolist() for name, each in head.camera._asdict().items()}
    coefficients = np.concatenate([head.identity, head.expression])
    return {"camera": camera, "coefficients": coefficients.tolist()}


def turn(seed, name, folder):
    """A case of TURNS, as node is told it, and its portrait."""
    angles, wishes = TURNS[name]
    random = np.random.default_rng(seed)
    head = head_at(angles, np.append(random.normal(size=24), random.uniform(0, 0.2, 41)))
    photo, person = photograph(head, seed)
    window = np.array([[0.5, 0, 2], [0, 0.5, 3]], np.float32)
    alpha = ndimage.affine_transform(person, [2, 2], [-6, -4], (128, 128), order=1)
    photo.tofile(folder / f"{name}.photo")
    alpha.tofile(folder / f"{name}.matte")
    style = Style(size=SIZE, completion="", **wishes)
    wanted = compose_portrait(Image.fromarray(photo), head, Matte(alpha, window), style)
    style = {"yaw": 0, "pitch": 0, "background": "auto"} | wishes
    sizes = {"width": ACROSS, "height": ACROSS, "window": window.tolist(), "size": SIZE}
    return {"name": name, "style": style} | sizes | listed(head), wanted


def fit(seed, name):
    """A case of FITS, as node is told it, and the head."""
    random, model = np.random.default_rng(seed), heads.load_head()
    head = head_at((FITS[name], 5.0, -4.0), np.append(random.normal(size=24), np.zeros(41)))
    solid = heads.shape(model, head.identity, head.expression)
    places = seen_by(head.camera, heads.landmarks68(model, solid))[:, :2]
    places = places + random.normal(size=places.shape)
    spread = random.uniform(1, 3, len(places))
    start = head_at((FITS[name] + 4, 0.0, 0.0), np.zeros(65))
    wanted = reading._fit(places[None], spread[None], jax.tree.map(lambda x: x[None], start))
    return listed(start) | {"places": places.tolist(), "spread": spread.tolist()}, wanted


@pytest.fixture(scope="module")
def computed(tmp_path_factory):
    """What node and Python say: (what it said, portrait, Composed) and (fit, Head), by name."""
    if not NODE:
        pytest.skip("there is no node")
    folder = tmp_path_factory.mktemp("page")
    shutil.copytree(site.PAGE, folder / "web")
    (folder / "package.json").write_text('{"type": "module"}')
    head, files = site.list_head()
    for name, content in files.items():
        (folder / "web" / name).write_bytes(content)
    turns, portraits = zip(*(turn(i, name, folder) for i, name in enumerate(TURNS)), strict=True)
    fits, fitted = zip(*(fit(i, name) for i, name in enumerate(FITS)), strict=True)
    (folder / "given.json").write_text(json.dumps({"head": head, "turns": turns, "fits": fits}))
    script = Path(__file__).with_name("turn.mjs")
    done = subprocess.run([NODE, script, folder], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    said = json.loads((folder / "said.json").read_text())
    made = [np.fromfile(folder / f"{name}.portrait", np.uint8) for name in TURNS]
    return (
        dict(zip(TURNS, zip(said["turns"], made, portraits, strict=True), strict=True)),
        dict(zip(FITS, zip(said["fits"], fitted, strict=True), strict=True)),
    )


@pytest.mark.parametrize("name", TURNS)
def test_the_page_turns_heads_as_python_does(name, computed):
    said, portrait, wanted = computed[0][name]
    difference = np.abs(portrait.reshape(SIZE, SIZE, 3).astype(float) - wanted.image)
    assert difference.mean() < 0.05 and np.percentile(difference, 99.9) < 3
    assert said["seen"] == pytest.approx(wanted.seen, abs=1e-3)
    assert said["within"] == pytest.approx(wanted.within, abs=1e-3)


@pytest.mark.parametrize("name", FITS)
def test_the_page_fits_heads_as_python_does(name, computed):
    said, wanted = computed[1][name]
    np.testing.assert_allclose(said["camera"]["rotation"], wanted.camera.rotation[0], atol=2e-3)
    np.testing.assert_allclose(said["camera"]["shift"], wanted.camera.shift[0], atol=0.05)
    coefficients = np.concatenate([wanted.identity[0], wanted.expression[0]])
    np.testing.assert_allclose(said["coefficients"], coefficients, atol=0.03)
    assert said["error"] == pytest.approx(float(wanted.error[0]), abs=0.01)
