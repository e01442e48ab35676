"""The map of python-cart, and its law.

Five deployables, each a folder with an ``app.py``, each with a database of its own:

    controller  the shopper's door: sessions, storefront, the checkout saga       port 8000
    catalog     products, variants, prices, stock and stock holds                 port 8001
    cartdb      carts between sessions; the single truth of "purchased"           port 8002
    idp         an OpenID provider; swap it for any other by settings             port 8003
    payments    a card processor on Stripe's wire; swap it for Stripe by settings port 8004

Beside them, folders without an ``app.py``: ``contracts`` (what crosses the wire), ``chassis`` (what every service is
bolted onto; it names no business word), ``local`` (what ``make run`` starts) and ``verify`` (what ``make verify`` runs:
it reads all databases, changes none, and knows no service's code).

The law:

1. Edge files have role names (app, api, store, clients, session, settings, web); rule files have business names.
   A rule file imports the standard library, its siblings and contracts.
2. No service imports another. They meet in contracts and on the network.
3. A file exists only if it has something to say.

``tests/architecture`` checks what a machine can check of it. Read on: ``controller/checkout.py`` is the heart.
"""
