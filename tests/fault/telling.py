"""The figures that stages on a live stack report, in one order and with one set of names."""

from collections import Counter
from dataclasses import dataclass, field

from tests.fault.live import Live
from tests.fault.report import Report, percentile


@dataclass
class Since:
    """How far a run's counters were when a stage began, so that two stages on one stack tell their own figures."""

    requests: int
    waits: int
    recoveries: int
    counts: Counter[str] = field(default_factory=Counter)
    endings: Counter[str] = field(default_factory=Counter)


def now(live: Live) -> Since:
    """The counters as they are."""
    tally = live.door.tally
    return Since(
        tally.requests,
        len(live.town.waits),
        len(live.recoveries),
        Counter(live.town.counts),
        Counter(tally.endings),
    )


def tell(report: Report, live: Live, since: Since) -> None:
    """Write a stage's figures into its report."""
    counts, endings = live.town.counts - since.counts, live.door.tally.endings - since.endings
    recovered = [r.seconds for r in live.recoveries[since.recoveries :] if r.seconds is not None]
    waits = live.town.waits[since.waits :]
    measured = {
        **_spread("s of recovery after a fault", recovered),
        **_spread("s until a shopper knew the outcome", waits),
        "shoppers": live.shoppers,
        "requests": live.door.tally.requests - since.requests,
        "requests that timed out": endings.pop("timed out", 0),
        "requests cut off": endings.pop("cut off", 0),
        "requests answered 5xx": endings.total(),
        **{f"answered {what}": count for what, count in sorted(endings.items())},
        **dict(sorted(counts.items())),
    }
    report.counts = {**measured, **report.counts}


def _spread(what: str, seconds: list[float]) -> dict[str, float]:
    if not seconds:
        return {}
    middle, most, longest = percentile(seconds, 0.5), percentile(seconds, 0.99), max(seconds)
    return {f"{what}, p50": round(middle, 2), f"{what}, p99": round(most, 2), f"{what}, longest": round(longest, 2)}
