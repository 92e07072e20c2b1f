"""Tiny configs and a data folder that all tests share."""

import os
import shutil
import signal
import tempfile
from pathlib import Path
from threading import current_thread, main_thread

import jax
import pytest
from absl import logging
from ml_collections import ConfigDict

from configs import base, polygons_light
from tests import photo_sources

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN and current_thread() is main_thread():
    # Jobs in the background ignore Ctrl-C, and so would all processes that tests start.
    signal.signal(signal.SIGINT, signal.default_int_handler)
logging.set_verbosity(logging.WARNING)  # Orbax and tfds log pages at INFO
jax.config.update("jax_disable_most_optimizations", True)  # tiny programs: compiling is the cost
jax.config.update("jax_num_cpu_devices", 4)  # of which a test uses one, unless it is about several
# Many tests compile the same programs, some of them in several processes. Those that tests start
# have a cache of their own: some are killed, and what they were writing then cannot be read.
IS_WORKER = "PYTEST_XDIST_WORKER" in os.environ
SESSION = os.getppid() if IS_WORKER else os.getpid()
COMPILED = Path(tempfile.gettempdir(), f"facealign_tests_{SESSION}")
STARTED_CACHE = COMPILED / "started"  # the XDG_CACHE_HOME of processes that tests start
jax.config.update("jax_compilation_cache_dir", str(COMPILED))
jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.2)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--kills", type=int, default=2, help="how often the resume test kills its run")


def pytest_sessionfinish() -> None:
    if not IS_WORKER:  # the process that ends last
        shutil.rmtree(COMPILED, ignore_errors=True)


@pytest.fixture(scope="session")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Where datasets are prepared once for the whole session, with archives to prepare from."""
    folder = tmp_path_factory.mktemp("data")
    manual = folder / "downloads" / "manual"
    manual.mkdir(parents=True)
    photo_sources.write_manual_dir(manual)
    return str(folder)


@pytest.fixture
def tiny(data_dir: str) -> ConfigDict:
    """The polygon experiment on 32 px images, a few steps a stage."""
    config = polygons_light.get_config()
    return shrink(config, data_dir)


@pytest.fixture
def tiny_gan(data_dir: str) -> ConfigDict:
    """Reconstruct, pre-train the discriminator, go adversarial: light network, 32 px polygons."""
    config = shrink(polygons_light.get_config(), data_dir)
    config.data.paired = False
    config.augment.flip = True
    config.run = ("reconstruction", "discriminator", "adversarial")
    roles = ("encoder", "decoder_u", "decoder_r")
    config.stages.reconstruction = base.stage("reconstruction", 4, roles, 1e-3, reconstruction=1.0)
    config.stages.discriminator = base.stage(
        "adversarial", 4, ("discriminator",), 1e-3, discriminator=1.0
    )
    config.stages.adversarial = base.stage(
        "adversarial",
        4,
        (*roles, "discriminator"),
        1e-3,
        reconstruction=1.0,
        adversarial=0.1,
        discriminator=1.0,
    )
    config.best_metric = "l1/reconstruction_r"
    return config


def shrink(config: ConfigDict, data_dir: str) -> ConfigDict:
    """Small images, small networks, short stages."""
    config.data.data_dir = data_dir
    config.data.image_size = 32
    config.data.polygon_pairs = 80
    config.data.batch_size = 4
    config.discriminator.features = 4
    config.mesh.data = 1
    config.log_every, config.evaluate_every, config.checkpoint_every = 1, 2, 2
    config.evaluate_examples = 8
    for name in config.run:
        config.stages[name].steps = 4
    return config


@pytest.fixture
def leave_for_float64():
    jax.config.update("jax_enable_x64", True)
    yield
    jax.config.update("jax_enable_x64", False)
