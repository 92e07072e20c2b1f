"""A workdir keeps to the config of its first run; a stage that none followed may grow longer."""

import importlib
from pathlib import Path

import pytest
from ml_collections import ConfigDict

from configs import medium_gan
from facealign.errors import UserError
from facealign.workdir.config import (
    AT_LEAST_ONE,
    NOT_NEGATIVE,
    check_numbers,
    check_same,
    complete,
    flatten,
    load_config,
    make_workdir,
)
from facealign.workdir.log import RunLog

EXPERIMENTS = [
    path.stem
    for path in sorted((Path(__file__).parents[2] / "configs").glob("*.py"))
    if path.stem not in ("__init__", "base")
]


@pytest.fixture
def config():
    """Stages of 10 steps each: they end at 10, 20 and 30."""
    config = medium_gan.get_config()
    for name in config.run:
        config.stages[name].steps = 10
    return config


def reach(workdir, step):
    with RunLog(workdir, step) as log:
        log.write({"step": step, "stage": "a"})


def test_flatten_gives_dotted_names_and_plain_values(config):
    flat = flatten(config)
    assert flat["data.image_size"] == 128
    assert flat["stages.discriminator.loss_weights.discriminator"] == 1.0
    assert flat["run"] == ["reconstruction", "discriminator", "adversarial"]


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_a_config_round_trips_through_its_workdir(name, tmp_path):
    config = importlib.import_module(f"configs.{name}").get_config()
    make_workdir(config, tmp_path / "run")
    assert flatten(load_config(tmp_path / "run")) == flatten(config)
    make_workdir(config, tmp_path / "run")


def test_folders_above_a_workdir_are_made_too(config, tmp_path):
    make_workdir(config, tmp_path / "runs" / "first")
    assert (tmp_path / "runs" / "first" / "config.json").exists()


WITHOUT = {  # what was computed before there were these fields
    "accumulate": 1,
    "augment.zoom": 0,
    "data.faces": "known",
    "data.memory_mb": 4096,
    "data.uniform_yaw": False,
    "discriminator.augment.flip": 0,
    "discriminator.gp_weight": 0,
    "discriminator.pool": 50,
    "mesh.data": 0,
    "model.remat": False,
    "optimizer.ema_decay.encoder": 0,
    "optimizer.learning_rate_scale.encoder": 1,
    "optimizer.muon.encoder": 0,
    "recognizer.people": 4096,
    "steps_per_call": 1,
}


def test_an_older_config_gets_the_fields_of_today_and_keeps_its_own():
    flat = flatten(complete(ConfigDict({"mesh": {"model": 2}, "data": {"image_size": 64}})))
    assert flat.items() >= WITHOUT.items()
    assert flat["data.image_size"] == 64 and "mesh.model" not in flat
    older = complete(ConfigDict({"accumulate": 3, "optimizer": {"ema_decay": {"encoder": 0.5}}}))
    assert older.accumulate == 3 and older.optimizer.ema_decay.encoder == 0.5


def test_changed_fields_are_all_named_with_both_values(config, tmp_path):
    make_workdir(config, tmp_path)
    config.seed = 5
    config.stages.adversarial.loss_weights.adversarial = 0.3
    with pytest.raises(UserError) as error:
        make_workdir(config, tmp_path)
    assert "seed: 0 -> 5" in str(error.value)
    assert "stages.adversarial.loss_weights.adversarial: 0.03 -> 0.3" in str(error.value)
    assert load_config(tmp_path).seed == 0


def test_an_added_and_a_missing_field_are_named(config, tmp_path):
    make_workdir(config, tmp_path)
    config.model.depth = 3
    del config.model.stacks
    with pytest.raises(UserError, match=r"model\.depth: None -> 3; model\.stacks: 2 -> None"):
        make_workdir(config, tmp_path)


@pytest.mark.parametrize(("stage", "reached"), [
    ("adversarial", 0), ("adversarial", 30), ("discriminator", 20), ("reconstruction", 10),
])  # fmt: skip
def test_a_stage_that_none_followed_may_grow(config, tmp_path, stage, reached):
    make_workdir(config, tmp_path)
    reach(tmp_path, reached)
    config.stages[stage].steps = 15
    make_workdir(config, tmp_path)
    assert load_config(tmp_path).stages[stage].steps == 15


