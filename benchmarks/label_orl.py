"""Measures `facealign/data/datasets/orl_frames.csv`: where the face is in each photo of ORL.

`python benchmarks/label_orl.py`. The reader that comes with facealign looks at the middle of each
photo. The columns are those of lfw_frames.csv, see label_frames.py.
"""

import numpy as np
from common import create_parser, run_main
from label_frames import write_frames
from PIL import Image

from facealign.data.datasets import detect, orl_faces
from facealign.faces.face import load_read
from facealign.geometry import frame


def main() -> None:
    create_parser(__doc__).parse_args()
    folder, patches = orl_faces.photo_folder(), {}
    for subject, photo in orl_faces.read_pose():
        with Image.open(folder / subject / f"{photo}.pgm") as image:
            patch = detect.cut_known_patch(image.convert("RGB"), orl_faces.to_middle())
        patches[f"{subject}/{photo}"] = patch._replace(to_crop=None)  # the reader finds it
    noted = load_read()(list(patches.values()))
    found = {name: face.matrix for name, (face, _) in zip(patches, noted, strict=True) if face}
    for name in patches.keys() - found.keys():
        print(f"{name}: no face")
    middle = [frame.apply(matrix, [(45.5, 55.5)])[0] for matrix in found.values()]
    mean, deviation = np.mean(middle, axis=0).round(1), np.std(middle, axis=0).round(1)
    print(f"{len(found)} of {len(patches)} photos; their middle comes to {mean} px, +- {deviation}")
    write_frames(orl_faces.FRAMES_FILE, found)


if __name__ == "__main__":
    run_main(main)
