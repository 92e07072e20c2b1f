"""A small recognizer that tells people of the news and celebrities apart, in any pose.

It is frozen afterwards; in `configs/frontalize.py:identity` it checks whether an output is the same
person. The evaluation uses a different recognizer.
"""

from ml_collections import ConfigDict

from configs import frontalize


def get_config() -> ConfigDict:
    config = frontalize.get_config()
    config.data.batch_size = 32
    config.run = ("recognize",)
    config.best_metric = "eer/recognizer"
    return config
