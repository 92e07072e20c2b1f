"""The report's second experiment, step 1: one encoder, a decoder for each domain, L1.

Variants: `:faithful` ends in ReLU, as the report's decoder does.
"""

from ml_collections import ConfigDict

from configs import base


def get_config(variant: str = "") -> ConfigDict:
    config = base.get_config()
    roles = ("encoder", "decoder_u", "decoder_r")
    config.run = ("reconstruction",)
    config.stages.reconstruction = base.stage(
        "reconstruction", 1300, roles, 2e-4, reconstruction=1.0
    )
    config.model.output = base.choose(variant, {"": "tanh", "faithful": "relu"})
    if variant == "faithful":
        return config
    # Statistics of a batch of 8 faces are noise, in which fine detail drowns. So most steps are
    # those of `settle`, which keeps the running ones.
    config.run = ("reconstruction", "settle")
    config.stages.reconstruction.update(steps=300, learning_rate=1e-3)
    config.stages.settle = base.stage("reconstruction", 1700, roles, 1e-3, reconstruction=1.0)
    config.model.keep_statistics = ("settle",)
    config.optimizer.schedule = "warm_cosine"
    config.data.unrestricted, config.data.restricted = base.PHOTOS[""]
    config.data.batch_size = 8
    config.augment.flip = True  # 28 people are few to learn faces from
    config.augment.shift = 4
    config.augment.brightness = 0.1
    config.augment.contrast = 0.2
    config.augment.mix = 0.5
    return config
