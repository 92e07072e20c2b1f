"""A workdir of an older facealign goes on: `old_workdir.zip`, begun on 2026-11-29 before the moves.

It holds the run of six steps that `shrunk` describes, and `whole.jsonl`, the rows of the same run
when it went on to eight steps without a stop.
"""

import json
import zipfile
from pathlib import Path

import pytest
from ml_collections import ConfigDict

from configs import polygons_light
from facealign.errors import UserError
from facealign.training.loop import train
from facealign.workdir.config import AS_BEFORE, GONE, check_same, complete, flatten, load_config
from facealign.workdir.log import read_rows

SAVED = Path(__file__).with_name("old_workdir.zip")


def shrunk(data_dir: str, steps: int) -> ConfigDict:
    config = polygons_light.get_config()
    config.data.update(data_dir=data_dir, image_size=16, polygon_pairs=80, batch_size=4)
    config.log_every, config.evaluate_every, config.checkpoint_every = 1, 2, 2
    config.evaluate_examples = 8
    config.optimizer.schedule = "constant"
    config.mesh.data = 1
    config.stages.reconstruction.steps, config.stages.mirror.steps = 4, steps
    return config


@pytest.fixture
def old(tmp_path):
    with zipfile.ZipFile(SAVED) as archive:
        archive.extractall(tmp_path)
    return tmp_path / "run"


def test_an_old_run_goes_on_to_the_rows_that_it_would_have_written(old, data_dir):
    before = read_rows(old)
    train(shrunk(data_dir, 4), old)
    lines = (old.parent / "whole.jsonl").read_text().splitlines()
    rows, whole = read_rows(old), [json.loads(line) for line in lines]
    assert rows[: len(before)] == before
    assert [row.keys() for row in rows] == [row.keys() for row in whole]
    for row, expected in zip(rows, whole, strict=True):
        for name in row.keys() - {"timing"}:
            if isinstance(row[name], float):  # another machine rounds otherwise
                assert row[name] == pytest.approx(expected[name], rel=1e-3, abs=1e-4), name
            else:
                assert row[name] == expected[name]


def test_what_is_missing_means_as_before_and_what_is_gone_is_ignored(old, data_dir):
    config = load_config(old)
    assert "model" not in config.mesh
    written = json.loads((old / "config.json").read_text())
    assert written["mesh"]["model"] == 1
    del written["augment"]["light"], written["accumulate"], written["data"]["memory_mb"]
    del written["optimizer"]["ema_decay"]["code_critic"]
    assert flatten(complete(ConfigDict(written))) == flatten(config)
    now = shrunk(data_dir, 2)
    check_same(config, now, old)
    now.accumulate = 2
    with pytest.raises(UserError, match="accumulate: 1 -> 2"):
        check_same(complete(ConfigDict(written)), now, old)


def test_a_new_field_has_a_value_that_means_as_before(old, data_dir):
    """A field that joins configs/base.py needs a line in `AS_BEFORE`, one that leaves in `GONE`."""
    then = flatten(json.loads((old / "config.json").read_text())).keys()
    today = flatten(shrunk(data_dir, 2)).keys()
    assert today - then <= AS_BEFORE.keys()
    assert then - today <= set(GONE)
