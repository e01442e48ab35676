"""A real browser before the running shop: Debian's Chromium, driven by Playwright, and a stack as in integration.

Playwright keeps an event loop running: no asynchronous test can stand in the same session.
"""

import os
import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser as Chromium
from playwright.sync_api import sync_playwright

from tests.browser.tabs import Browser
from tests.integration.shop_client import Shop
from tests.stacks import RunningStack, running_stack

HOW_TO_GET_IT = "Chromium is missing: `apt-get install chromium`, or say where it is with CHROMIUM=/path/to/it."
ALONE = (
    "--no-sandbox",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-sync",
    "--no-first-run",
)


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStack]:
    """The stack at BASE_URL, else one of the session's own."""
    with running_stack(tmp_path_factory.mktemp("stack")) as running:
        yield running


@pytest.fixture
def shop(stack: RunningStack) -> Iterator[Shop]:
    with Shop(stack) as shop:
        yield shop


@pytest.fixture(scope="session")
def chromium() -> Iterator[Chromium]:
    """One process for the session."""
    given = os.environ.get("CHROMIUM")
    found = next(filter(None, map(shutil.which, [given] if given else ["chromium", "chromium-browser"])), None)
    if found is None:
        pytest.exit(HOW_TO_GET_IT, returncode=1)
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=found, args=ALONE)
        yield running
        running.close()


@pytest.fixture
def browser(chromium: Chromium, stack: RunningStack) -> Iterator[Browser]:
    """A browser with no cookies yet. It must not complain of anything but answers that are refusals."""
    browser = Browser(chromium, stack.url)
    yield browser
    browser.close()
    assert browser.complaints == []
