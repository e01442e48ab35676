"""The figures that stages on a live stack report, in one order and with one set of names."""

from collections import Counter
from dataclasses import dataclass, field

from tests.fault.live import Live, share
from tests.fault.report import Report


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
    report.counts["shoppers"] = live.shoppers
    report.counts["requests"] = live.door.tally.requests - since.requests
    report.counts["requests that timed out"] = endings.pop("timed out", 0)
    report.counts["requests cut off"] = endings.pop("cut off", 0)
    report.counts["requests answered 5xx"] = endings.total()
    report.counts |= {f"answered {what}": count for what, count in sorted(endings.items())}
    report.counts |= dict(sorted(counts.items()))
    waits = live.town.waits[since.waits :]
    report.counts["s until a shopper knew the outcome, p50"] = round(share(waits, 0.5), 2)
    report.counts["s until a shopper knew the outcome, p99"] = round(share(waits, 0.99), 2)
    report.counts["s until a shopper knew the outcome, longest"] = round(max(waits, default=0.0), 2)
    recovered = [r.seconds for r in live.recoveries[since.recoveries :] if r.seconds is not None]
    if recovered:
        report.counts["s of recovery after a fault, p50"] = round(share(recovered, 0.5), 2)
        report.counts["s of recovery after a fault, p99"] = round(share(recovered, 0.99), 2)
        report.counts["s of recovery after a fault, longest"] = round(max(recovered), 2)
