"""An environment of their own for the peers: .peers/ in the checkout, kept from run to run."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from evaluations.peers.sitting import ROOT

REQUIREMENTS = Path(__file__).with_name("requirements.txt")
INSTALL_SECONDS = 900


def requirements() -> dict[str, str]:
    """Of every package its pinned requirement."""
    lines = REQUIREMENTS.read_text(encoding="utf-8").splitlines()
    pinned = [line for line in lines if line and not line.startswith("#")]
    return {line.partition("==")[0].partition("[")[0]: line for line in pinned}


class Environment:
    """One for this Python and these versions. A package that cannot be installed is absent, and
    the others are not."""

    def __init__(self) -> None:
        digest = hashlib.sha256(REQUIREMENTS.read_bytes()).hexdigest()[:12]
        major, minor = sys.version_info[:2]
        self._directory = ROOT / ".peers" / f"python{major}.{minor}-{digest}"
        self.python = str(self._directory / "bin" / "python")

    def install(self, say: Callable[[str], None]) -> dict[str, str]:
        """What is not there yet; gives for each package that cannot be installed the reason."""
        absent = {}
        for package, requirement in requirements().items():
            stamp = self._stamp(package)
            if stamp.exists():
                continue
            say(f"installing {requirement}")
            try:
                if not Path(self.python).exists():
                    _run(sys.executable, "-m", "venv", str(self._directory))
                _run(self.python, "-m", "pip", "install", "--quiet", requirement)
                stamp.touch()
            except (OSError, subprocess.SubprocessError) as error:
                said = getattr(error, "stderr", None) or str(error)
                absent[package] = f"{requirement} cannot be installed: {said.strip()[-300:]}"
        return absent

    def lacking(self) -> dict[str, str]:
        """What is not there, without installing anything."""
        return {
            package: f"{requirement} is not installed"
            for package, requirement in requirements().items()
            if not self._stamp(package).exists()
        }

    def _stamp(self, package: str) -> Path:
        return self._directory / f"has-{package}"


def _run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True, text=True, timeout=INSTALL_SECONDS)
