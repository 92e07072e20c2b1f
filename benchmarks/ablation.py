"""What each repair of the report's system adds: `python benchmarks/ablation.py FOLDER`.

Every row is trained for the same number of steps on the same photos, and judged by --mode=evaluate
on people of validation. The first rows are the report's way and repairs of it, as ROWS has them;
the next learn from turned pairs; the last are the systems that the report cites. Started again, it
goes on where it stopped; with --rows only some are made. With several seeds it prints means and,
behind +-, half of the range. Needs requirements-faces.txt.
"""

import json
import statistics
import subprocess
import sys
from pathlib import Path

from common import ROOT, add_data_flags, create_parser, run_main
from etils import epath

from facealign.workdir.log import read_rows

ON = "cfp:validation"
PROFILES = "45+"  # the name of that yaw bin
DATA = {"data.unrestricted": "lfw+cfp", "data.restricted": "lfw-frontal+mugshots"}
GAN = {"reconstruction": 0.6, "discriminator": 0.05, "adversarial": 0.35}  # shares of the steps
WARPED = {"augment.input_warp": 2.5, "augment.rotation": 10.0, "augment.zoom": 0.05}
# How medium_gan differed when the table was made.
THEN = {
    "augment.contrast": 0.0,
    "augment.exchange": 0.0,
    "optimizer.schedule": "constant",
    "stages.reconstruction.learning_rate": 2e-4,
}
R1 = {"discriminator.r1_weight": 1.0}
PAIRS = {"frontalize": 1.0}
REFINED = {"frontalize": 0.6, "refine": 0.4}
# name -> config, shares of the steps by stage, other differences
ROWS: dict[str, tuple[str, dict[str, float], dict[str, object]]] = {
    "report": ("medium_gan:faithful", GAN, DATA),
    "report, L1 kept": ("medium_gan", GAN, DATA | THEN | {"augment.flip": False}),
    "+ warped inputs": ("medium_gan", GAN, DATA | THEN | WARPED),
    "+ warped inputs + code critic": ("medium_gan:code", GAN, DATA | THEN | WARPED),
    "+ R1": ("medium_gan", GAN, DATA | THEN | WARPED | R1),
    "+ critic of the face": (
        "medium_gan",
        GAN,
        DATA | THEN | WARPED | R1 | {"discriminator.name": "face"},
    ),
    "turned pairs, medium": ("frontalize:medium", PAIRS, {}),
    "turned pairs, medium + critic": ("frontalize:medium", REFINED, {}),
    "turned pairs, flow": ("frontalize:lfw", PAIRS, {}),
    "turned pairs, flow + critic": ("frontalize:lfw", REFINED, {}),
    "turned pairs, flow + critic + identity": (
        "frontalize:identity",
        {"recognize": 1.0, **REFINED},
        {},
    ),
    # The systems that the report cites, by configs of their own.
    "CycleGAN": ("cyclegan:lfw", {"cycle": 1.0}, {}),
    "AttGAN, head pose": ("attgan_pose:lfw", {"attribute": 1.0}, {}),
    "FT-GAN": ("ftgan:lfw", {"coarse": 0.6, "refine": 0.4}, {}),
    **{
        f"turned pairs, hourglass of {stacks}": (
            "hourglass_frontalize:lfw",
            PAIRS,
            {"model.stacks": stacks},
        )
        for stacks in (1, 2, 4)
    },
}
NUMBERS = {  # column -> where evaluation.json has it
    "yaw < 8, profiles": (PROFILES, "yaw < 8"),
    "TAR, profiles": (PROFILES, "TAR"),
    "TAR": ("all", "TAR"),
    "FD": ("all", "FD"),
    "sharpness": ("all", "sharpness"),
    "diversity": ("all", "diversity"),
}


def make_row(
    name: str, seed: int, steps: int, folder: Path, data: list[str]
) -> dict[str, float | None]:
    """The numbers of a row, trained and judged unless that was done before."""
    workdir = folder / f"{name.replace(' ', '_').replace(',', '')}_{steps}_{seed}"
    judged = workdir / "evaluation.json"
    if not judged.exists():
        config, shares, differences = ROWS[name]
        file, _, variant = config.partition(":")
        values = {"seed": seed, "run": repr(tuple(shares)), **differences}
        values |= {f"stages.{stage}.steps": int(share * steps) for stage, share in shares.items()}
        values |= {"log_every": 50, "evaluate_every": 500, "checkpoint_every": 500}
        launch(
            f"--config=configs/{file}.py" + f":{variant}" * bool(variant),
            *(f"--config.{name}={value}" for name, value in values.items()),
            f"--workdir={workdir}",
            *data,
        )
        launch("--mode=evaluate", f"--workdir={workdir}", f"--on={ON}")
    systems = json.loads(judged.read_text())["systems"]
    system = next(iter(systems.values()))  # the run itself comes first
    numbers = {column: system[bin_][score]["value"] for column, (bin_, score) in NUMBERS.items()}
    timed = [row for row in read_rows(epath.Path(workdir)) if "timing" in row]
    ends = [0, *(row["step"] for row in timed)]
    seconds = sum(
        (end - begin) * row["timing"]["step_ms"] / 1e3
        for row, begin, end in zip(timed, ends, ends[1:], strict=False)
    )
    return numbers | {"minutes": seconds / 60}


def launch(*arguments: str) -> None:
    """Runs launch.py, or leaves with its error."""
    if code := subprocess.run([sys.executable, "launch.py", *arguments], cwd=ROOT).returncode:
        sys.exit(code)


def main() -> None:
    parser = create_parser(__doc__)
    parser.add_argument("folder", type=Path, help="for the workdirs")
    add_data_flags(parser)
    parser.add_argument("--steps", type=int, default=4000, help="of each row, 16 photos a domain")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--rows", nargs="+", choices=ROWS, default=list(ROWS))
    args = parser.parse_args()
    data = [f"--config.data.{name}={Path(getattr(args, name)).resolve()}"
            for name in ("manual_dir", "data_dir") if getattr(args, name)]  # fmt: skip
    made = {}
    for seed in args.seeds:
        for name in args.rows:
            made.setdefault(name, []).append(
                make_row(name, seed, args.steps, args.folder.resolve(), data)
            )
    columns = (*NUMBERS, "minutes")
    print(f"\n{args.steps} steps, seeds {args.seeds}, {ON}\n")
    print("| | " + " | ".join(columns) + " |\n| --- |" + " ---: |" * len(columns))
    for name, rows in made.items():
        cells = []
        for column in columns:
            values = [row[column] for row in rows if row[column] is not None]
            if not values:  # as without a single face found
                cells.append("-")
                continue
            spread = f" +- {(max(values) - min(values)) / 2:.2f}" if len(values) > 1 else ""
            cells.append(f"{statistics.mean(values):.2f}{spread}")
        print(f"| {name} | " + " | ".join(cells) + " |")


if __name__ == "__main__":
    run_main(main)
