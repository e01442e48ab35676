"""The frame of `make faults`: its list of real failures, its stages, its verdict, its page."""

import json
import re
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

import pytest

from services.local.settings import REPOSITORY
from tests.fault import __main__ as campaign
from tests.fault.other_shops import PAPER, page
from tests.fault.page import command, page_of
from tests.fault.report import Asked, Case, Mutant, Report
from tests.fault.stages import STAGES
from tests.fault.thread import Thread
from tests.fault.threads import THREADS

TESTS = REPOSITORY / "tests"
COUPONS_AND_TAXES = {54, 55, 57}
CARD_DATA_IN_TRACES = {65}
LISTED = sorted(set(range(1, 76)) - COUPONS_AND_TAXES - CARD_DATA_IN_TRACES)
HOSTILE = "<script>alert(1)</script>\"'>&{{ 7*7 }}<img src=x onerror=alert(1)>"


# --- the list of real failures


def test_every_failure_that_the_shop_has_to_beat_is_listed() -> None:
    assert {f"FT-{number:02}" for number in LISTED} == set(THREADS)


def test_every_failure_that_a_stage_stands_for_is_listed() -> None:
    own = Path(__file__)
    named = {
        (file.name, thread)
        for file in own.parent.glob("*.py")
        if file != own
        for thread in re.findall(r"FT-\d\d", file.read_text(encoding="utf-8"))
    }

    assert {(file, thread) for file, thread in named if thread not in THREADS} == set()


@pytest.mark.parametrize("thread", THREADS.values(), ids=THREADS)
def test_a_failure_names_where_it_is_told_and_tests_that_exist(thread: Thread) -> None:
    named = [test.partition("::") for test in thread.tests]

    assert named
    missing = [
        (file, name)
        for file, _, name in named
        if not re.search(rf"^(async )?def {name}\(", (TESTS / file).read_text(encoding="utf-8"), re.MULTILINE)
    ]
    assert missing == []
    assert thread.told
    assert [one for one in thread.told if not re.fullmatch(r"[\w.-]+/[\w.-]+(#\d+)?", one)] == []


def test_the_paper_about_other_shops_is_what_the_list_says() -> None:
    """`make other-shops` writes it anew."""
    assert PAPER.read_text(encoding="utf-8") == page()


def test_a_thread_is_linked_to() -> None:
    assert THREADS["FT-35"].links == [
        ("woocommerce/woocommerce#64792", "https://github.com/woocommerce/woocommerce/issues/64792")
    ]
    assert THREADS["FT-34"].links == [("dotnet/eShop", "https://github.com/dotnet/eShop")]


# --- the frame


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., int]:
    """The campaign with stages of the test's own, and a page in a folder of the test's."""

    def with_stages(*arguments: str, **stages: Callable[[Asked], Report]) -> int:
        monkeypatch.setattr(campaign, "STAGES", stages)
        return campaign.main([*arguments, "--page", str(tmp_path / "page.html")])

    return with_stages


def held(asked: Asked) -> Report:
    return Report("good", "Nothing breaks", asked.seed, {"tries": 3}, [Case("a crash", ("FT-36",), 3)])


def broken(asked: Asked) -> Report:
    return Report("bad", "Something breaks", asked.seed, cases=[Case("a loss", tried=1, broken=["an order is gone"])])


def raises(asked: Asked) -> Report:
    raise RuntimeError("no stack")


def unnoticed(asked: Asked) -> Report:
    return Report("blind", "Sees nothing", asked.seed, mutants=[Mutant("undo without cancel", None, 10, "schedules")])


def invents(asked: Asked) -> Report:
    return Report("inventive", "Cites", asked.seed, cases=[Case("a loss", ("FT-999",), 1)])


