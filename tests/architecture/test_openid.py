"""docs/openid.md names a test for every module of the certification plans."""

import re

import pytest

from services.local.settings import REPOSITORY

BASIC = """
server response-type-missing idtoken-signature idtoken-unsigned userinfo-get userinfo-post-header userinfo-post-body
ensure-request-without-nonce-succeeds-for-code-flow scope-profile scope-email scope-address scope-phone scope-all
ensure-other-scope-order-succeeds display-page display-popup prompt-login prompt-none-not-logged-in
prompt-none-logged-in max-age-1 max-age-10000 ensure-request-with-unknown-parameter-succeeds id-token-hint login-hint
ui-locales claims-locales ensure-request-with-acr-values-succeeds codereuse codereuse-30seconds
ensure-registered-redirect-uri ensure-post-request-succeeds server-client-secret-post
request-uri-unsigned-supported-correctly-or-rejected-as-unsupported
unsigned-request-object-supported-correctly-or-rejected-as-unsupported claims-essential
ensure-request-object-with-redirect-uri refresh-token ensure-request-with-valid-pkce-succeeds
"""
CONFIG = "discovery-endpoint-verification"
LOGOUT = """
rp-initiated-logout-discovery-endpoint-verification rp-initiated-logout rp-initiated-logout-no-state
rp-initiated-logout-no-post-logout-redirect-uri rp-initiated-logout-bad-post-logout-redirect-uri
rp-initiated-logout-query-added-to-post-logout-redirect-uri rp-initiated-logout-bad-id-token-hint
rp-initiated-logout-modified-id-token-hint rp-initiated-logout-no-id-token-hint rp-initiated-logout-no-params
rp-initiated-logout-only-state
"""
PLANS = {"Basic plan": (BASIC, 38), "Config plan": (CONFIG, 1), "Sign-out plan": (LOGOUT, 11)}


@pytest.mark.parametrize("plan", PLANS)
def test_every_module_of_a_certification_plan_has_its_row_and_its_test(plan: str) -> None:
    modules, count = PLANS[plan]
    section = (REPOSITORY / "docs" / "openid.md").read_text(encoding="utf-8").split(f"## {plan}\n")[1].split("\n## ")[0]
    rows = dict(re.findall(r"^\| `oidcc-([\w-]+)`[^|]* \| (.+) \|$", section, flags=re.MULTILINE))

    first, *_ = rows.values()
    assert len(modules.split()) == count
    assert rows.keys() == set(modules.split())
    assert first.startswith("[`test_")
    assert [name for name, proof in rows.items() if not proof.startswith(("[`test_", "the same"))] == []
