"""`make openapi`: write docs/openapi/<service>.json from the code, as it is kept under review."""

import importlib
import json
import sys
from pathlib import Path

from services.chassis.docs import openapi_text
from services.chassis.settings import ServiceSettings

from .settings import REPOSITORY, SERVICES, Addresses, placeholder_secrets, settings_of

FOLDER = REPOSITORY / "docs" / "openapi"


def settings_for(service: str, **other: str) -> ServiceSettings:
    """Settings for an application that is put together and not started; some may be of the caller's choice."""
    settings = settings_of(
        service,
        addresses=Addresses(),
        secrets=placeholder_secrets(),
        database_url=f"postgresql://{service}_app:placeholder@localhost/{service}",
        environment="test",
        log_level="warning",
    )
    chosen = {name.lower(): _read(value) for name, value in settings.items()} | other
    kind: type[ServiceSettings] = importlib.import_module(f"services.{service}.settings").Settings
    return kind(**chosen)  # type: ignore[arg-type]  # pydantic reads each by its own kind


def document(service: str) -> str:
    """The OpenAPI text of one service, made without starting it."""
    app = importlib.import_module(f"services.{service}.app").create_app(settings_for(service))
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
