"""The networks of portraits as functions of arrays, for other runtimes, and what they see of faces.

Each is a `Program`; `docs/portraits.md` says what goes in and what comes out.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import jax
import numpy as np
from PIL import Image

from facealign.errors import UserError
from facealign.faces import reading
from facealign.faces.face import Face, load_read
from facealign.faces.find import take_whole
from facealign.faces.turning import completion as completions
from facealign.faces.turning import matte as mattes
from facealign.faces.turning.layout import lay_out
from facealign.faces.turning.paint import blend
from facealign.geometry import camera as cameras
from facealign.geometry import frame, matte_window, reader_window
from facealign.images import to_float
from facealign.models import completion, matte, packed_weights
from facealign.models.apply import NetState, apply_network
from facealign.models.convolutions import portable
from facealign.models.packed_weights import KEPT
from facealign.paths import shipped
from facealign.portraits.methods import resize
from facealign.training.saved_model import SavedModel, check_crops, load_model
from facealign.training.state import averaged

READ = ("landmarks", "spread", "rotation", "identity", "expression")
Arrays = tuple[jax.Array, ...]


class Program(NamedTuple):
    """A function that runs elsewhere."""

    name: str  # of its files
    function: Callable[..., Arrays]
    inputs: dict[str, np.ndarray]  # by name, float32 [N, ...]: those of some photos
    outputs: tuple[str, ...]  # their names


def list_programs(model: SavedModel, faces: Sequence[Face]) -> list[Program]:
    """The programs of a model's networks, with what they see of some faces.

    Raises:
      UserError: it has none that portraits need.
    """
    nets = averaged(model.state).nets
    roles = [role for role in MAKERS if role in model.networks]
    if not roles:
        raise UserError(
            f"{model.name} has only {', '.join(model.networks)}; {' or '.join(MAKERS)} is exported"
        )
    return [MAKERS[role](model, nets, faces) for role in roles]


def make_frontal(model: SavedModel) -> Callable[[jax.Array], Arrays]:
    """A function from crops to frontal crops, [B, H, H, 1] in [-1, 1], by a model with KEPT."""
    nets = averaged(model.state).nets
    encoder, decoder = ((model.networks[role], nets[role]) for role in KEPT)

    def frontal(crops: jax.Array) -> Arrays:
        return (apply_network(*decoder, apply_network(*encoder, crops))[-1],)

    return frontal


def _frontalize(model: SavedModel, nets: Mapping[str, NetState], faces: Sequence[Face]) -> Program:
    del nets
    check_crops(model.config, model.name)
    crops = resize(np.stack([face.crop for face in faces]), model.config.data.image_size)
    return Program("frontalize", make_frontal(model), {"crops": _floats(crops)}, ("frontal",))


def _reader(model: SavedModel, nets: Mapping[str, NetState], faces: Sequence[Face]) -> Program:
    def read(windows: jax.Array) -> Arrays:
        found = apply_network(model.networks["reader"], nets["reader"], windows)
        return tuple(found[name] for name in READ)

    windows = _windows(faces, reader_window.SIZE, reader_window.WIDTH)
    return Program("reader", read, {"windows": _floats(windows)}, READ)


def _matte(model: SavedModel, nets: Mapping[str, NetState], faces: Sequence[Face]) -> Program:
    def cut_out(windows: jax.Array) -> Arrays:
        return (matte.apply_matte(model.networks["matte"], nets["matte"], windows),)

    windows = _windows(faces, matte_window.SIZE, matte_window.WIDTH)
    return Program("matte", cut_out, {"windows": _floats(windows)}, ("alpha",))


def _completion(model: SavedModel, nets: Mapping[str, NetState], faces: Sequence[Face]) -> Program:
    network, net = model.networks["completion"], nets["completion"]

    def mend(portraits: jax.Array, maps: jax.Array, yaw: jax.Array) -> Arrays:
        return (completion.apply_completion(network, net, portraits, maps, yaw),)

    names = ("portraits", "maps", "yaw")
    inputs = dict(
        zip(names, map(np.stack, zip(*map(_see_turned, faces), strict=True)), strict=True)
    )
    return Program("completion", mend, inputs, ("added",))


# By the role of a network that a model of this kind has.
MAKERS: dict[str, Callable[..., Program]] = {
    "reader": _reader,
    "matte": _matte,
    "completion": _completion,
    "decoder_r": _frontalize,
}
SHIPPED = (reading.WEIGHTS, mattes.WEIGHTS, packed_weights.SHIPPED.name)


def load_shipped() -> list[SavedModel]:
    """The models that come with facealign."""
    return [load_model(shipped(name)) for name in SHIPPED]


def read_crops(crops: np.ndarray) -> list[Face]:
    """The faces in gray canonical crops uint8 [N, 128, 128, 1], where a head is found."""
    colour = [Image.fromarray(crop[..., 0]).convert("RGB") for crop in crops]
    patches = [patch for photo in colour for patch in take_whole(photo).patches]
    return [face for face, _ in load_read()(patches) if face]


def make_portable(function: Callable[..., Arrays]) -> Callable[..., Arrays]:
    """The function, traced with XLA's own convolutions, which every backend has."""

    def traced(*arrays: jax.Array) -> Arrays:
        with portable():
            return function(*arrays)

    return traced


def _windows(faces: Sequence[Face], size: int, width: float) -> np.ndarray:
    """The windows uint8 [N, size, size, 3] around heads, so many cm wide."""
    return np.stack(
        [
            frame.crop_large(
                Image.fromarray(face.patch.pixels),
                reader_window.around(face.head.camera, size, width),
                size,
                3,
            )
            for face in faces
        ]
    )


def _see_turned(face: Face) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """What the completion sees of the portrait of a face."""
    photo, camera = Image.fromarray(face.patch.pixels), face.head.camera
    layout = lay_out(face.head, mattes.find_matte(photo, camera), photo.size, (0.0, 0.0))
    yaw = float(cameras.angles_of(camera.rotation)[0])
    return completions.see(blend(photo, camera, layout).image, layout, yaw)


def _floats(images: np.ndarray) -> np.ndarray:
    return np.asarray(to_float(images))
