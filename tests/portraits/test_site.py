"""The folder of the page that makes portraits in a browser."""

import hashlib
import json

import numpy as np
import pytest
from etils import epath

from facealign.errors import UserError
from facealign.geometry.head import load_head
from facealign.portraits import site
from facealign.portraits.halves import LEAST, halve


@pytest.fixture
def installed(tmp_path):
    """A folder with an onnxruntime-web of empty files."""
    dist = tmp_path / site.ORT_DIST
    dist.mkdir(parents=True)
    (dist.parent / "package.json").write_text(json.dumps({"version": site.ORT_VERSION}))
    for name in site.ORT_FILES:
        (dist / name).write_bytes(b"")
    return tmp_path


def network(weights: np.ndarray) -> bytes:
    """Adds some weights [N]."""
    onnx = pytest.importorskip("onnx")
    floats = [onnx.helper.make_tensor_value_info(n, 1, weights.shape) for n in ("given", "said")]
    node = onnx.helper.make_node("Add", ["given", "weights"], ["said"])
    stored = onnx.numpy_helper.from_array(weights, "weights")
    graph = onnx.helper.make_graph([node], "toy", floats[:1], floats[1:], [stored])
    opset = [onnx.helper.make_opsetid("", 21)]
    return onnx.helper.make_model(graph, opset_imports=opset, ir_version=10).SerializeToString()


def test_what_float16_holds_is_stored_as_that_and_says_the_same():
    exact = np.linspace(-2, 2, 2 * LEAST).astype(np.float16).astype(np.float32)
    some = np.linspace(0, 1, exact.size, dtype=np.float32)
    small = halve(network(exact))
    assert len(small) < 0.6 * len(network(exact))
    onnxruntime = pytest.importorskip("onnxruntime")
    session = onnxruntime.InferenceSession(small, providers=["CPUExecutionProvider"])
    assert (session.run(None, {"given": some})[0] == some + exact).all()
    for kept in (exact + np.float32(1e-6), exact[: LEAST - 1], np.full_like(exact, 1e9)):
        assert halve(network(kept)) == network(kept)


def test_a_site_has_all_that_it_lists(installed):
    folder = epath.Path(installed / "site")
    folder.mkdir()
    for name in site.NETWORKS:
        (folder / f"{name}.onnx").write_bytes(network(np.ones(LEAST, np.float32)))
    size = site.write_site(folder, site.find_runtime(installed))
    listed = json.loads((folder / "site.json").read_text())
    arrays = {
        name: np.fromfile(folder / each["file"], np.dtype(each["type"]).newbyteorder("<"))
        for name, each in listed["head"]["arrays"].items()
    }
    networks = [folder / f"{name}.onnx" for name in listed["networks"]]
    loaded = sum(array.nbytes for array in arrays.values())
    loaded += sum(path.stat().length for path in networks)
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
    digests = json.loads((folder / "files.js").read_text().removeprefix("self.FILES = ")[:-2])
    names = {path.name for path in folder.iterdir()} | {f"ort/{name}" for name in site.ORT_FILES}
    assert set(digests) == names - {"ort", "files.js"}
    for name, digest in digests.items():
        assert hashlib.sha256((folder / name).read_bytes()).hexdigest().startswith(digest)


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
