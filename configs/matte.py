"""The matte: a network that tells the person in a photo from what is behind.

No one labels anything. It learns from portraits whose plain background can be taken away, set
before other backgrounds, and from photos in which the fitted head tells a part. By default on ORL,
which needs no download but has no plain backgrounds, so that it teaches little of hair; `:lfw` on
archives in `config.data.manual_dir`, as the weights that come with facealign.
"""

from ml_collections import ConfigDict

from configs import base

PHOTOS = {  # of U and R
    "": ("orl_faces-outlines", "orl_faces-cutouts"),
    "lfw": ("lfw-outlines+cfp-outlines", "mugshots-cutouts"),
}


def get_config(variant: str = "") -> ConfigDict:
    config = base.get_config()
    config.data.unrestricted, config.data.restricted = base.choose(variant, PHOTOS)
    config.data.channels = 3
    config.data.image_size = 160  # px: of photos, which are wider than the matte's windows
    config.data.uniform_yaw = True
    config.run = ("cut_out",)
    config.stages.cut_out = base.stage(
        "cut_out", 1500, ("matte",), 1e-3, composed=1.0, outlines=0.5
    )
    config.optimizer.b1 = 0.9
    config.optimizer.schedule = "cosine"
    config.optimizer.ema_decay.matte = 0.998
    config.log_every = 50
    config.evaluate_every = 250
    config.checkpoint_every = 250
    config.evaluate_examples = 128
    config.best_metric = "error/composed"
    if not variant:
        base.shorten(config, cut_out=300)
    return config
