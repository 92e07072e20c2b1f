"""The modes and their flags: each flag is defined here once, and read by the modes that list it.

Light, without JAX: a misspelt flag should not cost the seconds that JAX takes to import.
"""

from typing import NamedTuple

from absl import flags
from ml_collections import config_flags

from facealign.cli.config_file import ConfigFile

FLAGS = flags.FLAGS
COMMON = ("mode", "device")  # flags of every mode
PROCESSES = ("distributed", "coordinator", "num_processes", "process_id")  # read before the mode


class Mode(NamedTuple):
    """A mode. Its flags without `PROCESSES` are the parameters of `run_NAME` in modes.py."""

    does: str  # in one line
    flags: tuple[str, ...]  # that it reads, besides `COMMON`
    needs: tuple[str, ...] = ()  # flags without which it cannot run
    needs_one: tuple[str, ...] = ()  # flags of which it needs one
    interrupted: str = ""  # what the same command does after an interrupt, unless it starts anew


MODES = {
    "train": Mode(
        "trains a model, or continues the run in --workdir",
        ("config", "workdir", "profile", *PROCESSES),
        needs=("config",),
        interrupted="goes on from the last checkpoint, or starts anew if there is none yet",
    ),
    "evaluate": Mode(
        "compares a run with baselines on people it has not seen; writes tables and a page",
        ("config", "workdir", "checkpoint", "step", "on", "method"),
        needs_one=("workdir", "config"),
    ),
    "align": Mode(
        "makes frontal portraits of photos",
        (
            *("input", "output", "recursive", "already_aligned", "faces", "min_face", "jobs"),
            *("size", "frame", "gray", "yaw", "pitch", "background"),
            *("format", "quality", "sheet", "mask", "turntable", "distance"),
            *("method", "checkpoint", "step", "original_size"),
        ),
        needs=("input", "output"),
        interrupted="makes the portraits that are missing",
    ),
    "demo": Mode(
        "serves a page of this machine that aligns photos", ("checkpoint", "step", "host", "port")
    ),
    "export": Mode(
        "writes a model as ONNX and StableHLO programs, or a page that makes portraits",
        ("output", "checkpoint", "step", "batch_size", "web"),
        needs=("output",),
    ),
    "pack": Mode(
        "writes the weights of a run to one small file",
        ("config", "workdir", "step"),
        needs_one=("workdir", "config"),
    ),
    "summary": Mode(
        "prints the networks, their layers and parameters", ("config",), needs=("config",)
    ),
}

flags.DEFINE_enum("mode", "train", MODES, "what to do, one of the modes above")
flags.DEFINE_enum("device", "", ["", "cpu", "gpu", "tpu"], "where to compute: cpu, gpu or tpu")

# Of several modes
config_flags.DEFINE_config_file(
    "config", None, "experiment, configs/NAME.py[:VARIANT]; --config.FIELD=VALUE changes a value"
)
FLAGS["config"].parser = ConfigFile()  # says more of what is wrong
flags.DEFINE_string("workdir", None, "folder of the run; runs/NAME of the config unless given")
flags.DEFINE_integer("step", 0, "step of the checkpoint; 0 is the newest", lower_bound=0)
flags.DEFINE_string("output", "", "folder to write to")
flags.DEFINE_string(
    "checkpoint", "", "workdir of a run or packed weights; facealign's own unless given"
)

# train
flags.DEFINE_bool("profile", False, "write a trace of some steps to the workdir")
flags.DEFINE_bool(
    "distributed", False, "this is one of several processes; SLURM, TPU pods and the like say which"
)
flags.DEFINE_string("coordinator", "", "HOST:PORT of the first process, where no cluster says it")
flags.DEFINE_integer("num_processes", 0, "how many processes there are, likewise")
flags.DEFINE_integer("process_id", -1, "number of this process, from 0, likewise")

# evaluate
flags.DEFINE_string("on", "", "photos, DATASET:SPLIT,SPLIT; the test split of the run unless given")

# align
flags.DEFINE_string("input", "", "folder of photos, or one photo")
flags.DEFINE_string(
    "method",
    "",
    "portrait (turned, mended) unless given; unmended, network, geometric or turn",
)
flags.DEFINE_bool("recursive", True, "photos in subfolders too; --norecursive leaves them out")
flags.DEFINE_bool("already_aligned", False, "the photos are canonical crops; no face is searched")
flags.DEFINE_enum("faces", "all", ["all", "largest"], "which faces of a photo: all or largest")
flags.DEFINE_integer("min_face", 0, "px; smaller faces are left out", lower_bound=0)
flags.DEFINE_integer("jobs", 0, "processes that find faces; 0: as many as help", lower_bound=0)
flags.DEFINE_bool("sheet", False, "write a page of all faces before and after")
flags.DEFINE_integer("size", 512, "of portraits in px, 128 to 1024; 0 is what the photo holds")
flags.DEFINE_string("frame", "portrait", "portrait: with hair and shoulders; tight: the face alone")
flags.DEFINE_bool("gray", False, "gray portraits")
flags.DEFINE_float("yaw", 0.0, "where the head looks in the portrait, -45 to 45 degrees")
flags.DEFINE_float("pitch", 0.0, "likewise, up or down, -20 to 20 degrees")
flags.DEFINE_string(
    "background",
    "auto",
    "keep, plain, or a colour as #D0D0D0; auto: plain beyond 45 degrees",
)
flags.DEFINE_string("format", "png", "of portraits: png, jpg or webp")
flags.DEFINE_integer("quality", 95, "of jpg and webp, 1 to 100")
flags.DEFINE_bool("mask", False, "write what the photo showed, what was mirrored and invented too")
flags.DEFINE_bool("distance", True, "compare portraits with photos, which takes time")
flags.DEFINE_bool("turntable", False, "write an animation of the head from side to side too")
flags.DEFINE_bool("original_size", False, "earlier name of --size=0")

# export
flags.DEFINE_integer("batch_size", 0, "crops at a time; 0 is any number", lower_bound=0)
flags.DEFINE_bool("web", False, "write a page that makes portraits in the browser instead")

# demo
flags.DEFINE_string("host", "127.0.0.1", "address to serve on; 0.0.0.0 lets other machines in")
flags.DEFINE_integer("port", 7860, "port of the page", lower_bound=1, upper_bound=65535)


def modes_of(name: str) -> list[str]:
    """The modes that read a flag."""
    return [mode for mode, row in MODES.items() if name in (*COMMON, *row.flags)]
