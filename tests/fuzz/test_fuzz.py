"""`make fuzz` finds what is planted, and finds nothing where nothing is wrong."""

import asyncio
import json
from pathlib import Path
from typing import Annotated, Any

import pytest
from fastapi import Depends, FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.security import HTTPBearer
from pydantic import BaseModel, Field

from tests.fuzz.__main__ import SHORT, arguments, crashes_in, size_of, tell_end
from tests.fuzz.callers import Caller
from tests.fuzz.trying import Outcome, Size, try_out
from tests.serving import on_a_port

CALLER = Caller("planted", "somebody", {"Authorization": "Bearer good"}, known={"path.sku": ["apple"]})


class Goods(BaseModel):
    sku: str
    quantity: Annotated[int, Field(strict=True, ge=1, le=99)]


def shop(**defects: bool) -> FastAPI:
    """A shop that is sound, but for the defects."""
    app = FastAPI()
    token = HTTPBearer(auto_error=False)
    unauthenticated: dict[int | str, dict[str, Any]] = {401: {"description": "Who are you?"}}

    @app.exception_handler(RequestValidationError)
    async def refused(_: Request, error: Exception) -> Response:
        return JSONResponse({"detail": []}, 422)

    @app.get("/goods/{sku}")
    async def find(sku: str) -> Goods:
        if defects.get("crash") and sku == "apple":
            raise RuntimeError(sku)
        return Goods(sku=sku, quantity=1)

    @app.get("/shape", response_model=Goods)
    async def shape() -> Response:
        return JSONResponse({"sku": 7} if defects.get("shape") else {"sku": "apple", "quantity": 7})

    @app.get("/status", response_model=Goods)
    async def status() -> Response:
        return JSONResponse({"sku": "apple", "quantity": 7}, 418 if defects.get("status") else 200)

    @app.get("/mine", responses=unauthenticated, dependencies=[Depends(token)], response_model=Goods)
    async def mine(request: Request) -> Response:
        known = request.headers.get("authorization") == "Bearer good"
        return JSONResponse({"sku": "apple", "quantity": 7}, 200 if known or defects.get("auth") else 401)

    if defects.get("lax"):
        body = {
            "requestBody": {"required": True, "content": {"application/json": {"schema": Goods.model_json_schema()}}}
        }

        @app.post("/lax", openapi_extra=body)
        async def lax() -> dict[str, bool]:
            return {"taken": True}

    else:

        @app.post("/lax")
        async def strict(goods: Goods) -> dict[str, bool]:
            return {"taken": True}

    return app


async def outcome_of(app: FastAPI, folder: Path, *, seed: int = 3) -> Outcome:
    document = folder / "planted.json"
    document.write_text(json.dumps(app.openapi()), encoding="utf-8")
    size = Size(examples=5, phases=("coverage", "fuzzing"))
    async with on_a_port(app) as url:
        return await asyncio.to_thread(
            try_out, CALLER, document=document, url=url, size=size, seed=seed, folder=folder / "run"
        )


async def test_a_sound_service_holds(tmp_path: Path) -> None:
    outcome = await outcome_of(shop(), tmp_path)

    assert (outcome.failures, outcome.operations) == (0, 5), outcome.text
    assert outcome.requests > 50


async def test_each_planted_defect_is_found_and_can_be_repeated(tmp_path: Path) -> None:
    outcome = await outcome_of(shop(crash=True, shape=True, status=True, auth=True, lax=True), tmp_path)

    found = outcome.text
    assert outcome.failures >= 5
    for words in (
        "Server error",
        "Response violates schema",
        "Undocumented status code",
        "API accepts requests without authentication",
        "Schema-violating request accepted",
    ):
        assert words in found, found[-6000:]
    assert "curl -X GET" in found


def test_a_crash_that_only_the_log_tells_fails_the_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "cartdb.log").write_text(
        "2026-01-01T00:00:00Z [error    ] unhandled error  route=/carts\nOverflowError\n"
    )
    (tmp_path / "idp.log").write_text("2026-01-01T00:00:00Z [warning  ] sign-in failed\n")

    crashes = crashes_in(tmp_path)

    assert len(crashes) == 1
    assert crashes[0].startswith("cartdb: ")
    assert tell_end([], crashes, 1.0) == 1
    assert "FAILED: 1" in capsys.readouterr().out
    assert tell_end([], [], 1.0) == 0


def test_the_size_is_as_asked_for() -> None:
    assert size_of(arguments(["--short"]), runs=8) == SHORT
    assert size_of(arguments(["--examples", "7"]), runs=8) == Size(7)
    assert size_of(arguments(["--seconds", "80"]), runs=8).seconds == 10
