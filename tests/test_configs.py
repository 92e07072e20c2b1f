"""Every config in the folder can be run: its networks exist and its stages trace."""

import importlib
from pathlib import Path

import jax
import pytest

from configs import base
from facealign.names import ROLES
from facealign.stages import create_stages
from facealign.training.state import create_networks, create_state
from facealign.workdir.config import check_numbers, flatten

FOLDER = Path(__file__).parent.parent / "configs"
NAMES = sorted(path.stem for path in FOLDER.glob("*.py") if path.stem not in ("__init__", "base"))
VARIANTS = (
    [(name, ()) for name in NAMES]
    + [(name, ("faithful",)) for name in ("polygons_light", "medium_reconstruction", "medium_gan")]
    + [
        ("medium_gan", ("lfw",)),
        ("medium_gan", ("code",)),
        ("frontalize", ("lfw",)),
        ("frontalize", ("medium",)),
        ("frontalize", ("identity",)),
    ]
)


@pytest.mark.parametrize(("name", "variant"), VARIANTS)
def test_every_config_has_networks_for_its_images(name, variant):
    """That its steps can be traced, tests/training/test_lowering.py shows."""
    config = importlib.import_module(f"configs.{name}").get_config(*variant)
    check_numbers(config)
    stages, key, data = create_stages(config), jax.random.key(0), config.data
    for stage in stages:
        networks = create_networks(config, stages, stage)
        jax.eval_shape(lambda n=networks: create_state(n, key, data.image_size, data.channels))


NEWS = [  # configs that have photos of their own without archives
    *("attgan_pose", "cyclegan", "ftgan", "hourglass_frontalize"),
    *("frontalize", "recognizer", "reader", "matte"),
]


@pytest.mark.parametrize("name", NAMES)
def test_no_config_needs_an_archive(name):
    data = importlib.import_module(f"configs.{name}").get_config().data
    sets = {*data.unrestricted.split("+"), *data.restricted.split("+")}
    assert {each.split("-")[0] for each in sets} <= {"orl_faces", "polygons"}


@pytest.mark.parametrize("name", NEWS)
def test_photos_of_the_news_change_nothing_but_the_data_and_how_long_they_train(name):
    module = importlib.import_module(f"configs.{name}")
    own, news = (flatten(module.get_config(variant)) for variant in ("", "lfw"))
    differing = {key for key in own if own[key] != news[key]}
    assert {"data.unrestricted", "data.restricted"} <= differing
    long = {key for key in own if key.endswith((".steps", "_every"))}
    assert all(key.startswith("data.") for key in differing - long)
    assert all(own[key] <= news[key] for key in long)


def test_every_role_has_its_optimizer_values():
    assert base.ROLES == ROLES


def test_the_report_s_hyperparameters():
    config = importlib.import_module("configs.medium_gan").get_config("faithful")
    assert (config.optimizer.b1, config.optimizer.b2) == (0.5, 0.999)
    assert {config.stages[name].learning_rate for name in config.run} == {2e-4}
    assert not any(config.optimizer.ema_decay.values())
    polygons = importlib.import_module("configs.polygons_light").get_config("faithful")
    assert {polygons.stages[name].learning_rate for name in polygons.run} == {1e-2}
