"""`python -m services.verify [--live] [--strict] [--json] [--wait SECONDS]`: check, say what was found.

Ends with 0 if everything is right, 1 if not, 2 where it cannot read. Reads VERIFIER_URL, which is
`postgresql://verifier:…@host:5432/{database}`, and SHOP_CURRENCY, in which an empty shop has sold nothing.
"""

import os
import sys

from .check import Databases
from .tell import main

if __name__ == "__main__":
    pattern = os.environ.get("VERIFIER_URL")
    if not pattern:
        sys.exit("VERIFIER_URL is missing: postgresql://verifier:…@host:5432/{database}")
    currency = os.environ.get("SHOP_CURRENCY") or "INR"
    sys.exit(main(Databases.at(pattern), sys.argv[1:], currency=currency))
