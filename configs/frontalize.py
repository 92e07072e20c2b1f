"""Frontalization: a generic 3D head turns frontal photos, and networks learn to turn them back.

By default on ORL, which needs no download: R are its near-frontal photos, turned in each step, U
all others, whose known yaws teach real poses. `:lfw`, as the weights that come with facealign: R
are near-frontal people of the news (half of the people of lfw) and mugshots, U the other half and
Celebrities in Frontal-Profile; the archives are in `config.data.manual_dir`. `:medium`, the
report's autoencoder on the pairs of `:lfw`; `:identity`, with a recognizer that is trained first
and checks if outputs are the same person.

`:lfw` takes 17 to 19 minutes on one core; weights/README.md has the steps of the shipped weights.
"""

from ml_collections import ConfigDict

from configs import base


def get_config(variant: str = "") -> ConfigDict:
    config = base.get_config()
    models = {"": "warp", "lfw": "warp", "medium": "medium", "identity": "warp"}
    config.model.name = base.choose(variant, models)
    archives = "lfw" if variant else ""
    config.data.unrestricted, config.data.restricted = base.PHOTOS[archives]
    config.data.uniform_yaw = True
    config.augment.brightness = 0.15
    config.augment.contrast = 0.2
    config.run = ("frontalize", "refine")
    config.stages.frontalize = base.stage(
        "frontalize", 1500, ("encoder", "decoder_r"), 4e-4, l1=1.0, gradient=0.0
    )
    config.stages.refine = base.stage(
        "frontalize",
        500,
        ("decoder_r", "discriminator"),
        2e-4,
        l1=1.0,
        gradient=0.0,
        adversarial=0.1,
        discriminator=1.0,
    )
    if config.model.name == "warp":  # others start gray, and gradient would keep them gray
        config.augment.light = 0.5
        config.stages.frontalize.loss_weights.update(
            gradient=1.0, pose=0.5, flow=0.01, blend=0.02, filling=0.05
        )
        config.stages.refine.loss_weights.update(
            gradient=0.5, facing=0.5, flow=0.01, blend=0.1, filling=0.1
        )
    config.stages.recognize = base.stage("recognize", 10000, ("recognizer",), 1e-3, margin=1.0)
    if variant == "identity":
        config.run = ("recognize", *config.run)
        config.stages.refine.loss_weights.identity = 0.3
    config.discriminator.name = "face"
    config.discriminator.r1_weight = 1.0
    config.discriminator.augment.brightness = 0.2
    config.discriminator.augment.contrast = 0.2
    config.discriminator.augment.shift = 4
    config.optimizer.schedule = "cosine"
    config.optimizer.ema_decay.encoder = 0.999
    config.optimizer.ema_decay.decoder_r = 0.999
    config.optimizer.ema_decay.recognizer = 0.999
    config.log_every = 50
    config.evaluate_every = 500
    config.checkpoint_every = 500
    config.best_metric = "l1/turned"
    if not variant:
        base.shorten(config, frontalize=500, refine=100)
    return config
