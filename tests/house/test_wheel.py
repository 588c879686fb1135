"""An installed wheel finds what ships with it: schema, devices, templates."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

CODE = """
from edgebuild import shipped
from edgebuild.devices.profiles import profile_of
from edgebuild.render import Renderer
from pathlib import Path
assert "site" in shipped.__file__, shipped.__file__
assert shipped.shipped("specs", "edgebuild.schema.json").is_file()
assert profile_of("raspberry-pi-5", Path("."))
assert {"README.md", "predict.py"} <= set(Renderer().templates("onnxruntime"))
"""


def test_an_installed_wheel_finds_what_ships_with_it(tmp_path: Path) -> None:
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, "wheel", "--no-deps", "--wheel-dir", str(tmp_path), str(ROOT)], check=True)
    wheel = next(tmp_path.glob("edgebuild-*.whl"))
    subprocess.run([*pip, "install", "--no-deps", "--target", str(tmp_path / "site"), str(wheel)], check=True)
    environment = {"PYTHONPATH": str(tmp_path / "site"), "PATH": "/usr/bin:/bin"}
    done = subprocess.run(
        [sys.executable, "-c", CODE], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
