"""The pool of earlier fakes."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from facealign.errors import UserError
from facealign.models.image_pool import ImagePool

SIZE, BATCH = 8, 4


def run(steps, size=SIZE):
    """Fakes of so many steps, each image its own number from 1, and what came back: [steps, B]."""
    pool = ImagePool(size)
    kept = pool.init(jax.random.key(0), jnp.zeros((1, 1, 1, 1)), train=False)
    call = jax.jit(
        lambda kept, fakes, key: pool.apply(
            kept, fakes, train=True, rngs={"sample": key}, mutable=["batch_stats"]
        )
    )
    numbers, back = 1 + np.arange(steps * BATCH).reshape(steps, BATCH), []
    for step, row in enumerate(numbers):
        shown, kept = call(kept, jnp.float32(row).reshape(-1, 1, 1, 1), jax.random.key(step))
        back.append(np.asarray(shown).ravel())
    return numbers, np.array(back), np.asarray(kept["batch_stats"]["fakes"]).ravel()


def test_a_pool_that_fills_gives_all_fakes_back_and_keeps_them():
    numbers, back, kept = run(SIZE // BATCH)
    np.testing.assert_array_equal(back, numbers)
    assert sorted(kept) == sorted(numbers.ravel())


def test_a_full_pool_exchanges_about_half_and_never_loses_or_doubles_a_fake():
    numbers, back, kept = run(100)
    exchanged = (back != numbers)[SIZE // BATCH :]
    assert 0.4 < exchanged.mean() < 0.6
    assert (back <= numbers).all()  # of this step or an earlier one
    late = back[SIZE // BATCH :].ravel()
    assert len(set(late)) == len(late)
    # Shown once while it filled, once more at the most later; what was never shown is still kept.
    assert set(numbers.ravel()) == set(back.ravel()) | set(kept)


def test_a_full_pool_holds_fakes_of_many_steps():
    kept = run(100)[2]
    assert len(set(kept)) == SIZE
    assert np.ptp(kept) > SIZE


def test_in_use_it_changes_nothing():
    pool, fakes = ImagePool(SIZE), jnp.ones((BATCH, 2, 2, 1))
    kept = pool.init(jax.random.key(0), fakes, train=False)
    np.testing.assert_array_equal(pool.apply(kept, fakes, train=False), fakes)
    assert not kept["batch_stats"]["fakes"].any()


def test_a_batch_that_does_not_fit_is_refused():
    with pytest.raises(UserError, match=r"discriminator\.pool=3 .* batch of 4"):
        run(1, size=3)
