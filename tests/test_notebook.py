"""The notebook runs from top to bottom, with tiny settings in place of its parameters."""

import os
import re
import sys
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from tests import photo_sources
from tests.conftest import STARTED_CACHE

ROOT = Path(__file__).parent.parent
FLAGS = (
    "--config.model.name=light --config.data.image_size=32 --config.data.batch_size=4 "
    "--config.data.polygon_pairs=80 --config.evaluate_examples=4"
)
STAGES = {"polygons_light": ("reconstruction", "mirror"),
          "medium_gan": ("reconstruction", "discriminator", "adversarial")}  # fmt: skip


@pytest.mark.filterwarnings("default")  # of Jupyter's own packages
def test_the_notebook_runs_from_top_to_bottom(data_dir, tmp_path, monkeypatch):
    monkeypatch.setenv("JAX_DISABLE_MOST_OPTIMIZATIONS", "1")
    monkeypatch.setenv("XDG_CACHE_HOME", str(STARTED_CACHE))
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    photo = tmp_path / "photo.jpg"
    photo.write_bytes(photo_sources.face_bytes())
    notebook = nbformat.read(ROOT / "notebooks" / "facealign.ipynb", as_version=4)
    nbformat.validate(notebook)
    (parameters,) = [c for c in notebook.cells if "parameters" in c.metadata.get("tags", ())]
    for name, value in {
        "INSTALL": False,
        "RUNS": str(tmp_path / "runs"),
        "PHOTO": str(photo),
        "ALIGN_FLAGS": "--already_aligned",
        "FLAGS": f"{FLAGS} --config.data.data_dir={data_dir}",
    }.items():
        parameters.source, found = re.subn(
            rf"^{name} = .*$", f"{name} = {value!r}", parameters.source, flags=re.MULTILINE
        )
        assert found == 1, name
    for cell in notebook.cells:
        if cell.cell_type == "code":
            assert not cell.outputs and cell.execution_count is None  # committed clean
            for config, stages in STAGES.items():  # a few steps, and a failed command fails
                steps = " ".join(f"--config.stages.{stage}.steps=2" for stage in stages)
                cell.source = cell.source.replace(
                    f"--config=configs/{config}.py ", f"--config=configs/{config}.py {steps} "
                )
            cell.source = re.sub(r"^(!.*)$", r"\1\nassert _exit_code == 0", cell.source, flags=re.M)
    NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(ROOT)}}).execute()
    shown = [
        output
        for cell in notebook.cells
        for output in cell.get("outputs", ())
        if "image/png" in output.get("data", {})
    ]
    assert len(shown) == 2 + 2 * len(STAGES)  # crop and portrait; samples and curves of each run
