"""Exports networks to other runtimes: ONNX, and StableHLO for JAX without facealign.

A program takes arrays [B, ...] and returns some. B is free, or fixed for runtimes that need it.
"""

import io
import tempfile
import warnings
from collections.abc import Callable, Sequence
from importlib.metadata import version
from pathlib import Path

import jax
import jax.export
import jax.numpy as jnp
import numpy as np
from etils import epath

from facealign.errors import UserError
from facealign.geometry.head import landmarks68, load_head, modes
from facealign.paths import write_whole
from facealign.portraits.programs import Program, make_portable

OPSET = 21  # version of the ONNX operators
LARGEST_DIFFERENCE = 1e-3  # allowed between a program and JAX
PLATFORMS = ("cpu", "cuda", "rocm", "tpu")

Run = Callable[..., list[np.ndarray]]  # the arrays that a written program makes of others


def export_onnx(program: Program, path: epath.Path, batch_size: int = 0) -> Run:
    """Writes a program as one ONNX file for batches of batch_size, or of any size if it is 0.

    Returns:
      A function that runs the file.

    Raises:
      ImportError: requirements-export.txt is not installed.
      OSError: the file cannot be written.
      UserError: the converter does not work with this version of JAX.
    """
    import onnx
    import onnxruntime
    from jax2onnx import to_onnx

    _lend_names()
    names = list(program.inputs)
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the converter warns about its own use of float64
        part = str(Path(folder, "model.onnx"))  # large arrays are in a second file next to it
        try:
            to_onnx(
                make_portable(program.function),
                [(batch_size or "B", *array.shape[1:]) for array in program.inputs.values()],
                model_name=f"facealign_{program.name}",
                opset=OPSET,
                return_mode="file",
                output_path=part,
                input_names=names,
                output_names=list(program.outputs),
            )
        except (AttributeError, ImportError, TypeError) as error:  # it uses JAX's private parts
            raise UserError(
                f"cannot write {path}: jax2onnx {version('jax2onnx')} does not work with jax "
                f"{jax.__version__} ({error}); take another version of either. "
                "StableHLO files do not need it, and are written"
            ) from error
        content = onnx.load(part).SerializeToString()
    write_whole(path, content)
    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    return lambda *arrays: session.run(program.outputs, dict(zip(names, arrays, strict=True)))


def _lend_names() -> None:
    """Gives JAX's private module back what version 0.12 took away, and jax2onnx 0.17 still uses."""
    from jax._src import core
    from jax.extend import core as public

    if not hasattr(core, "ClosedJaxpr"):
        core.ClosedJaxpr = public.ClosedJaxpr


def export_stablehlo(program: Program, path: epath.Path, batch_size: int = 0) -> Run:
    """Writes a program as a serialized `jax.export.Exported`.

    Arguments, result and errors as in `export_onnx`.
    """
    (free,) = jax.export.symbolic_shape("b")
    shapes = [
        jax.ShapeDtypeStruct((batch_size or free, *array.shape[1:]), jnp.float32)
        for array in program.inputs.values()
    ]
    function = jax.jit(make_portable(program.function))
    content = bytes(jax.export.export(function, platforms=PLATFORMS)(*shapes).serialize())
    write_whole(path, content)
    read = jax.export.deserialize(bytearray(content))
    return lambda *arrays: [np.asarray(array) for array in read.call(*arrays)]


def export_head(path: epath.Path) -> None:
    """Writes the 3D head for NumPy: `points`, its mean and its modes with 68 landmarks behind.

    Beside them are its counts of modes, and `triangles` and `part` as in `HeadModel`.

    Raises:
      UserError: the file cannot be written.
    """
    head, buffer = load_head(), io.BytesIO()
    points = modes(head)
    marks = landmarks68(head, points)
    np.savez_compressed(
        buffer,
        points=np.concatenate([points, marks], axis=1, dtype=np.float32),
        modes=np.array([len(head.identity), len(head.expression)]),
        triangles=head.triangles,
        part=head.part.astype(np.int32),  # -1 is free for what is beside the head
    )
    try:
        write_whole(path, buffer.getvalue())
    except OSError as error:
        raise UserError(f"cannot write {path}: {error}") from error


EXPORTS: dict[str, Callable[[Program, epath.Path, int], Run]] = {
    "stablehlo": export_stablehlo,
    "onnx": export_onnx,  # last, since it takes more packages
}


def export(
    programs: list[Program],
    folder: epath.Path,
    batch_size: int = 0,
    kinds: Sequence[str] = (),
) -> dict[epath.Path, float]:
    """Writes programs in some formats of EXPORTS, and compares what they make with what JAX makes.

    Args:
      programs: with the inputs for the comparison.
      folder: for the files.
      batch_size: rows of the arrays of the programs; 0 for any number.
      kinds: the formats; none is all.

    Returns:
      The largest absolute difference of a number, by file.

    Raises:
      UserError: a number differs by 1e-3 or more, a file cannot be written,
        requirements-export.txt is not installed, or as in `export_onnx`.
    """
    differences = {}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for kind in kinds or EXPORTS:
            for program in programs:
                path = folder / f"{program.name}.{kind}"
                written = EXPORTS[kind](program, path, batch_size)
                difference = _compare(program, written, batch_size)
                if not difference < LARGEST_DIFFERENCE:
                    raise UserError(
                        f"{path} differs from JAX by up to {difference:.1e}; do not use it, and "
                        "report this"
                    )
                differences[path] = difference
    except ImportError as error:
        raise UserError(
            f"cannot write {path} ({error}); before it, {len(differences)} files were written. "
            "Run: pip install -r requirements-export.txt"
        ) from error
    except OSError as error:
        raise UserError(f"cannot write to --output={folder}: {error}") from error
    return differences


def _compare(program: Program, run: Run, batch_size: int) -> float:
    """The largest difference between what JAX and a written program make of the inputs."""
    arrays, wanted = list(program.inputs.values()), jax.jit(program.function)
    count, largest = len(arrays[0]), 0.0
    size = batch_size or count
    for start in range(0, count, size):
        rows = np.arange(start, start + size) % count  # the last batch has some once more
        some = [array[rows] for array in arrays]
        for made, true in zip(run(*some), wanted(*some), strict=True):
            largest = max(largest, float(np.abs(made - np.asarray(true)).max()))
    return largest
