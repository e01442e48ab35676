"""cart-manager.js, the shop's client module: its types, its size, its checks before a scripted shop (tests/node/)."""

import subprocess

from services.local.settings import REPOSITORY
from tests.nodejs import NODE, expect_checks, installed_clients

STATIC = REPOSITORY / "services" / "controller" / "web" / "static"
FILES = ("cart-manager.js", "cart-door.js")
CHECKS = 74
TEN_MINUTES_OF_LINES = 400


async def test_it_repeats_recovers_and_shares_as_it_promises() -> None:
    await expect_checks("cart-manager.test.mjs", CHECKS)


def test_its_types_are_sound_to_the_strict_compiler() -> None:
    compiler = installed_clients() / "node_modules" / "typescript" / "bin" / "tsc"

    ran = subprocess.run(
        [NODE, compiler, "--project", "."], cwd=installed_clients(), capture_output=True, text=True, check=False
    )

    assert (ran.stdout, ran.returncode) == ("", 0)


def test_it_silences_no_check_needs_no_package_and_is_read_in_ten_minutes() -> None:
    for name in FILES:
        text = (STATIC / name).read_text(encoding="utf-8")
        assert len(text.splitlines()) < TEN_MINUTES_OF_LINES, name
        assert not [word for word in ("@ts-", "eslint-", "console.") if word in text], name
        imports = [line for line in text.splitlines() if " from " in line and line.startswith("import")]
        assert all('from "./' in line for line in imports), name
