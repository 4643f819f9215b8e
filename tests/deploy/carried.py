"""Small wheels and a small bundle in the shape of the real one, so that the installer is tested in seconds."""

import shutil
import subprocess
import sys
import sysconfig
import zipfile
from collections.abc import Iterable, Sequence
from pathlib import Path

from deploy.bundle import sums

ROOT = Path(__file__).resolve().parents[2]
PYTHON = "{}.{}".format(*sys.version_info[:2])
COMMAND = "import sys\n\n\ndef main():\n    print('wengang, version {version}', *sys.argv[2:])\n"


def make_wheel(
    folder: Path,
    name: str,
    version: str,
    *,
    requires: Sequence[str] = (),
    metadata: Iterable[str] = (),
    command: bool = False,
) -> Path:
    """A pure wheel of one module; with ``command`` it brings a command of its own name that says its version."""
    path = folder / f"{name}-{version}-py3-none-any.whl"
    info = f"{name}-{version}.dist-info"
    head = ["Metadata-Version: 2.4", f"Name: {name}", f"Version: {version}", *metadata]
    files = {
        f"{name}.py": COMMAND.format(version=version),
        f"{info}/METADATA": "\n".join([*head, *(f"Requires-Dist: {line}" for line in requires), ""]),
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{info}/entry_points.txt": f"[console_scripts]\n{name} = {name}:main\n" if command else "",
    }
    folder.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w") as archive:
        for inside, text in files.items():
            archive.writestr(zipfile.ZipInfo(inside), text)
        archive.writestr(
            zipfile.ZipInfo(f"{info}/RECORD"), "".join(f"{inside},,\n" for inside in (*files, f"{info}/RECORD"))
        )
    return path


def make_bundle(folder: Path, *, version: str = "1.0", **facts: str) -> Path:
    """An unpacked bundle with wengang of ``version``, which needs one package; ``facts`` replace what BUNDLE says."""
    wheels = folder / "wheels"
    make_wheel(wheels, "wengang", version, requires=["needed"], command=True)
    needed = make_wheel(wheels, "needed", "2.0")
    digest = sums(wheels).split(f"  {needed.name}")[0].splitlines()[-1]
    (folder / "requirements.lock").write_text(f"needed==2.0 \\\n    --hash=sha256:{digest}\n", encoding="utf-8")
    (folder / "dags").mkdir()
    (folder / "dags" / "nightly.py").write_text(f"# {version}\n", encoding="utf-8")
    said = {
        "version": version,
        "wheel": f"wengang-{version}-py3-none-any.whl",
        "python": PYTHON,
        "machine": sysconfig.get_platform().removeprefix("linux-"),
        "glibc": "2.5",
        **facts,
    }
    (folder / "BUNDLE").write_text("".join(f"{key}={value}\n" for key, value in said.items()), encoding="utf-8")
    shutil.copy(ROOT / "deploy" / "install.sh", folder / "install.sh")
    (folder / "SHA256SUMS").write_text(sums(folder), encoding="utf-8")
    return folder


def install(folder: Path, *arguments: str, before: Sequence[str] = ()) -> subprocess.CompletedProcess[str]:
    """Run the bundle's ``install.sh`` under the command ``before``, if there is one."""
    command = [*before, "sh", str(folder / "install.sh"), *arguments]
    return subprocess.run(command, cwd=folder.parent, capture_output=True, text=True, check=False)
