"""How well faces are found and framed: `python benchmarks/framing.py --manual_dir=FOLDER`.

Prints, for raw photos of people held out, in how many of them a face is found, and how far the five
canonical points lie from where the frame that is known puts them, in px of the canonical crop; by
the reader, and by dlib (its detector of gradients and its landmarks). --split=test takes the people
of the test.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from common import create_parser, run_main
from known_frames import Known, known_photos

from facealign.faces.dlib_tools import load_dlib
from facealign.faces.mmod import load_layers, search_upright
from facealign.faces.reading import around_box, canonical_frame, load_reader, read_heads
from facealign.geometry import frame
from facealign.geometry.frame import five_points


def error_of(matrix: np.ndarray, known: Known) -> float:
    """Mean distance of the five points, px of the crop, where one frame puts the other's."""
    there = frame.apply(frame.invert(known.matrix), frame.FIVE_POINTS)
    moved = frame.apply(matrix, there) - frame.FIVE_POINTS
    return float(np.linalg.norm(moved, axis=1).mean())


def judge(photos: Iterator[Known], weights: str) -> None:
    """Prints a row for each kind of photo and each way."""
    layers, judge, reader, rows = load_layers(), load_dlib(), load_reader(weights), {}
    for known in photos:
        gray = known.photo.convert("L")
        windows = [around_box(box) for box in search_upright(layers, gray).boxes]
        reading = read_heads(reader, [known.photo] * len(windows), windows) if windows else None
        for way, matrices in (
            ("reader", [canonical_frame(reading, i) for i in range(len(windows))]),
            (
                "dlib's landmarks",
                [
                    frame.from_five_points(five_points(face.landmarks))
                    for face in judge.find(np.asarray(gray))
                ],
            ),
        ):
            errors = [error_of(matrix, known) for matrix in matrices]
            rows.setdefault((known.kind, way), []).append(min(errors, default=np.inf))
    print("| photos | by | found | median error | 90 % below |\n| --- | --- | ---: | ---: | ---: |")
    for (kind, way), errors in rows.items():
        errors = np.array(errors)
        found = errors[errors < frame.SIZE / 2]  # another face, or none, is as good as not found
        median, most = np.percentile(found, [50, 90]) if len(found) else (np.nan, np.nan)
        share = len(found) / len(errors)
        print(f"| {kind}, {len(errors)} | {way} | {share:.1%} | {median:.1f} px | {most:.1f} px |")


def main() -> None:
    parser = create_parser(__doc__)
    parser.add_argument("--manual_dir", required=True, help="archives of CFP, LFW and mugshots")
    parser.add_argument("--split", default="validation", help="whose people are judged")
    parser.add_argument("--photos", type=int, default=300, help="of LFW to judge, at most")
    parser.add_argument("--weights", default="", help="packed weights; the shipped ones")
    args = parser.parse_args()
    place = Path(args.manual_dir).expanduser()
    judge(known_photos(place, args.split, args.photos), args.weights)


if __name__ == "__main__":
    run_main(main)
