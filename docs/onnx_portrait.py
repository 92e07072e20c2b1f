"""A frontal portrait of the largest face in a photo, with onnxruntime, NumPy and Pillow alone.

    python docs/onnx_portrait.py PHOTO OUT.png --programs=FOLDER

FOLDER is what `launch.py --mode=export` writes. The way and its constants are those of
`launch.py --mode=align`, for heads up to 45 degrees aside. Left out: the photo has to stand, the
scene follows no outline, backgrounds stay, the matte is coarse, sides meet point by point, without
seams. Places are x + y i in px; lengths are in cm.
"""

import argparse
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

import numpy as np
import onnxruntime
from numpy import ndarray as Array
from PIL import Image, ImageOps

# px of the frame in which all is laid out, of what reader and matte see, and of the detector
GRID, SEEN, FOUND = 256, 128, 512
PIXELS = np.arange(GRID) + 1j * np.arange(GRID)[:, None]
HALF = 0.5 + 0.5j  # from the corner of an image to the centre of its first pixel
# Where eyes, nose tip and corners of the mouth are in the frame, which is 33 cm wide.
FIVE = np.array([104.9 + 109.3j, 152.2 + 108.6j, 128.9 + 135.1j, 108.3 + 159.7j, 150.7 + 159.1j])
FACE, SKULL, NECK, MOUTH = range(4)  # parts of the head, before teeth and eyes; -1 is beside it
DISTANCE, LIKELY = 120.0, 0.55  # from the camera to the head; least likeness of a face


class Camera(NamedTuple):
    """How a head stands in an image: its rotation, px a cm, and the place of its origin."""

    rotation: Array  # [3, 3]
    scale: float = 1.0
    shift: complex = 0.0

    def project(self, points: Any) -> tuple[Array, Array]:
        """Places, and depths, of points [N, 3] of the head."""
        x, y, z = self.rotation @ np.transpose(points)
        return self.scale * (x + 1j * y) / (1 - z / DISTANCE) + self.shift, z


def load_head(path: Path) -> Any:
    """The head's arrays by name; `points` are its mean and its modes, with 68 landmarks behind."""
    return SimpleNamespace(**np.load(path))


def ramp(values: Any, start: float, stop: float) -> Any:
    """A smooth step from 0 at the start to 1 at the stop."""
    t = np.clip((values - start) / (stop - start), 0, 1)
    return t * t * (3 - 2 * t)


def sample(image: Array, places: Array) -> Array:
    """An image [H, W, C] at places, linear; beyond its border that is repeated."""
    height, width = image.shape[:2]
    x, y = places.real.clip(0, width - 1), places.imag.clip(0, height - 1)
    column, row = x.astype(int).clip(0, width - 2), y.astype(int).clip(0, height - 2)
    x, y = (x - column)[..., None], (y - row)[..., None]
    upper, lower = (image[r, column] * (1 - x) + image[r, column + 1] * x for r in (row, row + 1))
    return upper * (1 - y) + lower * y


def look_up(photo: Image.Image, places: Array, detail: float) -> Array:
    """The colours of a photo, which is made so many times as large before."""
    pixels = np.asarray(ImageOps.scale(photo, detail), np.float32)
    return sample(pixels, (places + HALF) * pixels.shape[1] / photo.width - HALF)


def find(detector: Any, photo: Image.Image) -> tuple[complex, float]:
    """The centre and the side of a large and likely face."""
    small = ImageOps.contain(photo.convert("L"), (FOUND - 32,) * 2, Image.Resampling.BILINEAR)
    ends = [(16, FOUND - 16 - length) for length in small.size[::-1]]
    seen = np.pad(np.asarray(small, np.float32), ends, "edge")[None, ..., None] / 127.5 - 1
    likeness, x, y, sides, *_ = detector.run(None, {"photos": seen})[0][0].T
    sides, zoom = sides * (likeness > LIKELY), max(photo.size) / (FOUND - 32)
    best = np.argmax(likeness * sides)
    if not sides[best]:
        raise SystemExit("no face was found")
    return zoom * (FOUND * complex(x[best], y[best]) - 32 * HALF), zoom * FOUND * sides[best]


