"""Who a browser is: the session, signing in and out."""

import asyncio
from typing import Annotated, cast

from fastapi import APIRouter, Depends, Query, Request, Response
from starlette.responses import RedirectResponse

from services.chassis.app import refusals
from services.contracts.problems import (
    CrossSiteRequest,
    SignInFailed,
    SignInInterrupted,
    Unavailable,
)
from services.contracts.shop import (
    CartOwner,
    MergeChoice,
    SessionView,
)

from .api import COMMON, NO_STORE, ShoppingDep
from .doorkeeper import Visitor
from .merge_api import AdoptionDep
from .signin import SignIn


async def the_sign_in(request: Request) -> SignIn:
    return cast(SignIn, request.state.sign_in)


SignInDep = Annotated[SignIn, Depends(the_sign_in)]

session = APIRouter(tags=["session"])


@session.get("/session", responses=COMMON, summary="Who I am, what I have, what there is to buy")
async def show_session(
    request: Request, response: Response, shopper: Visitor, shopping: ShoppingDep, adoption: AdoptionDep
) -> SessionView:
    """The first thing a client asks. Reading writes nothing; the cookie it sets keeps the cart's id stable."""
    response.headers.update(NO_STORE)
    cart, carts, page, pending = await asyncio.gather(
        shopping.cart(shopper),
        shopping.carts(shopper),
        shopping.products(limit=50),
        adoption.is_pending(shopper.session),
    )
    return SessionView(
        signed_in=not shopper.guest,
        owner=CartOwner(id=shopper.owner_id, name=shopper.name),
        cart_id=cart.cart_id,
        login_url=f"{request.state.settings.public_url.rstrip('/')}/login",
        carts=carts,
        products=page.products,
        merge_id=shopper.merge_id,
        merge_pending=pending,
    )


@session.get(
    "/login",
    response_class=RedirectResponse,
    status_code=303,
    responses=refusals(Unavailable),
    summary="Sign in at the identity provider",
)
async def login(
    request: Request,
    sign_in: SignInDep,
    target: Annotated[
        str | None, Query(alias="next", description="A path of this shop; anything else leads to /shop/.")
    ] = None,
    merge: Annotated[
        MergeChoice | None,
        Query(
            description="What becomes of a SKU that the guest's and the user's cart both hold: the shop's default, "
            "unless named. `ask` moves nothing until `POST /merges`."
        ),
    ] = None,
) -> Response:
    """A redirect; the provider sends the browser back to /callback."""
    return RedirectResponse(await sign_in.begin(request, target=target, choice=merge), 303, headers=NO_STORE)


@session.get(
    "/callback",
    response_class=RedirectResponse,
    status_code=303,
    responses=refusals(SignInFailed, SignInInterrupted),
    summary="Back from there",
)
async def callback(request: Request, sign_in: SignInDep) -> Response:
    """For the provider's redirect alone: state, issuer, nonce and PKCE bind it to the browser that began."""
    return RedirectResponse(await sign_in.finish(request), 303, headers=NO_STORE)


@session.post(
    "/logout",
    response_class=RedirectResponse,
    status_code=303,
    responses=refusals(CrossSiteRequest, Unavailable),
    summary="Sign out",
)
async def logout(request: Request, sign_in: SignInDep) -> Response:
    """The session ends here; the redirect ends it at the provider too."""
    request.state.doorkeeper.refuse_foreign_pages(request)
    return RedirectResponse(await sign_in.end(request), 303, headers=NO_STORE)
