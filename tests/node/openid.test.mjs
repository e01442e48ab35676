// A certified relying party's library (npm openid-client) against the provider at OIDC_ISSUER.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import * as oidc from 'openid-client';

const issuer = new URL(process.env.OIDC_ISSUER);
const redirectUri = process.env.REDIRECT_URI;
const home = process.env.HOME_URI;
const loopback = 'http://127.0.0.1:50123/callback';

const shop = await configured('controller', oidc.ClientSecretBasic(process.env.CONTROLLER_SECRET));
const editor = await configured('catalog-editor', oidc.ClientSecretBasic(process.env.EDITOR_SECRET));
const cli = await configured('cli', oidc.None());

async function configured(clientId, authentication) {
  const execute = [oidc.allowInsecureRequests, oidc.enableNonRepudiationChecks];
  return oidc.discovery(issuer, clientId, undefined, authentication, { execute });
}

// A browser without scripts: it keeps the provider's cookie and sends its form.
class Browser {
  #cookie = '';

  async open(url, options = {}) {
    const answer = await fetch(url, { ...options, redirect: 'manual', headers: { cookie: this.#cookie } });
    for (const set of answer.headers.getSetCookie()) this.#cookie = set.split(';')[0];
    return answer;
  }

  // The address that the client is called back at.
  async signIn(url, username = 'alice') {
    const page = await this.open(url);
    if (page.status === 303) return new URL(page.headers.get('location'));
    assert.equal(page.status, 200);
    const [, action] = (await page.text()).match(/<form method="post" action="([^"]+)"/);
    const form = new URLSearchParams({ username, password: `${username}-demo-password` });
    const back = await this.open(new URL(action.replaceAll('&amp;', '&'), issuer), { method: 'POST', body: form });
    assert.equal(back.status, 303);
    return new URL(back.headers.get('location'));
  }
}

// An authorization request, and what its answer is checked against.
async function asking(client = shop, other = {}) {
  const checks = {
    pkceCodeVerifier: oidc.randomPKCECodeVerifier(),
    expectedState: oidc.randomState(),
    expectedNonce: oidc.randomNonce(),
    idTokenExpected: true,
  };
  const url = oidc.buildAuthorizationUrl(client, {
    redirect_uri: redirectUri,
    scope: 'openid profile email',
    code_challenge: await oidc.calculatePKCECodeChallenge(checks.pkceCodeVerifier),
    code_challenge_method: 'S256',
    state: checks.expectedState,
    nonce: checks.expectedNonce,
    ...other,
  });
  return { url, checks };
}

async function signedIn(client = shop, other = {}, browser = new Browser()) {
  const { url, checks } = await asking(client, other);
  return oidc.authorizationCodeGrant(client, await browser.signIn(url), checks);
}

// What the provider answers to a request that it refuses.
function refusedWith(error, status) {
  return (thrown) => {
    assert.equal(thrown.error, error, thrown);
    if (status) assert.equal(thrown.status, status);
    return true;
  };
}

test('discovery: the issuer is the one that was asked for', async () => {
  const document = shop.serverMetadata();

  assert.equal(document.issuer, issuer.href.replace(/\/$/, ''));
  assert.equal(document.supportsPKCE(), true);
  assert.equal(document.authorization_response_iss_parameter_supported, true);
});

test('code with PKCE: the ID token holds, and says who', async () => {
  const tokens = await signedIn();
  const claims = tokens.claims();

  assert.equal(claims.aud, 'controller');
  assert.equal(claims.preferred_username, 'alice');
  assert.equal(tokens.expiresIn() > 890, true);
  assert.equal(tokens.token_type, 'bearer');
});

test('the secret may come in the form', async () => {
  const posting = await configured('controller', oidc.ClientSecretPost(process.env.CONTROLLER_SECRET));

  assert.equal((await signedIn(posting)).claims().aud, 'controller');
});

test('a public client needs no secret', async () => {
  const tokens = await signedIn(cli, { redirect_uri: loopback, scope: 'openid' });

  assert.equal(tokens.claims().aud, 'cli');
  assert.equal(tokens.refresh_token, undefined);
});

test('max_age: the ID token says when the user signed in', async () => {
  const { url, checks } = await asking(shop, { max_age: '600' });
  const tokens = await oidc.authorizationCodeGrant(shop, await new Browser().signIn(url), { ...checks, maxAge: 600 });

  assert.equal(Number.isInteger(tokens.claims().auth_time), true);
});

test('the answer names the issuer, and one without it is refused by the client', async () => {
  const { url, checks } = await asking();
  const back = await new Browser().signIn(url);
  assert.equal(back.searchParams.get('iss'), shop.serverMetadata().issuer);

  for (const iss of [null, 'https://elsewhere.test']) {
    const changed = new URL(back);
    if (iss) changed.searchParams.set('iss', iss);
    else changed.searchParams.delete('iss');
    await assert.rejects(oidc.authorizationCodeGrant(shop, changed, checks), (thrown) => /"iss"/.test(thrown.cause));
  }
  assert.equal((await oidc.authorizationCodeGrant(shop, back, checks)).claims().iss, back.searchParams.get('iss'));
});

test('userinfo is of the ID token\'s user', async () => {
  const tokens = await signedIn();
  const info = await oidc.fetchUserInfo(shop, tokens.access_token, tokens.claims().sub);

  assert.deepEqual([info.name, info.email, info.email_verified], ['Alice', 'alice@example.com', false]);
});

test('a refresh brings new tokens of the same user', async () => {
  const first = await signedIn();
  const second = await oidc.refreshTokenGrant(shop, first.refresh_token);

  assert.equal(second.claims().sub, first.claims().sub);
  assert.equal(second.claims().auth_time, first.claims().auth_time);
  assert.notEqual(second.refresh_token, first.refresh_token);
});

test('a refresh token that comes twice ends its family', async () => {
  const first = await signedIn();
  const second = await oidc.refreshTokenGrant(shop, first.refresh_token);

  for (const used of [first, second]) {
    await assert.rejects(oidc.refreshTokenGrant(shop, used.refresh_token), refusedWith('invalid_grant', 400));
  }
  assert.deepEqual(await oidc.tokenIntrospection(shop, second.access_token), { active: false });
});

test('a code that comes twice ends what it gave', async () => {
  const { url, checks } = await asking();
  const back = await new Browser().signIn(url);
  const tokens = await oidc.authorizationCodeGrant(shop, back, checks);

  await assert.rejects(oidc.authorizationCodeGrant(shop, back, checks), refusedWith('invalid_grant', 400));
  await assert.rejects(oidc.fetchUserInfo(shop, tokens.access_token, tokens.claims().sub), (thrown) => {
    assert.deepEqual([thrown.status, thrown.cause[0].parameters.error], [401, 'invalid_token']);
    return true;
  });
});

test('introspection tells what a token is worth, and only to whom it concerns', async () => {
  const tokens = await signedIn();
  const told = await oidc.tokenIntrospection(shop, tokens.access_token);

  assert.deepEqual([told.active, told.client_id, told.sub], [true, 'controller', tokens.claims().sub]);
  assert.deepEqual(await oidc.tokenIntrospection(editor, tokens.access_token), { active: false });
});

test('a revoked token is worth nothing', async () => {
  const tokens = await signedIn();

  await oidc.tokenRevocation(shop, tokens.refresh_token, { token_type_hint: 'refresh_token' });

  for (const token of [tokens.refresh_token, tokens.access_token]) {
    assert.deepEqual(await oidc.tokenIntrospection(shop, token), { active: false });
  }
});

test('client credentials: one scope of its own', async () => {
  const tokens = await oidc.clientCredentialsGrant(editor, { scope: 'catalog:write' });
  const told = await oidc.tokenIntrospection(editor, tokens.access_token);

  assert.deepEqual([told.aud, told.scope, tokens.refresh_token], ['catalog', 'catalog:write', undefined]);
  await assert.rejects(oidc.clientCredentialsGrant(editor, { scope: 'cart:guest' }), refusedWith('invalid_scope', 400));
});

test('a resource narrows the audience', async () => {
  const tokens = await signedIn(shop, { resource: 'cartdb' });

  assert.deepEqual((await oidc.tokenIntrospection(shop, tokens.access_token)).aud, ['cartdb']);
  await assert.rejects(
    oidc.refreshTokenGrant(shop, tokens.refresh_token, { resource: 'controller' }),
    refusedWith('invalid_target', 400),
  );
});

test('a wrong verifier is refused, and none too', async () => {
  const { url, checks } = await asking();
  const back = await new Browser().signIn(url);

  for (const [pkceCodeVerifier, error] of [
    [oidc.randomPKCECodeVerifier(), 'invalid_grant'],
    [undefined, 'invalid_request'],
  ]) {
    await assert.rejects(
      oidc.authorizationCodeGrant(shop, back, { ...checks, pkceCodeVerifier }),
      refusedWith(error, 400),
    );
  }
});

test('a request without PKCE, or with a request object, is refused', async () => {
  const { url, checks } = await asking();
  url.searchParams.delete('code_challenge');
  const object = new URL((await asking()).url);
  object.searchParams.set('request', 'e30.e30.');
  object.searchParams.set('state', checks.expectedState);

  for (const [asked, error] of [[url, 'invalid_request'], [object, 'request_not_supported']]) {
    const back = await new Browser().signIn(asked);
    await assert.rejects(oidc.authorizationCodeGrant(shop, back, checks), refusedWith(error));
  }
});

test('an unregistered redirect URI is a page, and no redirect', async () => {
  const { url } = await asking(shop, { redirect_uri: `${redirectUri}/` });
  const page = await new Browser().open(url);

  assert.deepEqual([page.status, page.headers.get('location')], [400, null]);
});

test('a wrong secret is refused', async () => {
  const impostor = await configured('controller', oidc.ClientSecretBasic('wrong'));
  const { url, checks } = await asking();
  const back = await new Browser().signIn(url);

  await assert.rejects(oidc.authorizationCodeGrant(impostor, back, checks), (thrown) => {
    assert.deepEqual([thrown.status, thrown.cause[0].scheme], [401, 'basic']);
    return true;
  });
});

test('prompt=none needs a session, and the hinted user\'s at that', async () => {
  const browser = new Browser();
  const silent = await asking(shop, { prompt: 'none' });
  const nobody = await browser.signIn(silent.url);
  await assert.rejects(oidc.authorizationCodeGrant(shop, nobody, silent.checks), refusedWith('login_required'));

  const tokens = await signedIn(shop, {}, browser);
  const own = await signedIn(shop, { prompt: 'none', id_token_hint: tokens.id_token }, browser);
  assert.equal(own.claims().sub, tokens.claims().sub);

  const bobs = new Browser();
  await bobs.signIn((await asking()).url, 'bob');
  const hinted = await asking(shop, { prompt: 'none', id_token_hint: tokens.id_token });
  const back = await bobs.signIn(hinted.url);
  await assert.rejects(oidc.authorizationCodeGrant(shop, back, hinted.checks), refusedWith('login_required'));
});

test('signing out leads back with the state, and the session is over', async () => {
  const browser = new Browser();
  const tokens = await signedIn(shop, {}, browser);
  const url = oidc.buildEndSessionUrl(shop, {
    id_token_hint: tokens.id_token,
    post_logout_redirect_uri: home,
    state: 'bye',
  });

  const out = await browser.open(url);

  assert.deepEqual([out.status, out.headers.get('location')], [303, `${home}?state=bye`]);
  const silent = await asking(shop, { prompt: 'none' });
  const back = await browser.signIn(silent.url);
  await assert.rejects(oidc.authorizationCodeGrant(shop, back, silent.checks), refusedWith('login_required'));
});
