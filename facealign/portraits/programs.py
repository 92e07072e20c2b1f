"""The networks of portraits as functions of arrays, for other runtimes, and what they see of faces.

Each is a `Program`; `docs/portraits.md` says what goes in and what comes out.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from PIL import Image

from facealign.errors import UserError
from facealign.faces import reading
from facealign.faces.face import Face, load_read
from facealign.faces.find import take_whole
from facealign.faces.search import AGAIN, BORDER
from facealign.faces.search import WEIGHTS as DETECTOR
from facealign.faces.turning import completion as completions
from facealign.faces.turning import matte as mattes
from facealign.faces.turning.layout import lay_out
from facealign.faces.turning.paint import blend
from facealign.geometry import camera as cameras
from facealign.geometry import face_cells, face_window, frame, matte_window, reader_window
from facealign.geometry.resample import extend
from facealign.images import to_float
from facealign.models import completion, matte, packed_weights
from facealign.models.apply import NetState, Network, apply_network
from facealign.models.convolutions import portable
from facealign.models.packed_weights import KEPT
from facealign.paths import shipped
from facealign.portraits.methods import resize
from facealign.training.saved_model import SavedModel, check_crops, load_model
from facealign.training.state import averaged

SEARCHED = 512  # px: side of the photos that the detector's program takes
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
    makers = [make for roles, make in MAKERS.items() if set(roles) <= set(model.networks)]
    if not makers:
        wanted = " or ".join(" with ".join(roles) for roles in MAKERS)
        raise UserError(
            f"{model.name} has only {', '.join(model.networks)}; {wanted} can be exported"
        )
    return [make(model, faces) for make in makers]


def _trained(model: SavedModel, role: str) -> tuple[Network, NetState]:
    return model.networks[role], averaged(model.state).nets[role]


def make_frontal(model: SavedModel) -> Callable[[jax.Array], Arrays]:
    """A function from crops to frontal crops, [B, H, H, 1] in [-1, 1], by a model with KEPT."""
    encoder, decoder = (_trained(model, role) for role in KEPT)

    def frontal(crops: jax.Array) -> Arrays:
        return (apply_network(*decoder, apply_network(*encoder, crops))[-1],)

    return frontal


def _frontalize(model: SavedModel, faces: Sequence[Face]) -> Program:
    check_crops(model.config, model.name)
    crops = resize(np.stack([face.crop for face in faces]), model.config.data.image_size)
    return Program("frontalize", make_frontal(model), {"crops": _floats(crops)}, ("frontal",))


def _detector(model: SavedModel, faces: Sequence[Face]) -> Program:
    """Finds faces of all sizes: in photos, and in the same photos `search.AGAIN` times smaller."""
    network, net = _trained(model, "detector")

    def see(photos: jax.Array, zoom: int, border: int) -> jax.Array:
        photos = extend(photos, border, border)
        cells = face_cells.centres(*photos.shape[1:3])
        said = apply_network(network, net, photos)
        centre, side, _, likeness = face_cells.decode(said, cells, jnp)
        share, up = zoom / SEARCHED, said[..., face_cells.UP]
        place = (centre + (0.5 - border)) * share
        return jnp.concatenate([likeness[..., None], place, side[..., None] * share, up], axis=-1)

    def find(photos: jax.Array) -> Arrays:
        side = SEARCHED // AGAIN
        squares = photos.reshape(photos.shape[0], side, AGAIN, side, AGAIN, 1)
        smaller = squares.mean(axis=(2, 4))
        return (jnp.concatenate([see(photos, 1, 0), see(smaller, AGAIN, BORDER)], axis=1),)

    gray = [Image.fromarray(face.patch.pixels).convert("L") for face in faces]
    photos = np.stack([np.asarray(photo.resize((SEARCHED, SEARCHED))) for photo in gray])
    return Program("detector", find, {"photos": _floats(photos[..., None])}, ("faces",))


def _verifier(model: SavedModel, faces: Sequence[Face]) -> Program:
    network, net = _trained(model, "verifier")

    def verify(windows: jax.Array) -> Arrays:
        return (jax.nn.sigmoid(apply_network(network, net, windows)),)

    windows = _windows(faces, face_window.SIZE, reader_window.WIDTH).mean(axis=-1, keepdims=True)
    return Program("verifier", verify, {"windows": _floats(windows)}, ("likeness",))


def _reader(model: SavedModel, faces: Sequence[Face]) -> Program:
    network, net = _trained(model, "reader")

    def read(windows: jax.Array) -> Arrays:
        found = apply_network(network, net, windows)
        return tuple(found[name] for name in READ)

    windows = _windows(faces, reader_window.SIZE, reader_window.WIDTH)
    return Program("reader", read, {"windows": _floats(windows)}, READ)


def _matte(model: SavedModel, faces: Sequence[Face]) -> Program:
    network, net = _trained(model, "matte")

    def cut_out(windows: jax.Array) -> Arrays:
        return (matte.apply_matte(network, net, windows),)

    windows = _windows(faces, matte_window.SIZE, matte_window.WIDTH)
    return Program("matte", cut_out, {"windows": _floats(windows)}, ("alpha",))


def _completion(model: SavedModel, faces: Sequence[Face]) -> Program:
    network, net = _trained(model, "completion")

    def mend(portraits: jax.Array, maps: jax.Array, yaw: jax.Array) -> Arrays:
        return (completion.apply_completion(network, net, portraits, maps, yaw),)

    seen = map(np.stack, zip(*map(_see_turned, faces), strict=True))
    inputs = dict(zip(("portraits", "maps", "yaw"), seen, strict=True))
    return Program("completion", mend, inputs, ("added",))


# By the roles of the networks that a program is made of.
MAKERS: dict[tuple[str, ...], Callable[[SavedModel, Sequence[Face]], Program]] = {
    ("detector",): _detector,
    ("verifier",): _verifier,
    ("reader",): _reader,
    ("matte",): _matte,
    ("completion",): _completion,
    KEPT: _frontalize,
}
SHIPPED = (DETECTOR, reading.WEIGHTS, mattes.WEIGHTS, completions.WEIGHTS)
SHIPPED += (packed_weights.SHIPPED.name,)


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
    crops = []
    for face in faces:
        matrix = reader_window.around(face.head.camera, size, width)
        crops.append(frame.crop_large(Image.fromarray(face.patch.pixels), matrix, size, 3))
    return np.stack(crops)


def _see_turned(face: Face) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """What the completion sees of the portrait of a face."""
    photo, camera = Image.fromarray(face.patch.pixels), face.head.camera
    layout = lay_out(photo, face.head, mattes.find_matte(photo, camera))
    yaw = float(cameras.angles_of(camera.rotation)[0])
    return completions.see(blend(photo, camera, layout).image, layout, yaw)


def _floats(images: np.ndarray) -> np.ndarray:
    return np.asarray(to_float(images))
