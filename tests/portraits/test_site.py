"""The folder of the page that makes portraits in a browser."""

import json

import numpy as np
import pytest
from etils import epath

from facealign.errors import UserError
from facealign.geometry.head import load_head
from facealign.portraits import site


@pytest.fixture
def installed(tmp_path):
    """A folder with an onnxruntime-web of empty files."""
    dist = tmp_path / site.ORT_DIST
    dist.mkdir(parents=True)
    (dist.parent / "package.json").write_text(json.dumps({"version": site.ORT_VERSION}))
    for name in site.ORT_FILES:
        (dist / name).write_bytes(b"")
    return tmp_path


def test_a_site_has_all_that_it_lists(installed):
    folder = epath.Path(installed / "site")
    folder.mkdir()
    for name in site.NETWORKS:
        (folder / f"{name}.onnx").write_bytes(b"1234")
    size = site.write_site(folder, site.find_runtime(installed))
    listed = json.loads((folder / "site.json").read_text())
    arrays = {
        name: np.fromfile(folder / each["file"], np.dtype(each["type"]).newbyteorder("<"))
        for name, each in listed["head"]["arrays"].items()
    }
    loaded = sum(array.nbytes for array in arrays.values()) + 4 * len(site.NETWORKS)
    assert size == listed["bytes"] == loaded
    head, rows = load_head(), 1 + listed["head"]["identity"] + listed["head"]["expression"]
    points = arrays["points"].reshape(rows, -1, 3)
    assert np.abs(points[0] - head.mean).max() < 0.01
    assert np.abs(points[-1] - head.expression[-1]).max() < 0.01
    assert (arrays["triangles"].reshape(-1, 3) == head.triangles).all()
    assert (arrays["part"] == head.part).all()
    assert arrays["marks"].size == rows * 68 * 3
    assert {path.name for path in (folder / "ort").iterdir()} == set(site.ORT_FILES)
    assert {path.name for path in site.PAGE.iterdir()} <= {path.name for path in folder.iterdir()}


@pytest.mark.parametrize("fault", ["none", "version", "file"])
def test_a_missing_runtime_is_named_with_the_command_that_installs_it(installed, fault):
    if fault == "none":
        (installed / "node_modules").rename(installed / "elsewhere")
    elif fault == "version":
        path = installed / site.ORT_DIST.parent / "package.json"
        path.write_text(json.dumps({"version": "1.2.3"}))
    else:
        (installed / site.ORT_DIST / site.ORT_FILES[-1]).unlink()
    with pytest.raises(UserError, match=f"npm install onnxruntime-web@{site.ORT_VERSION}$"):
        site.find_runtime(installed)
