"""Writes `weights/mesh_points.npz`: where MediaPipe's points are in photos, for the reader.

`python benchmarks/label_points.py --folder=FOLDER`; FOLDER has `lfw.npz`, `cfp.npz`, `mugshots.npz`
and `orl_faces.npz`, each what `peers/mediapipe_points.py` found in the photos of that set. Only
training and validation people are written; of CFP only frontal photos, since in profiles MediaPipe
guesses.
"""

from pathlib import Path

import numpy as np
from common import create_parser, read_npz, run_main

from facealign.data.datasets import cfp, mesh_points, pupil_index, schema
from facealign.geometry import generic_face
from facealign.geometry.head import load_head
from facealign.paths import shipped


def key_of(name: str, place: Path) -> str:
    """The name of a photo in `mesh_points.read_points`."""
    ends = {"lfw": place.stem, "mugshots": place.name}
    cfp_key = "/".join(place.with_suffix("").parts[-3:])
    return f"{name}/{ends.get(name) or {'cfp': cfp_key}.get(name) or '/'.join(place.parts[-2:])}"


def subject_of(name: str, place: Path, known: dict[str, str]) -> str:
    """The person in a photo."""
    if name == "lfw" or name == "orl_faces":
        return schema.subject_name(place.parent.name)
    return known[place.name if name == "mugshots" else place.parts[-3]]


def subjects(places: dict[str, list[Path]]) -> dict[str, dict[str, str]]:
    """The people of mugshots by file and of CFP by number."""
    mugshots = pupil_index.read_index(places["mugshots"][0].parent)
    folder = next(p for p in places["cfp"][0].parents if p.name == "Data")
    names, _ = cfp.read_texts(folder.parent)
    return {
        "mugshots": {Path(file).name: row["subject"] for file, row in mugshots.items()},
        "cfp": {f"{i:03d}": cfp.subject_of(person) for i, person in enumerate(names, 1)},
    }


def main() -> None:
    parser = create_parser(__doc__)
    parser.add_argument("--folder", required=True, help="of the npz files")
    args = parser.parse_args()
    sets = ("lfw", "cfp", "mugshots", "orl_faces")
    found = {name: read_npz(Path(args.folder, f"{name}.npz")) for name in sets}
    places = {name: [Path(p) for p in found[name]["names"].tolist()] for name in sets}
    known = subjects(places)
    chosen = np.union1d(np.flatnonzero(load_head().mesh_trust > 0), generic_face.LANDMARKS)
    photos, points = [], []
    for name in sets:
        for place, mesh in zip(places[name], found[name]["points"], strict=True):
            person = subject_of(name, place, known.get(name, {}))
            profile = name == "cfp" and place.parts[-2] == "profile"
            if schema.split_of(person) != "test" and np.isfinite(mesh).all() and not profile:
                photos.append(key_of(name, place))
                points.append(mesh[chosen])
        print(f"{name}: {len(photos)} photos so far", flush=True)
    mesh_points.write_points(chosen, photos, np.array(points))
    path = shipped(mesh_points.FILE)
    print(f"{len(photos)} photos, {len(chosen)} points: {path}, {path.stat().st_size / 1e6:.1f} MB")


if __name__ == "__main__":
    run_main(main)
