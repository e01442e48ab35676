"""How the controller asks its neighbours."""

import json

import httpx

from services.chassis.outbound import Neighbour
from services.controller.clients import ITEMS_AT_ONCE, Catalog


async def test_more_items_than_catalog_takes_at_once_are_asked_for_in_slices() -> None:
    asked: list[int] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(len(json.loads(request.content)["skus"]))
        return httpx.Response(200, json={"items": []})

    async with Neighbour("catalog", "http://catalog", transport=httpx.MockTransport(answer)) as neighbour:
        await Catalog(neighbour).items(skus=[f"sku-{n}" for n in range(2 * ITEMS_AT_ONCE + 1)])

    assert asked == [ITEMS_AT_ONCE, ITEMS_AT_ONCE, 1]
