"""Ways from faces to portraits: the photo's own pixels turned in 3D, a network, two baselines."""

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from os import PathLike
from typing import NamedTuple

import numpy as np
from PIL import Image

from facealign.errors import UserError, check_choice
from facealign.faces.face import Face, poses_of
from facealign.faces.find import BOX, DETAIL
from facealign.faces.turning.completion import WEIGHTS as COMPLETION
from facealign.faces.turning.completion import load_completion
from facealign.faces.turning.compose import LARGEST, SMALLEST, compose_portrait
from facealign.faces.turning.matte import find_matte
from facealign.faces.turning.pixels import SHARPER
from facealign.faces.turning.style import USUAL_STYLE, Style, check_style
from facealign.geometry import frame
from facealign.geometry.frame import PORTRAIT, SIZE, WIDTH
from facealign.geometry.views import turn_back
from facealign.images import to_uint8
from facealign.models.packed_weights import KEPT, SHIPPED, digest
from facealign.parallel.machine import cores
from facealign.paths import shipped
from facealign.portraits.portrait import Portrait
from facealign.training.saved_model import SavedModel, check_crops, load_model
from facealign.training.translate import make_translate

# Threads that turn heads at once, and px of portraits from which on it is one, for lack of memory.
MOST, MANY = 4, 640
# From canonical crops uint8 [N, 128, 128, 1] and poses [N, 2] (yaw and pitch in degrees) to frontal
# ones of the same shape.
Frontal = Callable[[np.ndarray, np.ndarray], np.ndarray]

WITHOUT_NETWORK: dict[str, tuple[str, Frontal]] = {
    "geometric": ("geometric alignment", lambda crops, _: crops),
    "turn": ("generic 3D turn", lambda crops, poses: turn_back(crops, *poses.T)),
}
TURNED = ("portrait", "unmended")  # in 3D; a network mends the first
METHODS = (*TURNED, "network", *WITHOUT_NETWORK)


class Method(NamedTuple):
    """A way from faces to portraits."""

    name: str  # with all that makes portraits differ
    make: Callable[[Sequence[Face]], list[Portrait]]
    detail: int = DETAIL  # px of a face's box that it uses, see `find.cut_patch`
    style: Style | None = None  # of heads that are turned in 3D; None without


def load_method(
    method: str = "", style: Style = USUAL_STYLE, weights: PathLike | str = "", step: int = 0
) -> Method:
    """A method by its name.

    Args:
      method: of `METHODS`; "" is "portrait", or "network" if there are weights or a step.
      style: of the portraits.
      weights: of the network; a file of packed weights (`--mode=pack`), the workdir of a run, or ""
        for those that come with facealign. "portrait" takes such a file, of a completion.
      step: of the run's checkpoint; 0 is the newest.

    Raises:
      UserError: an unknown method, flags that do not fit, or as in `load_frontalizer`.
    """
    method = method or ("network" if weights or step else "portrait")
    check_choice(method, METHODS, "--method")
    check_weights(method, weights, step)
    check_style(style)
    if method in TURNED:
        return turned_in_3d(style._replace(completion=_completion(method, weights)))
    if style._replace(gray=False, size=USUAL_STYLE.size) != USUAL_STYLE:
        raise UserError(
            f"--method={method} makes gray portraits of the face alone, from the front; leave "
            "--frame, --yaw, --pitch and --background out"
        )
    if method == "network":
        return from_crops(*network(weights or SHIPPED, step), style.size)
    return from_crops(*WITHOUT_NETWORK[method], style.size)


def check_weights(method: str, weights: PathLike | str, step: int) -> None:
    """Checks that --checkpoint and --step fit a method.

    Raises:
      UserError: they do not, or as in `load_completion`.
    """
    if method == "portrait" and not step:
        load_completion(_completion(method, weights))
    elif method != "network" and (weights or step):
        allowed = "packed weights and no --step" if method == "portrait" else "no weights"
        raise UserError(f"--method={method} takes {allowed}; leave --checkpoint and --step out")


