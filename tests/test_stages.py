"""A run as a list of stages: where each begins and ends, and what is refused."""

import itertools

import pytest

from configs import base, medium_gan
from facealign.errors import UserError
from facealign.stages import OBJECTIVES, create_stages, roles_of
from facealign.training.steps.table import STEPS


@pytest.fixture
def config():
    return medium_gan.get_config()


def test_stages_follow_each_other_without_a_gap(config):
    stages = create_stages(config)
    assert [stage.name for stage in stages] == list(config.run)
    assert stages[0].start == 0
    assert all(a.end == b.start for a, b in itertools.pairwise(stages))
    assert stages[-1].end == sum(config.stages[name].steps for name in config.run)


def test_a_stage_holds_the_values_of_its_config(config):
    stage, values = create_stages(config)[2], config.stages.adversarial
    assert stage.objective == values.objective and stage.steps == values.steps
    assert stage.train == tuple(values.train) and stage.learning_rate == values.learning_rate
    assert stage.loss_weights == values.loss_weights.to_dict()


def test_only_an_adversarial_run_has_a_discriminator(config):
    stages = create_stages(config)
    networks = {"encoder", "decoder_u", "decoder_r", "discriminator"}
    assert set(roles_of(stages)) == networks
    assert set(roles_of(stages[:1])) == networks - {"discriminator"}


def test_a_run_that_only_turns_heads_back_has_no_decoder_of_u(config):
    config.stages.frontalize = base.stage("frontalize", 1, ("encoder", "decoder_r"), 1e-3)
    config.run = ("frontalize",)
    assert roles_of(create_stages(config)) == ("encoder", "decoder_r")
    config.run = ("frontalize", "reconstruction")
    assert "decoder_u" in roles_of(create_stages(config))


def test_two_translators_have_two_critics_and_pools_where_they_train(config):
    both = ("encoder", "encoder_r", "decoder_u", "decoder_r", "discriminator", "discriminator_u")
    config.stages.cycle = base.stage("cycle", 1, ("encoder",), 1e-3)
    config.run = ("cycle",)
    assert roles_of(create_stages(config)) == both
    config.stages.cycle.train = ("encoder", "pool_r")
    assert roles_of(create_stages(config)) == (*both, "pool_r")


def test_one_conditional_decoder_needs_no_other(config):
    config.stages.ask = base.stage("attribute", 1, ("encoder",), 1e-3)
    config.run = ("ask",)
    assert roles_of(create_stages(config)) == ("encoder", "decoder_r", "discriminator")


def test_turned_pairs_have_a_discriminator_where_it_is_weighted(config):
    config.stages.refine = base.stage("frontalize", 1, ("decoder_r",), 1e-3, adversarial=0.1)
    config.run = ("refine",)
    assert roles_of(create_stages(config)) == ("encoder", "decoder_r", "discriminator")


def test_a_recognizer_is_alone_or_beside_what_it_judges(config):
    config.stages.recognize = base.stage("recognize", 1, ("recognizer",), 1e-3)
    config.run = ("recognize",)
    assert roles_of(create_stages(config)) == ("recognizer",)
    config.stages.refine = base.stage("frontalize", 1, ("decoder_r",), 1e-3, identity=0.1)
    config.run = ("refine",)
    assert roles_of(create_stages(config)) == ("encoder", "decoder_r", "recognizer")


def test_a_stage_named_twice_is_refused(config):
    config.run = (*config.run, config.run[0])
    with pytest.raises(UserError, match="twice"):
        create_stages(config)


def test_an_empty_run_is_refused(config):
    config.run = ()
    with pytest.raises(UserError, match=r"config\.run is empty"):
        create_stages(config)


def test_an_unknown_stage_names_the_nearest(config):
    config.run = ("reconstruction", "adverserial")
    with pytest.raises(UserError, match="did you mean 'adversarial'"):
        create_stages(config)


def test_an_unknown_role_names_the_nearest(config):
    config.stages.adversarial.train = ("encoder", "decodor_r")
    with pytest.raises(UserError, match=r"stages\.adversarial\.train.*did you mean 'decoder_r'"):
        create_stages(config)


def test_a_stage_that_trains_nothing_is_refused(config):
    config.stages.discriminator.train = ()
    with pytest.raises(UserError, match=r"stages\.discriminator\.train is empty"):
        create_stages(config)


@pytest.mark.parametrize("steps", [0, -3])
def test_a_stage_needs_a_step(config, steps):
    config.stages.discriminator.steps = steps
    with pytest.raises(UserError, match=rf"stages\.discriminator\.steps={steps}"):
        create_stages(config)


def test_every_objective_has_a_step():
    assert set(OBJECTIVES) == set(STEPS)


def test_a_decoder_of_u_trains_in_a_game_that_reconstructs(config):
    assert "decoder_u" in create_stages(config)[2].may_train
    config.stages.adversarial.loss_weights.reconstruction = 0.0  # the report's way
    assert "decoder_u" not in create_stages(config)[2].may_train
    assert "decoder_u" in create_stages(config)[2].needs


def test_an_unknown_objective_names_the_nearest(config):
    config.stages.adversarial.objective = "adverserial"
    with pytest.raises(UserError, match=r"adversarial\.objective.*did you mean 'adversarial'"):
        create_stages(config)
