"""`make openapi`: write docs/openapi/<service>.json from the code, as it is kept under review."""

import importlib
import json
import sys
from pathlib import Path

from services.chassis.docs import openapi_text

from .settings import REPOSITORY, SERVICES, Addresses, placeholder_secrets, settings_of

FOLDER = REPOSITORY / "docs" / "openapi"


def document(service: str) -> str:
    """The OpenAPI text of one service, made without starting it."""
    settings = settings_of(
        service,
        addresses=Addresses(),
        secrets=placeholder_secrets(),
        database_url=f"postgresql://{service}_app:placeholder@localhost/{service}",
        environment="test",
        log_level="warning",
    )
    kind = importlib.import_module(f"services.{service}.settings").Settings
    app = importlib.import_module(f"services.{service}.app").create_app(
        kind(**{name.lower(): _read(value) for name, value in settings.items()})
    )
    return openapi_text(app)


def _read(value: str) -> object:
    return json.loads(value) if value.startswith("{") else value


def main(folder: Path = FOLDER) -> None:
    """Write all of them."""
    folder.mkdir(parents=True, exist_ok=True)
    for service in SERVICES:
        (folder / f"{service}.json").write_text(document(service))


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