def ask(program: Any, photo: Image.Image, camera: Camera, width: float) -> tuple:
    """What a network says of the upright window around a head; before, what brings places there."""
    down, middle = complex(*camera.rotation[:2, 1]), camera.project([[0, 1.8, 9.5]])[0][0]
    turn = SEEN / width / camera.scale * 1j / down * abs(down)
    shift = (SEEN - 1) * HALF - turn * middle
    seen = look_up(photo, (PIXELS[:SEEN, :SEEN] - shift) / turn, 2 * abs(turn))
    said = program.run(None, {"windows": np.float32(seen[None] / 127.5 - 1)})
    return turn, shift, *(each[0] for each in said)


def read(reader: Any, photo: Image.Image, camera: Camera, head: Any) -> tuple[Camera, Array, float]:
    """Camera and points of a head, and how far landmarks may be off, in px of a crop of 128 px."""
    points, (count, rest) = head.points[:, -68:], head.modes
    for _ in range(2):
        turn, shift, places, spread, rotation, *coefficients = ask(reader, photo, camera, 22)
        places = ((places @ (1, 1j) + 2 * HALF) * SEEN / 2 - HALF - shift) / turn
        lean = (rotation[0] + 1j * rotation[1]) * abs(turn) / turn
        camera = Camera(np.stack([lean.real, lean.imag, rotation[2]]))
        x = np.concatenate([np.zeros(3), *coefficients, np.zeros(3)])
        flat, _ = camera.project(np.tensordot([1, *x[3:-3]], points, 1))
        share = np.exp(-spread) / np.exp(-spread).sum()
        away = flat - share @ flat
        scale = np.vdot(away, share * places).real / np.vdot(away, share * away).real
        camera = start = Camera(camera.rotation, scale, share @ (places - scale * flat))
    # Gauss-Newton over turn, coefficients, scale and shift, with ridges by their deviations.
    deviations = np.radians([90, 1.5, 90]), [1] * count, [0.42] * rest, [1e3] * 3
    ridge, spread = np.concatenate(deviations) ** -2.0, SEEN * np.exp(spread) / abs(turn)
    for _ in range(6):
        solid = np.tensordot([1, *x[3:-3]], points, 1)
        flat, z = Camera(camera.rotation).project(solid)
        miss = (places - camera.shift) / camera.scale - flat
        moves = np.concatenate([np.cross(np.eye(3)[:, None], solid), points[1:]])
        moves = moves @ camera.rotation.T / (1 - z / DISTANCE)[:, None]
        moves = moves @ (1, 1j, 0) + flat * moves[..., 2] / DISTANCE
        sure = np.clip(0.4 * start.scale / spread, 0.02, 2) / 0.3
        sure *= np.sqrt(np.minimum(1, 0.8 / (abs(miss) * sure)))  # Huber's cost
        slopes = np.concatenate([moves, [flat, flat * 0 + 1, flat * 0 + 1j]]) * sure
        square = (slopes.conj() @ slopes.T).real + np.diag(ridge)
        x += np.linalg.solve(square, (slopes.conj() @ (miss * sure)).real - ridge * x)
        x[3 + count : -3] = x[3 + count : -3].clip(-0.05, 1)
        across = np.cross(np.eye(3), x[:3] / 2)
        rotation = start.rotation @ np.linalg.solve(np.eye(3) - across, np.eye(3) + across)
        shift = start.shift + start.scale * complex(*x[-2:])
        camera = Camera(rotation, start.scale * np.exp(x[-3]), shift)
    points = np.tensordot([1, *x[3:-3]], head.points, 1)
    return camera, points, spread.mean() * 128 / 18 / camera.scale


