"""CycleGAN, which the report cites: photos of U become photos of R and come back, and the reverse.

Zhu et al. 2017, https://arxiv.org/abs/1703.10593, with the weights, pool and decay of its code. A
translator is a medium encoder and decoder of the report, instead of CycleGAN's residual blocks.
Variant `:lfw`: people of the news, celebrities and mugshots, in `config.data.manual_dir`.
"""

from ml_collections import ConfigDict

from configs import base


def get_config(variant: str = "") -> ConfigDict:
    config = base.get_config()
    config.data.unrestricted, config.data.restricted = base.choose(variant, base.PHOTOS)
    config.augment.flip = True
    config.augment.shift = 4
    config.discriminator.loss = "least_squares"
    config.optimizer.schedule = "late_linear"
    config.run = ("cycle",)
    config.stages.cycle = base.stage(
        "cycle",
        400,
        base.ROLES[: base.ROLES.index("recognizer")],
        2e-4,
        cycle=10.0,
        reconstruction=5.0,  # CycleGAN's identity loss: half the weight of cycle
        adversarial=1.0,
        discriminator=1.0,
    )
    return config
