"""The short campaign: every schedule keeps every rule, and every missing safeguard is noticed."""

import pytest

from services.controller.quote import Form, checkout_id_of
from tests.fault.campaign import PAID_AT_LEAST, Counts, counts_of, schedules_to_notice
from tests.fault.clock import at_once
from tests.fault.mutants import MUTANTS
from tests.fault.schedule import Schedule, Shopper

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

    assert campaign.paid_share >= PAID_AT_LEAST
    assert endings["failed"] >= 0.1 * endings["marked"]
    assert min(endings["told " + what] for what in ("paid", "failed", "processing", "unknown", "called off")) >= 100


def test_every_call_of_every_actor_meets_every_mishap(campaign: Counts) -> None:
    assert campaign.unmet() == []


def test_the_same_seed_is_the_same_run() -> None:
    first, second, other = Schedule(7).run(), Schedule(7).run(), Schedule(8).run()

    assert first.story() == second.story()
    assert first.story() != other.story()


def test_a_version_that_is_yet_to_come_refuses_its_late_twin_too() -> None:
    schedule, shopper = Schedule(0), Shopper("guest:x")
    schedule.network.healed = True
    carts = schedule.carts
    at_once(carts.add(shopper.owner_id, "apple", 1))
    form = Form("pm_card_visa", "a@example.com", {"city": "Pune"}, None, None, None, "/checkout", expected_version=2)

    def check_out() -> None:
        now = schedule.clock.now
        schedule._spawn(schedule.controllers[0], "shopper", lambda line: schedule._check_out(line, shopper, form, "k"))
        schedule.clock.run_until(now + 1)

    check_out()
    at_once(carts.add(shopper.owner_id, "apple", 1))
    check_out()

    assert schedule.told[checkout_id_of(shopper.owner_id, "k")] == {"failed"}
    assert schedule.payments.intents == {}


@pytest.mark.parametrize("name", MUTANTS)
def test_a_missing_safeguard_is_noticed(name: str) -> None:
    assert schedules_to_notice(MUTANTS[name], first=SEEDS.start) is not None
