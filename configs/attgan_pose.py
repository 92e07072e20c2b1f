"""AttGAN, which the report cites, with the yaw of the head as the attribute.

He et al. 2019, https://arxiv.org/abs/1711.10678, with the weights of its code. The decoder gets
one of nine yaws: in use the frontal one, in `benchmarks/pose_strip.py` others. AttGAN makes five
critic steps per generator step, this makes one. Variant `:lfw`: people of the news, celebrities and
mugshots, in `config.data.manual_dir`; their yaw is measured during preparation (needs
requirements-faces.txt).
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
