"""The reader: a network that says how a head in a photo stands, what it is like, and where its
landmarks are.

It learns from photos of people of the news and of portraits, on which MediaPipe's points are known;
from these photos turned to any side on their own fitted heads; and from the fiducials of true
profiles of CFP. By default on ORL, which needs no download; `:lfw` on the archives in
`config.data.manual_dir`, as the weights that come with facealign.
"""

from ml_collections import ConfigDict

from configs import base

SETS = {"": ("orl_faces",), "lfw": ("lfw", "cfp", "mugshots")}


def get_config(variant: str = "") -> ConfigDict:
    config = base.get_config()
    sets = base.choose(variant, SETS)
    config.data.unrestricted = "+".join(f"{name}-heads" for name in sets)
    config.data.restricted = "+".join(f"{name}-turned" for name in sets)
    config.data.channels = 3
    config.data.image_size = 176  # px: of photos, which are wider than the reader's windows
    config.data.uniform_yaw = True
    config.augment.brightness = 0.2
    config.augment.contrast = 0.3
    config.augment.light = 0.4
    config.run = ("read",)
    config.stages.read = base.stage(
        "read",
        9000,
        ("reader",),
        1e-3,
        landmarks=1.0,
        rotation=2.0,
        identity=0.05,
        expression=1.0,
    )
    config.optimizer.b1 = 0.9
    config.optimizer.schedule = "cosine"
    config.optimizer.ema_decay.reader = 0.999
    config.log_every = 50
    config.evaluate_every = 500
    config.checkpoint_every = 500
    config.evaluate_examples = 512
    config.best_metric = "landmarks/photos"
    if not variant:
        base.shorten(config, read=800)
    return config