def blur(image: Array, deviation: float) -> Array:
    """An image [H, H, ...], smoothed by a Gaussian."""
    away = np.arange(len(image)) - np.arange(len(image))[:, None]
    matrix = np.exp(-0.5 * (away / deviation) ** 2)
    matrix /= matrix.sum(axis=1, keepdims=True)
    return np.einsum("ij,jk...,lk->il...", matrix, image, matrix, optimize=True)


def fill(values: Array, weights: Array) -> Array:
    """Values [H, H, C] where weights [H, H] are 1; where they are 0, what is around; push-pull."""
    count, weights = len(values) // 2, weights[..., None]
    if not count:
        return values
    both = np.concatenate([values * weights, weights], axis=-1)
    both = both.reshape(count, 2, count, 2, -1).mean(axis=(1, 3))
    coarse = fill(both[..., :-1] / (both[..., -1:] + 1e-9), both[..., -1].real)
    coarse = sample(coarse, (PIXELS[: 2 * count, : 2 * count] + HALF) / 2 - HALF)
    return coarse + (values - coarse) * weights


def draw(places: Array, z: Array, triangles: Array) -> tuple[Array, Array, Array]:
    """The nearest triangle at each pixel of GRID, or -1; shares of its corners; its depth."""
    x, y = places[triangles].real, places[triangles].imag
    left, top = (np.ceil(axis.min(axis=1)).clip(0).astype(int) for axis in (x, y))
    right, bottom = (np.floor(axis.max(axis=1) + 1).clip(0, GRID).astype(int) for axis in (x, y))
    count = (right - left).clip(0) * (bottom - top).clip(0)
    t = np.repeat(np.arange(len(x)), count)  # the triangle of each pixel of each box
    number = np.arange(len(t)) - np.repeat(np.cumsum(count) - count, count)
    column, row = left[t] + number % (right - left)[t], top[t] + number // (right - left)[t]
    corners = places[triangles[t]] - (column + 1j * row)[:, None]
    area = (np.roll(corners, -1, axis=1).conj() * np.roll(corners, -2, axis=1)).imag
    drawn = (area <= 1e-9).all(axis=1) & (area.sum(axis=1) < -1e-9)  # from outside
    t, row, column, share = (each[drawn] for each in (t, row, column, area))
    share /= share.sum(axis=1, keepdims=True)
    level = (share * z[triangles[t]]).sum(axis=1)
    order = np.argsort(level)  # the nearest is written last
    triangle, depth = np.full((GRID, GRID), -1), np.full((GRID, GRID), -np.inf)
    shares, to = np.zeros((GRID, GRID, 3)), (row[order], column[order])
    triangle[to], shares[to], depth[to] = t[order], share[order], level[order]
    return triangle, shares, depth


