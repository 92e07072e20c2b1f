"""The way into facealign: `python launch.py --config=configs/medium_gan.py`.

Any value of the config can be given on the command line: --config.data.batch_size=8
"""

from absl import app, flags
from ml_collections import config_flags

from facealign.cli import main as cli

CONFIG = config_flags.DEFINE_config_file(
    "config",
    None,
    "The experiment, as configs/NAME.py or configs/NAME.py:VARIANT; evaluate and pack "
    "take that of the run unless given.",
)
WORKDIR = flags.DEFINE_string("workdir", None, "Folder of the run; runs/NAME unless given.")
MODE = flags.DEFINE_enum("mode", "train", cli.MODES, "What to do.")
STEP = flags.DEFINE_integer(
    "step", 0, "Of a run: which checkpoint, by its step; 0 is the newest.", lower_bound=0
)
PROFILE = flags.DEFINE_bool("profile", False, "train: write a trace of some steps to the workdir.")
ON = flags.DEFINE_string(
    "on", "", "evaluate: photos to judge on, DATASET:SPLIT,SPLIT; by default U's test split."
)
DEVICE = flags.DEFINE_enum("device", "", ["", "cpu", "gpu", "tpu"], "Where to compute.")
INPUT = flags.DEFINE_string("input", "", "align: a folder of photos, or one photo.")
OUTPUT = flags.DEFINE_string("output", "", "align, export: folder to write to.")
METHOD = flags.DEFINE_string(
    "method", "network", "align: geometric brings faces into place, turn turns them in 3D alone."
)
CHECKPOINT = flags.DEFINE_string(
    "checkpoint",
    "",
    "align, demo, export: a workdir or packed weights; facealign's own unless given.",
)
RECURSIVE = flags.DEFINE_bool("recursive", True, "align: folders in the input folder too.")
ALIGNED = flags.DEFINE_bool("already_aligned", False, "align: the photos are canonical crops.")
SHEET = flags.DEFINE_bool("sheet", False, "align: draw a page of all faces before and after.")
ORIGINAL = flags.DEFINE_bool("original_size", False, "align: portraits as large as their crops.")
BATCH = flags.DEFINE_integer("batch_size", 0, "export: crops at a time; 0 is any.", lower_bound=0)
HOST = flags.DEFINE_string("host", "127.0.0.1", "demo: 0.0.0.0 lets other machines in.")
PORT = flags.DEFINE_integer("port", 7860, "demo: of the page.", lower_bound=1, upper_bound=65535)
DISTRIBUTED = flags.DEFINE_bool(
    "distributed", False, "train: this is one of several processes of a run. SLURM, TPU pods and "
    "the like say which; elsewhere the next three flags do."
)  # fmt: skip
COORDINATOR = flags.DEFINE_string("coordinator", "", "distributed: HOST:PORT of the first process.")
PROCESSES = flags.DEFINE_integer("num_processes", 0, "distributed: how many there are.")
PROCESS = flags.DEFINE_integer("process_id", -1, "distributed: number of this one, from 0.")
OF_A_JOB = (
    STEP, PROFILE, ON, INPUT, OUTPUT, METHOD, CHECKPOINT, RECURSIVE, ALIGNED, SHEET, ORIGINAL,
    BATCH, HOST, PORT
)  # fmt: skip


def main(_: list[str]) -> None:
    path = config_flags.get_config_filename(flags.FLAGS["config"]) if CONFIG.value else ""
    rest = {flag.name: flag.value for flag in OF_A_JOB}
    group = cli.Group(DISTRIBUTED.value, COORDINATOR.value, PROCESSES.value, PROCESS.value)
    cli.run(MODE.value, CONFIG.value, path, WORKDIR.value, DEVICE.value, group, **rest)


def start() -> None:
    """Parses the flags and runs; also the command `facealign` of an installed package."""
    app.run(main, flags_parser=cli.parse_flags)


if __name__ == "__main__":
    start()
