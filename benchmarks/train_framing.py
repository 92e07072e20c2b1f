"""Trains the network of `facealign/faces/framing.py`, for `benchmarks/framing.py --train=FILE`.

It sees photos in windows that are off, and says how a window has to move to have the face where
every prepared photo has it.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from known_frames import KINDS, Known
from safetensors.numpy import save_file

from facealign.faces import framing
from facealign.faces.numpy_cnn import Layer
from facealign.geometry import frame
from facealign.models.crop_regressor import CropRegressor

SHARES = (0.4, 0.25, 0.05, 0.3)  # of a batch
CANVAS = 160  # px: a photo around its face, as training keeps it, at half the canonical scale
AROUND = 96  # px of the canonical crop on every side of it that the canvas shows
POINTS = (frame.FIVE_POINTS + 0.5 + framing.MARGIN) * (  # in the window from -1 to 1
    2 / (frame.SIZE + 2 * framing.MARGIN)
) - 1
PX = frame.SIZE / 2 + framing.MARGIN  # of the crop to one unit of the window


def make_canvases(photos: Iterator[Known]) -> dict[str, np.ndarray]:
    """uint8 [N, 160, 160] of each kind."""
    canvases = {kind: [] for kind in KINDS}
    to_canvas = np.column_stack([np.eye(2) / 2, np.full(2, (AROUND + 0.5) / 2 - 0.5)])
    for photo in photos:
        matrix = frame.compose(to_canvas, photo.matrix)
        canvases[photo.kind].append(frame.crop(photo.photo, matrix, CANVAS)[:, :, 0])
    return {kind: np.stack(images) for kind, images in canvases.items()}


def random_movement(key: jax.Array) -> jax.Array:
    """The numbers [4] of `framing.correction` by which a window is off; two in five a little."""
    keys = jax.random.split(key, 4)
    amount = jnp.where(jax.random.bernoulli(keys[0], 0.4), 0.25, 1.0)
    size = jnp.exp(amount * 0.2 * jax.random.normal(keys[1]).clip(-2, 2))
    angle = amount * jnp.deg2rad(18) * jax.random.normal(keys[2]).clip(-2.5, 2.5)
    shift = amount * 0.14 * jax.random.normal(keys[3], (2,)).clip(-2.5, 2.5)
    return jnp.array([size * jnp.cos(angle) - 1, size * jnp.sin(angle), *shift])


def move(numbers: jax.Array, points: jax.Array) -> jax.Array:
    """Points [N, 2] through `framing.correction`."""
    real, imaginary, right, down = numbers
    x, y = points.T
    real = 1 + real
    return jnp.stack([real * x - imaginary * y + right, imaginary * x + real * y + down], axis=1)


def move_back(numbers: jax.Array, points: jax.Array) -> jax.Array:
    """The inverse of `move`."""
    x, y = (points - numbers[2:]).T
    real, imaginary = 1 + numbers[0], numbers[1]
    size = real**2 + imaginary**2
    return jnp.stack([real * x + imaginary * y, real * y - imaginary * x], axis=1) / size


def draw_window(canvas: jax.Array, numbers: jax.Array, key: jax.Array) -> jax.Array:
    """What the network sees [64, 64, 1] of a canvas [160, 160] in a window that is off."""
    keys = jax.random.split(key, 5)
    line = (jnp.arange(framing.SIDE) + 0.5) * 2 / framing.SIDE - 1
    grid = jnp.stack(jnp.meshgrid(line, line), axis=-1).reshape(-1, 2)
    at = (move(numbers, grid) * PX + frame.SIZE / 2 + AROUND) / 2 - 0.5
    # Some photos end close to the face.
    far = jnp.where(jax.random.bernoulli(keys[0], 0.3), jax.random.uniform(keys[1], (4,)), 1.0)
    low, high = 44 - 44 * far[:2], 116 + 43 * far[2:]
    at = at.clip(low, high)
    mirrored = jax.random.bernoulli(keys[2])
    at = at.at[:, 0].set(jnp.where(mirrored, CANVAS - 1 - at[:, 0], at[:, 0]))
    pixels = jax.scipy.ndimage.map_coordinates(
        canvas.astype(jnp.float32), [at[:, 1], at[:, 0]], order=1, mode="nearest"
    )
    image = pixels.reshape(framing.SIDE, framing.SIDE) / 127.5 - 1
    return _disturb(image, keys[3])[:, :, None]


def _disturb(image: jax.Array, key: jax.Array) -> jax.Array:
    """Other light, blur, noise, and something before the face."""
    keys = jax.random.split(key, 8)
    image = image * jnp.exp(0.3 * jax.random.normal(keys[0])) + 0.25 * jax.random.normal(keys[1])
    side = image.shape[0]
    small = jax.image.resize(image, (side // 2, side // 2), "linear")
    blurred = jax.image.resize(small, image.shape, "linear")
    image = jnp.where(jax.random.bernoulli(keys[2], 0.25), blurred, image)
    centre = jax.random.uniform(keys[3], (2,), minval=0, maxval=side)
    reach = jax.random.uniform(keys[4], (2,), minval=2, maxval=side / 5)
    rows, columns = jnp.indices(image.shape)
    inside = (jnp.abs(rows - centre[0]) < reach[0]) & (jnp.abs(columns - centre[1]) < reach[1])
    hidden = jax.random.bernoulli(keys[5], 0.3) & inside
    image = jnp.where(hidden, jax.random.uniform(keys[6], minval=-1), image)
    noise = 0.08 * jax.random.uniform(keys[7])
    return (image + noise * jax.random.normal(keys[7], image.shape)).clip(-1, 1)


def distance(numbers: jax.Array, wanted: jax.Array) -> jax.Array:
    """[B] mean distance of the five points from where they belong, in px of the canonical crop."""
    points = jnp.asarray(POINTS)
    seen = jax.vmap(lambda one: move_back(one, points))(wanted)
    return PX * jnp.linalg.norm(jax.vmap(move)(numbers, seen) - points + 1e-6, axis=-1).mean(-1)


def train(canvases: dict[str, np.ndarray], steps: int, batch: int, seed: int) -> Any:
    """The parameters of a `CropRegressor`, averaged over the last steps."""
    model, optimizer = CropRegressor(), optax.adam(optax.cosine_decay_schedule(2e-3, steps))
    images, kinds = np.concatenate([canvases[kind] for kind in KINDS]), np.array(SHARES)
    chance = np.concatenate(
        [np.full(len(canvases[k]), s / len(canvases[k])) for k, s in zip(KINDS, kinds, strict=True)]
    )
    params = model.init(jax.random.key(seed), jnp.zeros((1, framing.SIDE, framing.SIDE, 1)))
    params, generator = params["params"], np.random.default_rng(seed)

    @jax.jit
    def step(params: Any, average: Any, state: Any, chosen: jax.Array, key: jax.Array) -> tuple:
        first, second = (jax.random.split(k, len(chosen)) for k in jax.random.split(key))
        numbers = jax.vmap(random_movement)(first)
        windows = jax.vmap(draw_window)(chosen, numbers, second)

        def loss_fn(params: Any) -> jax.Array:
            return distance(model.apply({"params": params}, windows), numbers).mean()

        loss, gradients = jax.value_and_grad(loss_fn)(params)
        updates, state = optimizer.update(gradients, state)
        params = optax.apply_updates(params, updates)
        return params, optax.incremental_update(params, average, 0.002), state, loss

    state, average, losses = optimizer.init(params), params, []
    for number in range(steps):
        chosen = images[generator.choice(len(images), batch, p=chance)]
        key = jax.random.fold_in(jax.random.key(seed), number)
        params, average, state, loss = step(params, average, state, chosen, key)
        losses.append(float(loss))
        if number % 100 == 99:
            print(f"step {number + 1}: {np.mean(losses[-100:]):.2f} px", flush=True)
    return average


def to_layers(params: Any) -> list[Layer]:
    """The parameters of a `CropRegressor` for `framing.find_frame`."""
    return [
        Layer(*(np.asarray(params[str(number)][part]) for part in ("kernel", "bias")), stride)
        for number, stride in enumerate(framing.STRIDES)
    ]


def save(layers: list[Layer], path: Path) -> None:
    """As `framing.load_framing` reads it."""
    arrays = {
        f"{number}/{part}": np.ascontiguousarray(getattr(layer, part), np.float16)
        for number, layer in enumerate(layers)
        for part in ("kernel", "bias")
    }
    save_file(arrays, path)
