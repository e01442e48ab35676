"""What `make faults` runs, in this order. A stage is a module with `run(asked) -> Report`."""

from collections.abc import Callable

from tests.fault import deliveries, races, safeguards, schedules
from tests.fault.report import Asked, Report

STAGES: dict[str, Callable[[Asked], Report]] = {
    "schedules": schedules.run,
    "mutants": safeguards.run,
    "races": races.run,
    "search": deliveries.run,
}