@pytest.mark.parametrize(("stage", "reached"), [("discriminator", 21), ("reconstruction", 11)])
def test_a_stage_that_another_followed_may_not_grow(config, tmp_path, stage, reached):
    make_workdir(config, tmp_path)
    reach(tmp_path, reached)
    config.stages[stage].steps = 15
    with pytest.raises(UserError, match=rf"stages\.{stage}\.steps: 10 -> 15"):
        make_workdir(config, tmp_path)


def test_no_stage_may_shrink(config, tmp_path):
    make_workdir(config, tmp_path)
    config.stages.adversarial.steps = 5
    with pytest.raises(UserError, match=r"stages\.adversarial\.steps: 10 -> 5"):
        make_workdir(config, tmp_path)


def test_evaluation_refuses_even_a_longer_stage(config, tmp_path):
    make_workdir(config, tmp_path)
    check_same(load_config(tmp_path), config, tmp_path)
    config.stages.adversarial.steps = 15
    with pytest.raises(UserError, match=r"stages\.adversarial\.steps: 10 -> 15"):
        check_same(load_config(tmp_path), config, tmp_path)


def test_where_the_data_lie_is_no_difference(config, tmp_path):
    make_workdir(config, tmp_path)
    config.data.data_dir, config.data.manual_dir = "moved", "elsewhere"
    check_same(load_config(tmp_path), config, tmp_path)
    make_workdir(config, tmp_path)
    assert load_config(tmp_path).data.data_dir == "moved"


@pytest.mark.parametrize("text", [None, "", "{", "{}", "[1]", '{"run": ["a"]}'])
def test_a_folder_without_a_run_says_so(tmp_path, text):
    if text is not None:
        (tmp_path / "config.json").write_text(text)
    with pytest.raises(UserError, match="holds no run"):
        load_config(tmp_path)


def test_a_workdir_that_is_a_file_says_so(config, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="cannot write"):
        make_workdir(config, tmp_path / "file")


def set_intervals(config, intervals):
    config.log_every, config.evaluate_every, config.checkpoint_every = intervals
    return config


@pytest.mark.parametrize("intervals", [(1, 1, 1), (10, 50, 250), (5, 5, 10)])
def test_multiples_are_good_intervals(config, intervals):
    check_numbers(set_intervals(config, intervals))


@pytest.mark.parametrize(("intervals", "named"), [
    ((0, 10, 10), "log_every=0"),
    ((10, 0, 10), "evaluate_every=0"),
    ((10, 15, 30), "evaluate_every=15"),
    ((10, 20, 30), "checkpoint_every=30"),
    ((10, 20, 10), "checkpoint_every=10"),
])  # fmt: skip
def test_other_intervals_are_refused_by_name(config, intervals, named):
    with pytest.raises(UserError, match=named):
        check_numbers(set_intervals(config, intervals))


@pytest.mark.parametrize("name", AT_LEAST_ONE)
def test_a_count_below_one_is_refused(config, name):
    config.update_from_flattened_dict({name: 0})
    with pytest.raises(UserError, match=f"config.{name}=0"):
        check_numbers(config)


@pytest.mark.parametrize("name", NOT_NEGATIVE)
def test_a_negative_seed_is_refused(config, name):
    config.update_from_flattened_dict({name: 3})
    check_numbers(config)
    config.update_from_flattened_dict({name: -1})
    with pytest.raises(UserError, match=f"config.{name}=-1"):
        check_numbers(config)


@pytest.mark.parametrize("name", ["augment.shift", "discriminator.augment.shift"])
def test_a_shift_stays_within_the_image(config, name):
    for good in (0, 127):
        config.update_from_flattened_dict({name: good})
        check_numbers(config)
    for bad in (-1, 128, 200):
        config.update_from_flattened_dict({name: bad})
        with pytest.raises(UserError, match=rf"{name}={bad} must be from 0 to below"):
            check_numbers(config)


def test_roles_to_take_need_a_run_to_take_them_from(config):
    config.init_roles = ("encoder",)
    with pytest.raises(UserError, match=r"init_roles.*--config\.init_from"):
        check_numbers(config)
    config.init_from = "runs/first"
    check_numbers(config)
