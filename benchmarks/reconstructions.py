"""Whether people are recognized in reconstructions: `python benchmarks/reconstructions.py RUN`.

Of each person of the run's R a frontal photo is kept as the gallery. Probes are reconstructions
of the other frontal photos of people that no training saw; beside them the photos themselves. A
probe is right if the nearest of all people is its own, by dlib's descriptors. Needs
requirements-faces.txt.
"""

import numpy as np
from common import run_main
from contact_sheet import draw_sheet
from judging import create_run_parser
from PIL import Image

from facealign.data.load import data_folder, load_data
from facealign.faces.measurement_cache import MeasurementCache
from facealign.images import to_float, to_uint8
from facealign.metrics import verification
from facealign.training import losses
from facealign.training.saved_model import load_run
from facealign.training.translate import make_translate
from facealign.workdir.page import markdown_table

HELD_OUT = ("validation", "test")


def main() -> None:
    parser = create_run_parser(__doc__)
    parser.add_argument("--out", default="", help="a picture of the photos above their outputs")
    args = parser.parse_args()
    run = load_run(args.workdir, args.step)
    data, translate = run.config.data, make_translate(run.networks)
    splits = {split: load_data(data, split)["restricted"] for split in ("train", *HELD_OUT)}
    images = np.concatenate([part["image"] for part in splits.values()])
    people = np.concatenate([part["subject"] for part in splits.values()])
    unseen = np.repeat([split in HELD_OUT for split in splits],
                       [len(part["image"]) for part in splits.values()])  # fmt: skip
    names, gallery = np.unique(people, return_index=True)  # the first photo of each
    probes = np.setdiff1d(np.flatnonzero(unseen), gallery)
    outputs = to_uint8(translate(run.state, images[probes], "decoder_r"))
    if args.out:
        Image.fromarray(draw_sheet(images[probes], outputs)).save(args.out)
    true = np.searchsorted(names, people[probes])
    lines = [["probes", "rank-1", "L1"]]
    with MeasurementCache(data_folder(data)) as meter:
        known = meter.measure(images[gallery]).descriptor
        for name, photos in {"photos": images[probes], "reconstructions": outputs}.items():
            away = verification.distances(meter.measure(photos).descriptor, known)
            right = verification.rank1(away, true, np.arange(len(names)))
            l1 = losses.l1(to_float(photos), to_float(images[probes])).mean()
            lines.append([name, f"{np.mean(right):.3f}", f"{l1:.3f}"])
    print(f"{len(probes)} photos of {len(set(true))} people that no training saw, of {len(names)}")
    print(markdown_table(lines))


if __name__ == "__main__":
    run_main(main)
