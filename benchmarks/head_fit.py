"""How well the 3D head fits photos: `python benchmarks/head_fit.py --points=FOLDER --cfp=FOLDER`.

MediaPipe's mesh points in photos of validation people (benchmarks/peers/mediapipe_points.py wrote
them), fitted by pose, 20 modes of identity and all expressions. Distances are in px of a crop of
128 px that is 18 cm wide, the rms over the points that face the camera, all 468 of the mesh
whether the fit uses them or not. A fit is by the points that the head trusts, less by those that
MediaPipe guesses, as in use; or by the whole mesh, which says what shapes the head can take.

- lfw, profiles: the photo that was fitted.
- person: the identity is fitted on one photo of LFW, pose and expression on another of the person.

`--ict=FILE` shows the ICT head beside it, a yardstick that is no part of the project.
"""

from pathlib import Path
from typing import NamedTuple

import numpy as np
from common import create_parser, run_main
from head import correspondence, people

from facealign.data.datasets import schema
from facealign.geometry import fit, head_points
from facealign.geometry.camera import project
from facealign.geometry.head import HeadModel, load_head

MODES = 20  # of the identity
BATCH = 64
PROFILES = "/profile/"


def load_ict(file: Path) -> HeadModel:
    """The ICT head, from an npz file of it, in the axes of ours."""
    flip = np.float32((1, -1, 1))
    with np.load(file) as raw:
        mean = raw["mean"] * flip
        part = np.where(raw["part"] < 2, raw["part"], 3).astype(np.uint8)  # face, head, inside
        ones = np.tile(np.float32((1, 0, 0)), (68, 1))
        return HeadModel(
            mean,
            raw["identity"].astype(np.float32) * flip,
            raw["expression"].astype(np.float32) * flip,
            raw["triangles"].astype(np.int32),
            part,
            np.arange(len(mean)),
            raw["mesh468_vertices"].astype(np.int32),
            raw["mesh468_weights"],
            raw["mesh468_trust"],
            np.tile(raw["landmarks68"].astype(np.int32)[:, None], (1, 3)),
            ones,
        )


def create_points(model: HeadModel, whole: bool) -> head_points.Points:
    """MediaPipe's points on a head with 20 modes; a fit uses its own trust, or the `whole` mesh."""
    if whole:
        trust = np.ones(468, np.float32)
        trust[list(correspondence.OVAL)] = correspondence.OVAL_TRUST
        model = model._replace(mesh_trust=trust)
    return head_points.create_points(model._replace(identity=model.identity[:MODES]), "mesh")


def distance(places: np.ndarray, fitted: fit.Head, points: head_points.Points) -> np.ndarray:
    """The rms distance [B] of places [B, 468, 2] from fitted heads, px of 128."""
    shape = points.mean + np.tensordot(fitted.identity, points.identity, 1)
    shape = shape + np.tensordot(fitted.expression, points.expression, 1)
    away = np.asarray(project(shape, fitted.camera))[..., :2] - places
    square = np.square(away / np.asarray(fitted.camera.scale)[:, None, None]).sum(axis=-1)
    faces = np.asarray(fitted.camera.rotation)[:, 2] @ points.normals.T > 0
    mean = (square * faces).sum(axis=1) / faces.sum(axis=1)
    return np.sqrt(mean) * fit.CROP / fit.CROP_WIDTH


class Fitter(NamedTuple):
    """Fits a head to MediaPipe's points: as in use, or if not `guessed` to all of them alike."""

    model: HeadModel
    points: head_points.Points
    guessed: bool

    def __call__(self, places: np.ndarray, points: head_points.Points | None = None) -> fit.Head:
        """Heads fitted to places [B, 468, 2]."""
        points, ones = points or self.points, np.ones(places.shape[:2])
        return fit.fit(places, ones, self.model, points, guessed=self.guessed)


def fit_all(places: np.ndarray, fitter: Fitter) -> list[fit.Head]:
    """Fits places [N, 468, 2] in batches of one size; the last one is filled by repetition."""
    filled = np.resize(places, (-(-len(places) // BATCH) * BATCH, *places.shape[1:]))
    return [fitter(part) for part in filled.reshape(-1, BATCH, 468, 2)]


def same_photo(places: np.ndarray, fitter: Fitter) -> np.ndarray:
    """Distances [N] of photos from the heads fitted to them."""
    fitted = fit_all(places, fitter)
    filled = np.resize(places, (len(fitted), BATCH, 468, 2))
    found = [distance(part, head, fitter.points) for part, head in zip(filled, fitted, strict=True)]
    return np.concatenate(found)[: len(places)]


def other_photo(pairs: np.ndarray, fitter: Fitter) -> np.ndarray:
    """Distances [N] of second photos from heads with the identity of first ones, [N, 2, 468, 2]."""
    fitted, points = fit_all(pairs[:, 0], fitter), fitter.points
    identities = np.concatenate([np.asarray(head.identity) for head in fitted])[: len(pairs)]
    found = []
    for identity, places in zip(identities, pairs[:, 1:], strict=True):
        mean = points.mean + np.tensordot(identity, points.identity, 1).astype(np.float32)
        own = points._replace(mean=mean, identity=points.identity[:0])
        found.append(distance(places, fitter(places, own), own))
    return np.concatenate(found)


def read_validation(folder: Path, cfp: Path) -> dict[str, np.ndarray]:
    """Places of validation people by column, [N, 468, 2], of person [N, 2, 468, 2]."""
    spelled = people.cfp.read_texts(cfp)[0]
    read = {name: people.read_photos([folder / f"{name}.npz"], spelled) for name in ("lfw", "cfp")}
    kept = {
        name: [
            (photos, subject)
            for subject, photos in sorted(of.items())
            if schema.split_of(subject) == "validation"
        ]
        for name, of in read.items()
    }
    profiles = [p.places for photos, _ in kept["cfp"] for p in photos if PROFILES in p.name]
    return {
        "lfw": np.stack([photos[0].places for photos, _ in kept["lfw"]]),
        "profiles": np.stack(profiles),
        "person": np.stack(
            [
                [a.places, b.places]
                for photos, _ in kept["lfw"]
                if len(photos) > 1
                for a, b in (photos[:2], photos[1::-1])
            ]
        ),
    }


def main() -> None:
    parser = create_parser(__doc__)
    parser.add_argument("--points", type=Path, required=True, help="folder with lfw.npz, cfp.npz")
    parser.add_argument("--cfp", type=Path, required=True, help="CFP's archive or folder")
    parser.add_argument("--head", type=Path, help="another head than the shipped one")
    parser.add_argument("--ict", type=Path, help="an npz file of the ICT head")
    args = parser.parse_args()
    heads = {"ours": load_head(args.head)}
    if args.ict:
        heads["ICT"] = load_ict(args.ict)
    photos = read_validation(args.points, args.cfp)
    print("| head, fitted by | " + " | ".join(f"{k} ({len(v)})" for k, v in photos.items()) + " |")
    print("| --- | " + " | ".join(["---:"] * len(photos)) + " |")
    for name, model in heads.items():
        for whole in (False, True):
            fitter, row = Fitter(model, create_points(model, whole), not whole), []
            for key, places in photos.items():
                measure = other_photo if key == "person" else same_photo
                away = measure(places, fitter)
                row.append(f"{away.mean():.2f}, median {np.median(away):.2f}")
            fitted = "the whole mesh" if whole else "trusted points"
            print(f"| {name}, {fitted} | {' | '.join(row)} |", flush=True)


if __name__ == "__main__":
    run_main(main)
