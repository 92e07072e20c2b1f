"""Scores as a table shows them."""

import numpy as np

from facealign.evaluation.tables import cell, tables
from facealign.metrics.bootstrap import Score


def test_cells_by_the_kind_of_number():
    assert cell("photos", Score(80)) == "80"
    assert cell("found", Score(0.725, 0.5, 0.9)) == "72 %"
    assert cell("yaw < 8", Score(0.6625, 0.5, 0.825)) == "66 % (50 to 82)"
    assert cell("yaw < 8", Score(0.6625, 0.5, 0.825), interval=False) == "66 %"
    assert cell("KID", Score(0.0048, 0.0042, 0.0054)) == "4.8 (4.2 to 5.4)"
    assert cell("yaw median", Score(4.46)) == "4.5"
    assert cell("yaw median", Score(np.inf)) == "no face"
    assert cell("TAR", Score(np.nan, why="too few")) == cell("TAR", None) == "-"


def test_every_table_has_its_rows_and_columns(comparison):
    found = dict(tables(comparison))
    assert list(found)[:4] == ["Summary", "Pose", "Identity", "Realism"]
    for lines in found.values():
        assert {len(line) for line in lines} == {len(lines[0])}
    names = list(comparison.systems)
    assert [line[0] for line in found["Identity"][1:]] == names  # the floor has only FD and KID
    assert [line[0] for line in found["Realism"][1:]] == [*names, "real frontal photos (floor)"]
    by_bin = found["rank-1 by |yaw| of the input in degrees (photos)"]
    assert by_bin[0] == ["", "0-15 (36)", "15-30 (12)", "30-45 (12)", "45+ (12)"]
