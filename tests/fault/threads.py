"""Failures of real shops: all that are known here, by the names of our own list of 75."""

from tests.fault import threads_of_carts, threads_of_checkout
from tests.fault.thread import Thread

THREADS: dict[str, Thread] = dict(sorted({**threads_of_carts.THREADS, **threads_of_checkout.THREADS}.items()))
