"""Where arrays lie, and which devices take part."""

import jax
import numpy as np
import pytest

from configs import base
from facealign.errors import UserError
from facealign.parallel.sharding import create_mesh, everywhere, on_one, own_rows, split_rows


def make_config(batch_size=8, **values):
    config = base.get_config()
    config.data.batch_size = batch_size
    config.update_from_flattened_dict(values)
    return config


def test_all_devices_take_part_unless_told_otherwise():
    assert create_mesh(make_config()).shape == {"data": 4}
    assert create_mesh(make_config(**{"mesh.data": 1})).shape == {"data": 1}


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"mesh.data": 8}, r"mesh\.data=8, but there are 4 devices"),
        ({"batch_size": 6}, r"batch_size=6 .* 4 devices in config.accumulate=1 .* multiple of 4"),
        ({"accumulate": 3}, r"batch_size=8 .* 4 devices in config.accumulate=3 .* multiple of 12"),
    ],
)
def test_a_batch_that_cannot_be_split_is_refused(values, expected):
    with pytest.raises(UserError, match=expected):
        create_mesh(make_config(**values))


def test_rows_are_split_and_state_is_whole_on_every_device():
    mesh = create_mesh(make_config())
    rows = np.arange(16, dtype=np.float32).reshape(8, 2)
    np.testing.assert_array_equal(own_rows(mesh, 8), np.arange(8))
    split = split_rows(mesh, {"a": rows})["a"]
    whole = everywhere(mesh, {"a": rows})["a"]
    assert {shard.data.shape for shard in split.addressable_shards} == {(2, 2)}
    assert {shard.data.shape for shard in whole.addressable_shards} == {(8, 2)}
    for array in (split, whole, on_one(whole)):
        np.testing.assert_array_equal(array, rows)
    assert len(on_one(whole).devices()) == 1


def test_random_numbers_do_not_depend_on_how_an_array_is_split():
    mesh = create_mesh(make_config())
    rows = np.ones((8, 3), np.float32)

    @jax.jit
    def noisy(x):
        return x + jax.random.normal(jax.random.key(0), x.shape)

    np.testing.assert_array_equal(noisy(split_rows(mesh, rows)), noisy(rows))
