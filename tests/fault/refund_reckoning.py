"""What the databases say of refunds at the end, held against what operators were told, and against what was paid."""

from collections import defaultdict
from collections.abc import Iterable

from tests.fault.reckoning import Given, RefundRow, Row
from tests.fault.town import Giving


def reckon_refunds(
    givings: Iterable[Giving], refunds: Iterable[RefundRow], given: Iterable[Given], purchases: Iterable[Row]
) -> list[str]:
    """Every refund that is not as it was told, or not as it must be."""
    rows = {row.refund_id: row for row in refunds}
    back = list(given)
    return [*_wrong_givings(givings, rows, back), *_wrong_rows(rows, back), *_wrong_sums(purchases, back)]


def _wrong_givings(givings: Iterable[Giving], rows: dict[str, RefundRow], given: list[Given]) -> Iterable[str]:
    by_amount: dict[tuple[str | None, int], list[Given]] = defaultdict(list)
    for one in given:
        by_amount[one.checkout_id, one.amount].append(one)
    for giving in givings:
        back = by_amount[giving.order_id, giving.amount]
        states = {row.state for refund_id in giving.refund_ids if (row := rows.get(refund_id))}
        if len(back) > 1:
            yield _told(giving, f"went back {len(back)} times")
        if giving.outcome == "done" and not back:
            yield _told(giving, "was told done and nothing went back")
        if giving.outcome == "done" and states != {"done"}:
            yield _told(giving, f"was told done and is {' and '.join(states) or 'unknown to cartdb'}")
        if giving.outcome == "refused" and back:
            yield _told(giving, "was told refused and went back")


def _told(giving: Giving, what: str) -> str:
    history = giving.diary.about(giving.order_id, most=40)
    return "\n    ".join([f"the refund of {giving.amount} of order {giving.order_id} {what}", *history])


def _wrong_rows(rows: dict[str, RefundRow], given: list[Given]) -> Iterable[str]:
    back: dict[str | None, list[int]] = defaultdict(list)
    for one in given:
        back[one.refund_id].append(one.amount)
        if one.refund_id not in rows:
            yield f"{one.id} gave {one.amount} of order {one.checkout_id} back, for which there is no refund"
    for row in rows.values():
        due = [row.amount] if row.state == "done" else []
        if row.state == "pending":
            yield f"refund {row.refund_id} of order {row.checkout_id} is still pending"
        elif back[row.refund_id] != due:
            went = back[row.refund_id] or "nothing"
            yield f"refund {row.refund_id} of {row.amount} is {row.state}, and {went} went back"


def _wrong_sums(purchases: Iterable[Row], given: list[Given]) -> Iterable[str]:
    paid = {row.checkout_id: row.amount or 0 for row in purchases if row.state == "paid"}
    back: dict[str | None, int] = defaultdict(int)
    for one in given:
        back[one.checkout_id] += one.amount
    for checkout_id, amount in back.items():
        if amount > paid.get(checkout_id or "", 0):
            yield f"order {checkout_id} was paid with {paid.get(checkout_id or '', 0)}, and {amount} went back"
