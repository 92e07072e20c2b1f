"""Tables and the closing page, and the summary of networks."""

import jax
import numpy as np

from facealign.stages import create_stages, roles_of
from facealign.training.state import create_networks, create_state
from facealign.training.summary import summarize
from facealign.workdir.report import table, write_report


def test_a_table_has_a_line_a_name_and_dashes_where_nothing_is_known():
    lines = table({"model": {"l1": 0.25}, "copy": {"tar": 1.0}}).splitlines()
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    assert cells[0] == ["", "l1", "tar"]
    assert cells[2] == ["model", "0.2500", "-"]
    assert cells[3] == ["copy", "-", "1.0000"]
    assert len({len(line) for line in lines}) == 1


def test_the_page_shows_the_last_row_of_each_stage_and_every_alarm(tiny, tmp_path):
    rows = [
        {"step": 1, "stage": "reconstruction", "loss": 0.75, "timing": {}},
        {"step": 2, "stage": "reconstruction", "loss": 0.5, "timing": {}},
        {"step": 2, "stage": "reconstruction", "alarm": "spike", "text": "it leapt"},
        {"step": 4, "stage": "mirror", "trained_views": ["swap"], "l1/swap": 0.125},
    ]
    people = {"subject": np.array(["a", "a", "b"])}
    data = {"unrestricted": people, "restricted": {"subject": np.array(["c"])}}
    write_report(tmp_path, tiny, data, rows, {"copy of the input": {"l1/swap": 0.3}}, best_step=2)
    page = (tmp_path / "report.md").read_text()
    assert "U is polygons, 3 photos of 2 people; R is polygons, 1 photos of 1 people." in page
    assert "0.5000" in page and "0.7500" not in page
    assert "0.1250" in page and "(copy of the input)" in page and "0.3000" in page
    assert "step 2, spike: it leapt" in page
    assert "samples/step_000004.png" in page


def test_a_critic_of_codes_is_summed_up_as_of_codes(tiny_gan):
    tiny_gan.stages.adversarial.train += ("code_critic",)
    tiny_gan.stages.adversarial.loss_weights.update(code=0.1, code_critic=1.0)
    stages = create_stages(tiny_gan)
    networks = create_networks(tiny_gan, roles_of(stages), stages[2])
    lines = summarize(networks, 32).splitlines()
    assert any(line.startswith("code_critic") and " 1 " in line for line in lines), lines


def test_layers_are_in_the_order_of_their_calls_and_add_up(tiny):
    stages = create_stages(tiny)
    networks = create_networks(tiny, roles_of(stages), stages[0])
    rows = [line.split("  ") for line in summarize(networks, 32).splitlines()]
    names = [row[1] for row in rows if row[0] == ""]
    assert names[:3] == ["Conv_0", "BatchNorm_0", "Conv_1"]
    state = jax.eval_shape(lambda: create_state(networks, jax.random.key(0), 32))
    total = sum(leaf.size for leaf in jax.tree.leaves(state.nets["encoder"].params))
    encoder = next(row for row in rows if row[0] == "encoder")
    assert f"{total:,}" in [cell.strip() for cell in encoder]
