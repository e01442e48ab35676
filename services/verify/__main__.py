"""`python -m services.verify [--live] [--json] [--wait SECONDS]`: check, say what was found, end with 0 or 1.

Reads VERIFIER_URL, `postgresql://verifier:…@host:5432/{database}`. Ends with 2 where it cannot read.
"""

import os
import sys

from .check import Databases
from .tell import main

if __name__ == "__main__":
    pattern = os.environ.get("VERIFIER_URL")
    if not pattern:
        sys.exit("VERIFIER_URL is missing: postgresql://verifier:…@host:5432/{database}")
    sys.exit(main(Databases.at(pattern), sys.argv[1:]))
