"""A small recognizer that tells people apart, in any pose.

By default the 28 people of ORL in training; `:lfw` people of the news and celebrities.

It is frozen afterwards; in `configs/frontalize.py:identity` it checks whether an output is the same
person. The evaluation uses a different recognizer.
"""

from ml_collections import ConfigDict

from configs import base, frontalize


def get_config(variant: str = "") -> ConfigDict:
    config = frontalize.get_config(base.choose(variant, {"": "", "lfw": "lfw"}))
    config.data.batch_size = 32
    config.run = ("recognize",)
    config.best_metric = "eer/recognizer"
    if not variant:
        base.shorten(config, recognize=600)
    return config