def lay_out(head: Any, points: Array, size: tuple, old: Camera, new: Camera, matte: tuple) -> tuple:
    """Own and other places and shares, [GRID, GRID, 4], and maps, by cameras of photo, portrait."""
    triangles = head.triangles[
        (head.points[0, head.triangles, 1] < 12.5).all(axis=1)
    ]  # no lower neck
    a, b, c = points[triangles].swapaxes(0, 1)
    normals = np.cross(c - a, b - a)
    normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-9)
    down, (seen, z) = complex(*old.rotation[:2, 1]), old.project(points)
    turn = down / 1j / abs(down) * old.scale / new.scale
    here, there = (each.project([[0, 2.5, 2]])[0][0] for each in (new, old))
    depth = draw((seen - there) / turn + here, z, triangles)[2]
    still = turn * (PIXELS - here) + there  # the upright photo
    # Where the portrait's pixels are in the photo, and how well it shows them.
    triangle, shares, _ = draw(*new.project(points), triangles)
    surface, part = triangle >= 0, np.where(triangle < 0, -1, head.part[triangles[triangle, 0]])
    own, z = ((values[triangles[triangle]] * shares).sum(axis=-1) for values in (seen, z))
    place = (own - there) / turn + here
    x, y = (axis.astype(int).clip(0, GRID - 2) for axis in (place.real, place.imag))
    nearest = np.min([depth[y + i, x + j] for i in (0, 1) for j in (0, 1)], axis=0)
    facing, needed = normals[triangle] @ old.rotation[2] * surface, normals[triangle, 2]
    weight = np.maximum(part >= MOUTH, ramp(facing / needed.clip(0.12), 0.38, 0.65)) * surface
    weight *= nearest <= z + np.take((0.45, 1.2, 0.45, 99, 99, 1.2), part)  # cm, by part
    # Beside the head the scene stands still; next to it, and at its rim, displacements fade.
    height, turned = (109 - PIXELS.imag) / new.scale, ramp(old.rotation[2, 2], 0.9976, 0.9781)
    near = blur(surface * 1.0, 1.5 * new.scale)  # 0.5 at the outline, more inside
    sure = ramp(facing, 0.2, 0.5) * (weight > 0) * (part != MOUTH)
    sure, shift = np.where(surface, sure, ramp(near, 0.37, 0.05)), np.where(surface, own - still, 0)
    own = still + turned * fill(shift[..., None], sure)[..., 0]
    ends = own.real, own.imag, size[0] - 1 - own.real, size[1] - 1 - own.imag
    held = ramp(np.min(ends, axis=0) / max(2, 0.02 * min(size)), -0.5, 1.5)
    person = sample(1.2 * matte[2][..., None] - 0.1, own * matte[0] + matte[1])[..., 0].clip(0, 1)
    # What is hidden is smeared at the rim and in the hair; elsewhere it is mirrored.
    shown = blur(weight * held, 0.19 * new.scale) * surface
    smeared = np.maximum(ramp(near, 0.9, 0.7), (part == SKULL) * ramp(height, -1, 1))
    smeared *= 1 - ramp(person, 0.65, 0.45) * ramp(height, -8, -5)
    weight = blur(held * np.where(surface, np.maximum(shown, smeared), 1), 1)
    weight = 1 - turned * (1 - weight)
    both = np.stack([own, shown], axis=-1)
    other, rest = np.moveaxis(sample(both, 2 * new.shift.real - PIXELS.conj()), -1, 0)
    rest = rest.real * (1 - weight)
    known = np.minimum(1, 2 * (weight + rest)) ** 2 / (weight + rest + 1e-6)
    maps = [known * weight, known * rest, (part == FACE) | (part >= MOUTH), ramp(near, 0.05, 0.5)]
    maps = np.stack([*maps, facing, person, held], axis=-1).clip(0, 1)
    return np.stack([own, other, *np.moveaxis(maps[..., :2], -1, 0)], axis=-1), maps, turned


def blend(photo: Image.Image, detail: float, layers: Array) -> Array:
    """Colours, by places of own and other, their shares, light and what is filled in, [..., 10]."""
    own, other = (look_up(photo, layers[..., place], detail) for place in (0, 1))
    first, second, light, filled = np.split(layers[..., 2:].real, (1, 2, 5), axis=-1)
    other = ((other + 8) * light - 8).clip(0, 255)
    return own * first + other * second + filled * (1 - first - second)


def choose_window(held: Array) -> tuple[int, int, int]:
    """Left, top and side of the largest square from brows to chin that the photo fills."""
    for side in 2 * np.rint(np.linspace(128, 66, 48)).astype(int):
        left, tops = (GRID - side) // 4 * 2, range(max(0, 198 - side), min(GRID - side, 76) + 1, 2)
        for _, top in sorted((abs(top - 0.2 * (GRID - side)), top) for top in tops):
            if held[top : top + side : 2, left : left + side : 2].mean() >= 0.995:
                return left, top, side
    return left, top, side


