"""README's pictures: `python benchmarks/readme_pictures.py`.

Photos in the public domain, each turned away by the head that is fitted to it; then a portrait of
that picture alone. A row shows the photo, turned away, and turned back. Prints the yaw of all three
and the distance between the person's descriptors. Needs requirements-faces.txt, and scikit-image
for the astronaut (`pip install --no-deps scikit-image lazy_loader`).
"""

from importlib.util import find_spec
from pathlib import Path

import numpy as np
from common import ROOT, create_parser, run_main
from PIL import Image

from facealign import align
from facealign.errors import UserError
from facealign.faces.turning.style import Style

SIZE, GAP, QUALITY = 256, 4, 88  # px of a picture and between two; of JPEG files
PHOTOS = {  # name -> package, path in it, yaws in degrees that the head is turned to
    "hopper": ("matplotlib", "mpl-data/sample_data/grace_hopper.jpg", (-15.0,)),
    "astronaut": ("skimage", "data/astronaut.png", (-18.0, 12.0)),
}


def path_in(package: str, name: str) -> Path:
    """The path of a file of an installed package.

    Raises:
      UserError: the package is not installed, or has no such file.
    """
    spec = find_spec(package)
    path = Path(spec.origin).parent / name if spec and spec.origin else None
    if path is None or not path.exists():
        raise UserError(f"there is no {name} of the package {package} here; install it")
    return path


def make_one(aligner: align.Aligner, photo: Path | Image.Image, name: str) -> align.Portrait:
    """The portrait of the only face of a photo.

    Raises:
      UserError: no face is found in it.
    """
    (portraits,) = aligner([photo])
    if not portraits:
        raise UserError(f"no face is found in {name}")
    return portraits[0]


def main() -> None:
    parser = create_parser(__doc__)
    parser.add_argument("--yaw", type=float, nargs="*", help="other angles, a row for each")
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks" / "results")
    args = parser.parse_args()
    back = align.load_aligner(style=Style(size=SIZE))
    for name, (package, file, yaws) in PHOTOS.items():
        rows = []
        for angle in args.yaw or yaws:
            style = Style(size=SIZE, yaw=angle, background="keep")
            away = make_one(align.load_aligner(style=style), path_in(package, file), name)
            portrait = make_one(back, away.picture, f"{name}, turned to {angle:.0f} degrees")
            after, distance = back.measure(portrait)
            shown = (away.before, away.picture, portrait.picture)
            rows.append(np.hstack([np.pad(p, ((0, GAP), (0, GAP), (0, 0)),
                                          constant_values=255) for p in shown]))  # fmt: skip
            print(f"{name}: yaw {away.yaw:.0f}, turned to {angle:.0f}, read {portrait.yaw:.0f}, "
                  f"back {after:.0f}; distance {distance:.2f}")  # fmt: skip
        sheet = Image.fromarray(np.vstack(rows)[:-GAP, :-GAP])
        sheet.save(args.out / f"turned_{name}.jpg", quality=QUALITY)


if __name__ == "__main__":
    run_main(main)
