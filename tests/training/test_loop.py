"""The loop: what it leaves behind, and that it does what the report's experiments need."""

import json
import shutil

import jax
import numpy as np
import pytest

from configs import frontalize, polygons_light, recognizer
from facealign.data import rotated_pairs
from facealign.errors import UserError
from facealign.stages import create_stages
from facealign.training.checkpoints import Checkpoints
from facealign.training.loop import train
from facealign.training.state import create_networks, create_state
from facealign.workdir.log import read_rows
from tests.conftest import shrink


def saved_state(config, workdir, step=0):
    stages = create_stages(config)
    networks = create_networks(config, stages)
    like = jax.eval_shape(lambda: create_state(networks, jax.random.key(0), config.data.image_size))
    with Checkpoints(workdir) as checkpoints:
        return checkpoints.restore(like, step)


@pytest.fixture(scope="module")
def trained(data_dir, tmp_path_factory):
    """The config and the workdir of a run that has ended; copy it before changing it."""
    config, workdir = shrink(polygons_light.get_config(), data_dir), tmp_path_factory.mktemp("run")
    config.optimizer.muon.decoder_r = 1.0  # its state is saved as Adam's is
    train(config, workdir)
    return config, workdir


def assert_equal(a, b):
    jax.tree.map(np.testing.assert_array_equal, a, b)


def test_a_run_leaves_all_that_the_readme_promises(tiny_gan, tmp_path):
    train(tiny_gan, tmp_path)
    present = {path.name for path in tmp_path.iterdir()}
    assert present >= {"checkpoints", "config.json", "curves.png", "fetch_times.png", "samples",
                       "metrics.jsonl", "report.html", "report.md", "tensorboard"}  # fmt: skip
    rows = read_rows(tmp_path)
    assert [row["step"] for row in rows if "timing" in row] == list(range(1, 13))
    assert {row["stage"] for row in rows} == {"reconstruction", "discriminator", "adversarial"}
    assert (tmp_path / "samples" / "step_000000.png").exists()
    for line in (tmp_path / "report.md").read_text().splitlines():
        if line.startswith("!["):
            assert (tmp_path / line[line.index("(") + 1 : -1]).exists(), line


def test_a_run_on_turned_pairs_ends_and_goes_on_to_the_same_numbers(
    data_dir, tmp_path, monkeypatch
):
    monkeypatch.setattr(rotated_pairs, "YAWS", np.array([-45.0, 0.0, 45.0]))  # of 25
    monkeypatch.setattr(rotated_pairs, "PITCHES", (0.0,))
    config = shrink(frontalize.get_config(), data_dir)
    config.data.update(
        unrestricted="orl_faces", restricted="orl_faces", image_size=64, uniform_yaw=False
    )
    config.optimizer.schedule, config.best_metric = "constant", "l1/turned"
    config.discriminator.features, config.discriminator.r1_weight = 4, 0.0
    config.run = ("refine",)  # which does all that the stage before does, and more
    config.stages.refine.steps = 4
    train(config, tmp_path / "whole")
    rows = read_rows(tmp_path / "whole")
    assert np.isfinite([row["loss"] for row in rows if "loss" in row]).all()
    assert {"l1/turned", "diversity/swap"} <= set(rows[-1])
    shutil.copytree(tmp_path / "whole", tmp_path / "parts")
    shutil.rmtree(tmp_path / "parts" / "checkpoints" / "4")  # as if it had been killed before
    train(config, tmp_path / "parts")
    assert_equal(*(saved_state(config, tmp_path / name) for name in ("whole", "parts")))


def test_a_recognizer_trains_alone_and_says_how_well_it_tells_strangers_apart(data_dir, tmp_path):
    config = shrink(recognizer.get_config(), data_dir)
    config.data.update(
        unrestricted="orl_faces", restricted="orl_faces", image_size=64, uniform_yaw=False
    )
    config.recognizer.people = 40
    train(config, tmp_path / "who")
    assert {"eer/recognizer", "auc/recognizer"} <= set(read_rows(tmp_path / "who")[-1])
    assert "pixels compared" in (tmp_path / "who" / "report.md").read_text()


@pytest.mark.parametrize(
    ("changes", "tolerance"),
    [({"data.memory_mb": 0.01}, 0), ({"data.on_device": "true"}, 0), ({"steps_per_call": 3}, 1e-4)],
)
def test_how_photos_are_read_and_steps_are_called_changes_no_number(
    changes, tolerance, tiny, tmp_path
):
    tiny.run, tiny.log_every = ("reconstruction",), 2
    train(tiny, tmp_path / "memory")
    tiny.update_from_flattened_dict(changes)
    train(tiny, tmp_path / "other")
    for ours, same in zip(*(read_rows(tmp_path / n) for n in ("other", "memory")), strict=True):
        assert ours.keys() == same.keys()
        for name in ours.keys() - {"timing"}:
            if isinstance(same[name], float):
                np.testing.assert_allclose(ours[name], same[name], rtol=tolerance)
            else:
                assert ours[name] == same[name]


