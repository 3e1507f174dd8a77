#!/usr/bin/env python3
"""The pinned versions: do they fit every declared Python and every extra? Metadata alone is read.

    python .ci/constraints.py check     every Python x system x extra has a solution within the pins
    python .ci/constraints.py write     pin anew, after pyproject.toml has changed; pins that still
                                        fit stay (`write --upgrade` takes the newest)

Needs uv (`pip install uv`) and a package registry. No package is downloaded or installed.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from itertools import product
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PYTHONS = ("3.10", "3.11", "3.12")
SYSTEMS = ("x86_64-manylinux_2_28", "aarch64-apple-darwin")
# Which extras share a file; pyproject.toml says why WhisperX cannot share.
FILES = {
    "constraints.txt": ("", "test", "words", "mmpose", "studio", "metrics", "dev"),
    "constraints-whisperx.txt": ("whisperx",),
}
# Torch pins its own CUDA packages, others in each of its builds. Nor has torch a local tag (+cpu).
UNPINNED = ("cuda-", "nvidia-", "triton")
HEAD = """\
# Versions that fit together on Python 3.10 to 3.12{what}:
#     pip install -c {name} {wanted}
# Written and checked by .ci/constraints.py; the tests run on Python 3.11.
"""


def compile_pins(
    extras: tuple[str, ...], python: str, system: str, *options: str, out: Path
) -> dict[str, str]:
    """Versions by package. Raises: SystemExit with the resolver's words where none fit."""
    command = [
        "uv", "pip", "compile", "--quiet", "--no-annotate", "--no-header", "pyproject.toml",
        "--python-version", python, "--python-platform", system, "--output-file", str(out),
        *(f"--extra={extra}" for extra in extras if extra), *options,
    ]  # fmt: skip
    mac = {"MACOSX_DEPLOYMENT_TARGET": "14.0"}  # torch's wheels for the Mac need that much
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, env={**os.environ, **mac}
    )
    if done.returncode:
        what = ", ".join(filter(None, extras)) or "no extra"
        raise SystemExit(f"Python {python}, {system}, {what}:\n{done.stderr}")
    pins = (line.split("==") for line in out.read_text().splitlines() if "==" in line)
    return {name: version.strip() for name, version in pins if not name.startswith(UNPINNED)}


def write(name: str, upgrade: bool) -> None:
    """Solve for each Python, all extras of the file at once, and merge what came out."""
    found = {}
    for python in PYTHONS:
        with tempfile.TemporaryDirectory() as folder:
            out = Path(folder) / name
            if (ROOT / name).is_file() and not upgrade:
                out.write_bytes((ROOT / name).read_bytes())  # uv keeps what it finds there
            found[python] = compile_pins(FILES[name], python, SYSTEMS[0], out=out)
    shared = name == "constraints.txt"
    text = HEAD.format(
        name=name,
        what=" and with every extra but whisperx" if shared else " and with the extra whisperx",
        wanted="." if shared else "'.[whisperx]'",
    )
    for package in sorted({package for pins in found.values() for package in pins}):
        versions = [found[python].get(package) for python in PYTHONS]
        if None not in versions and len(set(versions)) == 1:
            text += f"{package}=={versions[0]}\n"
            continue
        if versions[0] is not None:
            text += f'{package}=={versions[0]} ; python_version == "3.10"\n'
        newer = list(zip(PYTHONS, versions, strict=True))[1:]
        if len({version for _, version in newer}) == 1:
            newer = [(newer[0][0], newer[0][1])]
        for python, version in newer:
            if version is not None:
                relation = ">=" if len(newer) == 1 else "=="
                text += f'{package}=={version} ; python_version {relation} "{python}"\n'
    (ROOT / name).write_text(text)


def check(name: str) -> list[str]:
    """What does not fit, or is not pinned.

    All extras of a file are asked for at once: pins are exact, so what fits all fits each.
    """
    pinned = {line.split("==")[0] for line in (ROOT / name).read_text().splitlines()}
    cases = list(product(PYTHONS, SYSTEMS))

    def solve(case: tuple[str, str]) -> str | None:
        with tempfile.TemporaryDirectory() as folder:
            out = Path(folder) / "pins.txt"
            try:
                pins = compile_pins(FILES[name], *case, f"--constraint={name}", out=out)
            except SystemExit as error:
                return str(error)
        loose = sorted(set(pins) - pinned)
        return f"{name} does not pin {', '.join(loose)} ({', '.join(case)})" if loose else None

    with ThreadPoolExecutor(len(cases)) as pool:
        problems = [problem for problem in pool.map(solve, cases) if problem]
    print(f"{name}: {len(cases) - len(problems)} of {len(cases)} Pythons and systems fit.")
    return problems


def main(arguments: list[str]) -> int:
    if arguments[:1] == ["write"]:
        for name in FILES:
            write(name, "--upgrade" in arguments)
        return 0
    if arguments != ["check"]:
        print(__doc__)
        return 2
    problems = [problem for name in FILES for problem in check(name)]
    print("\n".join(problems), file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
