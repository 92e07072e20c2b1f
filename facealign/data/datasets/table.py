"""All datasets by name. Every example has the features of `schema.features`."""

from collections.abc import Callable
from typing import Any

import tensorflow_datasets as tfds

from facealign.data.datasets import (
    boxed,
    cfp,
    cutouts,
    folder,
    heads,
    lfw,
    mugshots,
    orl_faces,
    polygons,
    round_trips,
)

# Name -> function of (config.data, data_dir) that creates the builder.
DATASETS: dict[str, Callable[[Any, str], tfds.core.DatasetBuilder]] = {
    "cfp": cfp.create_builder,
    "folder": folder.create_builder,
    "lfw": lfw.create_builder,
    "lfw-frontal": lfw.create_frontal_builder,
    "mugshots": mugshots.create_builder,
    "orl_faces": orl_faces.create_builder,
    "orl_faces-framed": orl_faces.create_framed_builder,
    "polygons": polygons.create_builder,
    **boxed.BUILDERS,  # NAME-boxed and pictures
    **cutouts.BUILDERS,  # mugshots-cutouts, lfw-outlines, cfp-outlines
    **heads.BUILDERS,  # NAME-heads and NAME-turned
    **round_trips.BUILDERS,  # NAME-roundtrips
}
