"""Completion: a network that mends portraits where the photo shows too little.

Frontal photos are turned away by their own 3D heads, found, read and turned back as any photo is;
the network learns from what went wrong. By default on ORL, which needs no download; `:lfw` on
archives in `config.data.manual_dir`, as the weights that come with facealign. ORL is gray, and so
is what it teaches. On two cores the round trips of the archives take up to fifty minutes, and
training 95 with `:lfw`.
"""

from ml_collections import ConfigDict

from configs import base

PHOTOS = {
    "": "orl_faces-roundtrips",
    "lfw": "lfw-roundtrips+mugshots-roundtrips",
}


def get_config(variant: str = "") -> ConfigDict:
    config = base.get_config()
    config.data.unrestricted = config.data.restricted = base.choose(variant, PHOTOS)
    config.data.paired = True
    config.data.channels = 3
    config.data.image_size = 256
    config.data.batch_size = 8
    config.augment.brightness = 0.1
    config.run = ("complete", "refine")
    config.stages.complete = base.stage(
        "complete", 3800, ("completion",), 1e-3, l1=1.0, gradient=0.5
    )
    config.stages.refine = base.stage(
        "complete",
        1000,
        ("completion", "discriminator"),
        3e-4,
        l1=1.0,
        gradient=0.5,
        adversarial=0.1,
        discriminator=1.0,
    )
    config.discriminator.name = "scales"
    config.discriminator.loss = "relative"
    config.discriminator.r1_weight = 20.0
    config.optimizer.b1 = 0.9
    config.optimizer.learning_rate_scale.discriminator = 3.0
    config.optimizer.schedule = "warm_cosine"
    config.optimizer.ema_decay.completion = 0.998
    config.log_every = 25
    config.evaluate_every = 250
    config.checkpoint_every = 250
    config.evaluate_examples = 96
    config.best_metric = "l1/near"
    if not variant:
        base.shorten(config, complete=200, refine=100)
    return config
