"""The report's second experiment, step 1: one encoder, a decoder for each domain, L1.

Variants: `:faithful` is the report's way: its rate, its decoder, which ends in ReLU, and photos as
they are.
"""

from ml_collections import ConfigDict

from configs import base


def get_config(variant: str = "") -> ConfigDict:
    config = base.get_config()
    config.run = ("reconstruction",)
    roles = ("encoder", "decoder_u", "decoder_r")
    config.stages.reconstruction = base.stage(
        "reconstruction", 1300, roles, 2e-4, reconstruction=1.0
    )
    config.model.output = base.choose(variant, {"": "tanh", "faithful": "relu"})
    if variant != "faithful":
        config.data.unrestricted, config.data.restricted = base.PHOTOS[variant]
        config.optimizer.schedule = "warm_cosine"
        config.stages.reconstruction.learning_rate = 1e-3
        config.stages.reconstruction.steps = 850
        config.optimizer.muon.update(dict.fromkeys(roles, 2.0))
        config.augment.flip = True
        config.augment.exchange = 1.0  # 28 people are few to learn faces from
        config.augment.contrast = 0.2
        config.augment.shift = 4
        config.augment.brightness = 0.1
    return config
