"""Each monitor trips on a history that shows its fault, once, and on no other."""

import copy

import pytest

from configs import base
from facealign.training.monitors import (
    MONITORS,
    SATURATION_ROWS,
    SPIKE_WINDOW,
    alarms,
    saturation,
    spike,
)

LIMITS = base.get_config().monitors


def trained(stage="adversarial", **changes):
    row = {"step": 10, "stage": stage, "loss": 0.4, "timing": {"step_ms": 5.0}}
    return row | {"discriminator": 0.6, "accuracy_real": 0.8, "accuracy_fake": 0.7} | changes


def evaluated(stage="adversarial", **changes):
    row = {"step": 10, "stage": stage, "trained_views": ["swap"], "l1/swap": 0.2}
    return row | {"diversity/swap": 0.9, "change/swap": 0.05} | {
        name.replace("_of_", "/"): value for name, value in changes.items()
    }  # fmt: skip


def healthy(stage="adversarial", rows=12):
    return [trained(stage) if i % 3 else evaluated(stage) for i in range(1, rows + 1)]


CERTAIN = {"accuracy_real": 1.0, "accuracy_fake": 0.995}
FAULTS = {
    "non_finite": [trained(loss=float("nan"))],
    "spike": [trained(discriminator=2.0)],
    "saturation": [trained(**CERTAIN)] * SATURATION_ROWS,
    "freeze": [evaluated(change_of_swap=1e-5)],
    "collapse": [evaluated(diversity_of_swap=0.01)],
}
EVERY = pytest.mark.parametrize("name", FAULTS)


def test_every_monitor_has_a_fault_below():
    assert set(FAULTS) == set(MONITORS)


def test_a_healthy_run_raises_no_alarm():
    rows = healthy(rows=60)
    assert all(not alarms(rows[:end], LIMITS) for end in range(1, len(rows) + 1))


@EVERY
def test_a_monitor_trips_on_its_fault_alone(name):
    assert set(alarms(healthy() + FAULTS[name], LIMITS)) == {name}


@EVERY
def test_a_stage_raises_its_own_alarms(name):
    """What the stage before showed neither counts nor hides what this one shows."""
    rows = healthy("before") + [row | {"stage": "before"} for row in FAULTS[name]]
    assert alarms([*rows, trained()], LIMITS) == alarms([*rows, evaluated()], LIMITS) == {}
    assert set(alarms(rows + FAULTS[name], LIMITS)) == ({name} - {"spike"})  # has no median yet
    assert set(alarms(rows + healthy() + FAULTS[name], LIMITS)) == {name}


@pytest.mark.parametrize("stage", ["a", "before"])  # before and behind "adversarial" by name
def test_a_stage_is_not_compared_with_the_one_before(stage):
    calm, certain = trained(stage, discriminator=0.1), trained(stage, **CERTAIN)
    assert alarms([*[calm] * 30, trained()], LIMITS) == {}
    assert alarms([*[certain] * 4, trained(**CERTAIN)], LIMITS) == {}


@EVERY
def test_a_tripped_monitor_does_not_repeat_itself(name):
    rows = healthy() + FAULTS[name]
    assert alarms([*rows, rows[-1]], LIMITS) == {}
    between = evaluated() if "loss" in rows[-1] else trained()
    assert alarms([*rows, between, rows[-1]], LIMITS) == {}


def test_nor_does_it_where_the_first_row_tripped_it():
    collapsed = evaluated(diversity_of_swap=0.01)
    assert set(alarms([collapsed], LIMITS)) == {"collapse"}
    assert alarms([collapsed, collapsed], LIMITS) == {}


@EVERY
def test_a_monitor_trips_again_after_a_recovery(name):
    rows = healthy() + FAULTS[name] + healthy() + FAULTS[name]
    assert set(alarms(rows, LIMITS)) == {name}


@EVERY
def test_alarms_are_pure(name):
    rows = healthy() + FAULTS[name]
    before = copy.deepcopy(rows)
    first = alarms(rows, LIMITS)
    assert alarms(rows, LIMITS) == first
    assert repr(rows) == repr(before)


def test_infinity_is_named():
    assert "discriminator" in alarms([trained(discriminator=float("inf"))], LIMITS)["non_finite"]


def test_a_spike_is_measured_against_the_recent_rows_only():
    low, high = [trained(discriminator=0.1)] * 50, [trained(discriminator=2.0)] * SPIKE_WINDOW
    assert spike([*low, high[0]], LIMITS)
    assert not spike([*low, *high, trained(discriminator=3.0)], LIMITS)


@pytest.mark.parametrize(("last", "leaps"), [(3.0, False), (3.25, True)])
def test_the_median_is_that_of_20_rows(last, leaps):
    """Half are 0.25, half 1.75: the median is 1 and three times that the limit.

    Of 19 rows it would be 1.75, of 21 it would be 0.25.
    """
    losses = [0.25] * 11 + [1.75] * 10
    assert bool(spike([trained(discriminator=v) for v in (*losses, last)], LIMITS)) == leaps


@pytest.mark.parametrize(("rows", "leaps"), [(4, False), (5, True)])
def test_a_median_needs_five_rows(rows, leaps):
    assert bool(spike([trained()] * rows + FAULTS["spike"], LIMITS)) == leaps


def test_an_evaluation_says_nothing_of_losses_and_accuracies():
    rows = [trained()] * 9
    assert not spike([*rows, *FAULTS["spike"], evaluated()], LIMITS)
    assert not saturation([*rows, *FAULTS["saturation"], evaluated()], LIMITS)


def test_a_leap_below_the_floor_is_no_spike():
    assert alarms([trained(discriminator=1e-6)] * 9 + [trained(discriminator=0.01)], LIMITS) == {}


def test_a_loss_below_0_leaps_by_its_size():
    before = [trained(discriminator=-0.3)] * 9
    assert not spike([*before, trained(discriminator=0.06)], LIMITS)
    assert spike([*before, trained(discriminator=1.0)], LIMITS)


def test_saturation_needs_its_rows_in_a_row():
    almost = [trained(**CERTAIN)] * (SATURATION_ROWS - 1)
    assert alarms(healthy() + almost, LIMITS) == {}
    assert alarms([*almost, trained(), *almost], LIMITS) == {}


@pytest.mark.parametrize(("rows", "trips"), [(4, False), (5, True)])
def test_five_rows_that_reach_the_limit_are_saturation(rows, trips):
    row = trained(accuracy_real=1.0, accuracy_fake=LIMITS.saturation)
    assert bool(saturation([row] * rows, LIMITS)) == trips


def test_images_at_the_limits_are_no_fault():
    row = evaluated(diversity_of_swap=LIMITS.collapse, change_of_swap=LIMITS.freeze)
    assert alarms([row], LIMITS) == {}


def test_an_untrained_decoder_may_stand_still():
    row = evaluated(diversity_of_swap=0.0, change_of_swap=0.0) | {"trained_views": []}
    assert alarms([row], LIMITS) == {}
