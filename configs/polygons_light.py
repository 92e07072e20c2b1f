"""The report's first experiment: triangles and their mirror images, light network.

An encoder trained on reconstruction is frozen; a new decoder on its codes learns to mirror.

Variants: `:faithful` uses the report's learning rate, which makes the output all black.
"""

from ml_collections import ConfigDict

from configs import base


def get_config(variant: str = "") -> ConfigDict:
    config = base.get_config()
    learning_rate = base.choose(variant, {"": 1e-3, "faithful": 1e-2})
    config.data.unrestricted = "polygons"
    config.data.restricted = "polygons"
    config.data.paired = True
    config.data.batch_size = 32
    config.model.name = "light"
    config.optimizer.schedule = "linear"
    config.run = ("reconstruction", "mirror")
    config.stages.reconstruction = base.stage(
        "reconstruction", 1500, ("encoder", "decoder_u"), learning_rate, reconstruction=1.0
    )
    config.stages.mirror = base.stage("paired", 1500, ("decoder_r",), learning_rate, paired=1.0)
    config.best_metric = "l1/swap"
    config.log_every = 25
    config.evaluate_every = 250
    config.checkpoint_every = 500
    return config
