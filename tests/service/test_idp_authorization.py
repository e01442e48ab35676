"""Authorization requests: which are told to the client, which to the user alone, and where nobody is ever led."""

import httpx
import pytest

from tests.service.idp import (
    CALLBACK,
    CONTROLLER,
    ISSUER,
    LOOPBACK,
    Pkce,
    redirected,
    request_for,
    sign_in,
)


@pytest.mark.parametrize(
    "uri",
    [
        CALLBACK[:-1],
        f"{CALLBACK}x",
        f"{CALLBACK};x",
        f" {CALLBACK}",
        f"{CALLBACK}\n",
        "http://shop.test%2fcallback",
        "http://shop.test/%63allback",
        "http://shop.test//callback",
        "http://SHOP.test/callback",
        "http://shop.test./callback",
        "http://shop.test:x@evil.test/callback",
        "http://evil.test\\@shop.test/callback",
        "http://evil.test#@shop.test/callback",
        f"{CALLBACK}/",
        f"{CALLBACK}/../callback",
        f"{CALLBACK}?a=b",
        f"{CALLBACK}#x",
        f"{CALLBACK}%2f",
        CALLBACK.upper(),
        "http://shop.test:80/callback",
        "http://shop.test:8080/callback",
        "https://shop.test/callback",
        "http://shop.test.evil.test/callback",
        "http://shop.test@evil.test/callback",
        "http://evil.test/callback",
        "//shop.test/callback",
        "/callback",
        "javascript:alert(1)",
        'http://shop.test/"callback\\',
        LOOPBACK,
        "",
    ],
)
async def test_a_redirect_uri_that_is_not_exactly_registered_is_never_followed(
    browser: httpx.AsyncClient, uri: str
) -> None:
    answer = await browser.get("/authorize", params=request_for(Pkce(), redirect_uri=uri))

    assert answer.status_code == 400
    assert "location" not in answer.headers
    assert "not registered" in answer.text


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/authorize"), ("GET", "/sign-in"), ("GET", "/sign-up"), ("POST", "/sign-in"), ("POST", "/sign-up")],
)
async def test_no_other_door_follows_a_redirect_uri_either(browser: httpx.AsyncClient, method: str, path: str) -> None:
    await sign_in(browser, pkce=Pkce())
    form = {"username": "alice", "password": "alice-demo-password"}

    answer = await browser.request(
        method,
        path,
        params=request_for(Pkce(), redirect_uri="http://evil.test/callback"),
        data=form if method == "POST" else None,
    )

    assert answer.status_code == 400
    assert "location" not in answer.headers
    assert "evil.test" not in answer.text


@pytest.mark.parametrize(
    ("uri", "status"),
    [
        ("http://127.0.0.1:1/callback", 200),
        ("http://[::1]:65535/callback", 200),
        ("http://localhost/callback", 200),
        ("http://127.0.0.1:49152/other", 400),
        ("http://127.0.0.1.evil.test:1/callback", 400),
        ("http://127.0.0.1:1@evil.test/callback", 400),
        ("https://127.0.0.1:1/callback", 400),
        ("http://127.0.0.1:1/callback?x=y", 400),
        ("http://127.0.0.1:١/callback", 400),
        ("http://127.0.0.1:1/callback\n", 400),
        (CALLBACK, 400),
    ],
)
async def test_only_the_port_of_a_native_clients_loopback_address_varies(
    browser: httpx.AsyncClient, uri: str, status: int
) -> None:
    answer = await browser.get("/authorize", params=request_for(Pkce(), client_id="cli", redirect_uri=uri))

    assert answer.status_code == status
    assert "location" not in answer.headers


@pytest.mark.parametrize("client_id", [None, "", "nobody", "catalog-editor", "x\0y"])
async def test_a_client_that_has_no_business_here_is_told_so_on_a_page(
    browser: httpx.AsyncClient, client_id: str | None
) -> None:
    answer = await browser.get("/authorize", params=request_for(Pkce(), client_id=client_id))

    assert answer.status_code == 400
    assert answer.headers["content-type"].startswith("text/html")
    assert "location" not in answer.headers


@pytest.mark.parametrize(
    ("other", "error"),
    [
        ({"code_challenge": None, "code_challenge_method": None}, "invalid_request"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"code_challenge_method": None}, "invalid_request"),
        ({"code_challenge": "short"}, "invalid_request"),
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"response_type": "code id_token"}, "unsupported_response_type"),
        ({"response_type": None}, "unsupported_response_type"),
        ({"response_mode": "fragment"}, "invalid_request"),
        ({"response_mode": "form_post"}, "invalid_request"),
        ({"scope": "openid cart:guest"}, "invalid_scope"),
        ({"scope": "cart:checkout"}, "invalid_scope"),
        ({"scope": "stock:checkout"}, "invalid_scope"),
        ({"scope": "nonsense"}, "invalid_scope"),
        ({"prompt": "none login"}, "invalid_request"),
        ({"prompt": "surprise"}, "invalid_request"),
        ({"max_age": "-1"}, "invalid_request"),
        ({"max_age": "soon"}, "invalid_request"),
        ({"max_age": "9" * 400}, "invalid_request"),
        ({"resource": "https://elsewhere.test"}, "invalid_target"),
        ({"request": "e30.e30."}, "request_not_supported"),
        ({"request_uri": "https://elsewhere.test"}, "request_uri_not_supported"),
    ],
)
async def test_a_wrong_request_of_a_known_client_is_told_to_the_client(
    browser: httpx.AsyncClient, other: dict[str, str | None], error: str
) -> None:
    answer = await browser.get("/authorize", params=request_for(Pkce(), **other))

    told = redirected(answer)
    assert answer.headers["location"].startswith(f"{CALLBACK}?")
    assert (told["error"], told["state"], told["iss"]) == (error, "st&te=1", ISSUER)
    assert "code" not in told


@pytest.mark.parametrize("name", ["client_id", "redirect_uri", "state", "scope", "code_challenge"])
async def test_a_repeated_parameter_is_refused(browser: httpx.AsyncClient, name: str) -> None:
    asked = request_for(Pkce())

    answer = await browser.get("/authorize", params=[*asked.items(), (name, asked[name])])

    assert answer.status_code == 400
    assert "location" not in answer.headers


@pytest.mark.parametrize("response_type", ['"', "\\", "é", "\n", "code\0"])
async def test_characters_that_no_description_may_hold_break_nothing(
    browser: httpx.AsyncClient, response_type: str
) -> None:
    asked = await browser.get("/authorize", params=request_for(Pkce(), response_type=response_type))
    token = await browser.post("/token", data={"grant_type": response_type}, auth=CONTROLLER)

    assert asked.status_code == 400
    assert (token.status_code, token.json()["error"]) == (400, "invalid_request")
