"""Where a webhook may go in production: a public address over https, as at Stripe.

Whoever holds the secret key names endpoints; without this, payments would be their way into the network behind it.
"""

from ipaddress import IPv6Address, ip_address, ip_network
from urllib.parse import urlsplit

from .refusals import InvalidRequest

# Beside these Python calls more global: what a network translates to any IPv4 address, private ones too (64:ff9b::/96),
# and where clouds tell machines their secrets (192.0.0.192).
OF_THE_INTERNET_6 = ip_network("2000::/3")
OF_PROTOCOLS_4 = ip_network("192.0.0.0/24")


def is_public(address: str) -> bool:
    """Whether an IP address is one of the internet's."""
    known = ip_address(address.partition("%")[0])
    if isinstance(known, IPv6Address):
        if (within := known.ipv4_mapped or known.sixtofour) is None:
            return known.is_global and known in OF_THE_INTERNET_6
        known = within
    return known.is_global and not known.is_multicast and known not in OF_PROTOCOLS_4


def expect_public(url: str) -> None:
    """Refuse an endpoint's address that is not https, or of a private network by its looks.

    Raises:
        InvalidRequest: why.
    """
    parts = urlsplit(url)
    host = (parts.hostname or "").rstrip(".")
    try:
        public = is_public(host)
    except ValueError:
        # A name; one without a dot is a neighbour's. What it leads to is seen when it is resolved.
        public = "." in host
    if parts.scheme != "https" or not public:
        raise InvalidRequest("In production, url must be https and lead to a public address.", param="url")


def anywhere(_: str) -> None:
    """Outside of production an endpoint may be on this machine."""
