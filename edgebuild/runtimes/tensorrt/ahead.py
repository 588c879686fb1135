"""Build a TensorRT-RTX engine ahead of time, on the processor, for a GPU that is not here.

As a program, because its compiler is native code that may end the process: `python -m … REQUEST.json ANSWER.json`.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from edgebuild.core.records import Record

MODULE = "edgebuild.runtimes.tensorrt.ahead"
TIMEOUT_S = 900.0


class Built(Record):
    """What became of it."""

    size: int = 0
    """Bytes of the engine; 0 where there is none."""
    seconds: float = 0.0
    why: str = ""
    """Why there is none, in the builder's words."""


def build_ahead(
    model: Path,
    capability: str,
    level: int,
    shapes: Mapping[str, tuple[int, ...]],
    scratch: Path,
    timeout_s: float = TIMEOUT_S,
) -> Built:
    """Build in a process of its own; a crash is an answer too.

    Args:
        model: ONNX.
        capability: compute capability: `8.6`.
        level: of the builder's optimization, 0 to 5.
        shapes: of the inputs; those with dynamic axes get a profile of this one shape.
        scratch: an empty folder.
        timeout_s: after which it is stopped.
    """
    from edgebuild.devices.links.local import ending, environment, run_apart

    request, answer, log = (scratch / name for name in ("request.json", "answer.json", "log"))
    asked = {"model": str(model), "capability": capability, "level": level, "shapes": shapes}
    request.write_text(json.dumps(asked), encoding="utf-8")
    command = [sys.executable, "-P", "-m", MODULE, str(request), str(answer)]
    status = run_apart(command, log, environment(1), timeout_s)
    # Its answer counts, however the runtime's libraries are taken down.
    if answer.is_file():
        return Built.model_validate_json(answer.read_bytes())
    return Built(why=f"the builder {ending(status, timeout_s)}")


def built(model: str, capability: str, level: int, shapes: Mapping[str, list[int]]) -> Built:
    """The work itself."""
    import tensorrt_rtx_bindings as trt

    from edgebuild.runtimes.tensorrt.session_engine import Network

    known = {words_of_capability(name): kind for name, kind in trt.ComputeCapability.__members__.items()}
    if capability not in known:
        here = ", ".join(name for name in known if name)
        return Built(why=f"TensorRT-RTX {trt.__version__} builds ahead of time for {here} alone.")
    start = time.perf_counter()
    try:
        network = Network(trt, model)
        config = network.config(
            {"builder_optimization_level": level}, {name: tuple(shape) for name, shape in shapes.items()}
        )
        config.num_compute_capabilities = 1
        config.set_compute_capability(known[capability], 0)
        engine = network.build(config)
    except RuntimeError as error:
        return Built(why=" ".join(str(error).split()), seconds=round(time.perf_counter() - start, 3))
    return Built(size=engine.nbytes, seconds=round(time.perf_counter() - start, 3))


def words_of_capability(name: str) -> str:
    """`SM86` is `8.6`, `SM120` is `12.0`; "" for what is no GPU."""
    digits = name.removeprefix("SM")
    return f"{digits[:-1]}.{digits[-1]}" if digits.isdigit() else ""


def main(request: Path, answer: Path) -> None:
    """Read a request, write the answer."""
    asked: dict[str, Any] = json.loads(request.read_text(encoding="utf-8"))
    found = built(asked["model"], asked["capability"], asked["level"], asked["shapes"])
    part = answer.with_suffix(".part")
    part.write_text(found.model_dump_json(), encoding="utf-8")
    part.replace(answer)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
