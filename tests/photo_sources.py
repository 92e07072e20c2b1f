"""Tiny archives laid out as the real ones, made anew for every test session."""

import io
import tarfile
import zipfile
from pathlib import Path

import numpy as np
from PIL import Image

from facealign.data.datasets import orl_faces

# Of each split: by the folds of CFP (the first three) and by the hash of the name.
PEOPLE = {
    "train": ("50_Cent", "Anna_Kowalska"),
    "validation": ("Jackie_Chan", "Ola_Nordmann"),
    "test": ("Fernando_Alonso", "Ulla_Berg"),
}
EVERYBODY = tuple(person for people in PEOPLE.values() for person in people)
CFP_NAMES = {1: "50 Cent", 160: "Fernando Alanso", 201: "Jackie Chan"}  # by their number


def photo_bytes(seed: int, size: tuple[int, int] = (250, 250), mode: str = "L") -> bytes:
    """A smooth picture as JPEG."""
    coarse = np.random.default_rng(seed).integers(0, 256, (9, 9, 3), dtype=np.uint8)
    image = Image.fromarray(coarse).resize(size, Image.Resampling.BICUBIC).convert(mode)
    buffer = io.BytesIO()
    image.save(buffer, "JPEG")
    return buffer.getvalue()


def face_bytes() -> bytes:
    """About the canonical crop of a face that looks ahead, 128 x 128 px, as JPEG."""
    with Image.open(orl_faces.photo_folder() / "s1" / "1.pgm") as image:
        crop = image.crop((0, 10, 92, 102)).resize((128, 128), Image.Resampling.BICUBIC)
    buffer = io.BytesIO()
    crop.save(buffer, "JPEG")
    return buffer.getvalue()


def lfw_files() -> dict[str, bytes]:
    """Two photos of everybody."""
    return {
        f"lfw/{person}/{person}_{number:04d}.jpg": photo_bytes(10 * place + number)
        for place, person in enumerate(EVERYBODY)
        for number in (1, 2)
    }


def mugshot_files() -> dict[str, bytes]:
    """One photo of everybody and where the pupils are."""
    files = {
        f"mugshots/{person}_neutral.jpg": photo_bytes(place, (190, 240), "RGB")
        for place, person in enumerate(EVERYBODY)
    }
    rows = [f"{person}_neutral.jpg,{person},100,100,80,101\n" for person in EVERYBODY]
    head = "file,subject,pupil1_x,pupil1_y,pupil2_x,pupil2_y\n"
    return {"mugshots/index.csv": (head + "".join(rows)).encode(), **files}


def fiducials(kind: str, looks: int = 1) -> np.ndarray:
    """Thirty landmarks [30, 2] of a face in a photo of 200 x 220 px."""
    points = np.full((30, 2), 100.0)
    points[:, 1] = np.linspace(60, 180, 30)
    if kind == "profile":
        points[12:18], points[21], points[25] = (95, 90), (95 + looks * 30, 114), (95, 136)
    else:
        points[12:18], points[21], points[25] = (80, 90), (100, 114), (82, 136)
    return points


def cfp_files() -> dict[str, bytes]:
    """Three people of folds 1, 4 and 5: a frontal photo and a profile to each side."""
    names = [CFP_NAMES.get(number, f"Nobody {number}") for number in range(1, 251)]
    files = {"cfp-dataset/Data/list_name.txt": "\n".join(names).encode()}
    for number in CFP_NAMES:
        for kind, photo, looks in (("frontal", 1, 0), ("profile", 1, 1), ("profile", 2, -1)):
            key = f"{number:03d}/{kind}/{photo:02d}"
            lines = "".join(f"{x},{y}\n" for x, y in fiducials(kind, looks))
            files[f"cfp-dataset/Data/Images/{key}.jpg"] = photo_bytes(number, (200, 220), "RGB")
            files[f"cfp-dataset/Data/Fiducials/{key}.txt"] = lines.encode()
    return files


def write_tar(path: Path, files: dict[str, bytes]) -> None:
    """A tar archive, compressed if its name ends with gz or xz."""
    kind = path.name[-2:] if path.name.endswith(("gz", "xz")) else ""
    with tarfile.open(path, f"w:{kind}") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))


def write_zip(path: Path, files: dict[str, bytes]) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)


def write_folder(path: Path, files: dict[str, bytes]) -> None:
    for name, content in files.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_bytes(content)


def write_manual_dir(path: Path) -> None:
    """Something for every dataset that needs files: three archives and a folder of people."""
    write_tar(path / "lfw.tgz", lfw_files())
    write_tar(path / "mugshots.tar", mugshot_files())
    write_tar(path / "cfp-001-250.tar", cfp_files())
    for place, person in enumerate(EVERYBODY):
        write_folder(path, {f"photos/{person}/1.jpg": photo_bytes(place, (120, 90))})
