"""`python -m tests.fault.other_shops`: write docs/other-shops.md from the list of real failures."""

from services.local.settings import REPOSITORY
from tests.fault.thread import Thread
from tests.fault.threads import THREADS

PAPER = REPOSITORY / "docs" / "other-shops.md"
HEAD = """\
# Failures of other shops, and the test here that each would fail

What went wrong in real shops and shop systems, where it is told, and the tests that would fail here if it happened.
That a shop is named says nothing of it today: much of this was mended there long ago. The list is
[threads_of_carts.py](../tests/fault/threads_of_carts.py) and
[threads_of_checkout.py](../tests/fault/threads_of_checkout.py), and this page is written from it by `make other-shops`.
`make faults` makes a page of its own of those that concern the checkout, with what was tried in that run.

Numbers that are missing are coupons, taxes and traces, which are not built.

| | what went wrong there | the tests here |
|---|---|---|
"""


def page() -> str:
    """The paper in Markdown."""
    return HEAD + "".join(f"| {name} | {_told(thread)} | {_proven(thread)} |\n" for name, thread in THREADS.items())


def _told(thread: Thread) -> str:
    links = ", ".join(f"[{label}]({address})" for label, address in thread.links)
    return f"{thread.symptom[0].upper()}{thread.symptom[1:]}.<br>{links}"


def _proven(thread: Thread) -> str:
    split = [test.partition("::") for test in thread.tests]
    tests = "<br>".join(f"[`{name}`](../tests/{file})" for file, _, name in split)
    return f"{tests}<br>{thread.remark}" if thread.remark else tests


if __name__ == "__main__":
    PAPER.write_text(page(), encoding="utf-8")
