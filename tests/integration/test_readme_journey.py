"""The commands of README.md, as a newcomer pastes them into a shell."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from services.local.settings import REPOSITORY
from tests.stacks import RunningStack

BLOCKS = re.findall(
    r"^```sh\n(.*?)^```", (REPOSITORY / "README.md").read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE
)
JOURNEYS = [block for block in BLOCKS if "curl " in block and "$ORDER" not in block]
[OF_AN_OPERATOR] = [block for block in BLOCKS if "$ORDER" in block]


def at(stack: RunningStack, block: str) -> str:
    """The commands with the stack's address, and with the program behind `make token`: make would install packages."""
    token = f"{shlex.quote(sys.executable)} -m services.local.token --user "
    return block.replace("http://localhost:8000", stack.url).replace("make --silent token USER=", token)


def pasted(stack: RunningStack, block: str, folder: Path, **variables: str) -> str:
    """What the commands print; a curl that fails ends them."""
    jar = str(folder / "jar")
    commands = at(stack, block).replace("-b jar -c jar", f"-b {jar} -c {jar}")
    shell = {**os.environ, "OIDC_ISSUER": stack.idp_url, **variables}
    run = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", commands],
        cwd=REPOSITORY,
        env=shell,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    return run.stdout


@pytest.mark.parametrize("block", JOURNEYS, ids=["guest", "live", "bearer"])
def test_the_commands_of_the_readme_work_as_they_stand(stack: RunningStack, block: str, tmp_path: Path) -> None:
    printed = pasted(stack, block, tmp_path)

    if "/checkout" in block:
        added, filled, cart, order, orders = printed.splitlines()
        assert '"total_items":3' in added
        assert '"total_items":4' in filled
        assert cart == filled
        assert '"status":"paid","reason":null,"total":12600' in order
        paid = re.search('"order_id":"[^"]+"', order)
        assert paid
        assert paid[0] in orders
    elif "/events" in block:
        assert re.search(r'event: cart\ndata: \{"cart_id":.*"sku":"mango"', printed)
        assert re.search(r'"action":"add","sku":"mango"', printed)
    else:
        assert '"product_id":1' in printed
        assert '"owner":{"id":"user:' in printed
        assert '"name":"alice"' in printed


def test_an_operator_reads_an_order_and_gives_some_of_it_back_by_the_commands_of_the_readme(
    stack: RunningStack, tmp_path: Path
) -> None:
    printed = pasted(stack, JOURNEYS[0], tmp_path)
    paid = re.search('"order_id":"([^"]+)","cart_id":"[^"]+","status":"paid"', printed)
    assert paid

    order, refunded = pasted(stack, OF_AN_OPERATOR, tmp_path, ORDER=paid[1]).splitlines()

    assert '"status":"paid"' in order
    assert re.search('"refund":{[^}]*"status":"done"', refunded)
    assert '"amount":2600' in refunded
