"""A local web page that makes portraits of an uploaded photo or a webcam photo."""

import os
import webbrowser
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from PIL import Image, ImageDraw

from facealign.data.datasets import orl_faces
from facealign.errors import UserError
from facealign.geometry import frame
from facealign.geometry.frame import SIZE
from facealign.images import BadPhotoError
from facealign.paths import cache_folder
from facealign.portraits.aligner import Aligner
from facealign.portraits.methods import turned_in_3d
from facealign.portraits.photo_files import HEIC, is_heic_in_vain
from facealign.portraits.portrait import Portrait

SHOWN = 256  # px: side of a face on the page
DOT = 1.5  # px: radius of a drawn landmark
EXAMPLES = ("s4/10", "s32/7", "s39/3", "s1/5", "s13/6", "s25/8")  # ORL photos with turned heads
COLUMNS = ("face", "yaw before", "yaw after", "distance")
FARTHEST = 45  # degrees that the slider goes to each side
LARGEST_FILE = "50mb"
WORDS = """# Photos in, frontal portraits out
Drop a photo or take one. For each face the page shows the crop with its landmarks, and the
portrait, which the slider turns. *Yaw* is in degrees, 0 is frontal. *Distance* compares the person
in the portrait with the person in the photo: it is about 0.43 for two photos of one person and 0.75
for two people. Parts that the photo hides are invented. Photos stay on this machine.
"""


class Shown(NamedTuple):
    """What the page shows for a photo."""

    pictures: list[tuple[Image.Image, str]]  # images with captions
    rows: list[list[Any]]  # of a table with the columns `COLUMNS`
    message: str


def turn_photo(aligner: Aligner, path: str | None, yaw: float = 0.0) -> Shown:
    """The faces of a photo and their portraits, or a message that says what is wrong.

    `yaw` is where the heads look in the portraits, in degrees, if the method can turn them.
    """
    if not path:
        return Shown([], [], "Choose a photo first.")
    if is_heic_in_vain(Path(path)):
        return Shown([], [], f"This photo cannot be used: {HEIC}.")
    try:
        (portraits,) = aligner([path])
    except (BadPhotoError, OSError) as error:
        return Shown([], [], f"This photo cannot be used: {str(error).removeprefix(f'{path}: ')}.")
    if not portraits:
        return Shown([], [], "No clear face was found; try a larger one.")
    style = aligner.method.style
    if yaw and style:
        portraits = turned_in_3d(style._replace(yaw=yaw)).make([p.face for p in portraits])
    pictures, rows = [], []
    for number, portrait in enumerate(portraits, 1):
        yaw, distance = aligner.measure(portrait)
        pictures.append((_draw(portrait), f"face {number} in the photo"))
        pictures.append((portrait.picture, f"face {number}, portrait"))
        values = (f"{portrait.yaw:.1f}", f"{yaw:.1f}", f"{distance:.2f}")
        rows.append([number, *("not measured" if v == "nan" else v for v in values)])
    return Shown(pictures, rows, f"{len(portraits)} face{'s' * (len(portraits) > 1)} found.")


@contextmanager
def without_proxies() -> Iterator[None]:
    """Lets this process reach itself and others directly, whatever the environment says.

    Gradio asks its own page whether it is there; a proxy would not find it.
    """
    before = {name: os.environ.get(name) for name in ("no_proxy", "NO_PROXY")}
    os.environ.update(dict.fromkeys(before, "*"))
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name)
            os.environ.update({name: value} if value is not None else {})


def create_demo(aligner: Aligner) -> Any:
    """The page as a `gradio.Blocks`.

    Raises:
      UserError: requirements-demo.txt is not installed.
    """
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"  # sends nothing to anybody
    try:
        import gradio
    except ImportError as error:
        raise UserError(
            f"cannot show the demo ({error}); run: pip install -r requirements-demo.txt"
        ) from None
    examples = cache_folder() / "examples"
    gradio.set_static_paths([examples])
    with gradio.Blocks(title="facealign", analytics_enabled=False) as page:
        gradio.Markdown(WORDS)
        with gradio.Row():
            with gradio.Column():
                # A file as it is: an image component would convert it, and refuse some.
                photo = gradio.File(type="filepath", label="photo")
                taken = gradio.Image(type="filepath", sources=["webcam"], label="or take one")
                yaw = gradio.Slider(-FARTHEST, FARTHEST, 0, step=1, label="yaw of the portraits",
                                    visible=aligner.method.style is not None)  # fmt: skip
                button = gradio.Button("Make portraits", variant="primary")
                gradio.Examples(_write_examples(examples), photo)
            with gradio.Column():
                gallery = gradio.Gallery(label="faces", columns=2, object_fit="contain")
                message = gradio.Markdown()
                numbers = gradio.Dataframe(headers=list(COLUMNS), interactive=False)
        for event in (button.click, yaw.release):
            event(partial(_turn_either, aligner), [photo, taken, yaw], [gallery, numbers, message])
    return page


def _turn_either(aligner: Aligner, photo: str | None, taken: str | None, yaw: float) -> Shown:
    return turn_photo(aligner, photo or taken, yaw)


def show(aligner: Aligner, host: str, port: int) -> None:
    """Serves the page until the process ends.

    Args:
      aligner: with face tools.
      host: address to serve on; 127.0.0.1 answers only requests from this machine.
      port: of the server.

    Raises:
      UserError: the port is taken, or requirements-demo.txt is not installed.
    """
    with without_proxies():
        page = create_demo(aligner).queue(default_concurrency_limit=2)
        try:
            page.launch(
                server_name=host,
                server_port=port,
                share=False,
                max_file_size=LARGEST_FILE,
                quiet=True,
                prevent_thread_lock=True,
            )
        except OSError as error:
            raise UserError(f"cannot serve on --host={host} --port={port}: {error}") from error
    webbrowser.open(page.local_url)  # with the proxies, if it starts a browser
    print(f"showing http://{host}:{port} until you press Ctrl-C", flush=True)
    page.block_thread()


def _draw(portrait: Portrait) -> Image.Image:
    """Draws the canonical crop of the photo with its landmarks."""
    face, photo = portrait.face, Image.fromarray(portrait.face.patch.pixels)
    picture = frame.crop_large(
        photo, frame.compose(frame.zoom(SHOWN / SIZE), face.to_crop), SHOWN, 3
    )
    picture = Image.fromarray(picture)
    pen = ImageDraw.Draw(picture)
    for x, y in (face.landmarks + 0.5) * (SHOWN / SIZE):
        pen.ellipse((x - DOT, y - DOT, x + DOT, y + DOT), fill=(80, 220, 120))
    return picture


def _write_examples(folder: Path) -> list[str]:
    """Writes the ORL photos EXAMPLES as PNG files, enlarged; returns their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for name in EXAMPLES:
        path = folder / f"{name.replace('/', '_')}.png"
        with Image.open(orl_faces.photo_folder() / f"{name}.pgm") as image:
            enlarged = image.resize((3 * image.width, 3 * image.height), Image.Resampling.BICUBIC)
        Image.fromarray(np.asarray(enlarged)).save(path)
        paths.append(str(path))
    return paths
