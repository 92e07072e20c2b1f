"""The detector: a network that finds faces of any size, pose and roll, and one that verifies them.

They learn on canvases composed of photos in which the face is known, of the same photos with the
face painted over, and of pictures without people. By default of ORL, which needs no download;
`:lfw` of the archives in `config.data.manual_dir` and of the folder `pictures` there, as the
weights that come with facealign.
"""

from ml_collections import ConfigDict

from configs import base

PHOTOS = {"": "orl_faces-boxed", "lfw": "lfw-boxed+cfp-boxed+mugshots-boxed"}
PICTURES = {"": "", "lfw": "+pictures"}


def get_config(variant: str = "") -> ConfigDict:
    config = base.get_config()
    config.data.unrestricted = base.choose(variant, PHOTOS)
    config.data.restricted = config.data.unrestricted + PICTURES[variant]
    config.data.image_size = 256
    config.data.batch_size = 16
    config.run = ("detect", "verify")
    config.stages.detect = base.stage(
        "detect", 5000, ("detector",), 2e-3, found=1.0, placed=0.2, upright=0.3
    )
    config.stages.verify = base.stage("verify", 3000, ("verifier",), 2e-3, verified=1.0)
    config.optimizer.b1 = 0.9
    config.optimizer.b2 = 0.99  # first gradients, of thousands of cells without faces, are huge
    config.optimizer.schedule = "warm_cosine"
    config.optimizer.ema_decay.detector = config.optimizer.ema_decay.verifier = 0.998
    config.log_every = 50
    config.evaluate_every = 500
    config.checkpoint_every = 500
    config.evaluate_examples = 256
    config.best_metric = "lost/verified"
    if not variant:
        base.shorten(config, detect=500, verify=300)
    return config