def _completion(method: str, weights: PathLike | str) -> str:
    """The file of the network that mends portraits; "" for none."""
    return os.fspath(weights or shipped(COMPLETION)) if method == "portrait" else ""


def turned_in_3d(style: Style) -> Method:
    """Portraits of the photo's own pixels."""

    def make(faces: Sequence[Face]) -> list[Portrait]:
        with ThreadPoolExecutor(min(cores(), MOST) if 0 < style.size <= MANY else 1) as pool:
            return list(pool.map(_turn, faces, [style] * len(faces)))

    shown = WIDTH if style.frame == "tight" else PORTRAIT
    box = BOX / SIZE * WIDTH / shown  # share of the portrait
    wanted = round(SHARPER * (style.size or LARGEST) * box)
    said = style._asdict() | {"completion": style.completion and digest(style.completion)}
    words = [f"{name} {value}" for name, value in said.items()
             if value != Style._field_defaults[name] or name == "size"]  # fmt: skip
    return Method(f"own pixels turned in 3D, {', '.join(words)}", make, max(DETAIL, wanted), style)


def _turn(face: Face, style: Style) -> Portrait:
    photo = Image.fromarray(face.patch.pixels)
    made = compose_portrait(photo, face.head, find_matte(photo, face.head.camera), style)
    image = made.image
    if style.gray:
        image = np.asarray(Image.fromarray(image).convert("L"))[..., None]
    return Portrait(
        image,
        made.to_crop,
        made.held / np.sqrt(np.linalg.det(face.patch.matrix[:, :2])),
        face,
        made.within,
        made.seen,
        made.shares,
        made.window,
    )


def from_crops(name: str, frontal: Frontal, size: int) -> Method:
    """Gray portraits made of canonical crops, enlarged to `size` px; 0 is as large as the crop."""

    def make(faces: Sequence[Face]) -> list[Portrait]:
        if not faces:
            return []
        images = frontal(np.stack([face.crop for face in faces]), poses_of(faces))
        portraits = []
        for image, face in zip(images, faces, strict=True):
            own = resize(image[None], size or min(max(face.size, SMALLEST), LARGEST))[0]
            portraits.append(Portrait(own, frame.zoom(SIZE / len(own)), float(face.size), face))
        return portraits

    return Method(f"{name}, size {size}", make)


def network(weights: PathLike | str = SHIPPED, step: int = 0) -> tuple[str, Frontal]:
    """The name and the function of packed weights or of a run; as in `load_method`."""
    model = load_frontalizer(weights, step)
    translate, size = make_translate(model.networks), model.config.data.image_size

    def frontal(crops: np.ndarray, _: np.ndarray) -> np.ndarray:
        images = to_uint8(translate(model.state, resize(crops, size), "decoder_r"))
        return resize(images, crops.shape[1])

    return model.name, frontal


def load_frontalizer(weights: PathLike | str = SHIPPED, step: int = 0) -> SavedModel:
    """A saved model with only the networks of the roles `KEPT`; arguments as in `load_method`.

    Raises:
      UserError: there are no such weights, they lack one of these networks, or they are for other
        images than gray canonical crops.
    """
    model = load_model(weights, step)
    if not set(KEPT) <= set(model.networks):
        raise UserError(f"--checkpoint={weights} has no decoder of R, which portraits need")
    check_crops(model.config, f"--checkpoint={weights}")
    return model._replace(networks={role: model.networks[role] for role in KEPT})


def resize(images: np.ndarray, size: int) -> np.ndarray:
    """Resizes images uint8 [N, H, H, 1] to [N, size, size, 1]."""
    if images.shape[1] == size:
        return images
    pictures = (Image.fromarray(image[..., 0]) for image in images)
    resized = [np.asarray(p.resize((size, size), Image.Resampling.LANCZOS)) for p in pictures]
    return np.stack(resized)[..., None]
