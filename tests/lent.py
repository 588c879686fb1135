"""An environment of its own that lends everything of this one, so that packages can come and go in it."""

from __future__ import annotations

import json
import subprocess
import sys
import sysconfig
import venv
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


@dataclass
class Lent:
    """Its Python, and what is installed in it alone."""

    python: Path
    site: Path

    def install(self, name: str, version: str, code: str, origin: object = None) -> None:
        """A package of one file, as pip installs it."""
        for old in self.site.glob(f"{name}-*.dist-info"):
            for file in old.iterdir():
                file.unlink()
            old.rmdir()
        (self.site / name).mkdir(exist_ok=True)
        (self.site / name / "__init__.py").write_text(code)
        info = self.site / f"{name}-{version}.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        digest = abs(hash(code))
        (info / "RECORD").write_text(f"{name}/__init__.py,sha256={digest},{len(code)}\n{info.name}/RECORD,,\n")
        if origin is not None:
            (info / "direct_url.json").write_text(json.dumps(origin))

    def run(self, code: str, *words: str, **environment: str) -> str:
        """What a piece of Python prints."""
        command = [str(self.python), "-P", "-c", code, *words]
        done = subprocess.run(command, capture_output=True, text=True, check=False, env={"PATH": "", **environment})
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()


def lend(folder: Path) -> Lent:
    """Make one."""
    venv.create(folder, symlinks=True, with_pip=False)
    site = next((folder / "lib").glob("python*/site-packages"))
    (site / "lent.pth").write_text(f"{sysconfig.get_path('purelib')}\n{ROOT}\n")
    return Lent(folder / "bin" / Path(sys.executable).name, site)
