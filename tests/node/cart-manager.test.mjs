// cart-manager.js before a shop that plays a script: what is repeated, what is not, and what it makes of each answer.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { afterEach, beforeEach, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';

import { CartError, CartManager } from '../../services/controller/web/static/cart-manager.js';

const FIRST = 'cart-1';
const line = (sku, quantity) => ({ sku, quantity, unit_price: 100, line_total: 100 * quantity });

function cartOf(version, lines = {}, more = {}) {
  const items = Object.entries(lines).map(([sku, quantity]) => line(sku, quantity));
  const total_price = items.reduce((sum, item) => sum + item.line_total, 0);
  return { cart_id: FIRST, version, status: 'open', current: true, currency: 'INR', items, total_price, ...more };
}

const ok = (content, headers = {}) => ({ status: 200, content, headers });
const refused = (status, kind, members = {}, headers = {}) => ({
  status,
  content: { type: `/docs/problems#${kind}`, title: kind, status, detail: `No: ${kind}.`, ...members },
  headers: { 'Content-Type': 'application/problem+json', ...headers },
});
const LOST = 'the connection ends';

// --- the shop

let asked, script, server, base, opened;

beforeEach(async () => {
  asked = [];
  script = {};
  opened = [];
  server = createServer(async (request, response) => {
    let text = '';
    for await (const piece of request) text += piece;
    const { method, url, headers } = request;
    asked.push({ method, url, headers, body: text ? JSON.parse(text) : undefined, at: performance.now() });
    const lines = script[`${method} ${url}`] ?? [refused(404, 'not_found')];
    const answer = await (lines.length > 1 ? lines.shift() : lines[0]);
    if (answer === LOST) return request.socket.destroy();
    response.writeHead(answer.status, { 'Content-Type': 'application/json', ...answer.headers });
    response.end(typeof answer.content === 'string' ? answer.content : JSON.stringify(answer.content));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  base = `http://127.0.0.1:${server.address().port}`;
});

afterEach(() => {
  for (const manager of opened) manager.close();
  server.close();
  server.closeAllConnections();
});

function open(options = {}) {
  const manager = new CartManager({ base, locks: null, EventSource: null, ...options });
  opened.push(manager);
  return manager;
}

const to = (path) => asked.filter(({ url }) => url === path);
const keys = (path) => to(path).map(({ headers }) => headers['idempotency-key']);
const ITEMS = `/carts/${FIRST}/items`;
const APPLE = `${ITEMS}/apple`;

async function until(question, told = String(question)) {
  const deadline = performance.now() + 5000;
  while (!question()) {
    assert.ok(performance.now() < deadline, told);
    await pause(10);
  }
}

function listening(manager) {
  const heard = { carts: [], troubles: [], recovered: 0 };
  manager.subscribe((told) => {
    if (told.type === 'cart') heard.carts.push(told.cart);
    if (told.type === 'trouble') heard.troubles.push(told.error);
    if (told.type === 'recovered') heard.recovered += 1;
  });
  return heard;
}

async function refusal(promise) {
  const error = await promise.then(() => assert.fail('it was not refused'), (failure) => failure);
  assert.ok(error instanceof CartError, error);
  return error;
}

// --- where the shop is

test('a program that does not say where the shop is hears so at once', () => {
  assert.throws(() => new CartManager('a token'), /Say where the shop is/);
});

test('a base that ends with a slash is the same shop', async () => {
  script['GET /cart'] = [ok(cartOf(1))];

  await open({ base: `${base}/` }).getCart();

  assert.deepEqual(asked.map(({ url }) => url), ['/cart']);
});

// --- reading

test('the cart is kept for thirty seconds, and one request serves all who ask meanwhile', async () => {
  script['GET /cart'] = [ok(cartOf(1))];
  const manager = open();

  const [one, two] = await Promise.all([manager.getCart(), manager.getCart(true)]);
  const three = await manager.getCart();
  assert.deepEqual([one === two, two === three, asked.length], [true, true, 1]);

  await manager.getCart(true);
  manager.cacheDuration = 0;
  await manager.getCart();
  assert.equal(asked.length, 3);
});

test('an older answer never takes the place of a newer cart', async () => {
  let release;
  script['GET /cart'] = [ok(cartOf(1)), new Promise((resolve) => (release = resolve)), ok(cartOf(3, { apple: 3 }))];
  script[`POST ${ITEMS}`] = [ok(cartOf(3, { apple: 3 })), ok(cartOf(2, { apple: 2 }))];
  const manager = open();
  await manager.getCart();

  const slow = manager.getCart(true);
  await until(() => to('/cart').length === 2);
  await manager.addItem({ sku: 'apple' });
  await manager.addItem({ sku: 'apple' });
  assert.equal((await manager.getCart()).version, 3);
  release(ok(cartOf(9, {}, { cart_id: 'an earlier one' })));
  assert.equal((await slow).version, 3);
  assert.equal((await manager.getCart()).version, 3);
});

test('a version may begin again with another cart', async () => {
  script['GET /cart'] = [ok(cartOf(7)), ok(cartOf(0, {}, { cart_id: 'cart-2' }))];
  const manager = open();
  await manager.getCart();

  assert.equal((await manager.getCart(true)).cart_id, 'cart-2');
  assert.equal((await manager.getCart()).cart_id, 'cart-2');
});

test('a clock that was set back keeps no cart from taking the place of another', async (context) => {
  script['GET /cart'] = [ok(cartOf(7)), ok(cartOf(0, {}, { cart_id: 'cart-2' }))];
  const manager = open();
  context.mock.method(Date, 'now', () => performance.timeOrigin + performance.now() + 3_600_000);
  await manager.getCart();
  context.mock.restoreAll();

  assert.equal((await manager.getCart(true)).cart_id, 'cart-2');
});

test('a clock that was set back keeps no cart for longer', async (context) => {
  script['GET /cart'] = [ok(cartOf(1)), ok(cartOf(2))];
  const manager = open();
  context.mock.method(Date, 'now', () => performance.timeOrigin + performance.now() + 3_600_000);
  await manager.getCart();
  context.mock.restoreAll();

  assert.equal((await manager.getCart()).version, 2);
});

test('what is asked for after a refusal is not the answer to an earlier question', async () => {
  let release;
  const early = new Promise((resolve) => (release = resolve));
  script['GET /cart'] = [ok(cartOf(7)), early, ok(cartOf(0, {}, { cart_id: 'cart-2' }))];
  script[`POST ${ITEMS}`] = [refused(409, 'cart_already_purchased')];
  script['POST /carts/cart-2/items'] = [ok(cartOf(1, { apple: 1 }, { cart_id: 'cart-2' }))];
  const manager = open();
  await manager.getCart();

  const reading = manager.getCart(true);
  await until(() => to('/cart').length === 2);
  const adding = manager.addItem({ sku: 'apple' });
  await until(() => to(ITEMS).length === 1);
  release(ok(cartOf(7)));

  assert.deepEqual([(await reading).cart_id, (await adding).cart_id, to(ITEMS).length], [FIRST, 'cart-2', 1]);
});

// --- repeating

const PASSING = {
  'a lost connection': LOST,
  'a proxy without the shop': { status: 502, content: '<h1>Bad Gateway</h1>', headers: { 'Content-Type': 'text/html' } },
  'a busy shop': refused(503, 'unavailable'),
  'an outcome that nobody knows': refused(503, 'outcome_not_known'),
  'a slow proxy': { status: 504, content: '', headers: { 'Content-Type': 'text/html' } },
  'its own twin under way': refused(409, 'request_in_progress'),
  'a cookie that has just changed': refused(409, 'session_rotated'),
};

for (const [name, answer] of Object.entries(PASSING)) {
  test(`after ${name} the same request goes out again under the same key`, async () => {
    script['GET /cart'] = [ok(cartOf(1))];
    script[`POST ${ITEMS}`] = [answer, answer, ok(cartOf(2, { apple: 1 }))];
    const manager = open();

    const cart = await manager.addItem({ sku: 'apple', quantity: 1 });

    assert.equal(cart.version, 2);
    assert.equal(keys(ITEMS).length, 3);
    assert.equal(new Set(keys(ITEMS)).size, 1);
    assert.ok(to(ITEMS)[2].at - to(ITEMS)[1].at >= 200, 'the pauses grow');
  });
}

test('another change has another key', async () => {
  script['GET /cart'] = [ok(cartOf(1))];
  script[`POST ${ITEMS}`] = [ok(cartOf(2))];
  const manager = open();

  await Promise.all([1, 2, 3].map((quantity) => manager.addItem({ sku: 'apple', quantity })));

  assert.equal(new Set(keys(ITEMS)).size, 3);
});

test('it waits for as long as Retry-After says', async () => {
  script['GET /cart'] = [ok(cartOf(1))];
  script[`POST ${ITEMS}`] = [refused(409, 'request_in_progress', {}, { 'Retry-After': '1' }), ok(cartOf(2))];

  await open().addItem({ sku: 'apple' });

  assert.ok(to(ITEMS)[1].at - to(ITEMS)[0].at >= 950);
});

for (const status of [400, 402, 403, 404, 409, 413, 415, 422, 429, 500]) {
  test(`a refusal with ${status} is final`, async () => {
    script['GET /cart'] = [ok(cartOf(1))];
    script[`POST ${ITEMS}`] = [refused(status, 'some_reason', { sku: 'apple' })];

    const error = await refusal(open().addItem({ sku: 'apple' }));

    assert.deepEqual([error.status, error.kind, error.detail], [status, 'some_reason', 'No: some_reason.']);
    assert.deepEqual([error.type, error.problem.sku], ['/docs/problems#some_reason', 'apple']);
    assert.equal(to(ITEMS).length, 1);
  });
}

test('its patience ends, and it says that the outcome is not known', async () => {
  script['GET /cart'] = [ok(cartOf(1)), LOST];
  script[`POST ${ITEMS}`] = [LOST];
  const manager = open({ patience: 700 });
  await manager.getCart();
  const begun = performance.now();

  const error = await refusal(manager.addItem({ sku: 'apple' }));

  assert.deepEqual([error.kind, error.status, error.outcomeKnown], ['unreachable', 0, false]);
  assert.ok(performance.now() - begun < 1500);
});

for (const [story, lines, known] of [
  ['an internal error', [refused(500, 'internal_error')], false],
  ['a refusal by whoever knows no keys, after silence', [LOST, refused(429, 'too_many_requests')], false],
  ['a refusal of goods, which comes before the key, after silence', [LOST, refused(422, 'unknown_sku')], false],
  ['a refusal by the cart itself, after silence', [LOST, refused(422, 'line_limit_exceeded')], true],
  ['a refusal by something else that speaks another JSON', [{ status: 403, content: { type: null } }], true],
]) {
  test(`after ${story} the outcome is ${known ? '' : 'not '}known`, async () => {
    script['GET /cart'] = [ok(cartOf(1))];
    script[`POST ${ITEMS}`] = lines;

    assert.equal((await refusal(open().addItem({ sku: 'apple' }))).outcomeKnown, known);
  });
}

test('a listener hears of trouble once, and of its end', async () => {
  script['GET /cart'] = [ok(cartOf(1)), LOST, LOST, ok(cartOf(1))];
  const manager = open();
  const heard = listening(manager);
  await until(() => heard.carts.length === 1);

  await manager.getCart(true);

  await until(() => heard.recovered === 1);
  assert.deepEqual(heard.troubles.map(({ kind }) => kind), ['unreachable']);
});

test('an add without an answer is not added to another cart after a sign-in elsewhere', async () => {
  script['GET /cart'] = [ok(cartOf(1)), ok(cartOf(5, { apple: 1 }, { cart_id: 'cart-2' }))];
  script[`POST ${ITEMS}`] = [LOST, refused(409, 'session_rotated'), refused(404, 'cart_not_found')];

  const error = await refusal(open().addItem({ sku: 'apple' }));

  assert.deepEqual([error.kind, error.outcomeKnown, error.cart.cart_id], ['cart_not_found', false, 'cart-2']);
  assert.equal(to('/carts/cart-2/items').length, 0);
});

// --- versions

test('a set goes out again when others changed other lines', async () => {
  script['GET /cart'] = [ok(cartOf(1, { apple: 1 }))];
  script[`PUT ${APPLE}`] = [
    refused(412, 'precondition_failed', { cart: cartOf(2, { apple: 1, pear: 1 }) }),
    refused(412, 'precondition_failed', { cart: cartOf(3, { apple: 1, pear: 2 }) }),
    ok(cartOf(4, { apple: 5, pear: 2 })),
  ];
  const manager = open();
  const heard = listening(manager);

  const cart = await manager.updateItem('apple', 5);

  assert.equal(cart.version, 4);
  assert.deepEqual(to(APPLE).map(({ headers }) => headers['if-match']), ['"1"', '"2"', '"3"']);
  assert.equal(new Set(keys(APPLE)).size, 3);
  assert.deepEqual(to(APPLE)[0].body, { quantity: 5 });
  await until(() => heard.carts.at(-1).version === 4);
  assert.deepEqual(heard.carts.map(({ version }) => version), [1, 2, 3, 4]);
});

test('a set is refused with the cart of now when others changed the same line', async () => {
  script['GET /cart'] = [ok(cartOf(1, { apple: 1 }))];
  script[`PUT ${APPLE}`] = [refused(412, 'precondition_failed', { cart: cartOf(2, { apple: 3 }) })];
  const manager = open();

  const error = await refusal(manager.updateItem('apple', 5));

  assert.deepEqual([error.kind, error.status, error.cart], ['precondition_failed', 412, cartOf(2, { apple: 3 })]);
  assert.deepEqual(await manager.getCart(), error.cart);
  assert.equal(to(APPLE).length, 1);
});

test('taking out what others took out is done', async () => {
  script['GET /cart'] = [ok(cartOf(1, { apple: 1 })), ok(cartOf(2))];
  script[`DELETE ${APPLE}`] = [refused(412, 'precondition_failed', { version: 2 })];

  assert.equal((await open().removeItem('apple')).version, 2);
});

test('sets wait for each other and for adds; adds go out together', async () => {
  let version = 1;
  let [under, most] = [0, 0];
  const slowly = async () => {
    most = Math.max(most, (under += 1));
    await until(() => most === 3, 'the adds do not go out together');
    await pause(20);
    under -= 1;
    return ok(cartOf((version += 1), { apple: 1 }));
  };
  script['GET /cart'] = [ok(cartOf(1, { apple: 1 }))];
  script[`POST ${ITEMS}`] = Object.assign([], { shift: slowly, length: 2 });
  script[`PUT ${APPLE}`] = Object.assign([], { shift: slowly, length: 2 });
  const manager = open();
  await manager.getCart();

  const adds = [1, 2, 3].map(() => manager.addItem({ sku: 'apple' }));
  const sets = [4, 5].map((quantity) => manager.updateItem('apple', quantity));
  await Promise.all([...adds, ...sets, manager.addItem({ sku: 'apple' })]);

  assert.equal(most, 3);
  assert.deepEqual(asked.slice(1).map(({ method }) => method), ['POST', 'POST', 'POST', 'PUT', 'PUT', 'POST']);
  assert.deepEqual(to(APPLE).map(({ headers }) => headers['if-match']), ['"4"', '"5"']);
});

// --- rebuilding

const GONE = {
  cart_not_found: 404,
  cart_already_purchased: 409,
  cart_is_being_adopted: 409,
  gone: 410,
};

for (const [kind, status] of Object.entries(GONE)) {
  test(`after ${kind} an add goes to the cart of now, under a new key`, async () => {
    script['GET /cart'] = [ok(cartOf(7, { pear: 1 })), ok(cartOf(0, {}, { cart_id: 'cart-2' }))];
    script[`POST ${ITEMS}`] = [refused(status, kind)];
    script['POST /carts/cart-2/items'] = [ok(cartOf(1, { apple: 1 }, { cart_id: 'cart-2' }))];
    const manager = open();

    assert.equal((await manager.addItem({ sku: 'apple' })).cart_id, 'cart-2');

    assert.equal((await manager.getCart()).cart_id, 'cart-2');
    assert.notEqual(keys(ITEMS)[0], keys('/carts/cart-2/items')[0]);
  });
}

test('a set of a line that was bought meanwhile is refused with the new cart', async () => {
  script['GET /cart'] = [ok(cartOf(7, { apple: 1 })), ok(cartOf(0, {}, { cart_id: 'cart-2' }))];
  script[`PUT ${APPLE}`] = [refused(409, 'cart_already_purchased')];

  const error = await refusal(open().updateItem('apple', 2));

  assert.deepEqual([error.kind, error.cart.cart_id], ['cart_already_purchased', 'cart-2']);
});

test('it waits for a checkout that is under way', async () => {
  const paying = refused(409, 'cart_in_checkout', {}, { 'Retry-After': '0' });
  script['GET /cart'] = [ok(cartOf(1)), ok(cartOf(1, {}, { status: 'in_checkout' })), ok(cartOf(2))];
  script[`POST ${ITEMS}`] = [paying, paying, ok(cartOf(3, { apple: 1 }))];
  const manager = open();

  assert.equal((await manager.addItem({ sku: 'apple' })).version, 3);
  assert.equal(new Set(keys(ITEMS)).size, 3);
});

test('who is not signed in is asked once, whoever waits for it, and then it goes on', async () => {
  const expired = refused(401, 'unauthenticated');
  const answers = { 'Bearer old': ok(cartOf(1)), 'Bearer new': ok(cartOf(2, { apple: 1 })) };
  let times = 0;
  const heeding = async (path, { headers }) => {
    const { status, content } = answers[headers.get('authorization')];
    return new Response(JSON.stringify(content), { status, headers: { 'Content-Type': 'application/json' } });
  };
  const onSignInNeeded = async () => {
    times += 1;
    await pause(10);
    return 'new';
  };
  const manager = open({ token: 'old', fetch: heeding, onSignInNeeded });

  await manager.getCart();
  answers['Bearer old'] = expired;

  await Promise.all([manager.getCart(true), manager.addItem({ sku: 'apple' }), manager.addItem({ sku: 'pear' })]);

  assert.equal(times, 1);
});

test('who does not sign in is told', async () => {
  script['GET /cart'] = [refused(401, 'unauthenticated')];

  assert.equal((await refusal(open({ token: 'old', onSignInNeeded: () => null }).getCart())).status, 401);
  assert.equal((await refusal(open({ token: () => 'old' }).getCart())).status, 401);
  assert.equal(to('/cart').length, 3);
});

// --- paying

const PAY = `/carts/${FIRST}/checkout`;
const ADDRESS = { name: 'Asha Rao' };
const order = (status, reason = null) => ({ order_id: 'order-1', cart_id: FIRST, status, reason, total: 100 });
const later = { Location: '/orders/order-1', 'Retry-After': '0' };

test('a checkout without an answer is repeated under its key, and then the next cart is there', async () => {
  script['GET /cart'] = [ok(cartOf(1, { apple: 1 })), ok(cartOf(0, {}, { cart_id: 'cart-2' }))];
  script[`POST ${PAY}`] = [LOST, refused(409, 'request_in_progress'), { status: 201, content: order('paid') }];
  const manager = open();

  const bought = await manager.checkout(ADDRESS, null, { paymentMethod: 'pm_card_visa', email: 'asha@example.com' });

  assert.equal(bought.status, 'paid');
  assert.equal(new Set(keys(PAY)).size, 1);
  assert.deepEqual(to(PAY)[0].body, {
    payment_method: 'pm_card_visa',
    email: 'asha@example.com',
    shipping_address: ADDRESS,
    billing_address: null,
    expected_total: 100,
  });
  assert.equal((await manager.getCart()).cart_id, 'cart-2');
});

test('the total that was shown is the one agreed on, though the cart has changed since', async () => {
  script['GET /cart'] = [ok(cartOf(1, { apple: 1 })), ok(cartOf(2, { apple: 2 }))];
  script[`POST ${PAY}`] = [refused(409, 'checkout_changed', { expected_total: 100, total: 200 })];
  const manager = open();
  await manager.getCart();

  const error = await refusal(manager.checkout(ADDRESS));

  assert.deepEqual([error.kind, error.cart.total_price, to(PAY)[0].body.expected_total], ['checkout_changed', 200, 100]);
});

test('a checkout that takes its time is followed to its end', async () => {
  script['GET /cart'] = [ok(cartOf(1, { apple: 1 }))];
  script[`POST ${PAY}`] = [{ status: 202, content: order('processing'), headers: later }];
  script['GET /orders/order-1'] = [ok(order('processing'), later), LOST, ok(order('paid'))];

  assert.equal((await open().checkout(ADDRESS)).status, 'paid');
});

test('a checkout that comes to nothing is told with its reason', async () => {
  script['GET /cart'] = [ok(cartOf(1, { apple: 1 }))];
  script[`POST ${PAY}`] = [{ status: 202, content: order('processing'), headers: later }];
  script['GET /orders/order-1'] = [ok(order('refused', 'expired_card'))];

  const error = await refusal(open().checkout(ADDRESS));

  assert.deepEqual([error.kind, error.problem.reason, error.outcomeKnown], ['checkout_refused', 'expired_card', true]);
});

test('a checkout that has no outcome by the deadline says so, with the order to ask for', async () => {
  script['GET /cart'] = [ok(cartOf(1, { apple: 1 }))];
  script[`POST ${PAY}`] = [{ status: 202, content: order('processing'), headers: { ...later, 'Retry-After': '1' } }];

  const error = await refusal(open().checkout(ADDRESS, ADDRESS, { deadline: 500 }));

  assert.deepEqual([error.kind, error.outcomeKnown], ['outcome_not_known', false]);
  assert.equal(error.problem.order.order_id, 'order-1');
});

for (const [status, kind] of [[401, 'unauthenticated'], [404, 'order_not_found'], [503, 'unavailable']]) {
  test(`a checkout that is under way and then answered ${status} has an outcome that nobody knows`, async () => {
    script['GET /cart'] = [ok(cartOf(1, { apple: 1 }))];
    script[`POST ${PAY}`] = [{ status: 202, content: order('processing'), headers: later }];
    script['GET /orders/order-1'] = [refused(status, kind)];

    const error = await refusal(open().checkout(ADDRESS, null, { deadline: 300 }));

    assert.deepEqual([error.status, error.outcomeKnown, error.problem.order.order_id], [status, false, 'order-1']);
  });
}

test('a declined card is told, and the cart is as it was', async () => {
  script['GET /cart'] = [ok(cartOf(1, { apple: 1 }))];
  script[`POST ${PAY}`] = [refused(402, 'payment_declined', { reason: 'insufficient_funds' })];

  const error = await refusal(open().checkout(ADDRESS));

  assert.deepEqual([error.kind, error.problem.reason, error.cart.version], ['payment_declined', 'insufficient_funds', 1]);
  assert.equal(to(PAY).length, 1);
});

test('a set that waits for a checkout is not meant for the cart that follows; an add is', async () => {
  script['GET /cart'] = [ok(cartOf(1, { apple: 1 })), ok(cartOf(1, { apple: 1 })), ok(cartOf(0, {}, { cart_id: 'cart-2' }))];
  script[`POST ${PAY}`] = [{ status: 201, content: order('paid') }];
  script['POST /carts/cart-2/items'] = [ok(cartOf(1, { pear: 1 }, { cart_id: 'cart-2' }))];
  const manager = open();
  await manager.getCart();

  const paying = manager.checkout(ADDRESS);
  const set = refusal(manager.updateItem('apple', 5));
  const added = manager.addItem({ sku: 'pear' });

  assert.deepEqual([(await paying).status, (await set).kind, (await set).cart.cart_id], ['paid', 'precondition_failed', 'cart-2']);
  assert.deepEqual([(await added).cart_id, to('/carts/cart-2/items').length], ['cart-2', 1]);
});

test('a checkout is told at once, though the next cart cannot be read', async () => {
  script['GET /cart'] = [ok(cartOf(1, { apple: 1 })), LOST];
  script[`POST ${PAY}`] = [{ status: 201, content: order('paid') }];
  const begun = performance.now();

  assert.equal((await open({ patience: 60_000 }).checkout(ADDRESS)).status, 'paid');
  assert.ok(performance.now() - begun < 4000);
});

test('nothing is not checked out', async () => {
  script['GET /cart'] = [ok(cartOf(1))];

  assert.equal((await refusal(open().checkout(ADDRESS))).message, 'Cart is empty. Please add items before checkout.');
  assert.deepEqual(asked.map(({ url }) => url), ['/cart']);
});

// --- hearing

/** A browser's event stream, as far as it is used. */
class Stream extends EventTarget {
  static all = [];
  readyState = 0;

  constructor(address) {
    super();
    this.address = address;
    Stream.all.push(this);
  }

  get live() {
    return this.readyState !== 2;
  }

  tell(name, data) {
    if (name === 'open') this.readyState = 1;
    this.dispatchEvent(Object.assign(new Event(name), { data: JSON.stringify(data ?? {}) }));
  }

  fail({ forGood }) {
    this.readyState = forGood ? 2 : 0;
    this.tell('error');
  }

  close() {
    this.readyState = 2;
  }
}

beforeEach(() => (Stream.all = []));
const streams = () => Stream.all.filter(({ live }) => live);
const live = (options = {}) => open({ EventSource: Stream, pollEvery: 40, ...options });

test('without an event stream it asks again and again', async () => {
  script['GET /cart'] = [ok(cartOf(1)), ok(cartOf(2)), LOST, ok(cartOf(3))];
  const heard = listening(open({ pollEvery: 20, token: 'a bearer' }));

  await until(() => heard.carts.length === 3);

  assert.deepEqual(heard.carts.map(({ version }) => version), [1, 2, 3]);
});

test('the stream is heard, and nobody asks while it is open', async () => {
  script['GET /cart'] = [ok(cartOf(1))];
  const heard = listening(live());
  await until(() => heard.carts.length === 1);

  streams()[0].tell('open');
  streams()[0].tell('cart', cartOf(2));
  streams()[0].tell('cart', cartOf(1));
  await pause(150);

  assert.deepEqual(heard.carts.map(({ version }) => version), [1, 2]);
  assert.deepEqual([streams()[0].address, asked.length], [`${base}/cart/events`, 1]);
});

test('while the stream is broken it asks, and it opens another if the browser gave up', async () => {
  script['GET /cart'] = [ok(cartOf(1)), ok(cartOf(2)), ok(cartOf(3))];
  const heard = listening(live());
  await until(() => heard.carts.length === 1);

  Stream.all[0].fail({ forGood: false });
  await until(() => heard.carts.length === 3);
  assert.equal(Stream.all.length, 1);
  Stream.all[0].fail({ forGood: true });
  await until(() => streams().length === 1 && Stream.all.length === 2);
  streams()[0].tell('open');
  const before = asked.length;
  await pause(150);

  assert.ok(asked.length <= before + 1, 'it goes on asking');
});

test('a stream that breaks is given time to come back before the shop is asked', async () => {
  script['GET /cart'] = [ok(cartOf(1)), ok(cartOf(2))];
  const heard = listening(live({ pollEvery: 1000 }));
  await until(() => heard.carts.length === 1);
  streams()[0].tell('open');

  const broken = performance.now();
  streams()[0].fail({ forGood: false });
  await until(() => heard.carts.length === 2);

  assert.ok(asked[1].at - broken >= 490, `it asked after ${asked[1].at - broken} ms`);
});

test('a stream that opens while the cart is asked for ends the asking', async () => {
  let release;
  script['GET /cart'] = [ok(cartOf(1)), new Promise((resolve) => (release = resolve)), ok(cartOf(2))];
  const heard = listening(live());
  await until(() => heard.carts.length === 1);

  Stream.all[0].fail({ forGood: false });
  await until(() => asked.length === 2);
  Stream.all[0].tell('open');
  release(ok(cartOf(1)));
  await pause(150);

  assert.equal(asked.length, 2);
});

test('a session that ended is followed by a fresh cart and a stream with the new cookie', async () => {
  script['GET /cart'] = [ok(cartOf(1)), ok(cartOf(0, {}, { cart_id: 'cart-2' }))];
  const heard = listening(live());
  await until(() => heard.carts.length === 1);
  streams()[0].tell('open');

  streams()[0].tell('session');
  await until(() => Stream.all.length === 2);

  assert.deepEqual([heard.carts.at(-1).cart_id, streams().length], ['cart-2', 1]);
});

test('a stream too many is not opened again: asking does', async () => {
  script['GET /cart'] = [ok(cartOf(1)), ok(cartOf(2)), ok(cartOf(3))];
  const heard = listening(live());
  await until(() => heard.carts.length === 1);
  streams()[0].tell('open');

  streams()[0].tell('replaced');
  await until(() => heard.carts.length === 3);

  assert.deepEqual([Stream.all.length, streams().length], [1, 0]);
});

test('tabs share one stream and what it tells; when the leader goes, another leads', async () => {
  script['GET /cart'] = [ok(cartOf(1))];
  const tabs = [1, 2, 3].map(() => live({ locks: undefined }));
  const heard = tabs.map(listening);
  await until(() => Stream.all.length === 1 && heard.every(({ carts }) => carts.length === 1));

  streams()[0].tell('open');
  streams()[0].tell('cart', cartOf(2));
  await until(() => heard.every(({ carts }) => carts.at(-1).version === 2));
  const first = streams()[0];
  tabs[0].close();
  await until(() => Stream.all.length === 2);

  assert.deepEqual([first.live, streams().length], [false, 1]);
  streams()[0].tell('cart', cartOf(3));
  await until(() => heard.slice(1).every(({ carts }) => carts.at(-1).version === 3));
  assert.equal(heard[0].carts.at(-1).version, 2);
});

test('a tab that is looked at while the leader closes leads once', async (context) => {
  script['GET /cart'] = [ok(cartOf(1))];
  globalThis.document = Object.assign(new EventTarget(), { hidden: false });
  context.after(() => delete globalThis.document);
  context.mock.method(Math, 'random', () => 0);
  const [leader, next] = [live({ locks: undefined }), live({ locks: undefined })];
  const heard = [listening(leader)];
  await until(() => Stream.all.length === 1);
  heard.push(listening(next));
  await until(() => heard.every(({ carts }) => carts.length === 1));

  leader.close();
  document.dispatchEvent(new Event('visibilitychange'));
  await until(() => Stream.all.length === 2);
  await pause(2200); // By then it would have given up on the leader.

  assert.deepEqual([Stream.all.length, streams().length], [2, 1]);
});

test('a new tab leads if the leader has been put to sleep', async (context) => {
  script['GET /cart'] = [ok(cartOf(1))];
  const asleep = new AbortController();
  context.after(() => asleep.abort());
  const held = Promise.withResolvers();
  const sleeping = navigator.locks.request(`cart-manager ${base}`, () => (held.resolve(), once(asleep.signal, 'abort')));
  const stolen = sleeping.then(() => false, () => true);
  await held.promise;

  listening(live({ locks: undefined }));
  await until(() => Stream.all.length === 1);

  assert.ok(await stolen);
});

test('a tab that may hold no lock, or shares no channel, has a stream of its own', async () => {
  script['GET /cart'] = [ok(cartOf(1))];
  const forbidding = { request: async () => { throw new DOMException('not here', 'SecurityError'); } };

  const heard = [{ locks: forbidding }, { locks: null }, { locks: undefined, BroadcastChannel: null }]
    .map((options) => listening(live(options)));

  await until(() => Stream.all.length === 3 && heard.every(({ carts }) => carts.length === 1));
});

test('a tab with a stream of its own has it while it is looked at: a browser has six connections', async (context) => {
  script['GET /cart'] = [ok(cartOf(1))];
  globalThis.document = Object.assign(new EventTarget(), { hidden: false });
  context.after(() => delete globalThis.document);
  const look = (hidden) => Object.assign(document, { hidden }).dispatchEvent(new Event('visibilitychange'));
  const forbidding = { request: async () => { throw new DOMException('not here', 'SecurityError'); } };
  const heard = [{ locks: null }, { locks: forbidding }].map((options) => listening(live(options)));
  await until(() => streams().length === 2 && heard.every(({ carts }) => carts.length === 1));

  look(true);
  assert.equal(streams().length, 0);
  listening(live({ locks: null }));
  const before = asked.length;
  await pause(150);
  assert.deepEqual([streams().length, asked.length - before], [0, 1]);

  look(false);
  assert.equal(streams().length, 3);
  streams().at(0).tell('cart', cartOf(2));
  await until(() => heard.every(({ carts }) => carts.at(-1).version === 2));
});

test('a change in one tab shows in another at once, and an older one nowhere', async () => {
  script['GET /cart'] = [ok(cartOf(1))];
  script[`POST ${ITEMS}`] = [ok(cartOf(3)), ok(cartOf(2))];
  const [mine, other] = [open(), open({ pollEvery: 60_000 })];
  const heard = listening(other);
  await until(() => heard.carts.length === 1);

  await mine.addItem({ sku: 'apple' });
  await until(() => heard.carts.length === 2);
  await open().addItem({ sku: 'apple' });
  await pause(50);

  assert.deepEqual(heard.carts.map(({ version }) => version), [1, 3]);
});

test('once closed it waits for no checkout', async () => {
  script['GET /cart'] = [ok(cartOf(1))];
  script[`POST ${ITEMS}`] = [refused(409, 'cart_in_checkout')];
  const manager = open();
  const adding = refusal(manager.addItem({ sku: 'apple' }));
  await until(() => to(ITEMS).length === 1);

  manager.close();

  assert.equal((await adding).kind, 'cart_in_checkout');
  assert.ok(to(ITEMS).length <= 2, 'it goes on asking');
});

test('once closed it tells nothing and asks nothing', async () => {
  script['GET /cart'] = [ok(cartOf(1))];
  const manager = live();
  const heard = listening(manager);
  await until(() => heard.carts.length === 1);

  manager.close();
  Stream.all[0].tell('cart', cartOf(2));
  await pause(100);

  assert.deepEqual([heard.carts.length, asked.length, streams().length], [1, 1, 0]);
});
