"""AttGAN, which the report cites, with the yaw of the head as the attribute.

He et al. 2019, https://arxiv.org/abs/1711.10678, with the weights of its code. A decoder is asked
for one of nine yaws; in use for the frontal one, and `benchmarks/pose_strip.py` asks for others.
Where AttGAN has five steps of the critic for one of the generator, this has one. Variant `:lfw`:
people of the news, celebrities and mugshots, in `config.data.manual_dir`, whose yaw is measured
when they are prepared (needs requirements-faces.txt).
"""

from ml_collections import ConfigDict

from configs import base


def get_config(variant: str = "") -> ConfigDict:
    config = base.get_config()
    config.data.unrestricted, config.data.restricted = base.choose(variant, base.PHOTOS)
    config.data.faces = base.choose(variant, {"": "known", "lfw": "detect"})
    config.data.uniform_yaw = True
    config.augment.shift = 4
    config.augment.brightness = 0.1
    config.model.name = "attribute"
    config.discriminator.name = "attribute"
    config.discriminator.loss = "wasserstein"
    config.discriminator.gp_weight = 10.0
    config.run = ("attribute",)
    config.stages.attribute = base.stage(
        "attribute",
        450,
        ("encoder", "decoder_r", "discriminator"),
        2e-4,
        reconstruction=100.0,
        adversarial=1.0,
        discriminator=1.0,
        attribute_fake=10.0,
        attribute_real=1.0,
    )
    return config
