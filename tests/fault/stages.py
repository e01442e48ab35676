"""What `make faults` runs, in this order. A stage tells one report, or one for each of its parts."""

from collections.abc import Callable

from tests.fault import crash_points, deliveries, races, real, safeguards, schedules
from tests.fault.report import Asked, Report

Stage = Callable[[Asked], Report | list[Report]]

STAGES: dict[str, Stage] = {
    "schedules": schedules.run,
    "mutants": safeguards.run,
    "crash-points": crash_points.run,
    "races": races.run,
    "search": deliveries.run,
    "real": real.run,
}
