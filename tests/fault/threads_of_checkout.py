"""Failures of other shops at checkout and payment. Coupons and taxes are not built, and left out."""

from tests.fault.thread import Thread, thread

_CHECKOUT, _BAD_DAYS, _INPUT = (f"integration/test_{name}.py::" for name in ("checkout", "bad_days", "bad_input"))
_STEPS, _NEIGHBOURS = "unit/test_checkout.py::", "contract/test_checkout_neighbours.py::"
_PURCHASES, _STOCK = "service/test_cartdb_purchases.py::", "service/test_catalog_stock.py::"
_ADOPTION, _CARTS = "service/test_cartdb_adoption.py::", "service/test_cartdb_carts.py::"
_HOOKS = "service/test_controller_webhooks.py::"
_KEYS, _REFUNDS = "service/test_payments_idempotency.py::", "service/test_payments_refunds.py::"
_EVENTS, _INTENTS = "service/test_payments_events.py::", "service/test_payments_intents.py::"

THREADS: dict[str, Thread] = {
    "FT-27": thread(
        "spree/spree#9265 spree/spree#8540 Sylius/Sylius#1319",
        "charged twice, a second apart",
        _CHECKOUT + "test_many_equal_checkouts_at_once_charge_once",
        _CHECKOUT + "test_two_keys_at_once_on_one_cart_pay_once_and_the_other_is_told",
        _KEYS + "test_twenty_confirms_under_keys_of_their_own_charge_once",
    ),
    "FT-28": thread(
        "woocommerce/woocommerce#62659 woocommerce/woocommerce#68693 woocommerce/woocommerce#14541 "
        "magento/magento2#10767",
        "two clicks make two orders",
        _CHECKOUT + "test_a_double_click_without_a_key_charges_once",
        _PURCHASES + "test_twenty_equal_marks_are_one_and_two_rivals_leave_one_winner",
    ),
    "FT-29": thread(
        "woocommerce/woocommerce-gateway-stripe#2339 woocommerce/woocommerce-gateway-stripe#2477",
        "each try sends a new key to the processor: three charges",
        _STEPS + "test_the_same_request_again_pays_after_an_unknown_step",
        _NEIGHBOURS + "test_a_checkout_has_one_intent",
    ),
    "FT-30": thread(
        "medusajs/medusa#13301 saleor/saleor#12652 Sylius/Sylius#15172",
        "the shopper's browser and the processor's message finish one order at the same time",
        _PURCHASES + "test_the_intent_is_written_once",
        "integration/test_webhooks.py::test_webhooks_and_shoppers_finish_the_same_orders_at_once",
        _HOOKS + "test_webhook_and_client_finish_the_same_checkouts_at_once",
    ),
    "FT-31": thread(
        "saleor/saleor#12229 saleor/saleor#7399",
        "a repeated completion pays or captures again",
        _CHECKOUT + "test_a_repeat_with_the_same_key_answers_the_same_order",
        "service/test_payments_capture.py::test_there_is_one_capture",
    ),
    "FT-32": thread(
        "Pinelab-studio/pinelab-vendure-plugins#620",
        "one message of the processor settles an order three times",
        "unit/test_webhooks.py::test_duplicates_find_nothing_left_to_do",
        "integration/test_webhooks.py::test_a_repeated_or_foreign_event_of_the_processor_is_taken_and_changes_nothing",
        _EVENTS + "test_twenty_confirms_at_once_are_told_once",
    ),
    "FT-33": thread(
        "medusajs/medusa#3556 medusajs/medusa#1887",
        "a retry runs into its own first try",
        _KEYS + "test_while_the_first_request_runs_the_second_is_told_so",
        _KEYS + "test_the_first_answer_comes_again_word_for_word",
    ),
    "FT-34": thread(
        "dotnet/eShop",
        "a failed try uses up its key, and the retry is told OK without an order",
        _KEYS + "test_a_request_refused_by_validation_leaves_its_key_free",
        _KEYS + "test_a_lost_database_connection_keeps_no_answer_and_the_retry_charges_once",
        _CARTS + "test_a_failed_precondition_does_not_use_up_its_key",
        _CHECKOUT + "test_a_declined_checkout_stays_declined_under_its_key_and_a_new_key_pays",
    ),
    "FT-35": thread(
        "woocommerce/woocommerce#64792",
        "every try after a decline makes another order",
        _CHECKOUT + "test_a_declined_card_is_told_and_the_next_try_succeeds",
    ),
    "FT-36": thread(
        "medusajs/medusa#12790 saleor/saleor#10925 openfoodfoundation/openfoodnetwork#6912",
        "the money is taken and there is no order",
        _STEPS + "test_reconcile_finishes_what_an_unknown_step_left",
        _BAD_DAYS + "test_a_process_that_dies_during_checkouts_leaves_every_order_with_one_true_outcome",
    ),
    "FT-37": thread(
        "django-oscar/django-oscar#4246 django-oscar/django-oscar#3768",
        "paid, and the basket is open again",
        _STEPS + "test_an_unknown_step_is_processing_and_never_undone_on_a_guess",
        _KEYS + "test_an_answer_lost_after_the_commit_is_found_under_its_key",
    ),
    "FT-38": thread(
        "saleor/saleor-checkout#169",
        "an order although the payment failed",
        _CHECKOUT + "test_a_declined_card_is_told_and_the_next_try_succeeds",
        _STEPS + "test_a_declined_card_is_undone_in_order_before_it_is_told",
    ),
    "FT-39": thread(
        "spree-contrib/spree_paypal_express#28 spree-contrib/spree_paypal_express#27",
        "captured first, and then there is no stock",
        _CHECKOUT + "test_items_out_of_stock_are_named_before_any_charge",
        _STEPS + "test_short_stock_is_told_after_the_intent_can_never_be_charged",
    ),
    "FT-40": thread(
        "medusajs/medusa#6745 bwhtech/ls_shop#62",
        "a failed or abandoned try locks the cart for ever",
        _STEPS + "test_an_undo_that_stops_is_finished_by_reconcile",
        _BAD_DAYS + "test_a_payment_service_that_is_down_takes_nothing_and_the_order_learns_its_outcome",
    ),
    "FT-41": thread(
        "medusajs/medusa#14723",
        "a check that comes late rolls back an order that was paid",
        _INPUT + "test_a_checkout_form_that_is_not_right_is_refused_and_charges_nothing",
        _PURCHASES + "test_a_paid_purchase_cannot_be_unmarked",
    ),
    "FT-42": thread(
        "medusajs/medusa#16398 antiwork/gumroad#3814",
        "a message of the processor is lost, and the order stays pending",
        _STEPS + "test_a_slow_bank_is_left_alone_until_it_has_answered",
        "integration/test_scripted_bad_days.py::test_webhooks_that_go_astray_change_no_outcome",
        _BAD_DAYS + "test_a_payment_service_that_is_down_takes_nothing_and_the_order_learns_its_outcome",
        remark="No step waits for a message: a webhook only makes the end come sooner, and reconcile asks.",
    ),
    "FT-43": thread(
        "GoogleCloudPlatform/microservices-demo#180",
        "a step after the charge fails, and nobody gives the money back",
        _STEPS + "test_a_charge_is_told_as_paid_and_finished_later",
        _STEPS + "test_goods_that_were_released_under_a_charge_raise_an_alarm",
        remark="After the charge there are only steps that cannot refuse; they are repeated until they are done.",
    ),
    "FT-44": thread(
        "dbos-inc/dbos-demo-apps",
        "a payment that is later than the wait for it is dropped",
        _STEPS + "test_a_slow_bank_is_left_alone_until_it_has_answered",
        _STEPS + "test_a_cancel_that_finds_the_money_taken_goes_forward",
    ),
    "FT-45": thread(
        "saleor/saleor#15956 medusajs/medusa#7147",
        "two payments on one cart, and the wrong one is charged",
        _NEIGHBOURS + "test_a_rival_checkout_of_a_marked_cart_is_refused_for_good",
        _PURCHASES + "test_the_intent_is_written_once",
    ),
    "FT-46": thread(
        "saleor/saleor#12733",
        "a line is taken out while the checkout completes, which breaks it",
        _PURCHASES + "test_a_marked_cart_refuses_edits_and_an_unmarked_one_takes_them_again",
        _PURCHASES + "test_a_cart_that_changed_since_the_quote_is_refused_for_good",
    ),
    "FT-47": thread(
        "dotnet-architecture/eShopOnContainers#1340 dotnet-architecture/eShopOnContainers#279",
        "an event is stored and never sent on",
        _EVENTS + "test_a_change_that_is_rolled_back_takes_its_event_with_it",
        _EVENTS + "test_without_room_for_the_event_the_change_does_not_happen",
        "service/test_payments_webhooks.py::test_a_replica_killed_between_sending_and_marking_leaves_it_to_be_sent_again",
        remark="No order waits for an event here: the purchase's row is the log, and reconcile reads it.",
    ),
    "FT-48": thread(
        "vendurehq/vendure#3508 vendurehq/vendure#1738 saleor/saleor#543",
        "the last unit is sold twice",
        _CHECKOUT + "test_of_two_shoppers_for_the_last_unit_one_wins",
        _STOCK + "test_more_checkouts_than_stock_sell_exactly_the_stock",
    ),
    "FT-49": thread(
        "vendurehq/vendure#2702",
        "two lines of one variant pass the check that their sum would fail",
        _STOCK + "test_two_lines_of_one_item_are_one_claim_on_its_stock",
    ),
    "FT-50": thread(
        "medusajs/medusa#16502 medusajs/medusa#16569 medusajs/medusa#12401 medusajs/medusa#5198",
        "holds at the same time take more than there is, or fall below zero",
        _STOCK + "test_two_checkouts_race_for_the_last_unit_and_exactly_one_wins",
        _STOCK + "test_the_database_itself_refuses_stock_below_zero_or_lost",
    ),
    "FT-51": thread(
        "dotnet/eShop#732 dotnet/eShop#888",
        "the stock was checked, and is gone before the payment",
        _STOCK + "test_a_hold_takes_stock_off_the_shelf_and_a_commit_sells_it",
        _CHECKOUT + "test_of_two_shoppers_for_the_last_unit_one_wins",
    ),
    "FT-52": thread(
        "shopperlabs/shopper#607 coreshop/CoreShop#1972 vendurehq/vendure#3509",
        "orders that are never paid keep their stock",
        _STEPS + "test_an_undo_that_stops_is_finished_by_reconcile",
        _STOCK + "test_a_release_that_races_its_hold_ends_with_the_stock_back",
    ),
    "FT-53": thread(
        "django-oscar/django-oscar#4524 medusajs/nextjs-starter-medusa#453",
        "out of stock is found out after the payment",
        _CHECKOUT + "test_items_out_of_stock_are_named_before_any_charge",
        _STEPS + "test_short_stock_is_told_after_the_intent_can_never_be_charged",
    ),
    "FT-56": thread(
        "fossasia/eventyay#1405 woocommerce/woocommerce-gateway-stripe#838 openfoodfoundation/openfoodnetwork#6330",
        "refunds at the same time give back more than was paid",
        "integration/test_refunds.py::test_ten_different_refunds_at_once_never_come_to_more_than_was_charged",
        _REFUNDS + "test_refunds_at_once_never_add_up_to_more_than_was_captured",
        _REFUNDS + "test_twenty_equal_refunds_at_once_give_back_once",
    ),
    "FT-66": thread(
        "snipcart/snipcart-v3-feedback#97 odoo/odoo#101169 odoo/odoo#114660 craftcms/commerce#1143",
        "the cart changes in another tab during the payment, and the order is not what was charged",
        _CHECKOUT + "test_a_stale_if_match_is_refused_and_the_fresh_one_pays",
        "integration/test_storefront_without_javascript.py::"
        "test_a_cart_changed_in_another_tab_is_shown_before_it_is_paid",
    ),
    "FT-67": thread(
        "shopware/shopware#1741 shopware/shopware#13625 PrestaShop/PrestaShop#9478 PrestaShop/PrestaShop#11507",
        "the price changes between the summary and the order",
        _CHECKOUT + "test_a_total_that_is_not_what_was_shown_is_told_and_the_right_one_pays",
        _CHECKOUT + "test_an_order_keeps_its_prices_when_the_catalog_changes_them",
    ),
    "FT-68": thread(
        "openfoodfoundation/openfoodnetwork#1818",
        "a price changes and nobody is told",
        _CHECKOUT + "test_a_price_that_changed_is_told_where_the_cart_is_read",
    ),
    "FT-69": thread(
        "reactioncommerce/reaction#4684 vendurehq/vendure#2662 woocommerce/woocommerce#20997 "
        "woocommerce/woocommerce#25641",
        "the lines and the total differ by a cent",
        "unit/test_quote.py::test_the_lines_add_up_to_the_total_in_every_currency",
        _PURCHASES + "test_a_snapshot_that_does_not_add_up_is_refused",
    ),
    "FT-72": thread(
        "OrchardCMS/OrchardCore.Commerce#475 open-telemetry/opentelemetry-demo GoogleCloudPlatform/microservices-demo",
        "a restart loses the carts",
        _BAD_DAYS + "test_no_acknowledged_change_is_lost_when_a_process_dies",
        "integration/test_stack.py::test_every_service_recovers_by_itself_from_a_killed_database",
        "integration/test_restarts.py::test_an_acknowledged_line_is_there_after_a_restart",
    ),
    "FT-75": thread(
        "medusajs/medusa#15930",
        "tries that come to nothing use up order numbers",
        _CHECKOUT + "test_a_declined_card_is_told_and_the_next_try_succeeds",
        _CHECKOUT + "test_the_id_of_an_order_follows_from_shopper_and_key",
        remark="An order has no running number: its id is its checkout's, and a refused one is no order.",
    ),
}