def make_portrait(photo: Image.Image, programs: Any, head: Any, size: int) -> Image.Image:
    """The portrait of the largest face in a colour photo, by sessions of programs."""
    middle, side = find(programs["detector"], photo)
    (x, y), far, scale = (middle.real, middle.imag), 1.8 * side, 1.6 * side / 22
    edges = np.clip((x - far, y - far, x + far, y + far), 0, photo.size * 2).astype(int).tolist()
    photo, start = photo.crop(edges), complex(x - edges[0], y - edges[1]) - HALF - 1.95j * scale
    old, points, doubt = read(programs["reader"], photo, Camera(np.eye(3), scale, start), head)
    yaw = np.degrees(np.arcsin(np.clip(-old.rotation[2, 0], -1, 1)))
    if not doubt < np.interp(abs(yaw), (30, 60), (3.2, 6)) or old.scale < 3.3:
        raise SystemExit("the face is covered, tiny, or none")
    flat = Camera(np.eye(3)).project(points[-68:])[0]
    five = np.array([flat[36:42].mean(), flat[42:48].mean(), *flat[[30, 48, 54]]])
    away = five - five.mean()
    scale = np.vdot(away, FIVE).real / np.vdot(away, away).real
    new = Camera(np.eye(3), scale, (FIVE - scale * five).mean())
    matte = ask(programs["matte"], photo, old, 40)
    places, maps, turned = lay_out(head, points, photo.size, old, new, matte)
    # Light: how much brighter own pixels are than their mirror images, where both are shown.
    detail, both = scale / old.scale, maps[..., 2] * maps[..., 0] * maps[:, ::-1, 0]
    own, other = (look_up(photo, places[..., each], detail) for each in (0, 1))
    light = blur(fill(np.log((own + 8) / (other + 8)).clip(-1.2, 1.2), both), 1.3 * scale)
    light = np.exp(light * (1 - ramp(abs(yaw), 28, 48)))
    layers, known = np.concatenate([places, light, 0 * light], axis=-1), maps[..., :2].sum(axis=-1)
    layers[..., 7:] = fill(blend(photo, detail, layers) / (known[..., None] + 1e-6), known)
    left, top, side = choose_window(maps[..., 6])
    pixels = np.arange(size) + 1j * np.arange(size)[:, None]
    pixels = (pixels + HALF) * side / size - HALF + left + 1j * top
    image = blend(photo, detail * size / side, sample(layers, pixels))
    if "completion" in programs:
        coarse = blend(photo, detail, layers)
        seen = np.float32(coarse.clip(0, 255))[None] / 127.5 - 1
        small = np.float32(maps.reshape(1, SEEN, 2, SEEN, 2, 7).mean(axis=(2, 4)))
        inputs = {"portraits": seen, "maps": small, "yaw": np.float32([yaw])}
        added = programs["completion"].run(None, inputs)[0][0] * 127.5 * turned
        fade = ramp(blur(abs(added).mean(axis=-1, keepdims=True), 2), 8, 32)
        more = sample(np.concatenate([blur(coarse, 1.25) * fade + added, fade], axis=-1), pixels)
        image = image * (1 - more[..., 3:]) + more[..., :3]
    return Image.fromarray(np.rint(image.clip(0, 255)).astype(np.uint8))


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("photo", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--programs", type=Path, required=True, help="folder of --mode=export")
    parser.add_argument("--size", type=int, default=512, help="px of the portrait")
    args = parser.parse_args()
    mended = (args.programs / "completion.onnx").exists()
    try:
        photo = ImageOps.exif_transpose(Image.open(args.photo)).convert("RGB")
        head = load_head(args.programs / "head.npz")
        names = ["detector", "reader", "matte"] + ["completion"] * mended
        programs = {n: onnxruntime.InferenceSession(args.programs / f"{n}.onnx") for n in names}
        make_portrait(photo, programs, head, args.size).save(args.out)
    except Exception as error:
        raise SystemExit(f"{type(error).__name__}: {error}".splitlines()[0]) from error
    if not mended:
        print(f"{args.programs} has no completion.onnx: nothing mended the portrait")


if __name__ == "__main__":
    main()
