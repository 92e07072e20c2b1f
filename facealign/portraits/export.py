"""Exports a trained model to other runtimes: ONNX, and StableHLO for JAX without facealign.

A program takes canonical crops float32 [B, H, H, 1] in [-1, 1] and returns frontal crops of the
same shape. H is `config.data.image_size`. B is free, or fixed for runtimes that need it.
"""

import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path

import jax
import jax.export
import jax.numpy as jnp
import numpy as np
from etils import epath

from facealign.errors import UserError
from facealign.images import in_batches
from facealign.models.apply import apply_network
from facealign.models.convolutions import portable
from facealign.models.packed_weights import KEPT
from facealign.paths import write_whole
from facealign.training.saved_model import SavedModel
from facealign.training.state import averaged

OPSET = 21  # version of the ONNX operators
LARGEST_DIFFERENCE = 1e-3  # allowed between a program and JAX, for images in [-1, 1]
PLATFORMS = ("cpu", "cuda", "rocm", "tpu")

Program = Callable[[np.ndarray], np.ndarray]


def make_frontal(model: SavedModel) -> Callable[[jax.Array], jax.Array]:
    """Returns the model as a function from crops to frontal crops, [B, H, H, 1] in [-1, 1]."""
    nets = averaged(model.state).nets
    encoder, decoder = ((model.networks[role], nets[role]) for role in KEPT)

    def frontal(images: jax.Array) -> jax.Array:
        return apply_network(*decoder, apply_network(*encoder, images))[-1]

    return frontal


def make_portable(model: SavedModel) -> Callable[[jax.Array], jax.Array]:
    """As `make_frontal`, traced with XLA's own convolutions, which every backend has."""

    def frontal(images: jax.Array) -> jax.Array:
        with portable():
            return make_frontal(model)(images)

    return frontal


def export_onnx(model: SavedModel, path: epath.Path, batch_size: int = 0) -> Program:
    """Writes the model as one ONNX file for batches of batch_size, or of any size if it is 0.

    Returns:
      A function that runs the file: crops float32 [B, H, H, 1] to frontal crops, in [-1, 1].

    Raises:
      ImportError: requirements-export.txt is not installed.
      OSError: the file cannot be written.
    """
    import onnx
    import onnxruntime
    from jax2onnx import to_onnx

    size = model.config.data.image_size
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the converter warns about its own use of float64
        part = str(Path(folder, "model.onnx"))  # large arrays are in a second file next to it
        to_onnx(
            make_portable(model),
            [(batch_size or "B", size, size, 1)],
            model_name="facealign",
            opset=OPSET,
            return_mode="file",
            output_path=part,
            input_names=["crops"],
            output_names=["frontal"],
        )
        content = onnx.load(part).SerializeToString()
    write_whole(path, content)
    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    return lambda images: session.run(["frontal"], {"crops": images})[0]


def export_stablehlo(model: SavedModel, path: epath.Path, batch_size: int = 0) -> Program:
    """Writes the model as a serialized `jax.export.Exported`.

    Arguments, result and errors as in `export_onnx`.
    """
    size, (free,) = model.config.data.image_size, jax.export.symbolic_shape("b")
    shape = jax.ShapeDtypeStruct((batch_size or free, size, size, 1), jnp.float32)
    exported = jax.export.export(jax.jit(make_portable(model)), platforms=PLATFORMS)(shape)
    content = bytes(exported.serialize())
    write_whole(path, content)
    program = jax.export.deserialize(bytearray(content))
    return lambda images: np.asarray(program.call(images))


EXPORTS: dict[str, Callable[[SavedModel, epath.Path, int], Program]] = {
    "onnx": export_onnx,
    "stablehlo": export_stablehlo,
}


def export(
    model: SavedModel, folder: epath.Path, photos: np.ndarray, batch_size: int = 0
) -> dict[epath.Path, float]:
    """Writes the model in every format of EXPORTS, and compares the outputs with those of JAX.

    Args:
      model: to export.
      folder: for the files.
      photos: crops float32 [N, H, H, 1] in [-1, 1] for the comparison.
      batch_size: number of crops in a batch of the programs; 0 for any number.

    Returns:
      The largest absolute difference of a pixel, by file.

    Raises:
      UserError: an output differs by 1e-3 or more, a file cannot be written, or
        requirements-export.txt is not installed.
    """
    wanted, differences = np.asarray(jax.jit(make_frontal(model))(photos)), {}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for kind, export_it in EXPORTS.items():
            path = folder / f"facealign.{kind}"
            program = export_it(model, path, batch_size)
            made = in_batches(program, photos, batch_size=batch_size or len(photos))
            differences[path] = float(np.abs(made - wanted).max())
    except ImportError as error:
        raise UserError(
            f"cannot export ({error}); run: pip install -r requirements-export.txt"
        ) from error
    except OSError as error:
        raise UserError(f"cannot write to --output={folder}: {error}") from error
    for path, difference in differences.items():
        if not difference < LARGEST_DIFFERENCE:
            raise UserError(
                f"{path} differs from JAX by up to {difference:.1e}; do not use it, and report this"
            )
    return differences