def test_a_campaign_in_which_everything_holds_passes(
    run: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("--seed", "7", good=held) == 0

    told = capsys.readouterr().out
    assert "PASSED" in told
    assert "make faults SEED=7" in told


@pytest.mark.parametrize(
    ("stage", "what"),
    [
        (broken, "a loss: an order is gone"),
        (raises, "no stack"),
        (unnoticed, "nobody noticed: undo without cancel"),
        (invents, "FT-999 is in no list of real failures"),
    ],
)
def test_whatever_does_not_hold_fails_the_campaign_and_the_other_stages_run(
    run: Callable[..., int],
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    stage: Callable[[Asked], Report],
    what: str,
) -> None:
    assert run(first=stage, good=held) == 1

    told = capsys.readouterr().out
    assert what in told
    assert "FAILED: 1 did not hold" in told
    figures = json.loads((tmp_path / "page.json").read_text(encoding="utf-8"))
    assert figures["passed"] is False
    assert [report["stage"] for report in figures["stages"]][1:] == ["good"]
    assert what in (tmp_path / "page.html").read_text(encoding="utf-8")


def test_the_short_campaign_draws_the_same_every_time_and_the_whole_one_anew(run: Callable[..., int]) -> None:
    seeds: list[int] = []

    def noting(asked: Asked) -> Report:
        seeds.append(asked.seed)
        return held(asked)

    for arguments in (["--short"], ["--short"], [], [], ["--seed", "5"]):
        run(*arguments, good=noting)

    assert seeds[:2] == [0, 0]
    assert seeds[2] != seeds[3]
    assert seeds[4] == 5


def test_one_stage_can_be_asked_for_alone(run: Callable[..., int]) -> None:
    assert run("--stage", "good", good=held, bad=broken) == 0


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        (Asked(seed=3), "make faults SEED=3"),
        (Asked(seed=3, short=True, seeds=9), 'make faults SEED=3 SEEDS=9 ARGS="--short"'),
        (Asked(seed=3, stages=("races", "search")), 'make faults SEED=3 ARGS="--stage races --stage search"'),
    ],
)
def test_the_command_that_repeats_a_campaign_is_told(asked: Asked, told: str) -> None:
    assert command(asked) == told


def test_every_command_of_the_page_can_be_given() -> None:
    page = Reader(page_of([held(Asked())], Asked(seed=3), list(STAGES)))

    given = re.findall(r'make faults SEED=3 ARGS="([^"]+)"', page.text)
    assert [campaign.arguments(one.split()).stage for one in given] == [[name] for name in STAGES]


@pytest.mark.parametrize(
    "wrong", [("--seed", "x"), ("--seed", "-1"), ("--seeds", "0"), ("--seeds", "-5"), ("--seeds", "1.5")]
)
def test_a_size_that_makes_no_sense_is_refused_in_the_words_of_make(
    wrong: tuple[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        campaign.arguments(wrong)

    told = capsys.readouterr().err
    assert "make faults" in told
    assert f"{wrong[1]} is not a whole number" in told or "expected one argument" in told


def test_a_part_of_the_campaign_leaves_the_page_of_the_whole_alone() -> None:
    assert campaign.page_for(Asked()).name == "faults.html"
    assert campaign.page_for(Asked(stages=("search",))).name == "faults-search.html"


# --- the page


class Reader(HTMLParser):
    """What a browser would make of a page: its elements, the addresses in it and its text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.addresses: list[str] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.addresses += [value or "" for name, value in attrs if name in ("href", "src")]
        assert not [name for name, _ in attrs if name.startswith("on")]

    def handle_data(self, data: str) -> None:
        self.text += data


def test_what_a_stage_says_stays_text_on_the_page() -> None:
    report = Report(
        HOSTILE,
        HOSTILE,
        1,
        counts={HOSTILE: HOSTILE},
        cases=[Case(HOSTILE, ("FT-36",), 1, [HOSTILE])],
        broken=[HOSTILE],
        mutants=[Mutant(HOSTILE, HOSTILE, 3, HOSTILE)],
    )

    page = Reader(page_of([report], Asked(seed=1)))

    assert {"script", "img", "link", "iframe"} & set(page.tags) == set()
    assert page.text.count(HOSTILE) >= 8


def test_the_page_needs_nothing_but_itself_and_leads_to_the_threads() -> None:
    page = Reader(page_of([held(Asked()), broken(Asked())], Asked(seed=3, short=True)))

    assert "https://github.com/medusajs/medusa/issues/12790" in page.addresses
    assert [address for address in page.addresses if not address.startswith(("https://github.com/", "#"))] == []
    assert 'make faults SEED=3 ARGS="--short"' in page.text
    assert "an order is gone" in page.text
