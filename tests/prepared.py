"""Prepares datasets from tiny photos and reads them back."""

import csv
from pathlib import Path

from configs import base
from facealign.data.datasets import schema
from facealign.data.datasets.table import DATASETS
from facealign.data.load import load_examples


def data_config(tmp_path, **changes):
    data = base.get_config().data
    data.update(data_dir=str(tmp_path / "prepared"), manual_dir=str(tmp_path))
    data.update(changes)
    return data


def load(data, name):
    """All examples of a dataset by their file name."""
    found = {}
    for split in schema.SPLITS:
        columns = load_examples(data, name, split)
        rows = zip(*columns.values(), strict=True)
        for row in (dict(zip(columns, row, strict=True)) for row in rows):
            found[str(row["file_name"])] = row | {"split": split}
    return found


def rejected(data, name):
    """The reasons in rejected.csv by file name."""
    builder = DATASETS[name](data, data.data_dir)
    with Path(builder.data_dir, "rejected.csv").open(newline="", encoding="utf-8") as file:
        return {row["file_name"]: row["reason"] for row in csv.DictReader(file)}
