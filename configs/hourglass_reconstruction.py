"""The report's third choice: a stacked hourglass instead of medium's encoder and decoders."""

from ml_collections import ConfigDict

from configs import medium_reconstruction


def get_config() -> ConfigDict:
    config = medium_reconstruction.get_config()
    config.model.name = "hourglass"
    config.stages.reconstruction.steps = 300
    config.stages.reconstruction.learning_rate = 2e-4
    # These are too few for medium's schedule and its exchanged faces.
    config.optimizer.schedule = "constant"
    config.augment.exchange = config.augment.contrast = 0.0
    return config