def test_frozen_networks_are_bit_identical_after_a_stage(trained):
    config, workdir = trained
    before, after = saved_state(config, workdir, 6), saved_state(config, workdir, 8)
    for role in ("encoder", "decoder_u"):
        assert_equal(before.nets[role], after.nets[role])
    first = jax.tree.leaves(before.nets["decoder_r"].params)[0]
    assert np.any(first != jax.tree.leaves(after.nets["decoder_r"].params)[0])


def test_a_longer_last_stage_continues_and_any_other_change_is_refused(trained, tmp_path):
    config = trained[0].copy_and_resolve_references()
    workdir = shutil.copytree(trained[1], tmp_path / "run")
    config.stages.mirror.steps = 6
    train(config, workdir)
    assert saved_state(config, workdir).step == 10
    config_json = (workdir / "config.json").read_text()
    longer, shorter = ("stages.reconstruction.steps", 9), ("stages.mirror.steps", 2)
    for name, value in (("seed", 1), longer, shorter):
        changed = config.copy_and_resolve_references()
        changed.update_from_flattened_dict({name: value})
        with pytest.raises(UserError, match=f"{name}: .* -> {value}"):
            train(changed, workdir)
    assert (workdir / "config.json").read_text() == config_json
    assert saved_state(config, workdir).step == 10


def test_networks_are_taken_from_an_earlier_run(trained, tiny, tmp_path):
    source = saved_state(*trained)
    tiny.init_from, tiny.init_roles = str(trained[1]), ("encoder",)
    tiny.run = ("mirror",)  # the encoder stays frozen from here on
    train(tiny, tmp_path)
    state = saved_state(tiny, tmp_path)
    assert_equal(source.nets["encoder"].params, state.nets["encoder"].params)
    assert_equal(source.nets["encoder"].batch_stats, state.nets["encoder"].batch_stats)
    first = jax.tree.leaves(source.nets["decoder_u"].params)[0]
    assert np.any(first != jax.tree.leaves(state.nets["decoder_u"].params)[0])


def test_networks_of_another_precision_are_taken_in_that_of_the_run(
    trained, tiny, tmp_path, leave_for_float64
):
    tiny.init_from, tiny.model.dtype = str(trained[1]), "float64"
    train(tiny, tmp_path)
    state = saved_state(tiny, tmp_path)
    assert {leaf.dtype.name for leaf in jax.tree.leaves(state.nets)} <= {"float64", "int32"}


def test_init_from_names_what_is_missing(trained, tiny, tmp_path):
    tiny.init_from = str(tmp_path / "nowhere")
    with pytest.raises(UserError, match="nowhere holds no run"):
        train(tiny, tmp_path / "run")
    tiny.init_from, tiny.init_roles = str(trained[1]), ("discriminator",)
    with pytest.raises(UserError, match="'discriminator'"):
        train(tiny, tmp_path / "other")


def test_a_loss_that_is_not_finite_stops_the_run_and_keeps_the_checkpoints(tiny, tmp_path):
    tiny.stages.mirror.learning_rate = float("inf")
    with pytest.raises(UserError, match="not finite"):
        train(tiny, tmp_path)
    assert saved_state(tiny, tmp_path).step == 4
    assert read_rows(tmp_path)[-1]["alarm"] == "non_finite"


def test_nothing_of_the_end_of_a_run_can_undo_it(tiny, tmp_path, caplog):
    for name in ("report.md", "curves.png", "fetch_times.png"):
        (tmp_path / name).mkdir()
    assert not train(tiny, tmp_path)
    assert "report.md was not written, all else is saved" in caplog.text
    assert (tmp_path / "checkpoints" / "8").exists()


def test_errors_come_before_anything_is_written(tiny, tmp_path):
    tiny.stages.mirror.loss_weights.paired = 1.0
    tiny.stages.mirror.objective = "reconstruction"
    with pytest.raises(UserError, match=r"config\.stages\.mirror: loss_weights"):
        train(tiny, tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_config_json_holds_every_value(tiny, tmp_path):
    tiny.run = ("reconstruction",)
    train(tiny, tmp_path)
    assert json.loads((tmp_path / "config.json").read_text()) == json.loads(tiny.to_json())
