"""Failures of other shops with carts, sessions, sign-ins and strangers. Coupons are not built, and left out."""

from tests.fault.thread import Thread, thread

_SESSIONS, _STORMS, _NOTE, _BEATEN, _EDGES, _ONE_TRUTH, _PAID, _INPUT, _CHECKOUT, _DEFENCES, _TAMPERING = (
    f"integration/test_{name}.py::"
    for name in (
        "sessions",
        "storms",
        "note_e_concurrent_operations",
        "other_shops_failures",
        "note_e_edge_cases",
        "note_e_api_consistency",
        "note_e_payment_integration",
        "bad_input",
        "checkout",
        "browser_defences",
        "tampering",
    )
)
_MERGES = "service/test_controller_merges.py::"
_CARTS, _ADOPTION, _PURCHASES = (f"service/test_cartdb_{name}.py::" for name in ("carts", "adoption", "purchases"))

THREADS: dict[str, Thread] = {
    "FT-01": thread(
        "open-telemetry/opentelemetry-demo#3824",
        "adds at the same time overwrite each other, and what is added during a checkout vanishes",
        _STORMS + "test_a_hundred_parallel_adds_over_the_sessions_of_one_user_all_count",
        _STORMS + "test_an_edit_during_a_checkout_is_refused_with_the_reason_and_succeeds_afterwards",
        _PURCHASES + "test_a_marked_cart_refuses_edits_and_an_unmarked_one_takes_them_again",
    ),
    "FT-02": thread(
        "vendurehq/vendure#2041 vendurehq/vendure#2187 vendurehq/vendure#3398",
        "of two quick adds one line is left",
        _STORMS + "test_of_two_quick_adds_neither_is_ever_lost",
        _CARTS + "test_each_parallel_add_answers_a_cart_that_holds_it",
    ),
    "FT-03": thread(
        "vendurehq/vendure#5259",
        "two first requests make two current carts",
        _SESSIONS + "test_parallel_first_adds_of_one_visitor_make_one_cart_with_exact_sums",
        _STORMS + "test_parallel_first_adds_of_many_new_shoppers_make_one_whole_cart_each",
        "service/test_replicas.py::test_first_adds_at_all_controllers_at_once_make_one_session_and_one_cart",
    ),
    "FT-04": thread(
        "saleor/saleor#18087",
        "two quick changes of a quantity change the price of a piece",
        _STORMS + "test_parallel_sets_leave_one_line_at_its_price_and_one_of_the_quantities",
        _NOTE + "test_changes_of_every_kind_at_once_leave_a_cart_that_adds_up_and_can_be_paid_for",
    ),
    "FT-05": thread(
        "Sylius/ShopApiPlugin#640",
        "edits at the same time leave a cart that can never be used again",
        _NOTE + "test_changes_of_every_kind_at_once_leave_a_cart_that_adds_up_and_can_be_paid_for",
        _NOTE + "test_after_a_storm_the_tables_hold_what_the_answer_says",
    ),
    "FT-06": thread(
        "Sylius/Sylius#14219",
        "the second of two changes of a quantity answers 500",
        _STORMS + "test_of_parallel_changes_with_one_version_one_wins_and_the_others_are_shown_the_cart",
        _STORMS + "test_a_stale_version_is_refused_and_shown_the_cart_at_every_door_that_takes_one",
        _CARTS + "test_a_stale_version_answers_the_current_cart_and_changes_nothing",
    ),
    "FT-07": thread(
        "shopware/shopware#8724",
        "adds that a page sends together lose items",
        _NOTE + "test_adds_through_both_doors_at_once_all_count",
        "integration/test_cart_manager.py::test_the_client_module_counts_each_change_once_on_a_bad_line",
        "browser/test_tabs.py::test_adds_of_two_tabs_at_once_all_count",
    ),
    "FT-08": thread(
        "woocommerce/woocommerce#11062",
        "a session that is written late wipes out what was put into the cart meanwhile",
        _STORMS + "test_an_edit_that_is_slow_erases_nothing_that_was_done_meanwhile",
        _CARTS + "test_each_parallel_add_answers_a_cart_that_holds_it",
        remark="A session holds no lines here: each edit is a statement on the cart's own rows.",
    ),
    "FT-09": thread(
        "medusajs/medusa#11745 magento/magento2#21375 magento/magento2#7679",
        "one item stands on two lines",
        "integration/test_note_e_cart_with_items.py::test_the_same_item_twice_is_one_line",
        _EDGES + "test_the_database_itself_refuses_a_row_that_belongs_to_nothing_or_is_there_already",
    ),
    "FT-10": thread(
        "Sylius/ShopApiPlugin#667",
        "looking at a cart while it changes ends in a deadlock",
        _STORMS + "test_anything_done_to_carts_at_once_by_many_tabs_is_answered_and_deadlocks_nothing",
        remark="There are no coupons here, so their half of it is left out.",
    ),
    "FT-11": thread(
        "snapjay/ngCart#54 vuestorefront/vue-storefront#3838",
        "two tabs overwrite each other's cart",
        _ONE_TRUTH + "test_a_change_by_one_door_is_seen_by_all_others_at_once",
        "browser/test_tabs.py::test_two_tabs_agree_within_a_second_after_interleaved_edits",
        "browser/test_tabs.py::test_a_set_of_a_line_that_another_tab_has_set_is_refused_with_the_cart_of_now",
    ),
    "FT-12": thread(
        "vendurehq/vendure#4481",
        "several sign-ins at once empty a cart of 65 lines",
        _ADOPTION + "test_every_step_repeated_twenty_times_at_once_moves_the_lines_once",
        _ADOPTION + "test_the_largest_carts_of_a_guest_move_whole",
        _MERGES + "test_ten_sign_ins_at_once_with_one_guests_cart_move_it_once",
        _MERGES + "test_ten_browsers_of_one_user_who_sign_in_at_once_bring_all_they_hold",
    ),
    "FT-13": thread(
        "vendurehq/vendure#3153",
        "the way of merging that keeps the guest's cart deletes what both carts had",
        "unit/test_merge_rules.py::test_every_strategy_makes_of_every_pair_of_carts_what_its_name_says",
        "unit/test_merge_rules.py::test_a_receipt_accounts_for_every_piece_of_both_carts",
    ),
    "FT-14": thread(
        "vendurehq/vendure#1454 vendurehq/vendure#3773",
        "an error in the merge keeps the shopper from signing in",
        _SESSIONS + "test_a_guests_lines_arrive_though_nobody_comes_back_to_a_sign_in",
        _ADOPTION + "test_an_adoption_that_nobody_finished_is_listed_and_can_be_finished_by_the_controller",
        "service/test_controller_sessions.py::test_a_sign_in_that_asks_is_not_kept_waiting_by_cartdb_and_asks_later",
    ),
    "FT-15": thread(
        "vendurehq/vendure#263 medusajs/nextjs-starter-medusa#54 duncanmcclean/statamic-cargo#224",
        "the next user of a browser gets the cart of the one before",
        _SESSIONS + "test_who_signs_in_over_anothers_session_sees_none_of_their_guest_orders",
        _SESSIONS + "test_after_signing_out_a_replayed_cookie_is_a_guest",
        "integration/test_several_carts.py::test_who_signs_in_after_somebody_else_signed_out_sees_nothing_of_theirs",
        _MERGES + "test_the_next_user_of_a_browser_sees_nothing_of_the_one_before",
    ),
    "FT-16": thread(
        "Sylius/Sylius#12372 Sylius/Sylius#7741 Sylius/Sylius#9542 Sylius/Sylius#2083",
        "the guest's cart is dropped at the sign-in",
        _BEATEN + "test_a_guests_lines_outlive_the_sign_in_and_a_sign_out_after_it",
        _SESSIONS + "test_a_guests_cart_is_added_to_the_users_at_sign_in",
    ),
    "FT-17": thread(
        "spree/spree_auth_devise#210 spree/spree_auth_devise#306 spree/spree_auth_devise#220",
        "the guest's cart is lost on the way through the sign-in",
        "integration/test_storefront_without_javascript.py::"
        "test_signing_in_brings_the_guest_cart_along_and_tells_line_by_line",
        _SESSIONS + "test_a_guests_cart_is_added_to_the_users_at_sign_in",
    ),
    "FT-18": thread(
        "isotope/core#381",
        "a sign-in that fails loses the guest's cart for the one that succeeds",
        "integration/test_scripted_bad_days.py::"
        "test_a_sign_in_that_the_provider_drops_fails_cleanly_keeps_the_guests_cart_and_works_the_next_time",
        "integration/test_merges.py::test_a_wrong_password_on_the_way_loses_nothing_and_the_old_carts_address_leads_on",
    ),
    "FT-19": thread(
        "woocommerce/woocommerce#60392",
        "an update wipes the saved carts of shoppers who come back",
        "service/test_upgrade.py::test_a_kept_schema_migrates_to_today_with_every_row",
    ),
    "FT-20": thread(
        "woocommerce/woocommerce#18561 smartstore/Smartstore#828",
        "guests share one cart, by an empty key or by their address",
        _BEATEN + "test_two_visitors_who_send_the_same_worthless_cookie_share_nothing",
        _SESSIONS + "test_a_forged_cookie_gets_a_clean_cart_and_a_new_cookie",
        _SESSIONS + "test_two_browsers_never_share_anything",
    ),
    "FT-21": thread(
        "django-oscar/django-oscar#1615 django-oscar/django-oscar#1836 django-oscar/django-oscar-api#272",
        "baskets are merged in the middle of a checkout, or the wrong ones",
        _ADOPTION + "test_a_cart_in_checkout_stays_and_moves_if_it_comes_back_unpaid",
        _SESSIONS + "test_a_callback_counts_once_and_only_in_the_browser_that_began",
        _MERGES + "test_a_decision_made_while_the_users_cart_is_being_paid_for_waits_for_the_outcome",
    ),
    "FT-22": thread(
        "spree/spree#6879",
        "a merge deletes orders that hold payments",
        _ADOPTION + "test_a_cart_that_is_paid_after_the_sign_in_is_followed_by_one_that_takes_nothing",
        _SESSIONS + "test_a_guests_order_is_readable_after_the_sign_in",
    ),
    "FT-23": thread(
        "SAP/spartacus#9599 SAP/spartacus#178 SAP/spartacus#5647",
        "a cart is doubled or missing after a merge",
        _ADOPTION + "test_every_step_repeated_twenty_times_at_once_moves_the_lines_once",
        _SESSIONS + "test_signing_in_again_adds_nothing_twice",
        "service/test_cartdb_undoing_merges.py::test_every_cart_of_the_guest_points_on_to_where_its_lines_went",
    ),
    "FT-24": thread(
        "django-oscar/django-oscar-paypal#36 django-oscar/django-oscar-docdata#40 grandnode/grandnode#1106",
        "the basket is gone after a payment was called off",
        _CHECKOUT + "test_a_declined_card_is_told_and_the_next_try_succeeds",
        _PAID + "test_a_declined_payment_makes_no_order_and_keeps_the_cart",
    ),
    "FT-25": thread(
        "craftcms/commerce#2737",
        "the cart is gone when the browser comes back from another site, for its cookie was Strict",
        _BEATEN + "test_who_comes_back_by_a_link_of_another_site_has_the_same_cart",
    ),
    "FT-26": thread(
        "bigcommerce/catalyst#2156 bigcommerce/catalyst#1930",
        "two browsers of one user show two carts",
        _SESSIONS + "test_unpurchased_carts_are_found_from_another_device",
        _ONE_TRUTH + "test_a_new_sign_in_elsewhere_sees_what_the_first_one_left",
        "integration/test_several_carts.py::test_what_one_device_does_to_the_carts_every_other_one_sees",
    ),
    "FT-58": thread(
        "dotnet/eShop#996 rajadilipkolli/spring-boot-microservices-series-v2#1628",
        "orders and carts of others can be read or changed",
        "integration/test_idor.py::test_every_id_of_somebody_else_answers_like_one_that_never_was_and_changes_nothing",
        "integration/test_idor.py::test_every_route_with_an_id_is_tried_here_or_named_as_nobodys",
        _TAMPERING + "test_each_door_of_the_shop_opens_to_whom_it_is_for",
    ),
    "FT-59": thread(
        "medusajs/medusa#8919 medusajs/medusa#6889",
        "whoever knows a cart's id sees whose it is and what is in it",
        _INPUT + "test_a_foreign_cart_and_one_that_never_was_answer_alike_on_every_route",
        _CARTS + "test_another_owners_cart_is_the_same_as_none",
    ),
    "FT-60": thread(
        "newbee-ltd/newbee-mall#127",
        "a quantity below zero lowers the total and raises the stock",
        _INPUT + "test_a_quantity_that_is_no_number_of_things_is_refused",
        _CARTS + "test_an_impossible_quantity_is_refused",
    ),
    "FT-61": thread(
        "janavipandole/Cara#3735 microservices-demo/carts dotnet/eShop",
        "the client says what a thing costs",
        _INPUT + "test_prices_that_a_client_sends_are_refused_at_every_door",
        _TAMPERING + "test_a_price_in_the_address_or_in_a_header_counts_for_nothing",
    ),
    "FT-62": thread(
        "newbee-ltd/newbee-mall#107 newbee-ltd/newbee-mall#110",
        "another site's page changes the cart, and a GET places an order",
        _DEFENCES + "test_no_route_of_the_shop_makes_a_change_for_another_sites_page",
        _DEFENCES + "test_looking_changes_nothing_in_any_table_of_any_service",
    ),
    "FT-63": thread(
        "GoogleCloudPlatform/microservices-demo",
        "ids are pasted into SQL",
        _BEATEN + "test_a_quote_in_an_id_or_a_sku_is_refused_like_any_other_wrong_one",
        "architecture/test_sql.py::test_no_statement_is_put_together_from_values",
    ),
    "FT-64": thread(
        "Shopify/hydrogen#4046",
        "somebody's identity is put on another one's cart",
        _ADOPTION + "test_a_second_user_is_refused",
        "service/test_controller_sessions.py::test_a_guest_belongs_to_the_first_user_for_good",
        _SESSIONS + "test_a_callback_counts_once_and_only_in_the_browser_that_began",
        _MERGES + "test_of_two_users_who_sign_in_at_once_through_one_guest_one_has_its_lines",
    ),
    "FT-70": thread(
        "dotnet/eShop#920",
        "a product is deleted while it lies in a basket",
        _CHECKOUT + "test_an_item_that_is_not_sold_any_more_stops_the_checkout_by_name",
        "integration/test_goods_in_carts.py::"
        "test_a_withdrawn_product_is_still_called_by_its_name_and_stops_the_checkout_until_it_is_taken_out",
    ),
    "FT-71": thread(
        "microservices-demo/microservices-demo#245",
        "carts are lost when the front end is scaled",
        "service/test_replicas.py::test_a_cart_is_the_same_whichever_replica_answers",
        "service/test_replicas.py::test_shopping_goes_on_while_a_replica_is_dead",
    ),
    "FT-73": thread(
        "Shopify/hydrogen#341 Shopify/hydrogen#2242 Shopify/hydrogen#2524 Shopify/js-buy-sdk#503 "
        "Shopify/js-buy-sdk#366",
        "a cart id that was evicted, forged or bought keeps the client stuck",
        _SESSIONS + "test_an_expired_cookie_gets_a_clean_cart_and_a_new_cookie",
        _TAMPERING + "test_a_cart_that_was_bought_or_deleted_takes_no_step_any_more",
        "integration/test_cart_manager.py::test_the_client_module_counts_each_change_once_on_a_bad_line",
        "browser/test_tabs.py::test_what_one_tab_bought_leaves_a_new_empty_cart_in_all",
        "service/test_evicted_sessions.py::test_a_guest_whose_row_was_deleted_goes_on_with_the_same_cart_and_a_new_row",
    ),
    "FT-74": thread(
        "saleor/saleor spree/spree",
        "a clean-up job removes a cart that carries money",
        _PURCHASES + "test_a_cart_that_carries_money_cannot_be_deleted",
        "service/test_cartdb_expiry.py::test_a_cart_with_a_purchase_that_has_not_failed_stays",
        "service/test_cartdb_expiry.py::test_of_a_cart_whose_payments_failed_the_purchases_stay",
    ),
}
