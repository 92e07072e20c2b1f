"""The stacked hourglass on turned pairs; the report gave it up because of its cost.

As `configs/frontalize.py:medium` with another network: `--config.model.stacks=1`, 2 or 4.
Variant `:lfw` has the photos of that config.
"""

from ml_collections import ConfigDict

from configs import base, frontalize


def get_config(variant: str = "") -> ConfigDict:
    config = frontalize.get_config("medium")
    config.data.unrestricted, config.data.restricted = base.choose(variant, base.PHOTOS)
    config.model.name = "hourglass"
    config.run = ("frontalize",)
    config.stages.frontalize.steps = 800
    config.log_every, config.evaluate_every, config.checkpoint_every = 10, 200, 200
    return config
