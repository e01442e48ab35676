"""The books of a running stack, checked as `make verify` checks them."""

from services.local.postgres import Server
from services.local.settings import POSTGRES_PORT
from services.local.verify import databases_of
from services.verify.check import Databases, Verdict, verify_now

from .stacks import ComposeStack, RunningStack


def books_of(stack: RunningStack) -> Databases:
    """Where the verifier finds the stack's databases."""
    port = POSTGRES_PORT + stack.addresses.offset
    if isinstance(stack, ComposeStack):
        port = 5432
    return databases_of(Server(f"postgresql://127.0.0.1:{port}"), stack.secrets)


def assert_books_agree(stack: RunningStack, *, live: bool = False, wait_seconds: float = 30.0) -> Verdict:
    """Nothing is wrong; what was counted on the way. Nobody but the shop uses the processor of a test's stack."""
    verdict = verify_now(books_of(stack), live=live, strict=True, wait_seconds=wait_seconds)
    assert verdict.violations == []
    return verdict
