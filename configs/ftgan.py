"""FT-GAN, which the report cites: a coarse change of pose, then a refinement with landmarks.

Trains on turned pairs, as `configs/frontalize.py`. There the 3D head knows the landmarks of each
turned photo, so that none have to be found. Zhuang et al. 2019. Variant `:lfw` as there.
"""

from ml_collections import ConfigDict

from configs import base, frontalize


def get_config(variant: str = "") -> ConfigDict:
    config = frontalize.get_config("medium")
    config.data.unrestricted, config.data.restricted = base.choose(variant, base.PHOTOS)
    config.model.name = "ftgan"
    config.run = ("coarse", "refine")
    config.stages.coarse = base.stage(
        "frontalize", 300, ("encoder",), 4e-4, l1=1.0, gradient=0.0, landmarks=0.02
    )
    config.stages.refine.loss_weights.landmarks = 0.02
    base.shorten(config, refine=200)
    return config
