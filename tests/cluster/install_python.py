"""Make the virtual environment in which the project's tests run inside the root."""

from __future__ import annotations

import ast
import os
import re
import shutil
import ssl
import subprocess
import tomllib
from pathlib import Path
from typing import TextIO

from tests.cluster import namespaces, rootfs
from tests.cluster.install_debian import run

EXTRAS = ("inference", "parquet")
TEST_TOOLS = {
    "axe-playwright-python",
    "hypothesis",
    "import-linter",
    "jsonschema",
    "playwright",
    "pytest",
    "pytest-timeout",
}
FURTHER = [
    "htcondor>=25",  # the bindings `htcondor2`; Debian's own, which are older, lie beneath
    # What TaskVine's own libraries of functions import, with which ours is compared.
    "conda-pack",
    "threadpoolctl",
]
PYTHON = str(rootfs.VENV / "bin/python")
CERTIFICATES = "/etc/ssl/certs/ca-certificates.crt"

PIN = "import importlib.metadata as m; print('torch==' + m.version('torch'))"
CHECK = f"""
import importlib.metadata, re, sys, torch, ndcctools.taskvine, htcondor2, transformers
here = [path for path in sys.path if path.startswith("{rootfs.VENV}/")]
names = [found.name.lower() for found in importlib.metadata.distributions(path=here)]
foreign = [name for name in names if re.match("torch$|triton$|cuda|nvidia-c", name)]
assert not foreign, f"pip brought another torch than Debian's: {{foreign}}"
print("Python", sys.version.split()[0], "torch", torch.__version__,
      "transformers", transformers.__version__, htcondor2.version())
"""


def requirements() -> list[str]:
    """The project's own requirements but for torch, and the tools that its tests need."""
    project = tomllib.loads((rootfs.CHECKOUT / "pyproject.toml").read_text())
    extras = project["project"]["optional-dependencies"]
    tools = [line for line in project["dependency-groups"]["dev"] if _name(line) in TEST_TOOLS]
    every = [*project["project"]["dependencies"], *tools, *FURTHER]
    every += [line for extra in EXTRAS for line in extras[extra]]
    return sorted(line for line in every if _name(line) != "torch")


def constraints() -> str:
    """The project's tested versions but for torch."""
    lines = (rootfs.CHECKOUT / "constraints.txt").read_text().splitlines(keepends=True)
    return "".join(line for line in lines if _name(line) != "torch")


def install_python(root: Path, log: TextIO) -> None:
    settings = _pip_settings(root) | _certificates(root)
    (root / "etc/pip.conf").write_text(f"[global]\ncert = {CERTIFICATES}\n")
    environment = ["python3", "-m", "venv", "--system-site-packages", str(rootfs.VENV)]
    run(environment, log, root=root)
    # Pinned to Debian's, torch makes pip fail rather than fetch gigabytes for another one.
    with (root / "tmp/constraints").open("w") as file:
        file.write(constraints())
        file.flush()
        run([PYTHON, "-c", PIN], file, root=root)
    install = [PYTHON, "-m", "pip", "install", "--no-cache-dir", "-c", "/tmp/constraints"]
    run([*install, *requirements()], log, root=root, settings=settings)
    run([PYTHON, "-W", "ignore", "-c", CHECK], log, root=root)


def _name(requirement: str) -> str:
    return re.split(r"[^\w.-]", requirement)[0].lower()


def _certificates(root: Path) -> dict[str, str]:
    """Give the root the certificates that this machine trusts, or pip cannot verify its index."""
    bundle = os.environ.get("SSL_CERT_FILE") or ssl.get_default_verify_paths().cafile
    target = root / CERTIFICATES.removeprefix("/")
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(bundle or CERTIFICATES, target)
    return {"PIP_CERT": CERTIFICATES}


def _pip_settings(root: Path) -> dict[str, str]:
    """This machine's pip configuration as variables; the folders it names are shown in `root`."""
    listing = ["python3", "-m", "pip", "config", "list"]
    answer = subprocess.run(listing, check=False, capture_output=True, text=True)
    lines = re.findall(r"^(?:global|install|:env:)\.(\S+)=(.*)$", answer.stdout, re.MULTILINE)
    settings = {
        f"PIP_{key}".upper().replace("-", "_"): str(ast.literal_eval(text)) for key, text in lines
    }
    for word in " ".join(settings.values()).split():
        path = Path(word.removeprefix("file://"))
        # The pages of an index refer to files beside its folder.
        folder = path.parent if word.startswith("file:") else path
        if folder.is_absolute() and folder.is_dir():
            target = root / folder.relative_to("/")
            if not target.exists():
                target.mkdir(parents=True)
                namespaces.bind(folder, target, read_only=True)
    return settings
