"""One run of Schemathesis: a service, a caller, a seed; how many requests it tried and what it found."""

import json
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.fuzz.callers import Caller

CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "negative_data_rejection",
    "missing_required_header",
    "unsupported_method",
    "allow_header_conformance",
    "use_after_free",
    "ensure_resource_availability",
    "ignored_auth",
)
PHASES = ("examples", "coverage", "fuzzing", "stateful")
# How often a parameter takes a value that exists; the others are made up.
REAL = 0.6


# Whoever hands one of these on as a part of a statement, a pattern or a page tells it by a 500 or by its patience.
HOSTILE = (
    *("' OR 1=1--", "'; DROP TABLE carts; --", "1; SELECT pg_sleep(60)", "' || pg_sleep(60) || '", "\\'; --"),
    *(
        "%s%s%n",
        "$1",
        ":owner",
        "{0}",
        "${jndi:x}",
        "{{7*7}}",
        "%_%",
        "[[:<:]]",
        "(((((",
        "\\u0000",
        "../../etc/passwd",
    ),
    *("<script>alert(1)</script>", "\u202e", "\ufeff", "\u0660", "\U0001f6d2", "e\u0301", "a\u200bb"),
    *("true", "null", "NaN", "1e9"),
)
HOW_OFTEN = 0.15
# Nobody can wait for the end of these answers (tests/service/test_live_carts.py tries them).
ENDLESS = ["/cart/events"]
# What is wrong with an authorization is told to the client, by a redirect.
REFUSALS = ("400", "401", "403", "404", "405", "406", "409", "413", "415", "422", "429", "503")


@dataclass(frozen=True)
class Size:
    """How much is tried: so many examples of each operation and, if seconds are given, again until they are over."""

    examples: int
    phases: tuple[str, ...] = PHASES
    seconds: int | None = None


@dataclass(frozen=True)
class Outcome:
    """What one run found.

    Attributes:
        text: Schemathesis' own words, with a curl command for each failure.
    """

    caller: Caller
    operations: int
    requests: int
    failures: int
    seconds: float
    text: str


def try_out(caller: Caller, *, document: Path, url: str, size: Size, seed: int, folder: Path) -> Outcome:
    """Run it.

    Raises:
        RuntimeError: Schemathesis itself did not get to the end.
    """
    folder.mkdir(parents=True, exist_ok=True)
    config, report, taken = folder / "schemathesis.toml", folder / "report.json", folder / "openapi.json"
    told = json.loads(document.read_text(encoding="utf-8"))
    config.write_text("\n".join(_config(caller, size, seed, overlaid=_overlaid(told["paths"]))), encoding="utf-8")
    taken.write_text(json.dumps(_with_bearers(told)), encoding="utf-8")
    options = ["--url", url, "--report", "json", "--report-json-path", str(report)]
    limit = ["--max-time", str(size.seconds)] if size.seconds else []
    command = [sys.executable, "-m", "schemathesis.cli", "--config-file", str(config), "run", str(taken)]
    done = subprocess.run([*command, *options, *limit], cwd=folder, capture_output=True, text=True, check=False)
    found = json.loads(report.read_text(encoding="utf-8")) if report.exists() else None
    if found is None or not found["complete"] or found["errors"] or not found["test_cases"]["generated"]:
        raise RuntimeError(f"{caller.service} as {caller.name}: {done.stdout[-3000:]}{done.stderr[-3000:]}")
    return Outcome(
        caller=caller,
        operations=found["operations"]["tested"],
        requests=found["test_cases"]["generated"],
        failures=sum(failure["count"] for failure in found["failures"]),
        seconds=found["running_time"],
        text=done.stdout,
    )


def _with_bearers(document: dict[str, Any]) -> dict[str, Any]:
    """The document, with bearer tokens in the place of OpenID Connect, which Schemathesis cannot take away or forge."""
    schemes = document.get("components", {}).get("securitySchemes", {})
    for name in [name for name, scheme in schemes.items() if scheme["type"] == "openIdConnect"]:
        schemes[name] = {"type": "http", "scheme": "bearer"}
    return document


def _overlaid(paths: Iterable[str]) -> list[str]:
    """Paths that another one with a parameter takes too, so that they allow more methods than their own entry says."""
    shapes = {path: re.compile(re.sub(r"\\{[^/]+?\\}", "[^/{}]+", re.escape(path))) for path in paths}
    return [path for path in shapes if any(shape.fullmatch(path) for other, shape in shapes.items() if other != path)]


def _config(caller: Caller, size: Size, seed: int, *, overlaid: list[str]) -> Iterator[str]:
    """Lines of TOML; a JSON text is a TOML text."""
    yield f"seed = {seed}"
    yield "color = false\ncontinue-on-failure = true\nwarnings = false\nmax-redirects = 0\nrequest-timeout = 20.0"
    yield 'suppress-health-check = ["all"]'
    yield "[cache]\nenabled = false"
    yield "[output.sanitization]\nenabled = false"
    yield "[headers]"
    yield from (f"{json.dumps(name)} = {json.dumps(value)}" for name, value in caller.headers.items())
    yield f'[generation]\nmax-examples = {size.examples}\ndatabase = "none"'
    yield f"[dictionaries.hostile]\nvalues = {json.dumps(HOSTILE, ensure_ascii=False)}"
    yield f'[generation.dictionaries]\nstring = {{ dictionary = "hostile", probability = {HOW_OFTEN} }}'
    yield from (f"[phases.{phase}]\nenabled = {json.dumps(phase in size.phases)}" for phase in PHASES)
    for number, values in enumerate(caller.known.values()):
        yield f"[dictionaries.known-{number}]\nvalues = {json.dumps(values)}"
    if overlaid:
        yield f"[[operations]]\ninclude-path = {json.dumps(overlaid)}"
        yield from (f"checks.{check}.enabled = false" for check in ("unsupported_method", "allow_header_conformance"))
    yield f"[[operations]]\ninclude-path = {json.dumps(ENDLESS)}\nenabled = false"
    yield "[checks]\nenabled = false"
    for check in CHECKS:
        yield f"[checks.{check}]\nenabled = true"
        if check == "negative_data_rejection" and caller.service == "idp":
            yield f"expected-statuses = {json.dumps([*REFUSALS, '303'])}"
    yield "[parameters]"
    for number, name in enumerate(caller.known):
        yield f'{json.dumps(name)} = {{ dictionary = "known-{number}", probability = {REAL} }}'
