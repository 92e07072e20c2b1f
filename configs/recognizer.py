"""A small recognizer: people of the news and celebrities told apart, seen from anywhere.

It is frozen afterwards and tells `configs/frontalize.py:identity` whether an output is still the
same person. The recognizer of the evaluation is another one.
"""

from ml_collections import ConfigDict

from configs import frontalize


def get_config() -> ConfigDict:
    config = frontalize.get_config()
    config.data.batch_size = 32
    config.run = ("recognize",)
    config.best_metric = "eer/recognizer"
    return config
