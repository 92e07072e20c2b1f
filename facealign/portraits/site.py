"""A folder that makes portraits in a browser: page, networks, head, and onnxruntime-web."""

import hashlib
import json
from pathlib import Path

import numpy as np
from etils import epath

from facealign.errors import UserError
from facealign.geometry.head import landmarks68, load_head, modes
from facealign.paths import write_whole
from facealign.portraits.halves import halve

PAGE = Path(__file__).parent / "web"  # what is copied as it is
NETWORKS = ("detector", "verifier", "reader", "matte", "completion")  # those that the page runs
ORT_VERSION = "1.30.0"
ORT_DIST = Path("node_modules", "onnxruntime-web", "dist")  # where npm puts it
ORT_FILES = (
    *("ort.wasm.min.mjs", "ort-wasm-simd-threaded.mjs", "ort-wasm-simd-threaded.wasm"),
    *("ort.webgpu.min.mjs", "ort-wasm-simd-threaded.asyncify.mjs"),  # only for a graphics card
    "ort-wasm-simd-threaded.asyncify.wasm",
)


def find_runtime(below: Path) -> Path:
    """The folder of the files of onnxruntime-web, as npm installs it below a folder.

    Raises:
      UserError: it is not there, is another version, or lacks a file.
    """
    dist, wrong = below / ORT_DIST, ""
    try:
        version = json.loads((dist.parent / "package.json").read_text())["version"]
        missing = [name for name in ORT_FILES if not (dist / name).exists()]
        if version != ORT_VERSION:
            wrong = f"{dist.parent} is version {version}"
        elif missing:
            wrong = f"{dist} lacks {missing[0]}"
    except (OSError, ValueError, KeyError, TypeError):
        wrong = f"there is no {dist.parent}"
    if wrong:
        raise UserError(
            f"--web needs onnxruntime-web {ORT_VERSION}, but {wrong}. Run here: "
            f"npm install onnxruntime-web@{ORT_VERSION}"
        )
    return dist


def list_head() -> tuple[dict, dict[str, bytes]]:
    """What the page reads of the 3D head: a list of its arrays, and their bytes by file.

    `points` are its mean and its modes, `marks` their 68 landmarks; `triangles` and `part` are as
    in `HeadModel`. All are raw, with the lowest byte first.
    """
    head = load_head()
    points = modes(head)
    arrays = {
        "points": points.astype("<f2"),  # rounds by at most 0.01 cm
        "marks": np.asarray(landmarks68(head, points), "<f4"),
        "triangles": np.asarray(head.triangles).astype("<u2"),
        "part": np.asarray(head.part).astype("i1"),
    }
    files = {f"{name}.bin": array.tobytes() for name, array in arrays.items()}
    listed = {
        "identity": len(head.identity),
        "expression": len(head.expression),
        "arrays": {
            name: {"type": str(array.dtype), "file": f"{name}.bin"}
            for name, array in arrays.items()
        },
    }
    return listed, files


def list_digests(files: dict[str, bytes]) -> bytes:
    """A script for `web/offline.js`: a digest of each file, which it keeps until that changes."""
    digests = {name: hashlib.sha256(content).hexdigest()[:16] for name, content in files.items()}
    return f"self.FILES = {json.dumps(digests, indent=2, sort_keys=True)};\n".encode()


def write_site(folder: epath.Path, runtime: Path) -> int:
    """Completes a folder of exported NETWORKS to a site, with the runtime of `find_runtime`.

    Returns:
      The bytes that a browser loads of head and networks.

    Raises:
      UserError: a file cannot be written.
    """
    head, files = list_head()
    files |= {f"{name}.onnx": halve((folder / f"{name}.onnx").read_bytes()) for name in NETWORKS}
    size = sum(map(len, files.values()))
    listed = {"networks": NETWORKS, "head": head, "bytes": size}
    files["site.json"] = (json.dumps(listed, indent=2) + "\n").encode()
    files |= {path.name: path.read_bytes() for path in PAGE.iterdir() if path.is_file()}
    files |= {f"ort/{name}": (runtime / name).read_bytes() for name in ORT_FILES}
    files["files.js"] = list_digests(files)
    try:
        (folder / "ort").mkdir(parents=True, exist_ok=True)
        for name, content in files.items():
            write_whole(folder / name, content)
    except OSError as error:
        raise UserError(f"cannot write to --output={folder}: {error}") from error
    return size
