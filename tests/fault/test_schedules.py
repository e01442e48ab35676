"""The short campaign: every schedule keeps every rule, and every missing safeguard is noticed."""

import pytest

from tests.fault.campaign import Counts, counts_of, schedules_to_notice
from tests.fault.mutants import MUTANTS
from tests.fault.schedule import Schedule

SEEDS = range(2000)


@pytest.fixture(scope="module")
def campaign() -> Counts:
    return counts_of(SEEDS)


def test_no_schedule_breaks_a_rule_of_the_checkout(campaign: Counts) -> None:
    for seed in sorted(campaign.broken)[:1]:
        schedule = Schedule(seed).run()
        pytest.fail(f"seed {seed}: {schedule.violations}\n{schedule.story()}")


def test_the_schedules_end_in_every_way(campaign: Counts) -> None:
    endings = campaign.endings

    assert campaign.paid_share >= 0.25
    assert endings["failed"] >= 0.1 * endings["marked"]
    assert min(endings["told " + what] for what in ("paid", "failed", "processing", "unknown", "called off")) >= 100


def test_every_call_of_every_actor_meets_every_mishap(campaign: Counts) -> None:
    assert campaign.unmet() == []


def test_the_same_seed_is_the_same_run() -> None:
    first, second, other = Schedule(7).run(), Schedule(7).run(), Schedule(8).run()

    assert first.story() == second.story()
    assert first.story() != other.story()


@pytest.mark.parametrize("name", MUTANTS)
def test_a_missing_safeguard_is_noticed(name: str) -> None:
    assert schedules_to_notice(MUTANTS[name], first=SEEDS.start) is not None
