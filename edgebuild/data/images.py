"""A folder of images per class as samples, through pillow."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from edgebuild.data.samples import LABEL, SampleSet
from edgebuild.data.sources import walk
from edgebuild.errors import DataError, Problem, did_you_mean

if TYPE_CHECKING:
    import numpy as np

    from edgebuild.data.loader import LoadImages

SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".ppm", ".pgm"})
MODES = {"rgb": "RGB", "bgr": "RGB", "gray": "L", "rgba": "RGBA"}
FILTERS = {"nearest": "NEAREST", "bilinear": "BILINEAR", "bicubic": "BICUBIC", "lanczos": "LANCZOS", "area": "BOX"}


def read_images(folder: Path, how: LoadImages, progress: Callable[[int, int, str], None]) -> SampleSet:
    """Height × width × channels of each image, uint8, or float32 where `how` scales them.

    Raises:
        DataError: no classes, unreadable images, unequal sizes, unknown classes; all at once.
    """
    import numpy as np

    files = [(name, path) for name, path in walk(folder) if path.suffix.lower() in SUFFIXES]
    names, problems = _classes(files, how.labels)
    images: list[np.ndarray] = []
    for done, (name, path) in enumerate(files):
        progress(done, len(files), "images")
        try:
            images.append(_pixels(path, how))
        except (OSError, ValueError, SyntaxError) as error:
            problems.append(
                Problem(f"data.source: {name}", f"cannot be read as an image: {error}", "Replace or remove it.")
            )
    problems += _unequal(files, images) if len(images) == len(files) else []
    if problems:
        raise DataError(*problems)
    numbers = {name: number for number, name in enumerate(names)}
    return SampleSet(
        inputs={how.input: scaled(np.stack(images), how.scale, how.mean)},
        ids=tuple(name for name, _ in files),
        labels={LABEL: np.array([numbers[name.split("/", 1)[0]] for name, _ in files], np.int64)},
        names=names,
        layout="HWC",
    )


def _classes(files: list[tuple[str, Path]], labels: tuple[str, ...]) -> tuple[tuple[str, ...], list[Problem]]:
    loose = [name for name, _ in files if "/" not in name]
    found = tuple(sorted({name.split("/", 1)[0] for name, _ in files if "/" in name}))
    problems = []
    if loose:
        what = f"{len(loose)} images lie in no class's folder: {', '.join(loose[:5])}{' …' if len(loose) > 5 else ''}."
        problems.append(Problem("data.source", what, "Put each image into a folder named like its class."))
    if not files:
        what = "holds no image."
        problems.append(Problem("data.source", what, f"Known suffixes: {', '.join(sorted(SUFFIXES))}."))
    for name in found if labels else ():
        if name not in labels:
            near = did_you_mean(name, labels) or "."
            what = f"folder `{name}` is none of the {len(labels)} labels{near}"
            problems.append(Problem("data.source", what, "Name each folder like a line of the labels file."))
    return labels or found, problems


def _pixels(path: Path, how: LoadImages) -> np.ndarray:
    import numpy as np
    from PIL import Image, ImageOps

    with Image.open(path) as image:
        # Cameras note how they were held instead of turning the pixels.
        upright = ImageOps.exif_transpose(image).convert(MODES[how.color])
    if how.size is not None:
        height, width = how.size
        upright = upright.resize((width, height), Image.Resampling[FILTERS[how.resize]])
    pixels = np.asarray(upright, np.uint8)
    if how.color == "bgr":
        pixels = pixels[..., ::-1]
    return pixels if pixels.ndim == 3 else pixels[..., None]


def scaled(pixels: np.ndarray, scale: float | None, mean: tuple[float, ...] | float | None) -> np.ndarray:
    """`pixels · scale - mean` in float32; the pixels themselves where neither is given."""
    import numpy as np

    if scale is None and mean is None:
        return pixels
    values = pixels.astype(np.float32)
    values *= np.float32(1.0 if scale is None else scale)
    values -= np.asarray(0.0 if mean is None else mean, np.float32)
    return values


def _unequal(files: list[tuple[str, Path]], images: list[np.ndarray]) -> list[Problem]:
    sizes = Counter(image.shape[:2] for image in images)
    if len(sizes) < 2:
        return []
    examples = {image.shape[:2]: name for (name, _), image in zip(files, images, strict=True)}
    words = ", ".join(f"{h}×{w} ({count}, e.g. {examples[h, w]})" for (h, w), count in sizes.most_common(4))
    fix = "Give `size: [height, width]` of the image under `interface.inputs`."
    return [Problem("data.source", f"the images differ in size: {words}.", fix)]
