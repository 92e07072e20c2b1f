"""Triangles (domain U) and their mirror images (domain R), drawn with a seed."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import tensorflow_datasets as tfds
from PIL import Image, ImageDraw, ImageOps

from facealign import images
from facealign.data.datasets import schema
from facealign.errors import UserError

SUPERSAMPLING = 4  # edges are drawn at this many times the size and averaged down


def create_builder(data: Any, data_dir: str) -> "Polygons":
    """The builder for the image size, number of pairs and seed in `config.data`.

    Raises:
      UserError: `config.data.frame` is not "canonical".
    """
    if data.frame != "canonical":
        raise UserError(f"config.data.frame={data.frame!r}, but polygons have no other frame than "
                        "'canonical'; set it to that")  # fmt: skip
    config = PolygonsConfig(size=data.image_size, pairs=data.polygon_pairs, seed=data.polygon_seed)
    return Polygons(config=config, data_dir=data_dir, file_format="array_record")


def draw_vertices(rng: np.random.Generator) -> np.ndarray:
    """Corners [3, 2] of a triangle as (x, y) in [0, 1]; its area is over 1/12 of the image."""
    while True:
        vertices = rng.uniform(0.05, 0.95, (3, 2))
        (ax, ay), (bx, by) = vertices[1] - vertices[0], vertices[2] - vertices[0]
        if abs(ax * by - ay * bx) / 2 > 1 / 12:
            return vertices


def draw_polygon(vertices: np.ndarray, size: int) -> Image.Image:
    """A white polygon with corners [N, 2] as (x, y) in [0, 1] on black, size x size px, gray."""
    side = size * SUPERSAMPLING
    canvas = Image.new("L", (side, side))
    ImageDraw.Draw(canvas).polygon([tuple(v) for v in vertices * side], fill=255)
    return canvas.resize((size, size), Image.Resampling.BOX)


def mirror(vertices: np.ndarray) -> np.ndarray:
    """Corners [N, 2] as (x, y) in [0, 1], left and right exchanged."""
    return np.stack([1 - vertices[:, 0], vertices[:, 1]], axis=1)


class PolygonsConfig(tfds.core.BuilderConfig):
    """Size in px, number of pairs before the split, seed."""

    def __init__(self, size: int, pairs: int, seed: int):
        super().__init__(name=f"triangles_{size}px_{pairs}_seed{seed}", version="1.0.0")
        self.size, self.pairs, self.seed = size, pairs, seed


class Polygons(tfds.core.GeneratorBasedBuilder):
    """Two examples per pair, with the same `subject`."""

    VERSION = tfds.core.Version("1.0.0")
    BUILDER_CONFIGS = []  # noqa: RUF012 (any size can be asked for)

    def _info(self) -> tfds.core.DatasetInfo:
        return self.dataset_info_from_configs(
            description="Triangles and their mirror images.",
            features=schema.features(vertices=tfds.features.Tensor(shape=(3, 2), dtype=np.float32)),
        )

    def _split_generators(self, dl_manager: tfds.download.DownloadManager) -> dict[str, Iterator]:
        del dl_manager
        return {split: self._generate_examples(split) for split in schema.SPLITS}

    def _generate_examples(self, split: str) -> Iterator[tuple[str, dict[str, Any]]]:
        for index in range(self.builder_config.pairs):
            subject = f"triangle_{index:06d}"
            if schema.split_of(subject) != split:
                continue
            vertices = draw_vertices(np.random.default_rng((self.builder_config.seed, index)))
            drawn = draw_polygon(vertices, self.builder_config.size)
            for domain, image, corners in (
                ("unrestricted", drawn, vertices),
                ("restricted", ImageOps.mirror(drawn), mirror(vertices)),
            ):
                file_name = f"{subject}_{domain}.png"
                yield (
                    file_name,
                    {
                        "image": images.png_bytes(image),
                        "subject": subject,
                        "file_name": file_name,
                        "domain": domain,
                        "yaw": np.nan,
                        "pitch": np.nan,
                        "roll": np.nan,
                        "vertices": corners.astype(np.float32),
                    },
                )
