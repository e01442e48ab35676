"""`make catalog FILE=goods.csv [PRUNE=1]`: load goods into the catalog of the stack that `make run` started."""

import os
import subprocess
import sys
from pathlib import Path

from .processes import StartError
from .run import plan_from
from .settings import REPOSITORY
from .stack import Stack


def load(file: Path, *flags: str) -> int:
    """Run catalog's own loader with this stack's settings; its exit code is ours."""
    settings = Stack(plan_from(os.environ)).settings("catalog")
    command = (sys.executable, "-m", "services.catalog.load", str(file), *flags)
    return subprocess.run(command, env={**os.environ, **settings}, cwd=REPOSITORY, check=False).returncode


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit("usage: python -m services.local.goods FILE [--prune] [--set-stock]")
    try:
        sys.exit(load(Path(sys.argv[1]).resolve(), *sys.argv[2:]))
    except StartError as reason:
        sys.exit(str(reason))
