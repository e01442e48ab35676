// cart-manager.js before the real shop at SHOP_URL, by way of a line that loses and doubles what passes.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { after, afterEach, before, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';

import { CartManager } from '../../services/controller/web/static/cart-manager.js';

const { SHOP_URL, SHOP_TOKEN, SHOP_SKU: SKU } = process.env;
const ADDRESS = { name: 'Asha Rao', line1: '12 Lake Road', city: 'Pune', postal_code: '411001', country: 'IN' };
const GUEST = { paymentMethod: 'pm_card_visa', email: 'asha@example.com' };

/** What the line does to the next request: `pass`, `lose` the answer, `refuse` the request, or `double` it. */
let fate = () => 'pass';
let line, base;

async function sentOn({ method, url, headers }, body) {
  const { host, connection, 'content-length': _, ...passed } = headers;
  const answer = await fetch(SHOP_URL + url, { method, headers: passed, body, redirect: 'manual' });
  return { status: answer.status, headers: answer.headers, content: await answer.text() };
}

before(async () => {
  line = createServer(async (request, response) => {
    const pieces = await Array.fromAsync(request);
    const body = pieces.length ? Buffer.concat(pieces) : undefined;
    const now = fate(request);
    if (now === 'refuse') return request.socket.destroy();
    const answers = await Promise.all(Array.from({ length: now === 'double' ? 2 : 1 }, () => sentOn(request, body)));
    if (now === 'lose') return request.socket.destroy();
    const { status, headers, content } = answers.at(-1);
    for (const name of ['content-type', 'etag', 'location', 'retry-after', 'set-cookie']) {
      if (headers.has(name)) response.setHeader(name, headers.get(name));
    }
    response.writeHead(status).end(content);
  }).listen(0, '127.0.0.1');
  await once(line, 'listening');
  base = `http://127.0.0.1:${line.address().port}`;
});

const opened = [];

afterEach(() => {
  fate = () => 'pass';
  for (const manager of opened.splice(0)) manager.close();
});
after(() => {
  line.close();
  line.closeAllConnections();
});

/** A browser's cookie jar: what a manager's requests bring along and take home. */
function browser() {
  const jar = { cookie: '' };
  jar.fetch = async (address, { headers, ...options }) => {
    if (jar.cookie) headers.set('Cookie', jar.cookie);
    const answer = await fetch(address, { headers, ...options });
    const given = answer.headers.getSetCookie().find((text) => text.startsWith('sid='));
    if (given) jar.cookie = given.split(';')[0];
    return answer;
  };
  return jar;
}

function manager(options = {}) {
  const made = new CartManager({ base, locks: null, BroadcastChannel: null, ...options });
  opened.push(made);
  return made;
}

/** Managers of one guest whose cart has its row. */
async function tabs(count) {
  const jar = browser();
  const made = Array.from({ length: count }, () => manager({ fetch: jar.fetch }));
  await made[0].getCart();
  await Promise.all(made.slice(1).map((tab) => tab.getCart()));
  return [...made, jar];
}

const lines = (cart) => Object.fromEntries(cart.items.map(({ sku, quantity }) => [sku, quantity]));

/** Fates in turn; whatever is asked after the last one passes. */
function fates(...named) {
  const left = [...named];
  fate = ({ method }) => (method === 'GET' ? 'pass' : (left.shift() ?? 'pass'));
}

async function refusal(promise) {
  return promise.then(() => assert.fail('it was not refused'), (failure) => failure);
}

test('a bearer reads, adds by SKU and by product, sets, removes', async () => {
  const mine = manager({ token: SHOP_TOKEN });
  const shirt = await (await fetch(`${SHOP_URL}/products/t-shirt`)).json();
  const variant = shirt.variants[0];

  const added = await mine.addItem({ sku: 'apple', quantity: 2 });
  const both = await mine.addItem(shirt.product_id, variant.variant_id, 3);
  const set = await mine.updateItem('apple', 7);
  const removed = await mine.removeItem(variant.sku);

  assert.deepEqual(lines(added), { apple: 2 });
  assert.deepEqual(lines(both), { apple: 2, [variant.sku]: 3 });
  assert.deepEqual(lines(set), { apple: 7, [variant.sku]: 3 });
  assert.deepEqual(lines(removed), { apple: 7 });
  assert.deepEqual(await mine.getCart(), removed);
});

test('an add whose answer is lost counts once', async () => {
  const [mine] = await tabs(1);
  fates('lose', 'lose', 'pass');

  const cart = await mine.addItem({ sku: 'apple', quantity: 3 });

  assert.deepEqual(lines(cart), { apple: 3 });
});

test('an add that arrives twice counts once', async () => {
  const [mine] = await tabs(1);
  fates('double');

  await mine.addItem({ sku: 'apple', quantity: 3 });

  assert.deepEqual(lines(await mine.getCart(true)), { apple: 3 });
});

test('thirty simultaneous first adds from three tabs all count, on a line that loses and doubles', async () => {
  const [one, two, three] = await tabs(3);
  let count = 0;
  const inTurn = ['pass', 'lose', 'refuse', 'double'];
  fate = ({ method }) => (method === 'GET' ? 'pass' : inTurn[(count += 1) % 4]);

  await Promise.all(Array.from({ length: 30 }, (_, each) => [one, two, three][each % 3].addItem({ sku: 'apple' })));

  fate = () => 'pass';
  assert.deepEqual(lines(await one.getCart(true)), { apple: 30 });
});

test('two tabs that set different lines both have their way; of one line the first', async () => {
  const [one, two] = await tabs(2);
  await one.addItem({ sku: 'apple' });
  await one.addItem({ sku: 'banana' });
  await two.getCart(true);

  await one.updateItem('apple', 5);
  const both = await two.updateItem('banana', 6);
  const told = await refusal(one.updateItem('banana', 7));

  assert.deepEqual(lines(both), { apple: 5, banana: 6 });
  assert.deepEqual([told.kind, lines(told.cart)], ['precondition_failed', { apple: 5, banana: 6 }]);
  assert.deepEqual(lines(await one.updateItem('banana', 7)), { apple: 5, banana: 7 });
});

test('a checkout whose answer is lost buys once, and a new cart follows', async () => {
  const [mine] = await tabs(1);
  await mine.addItem({ sku: SKU });
  fates('lose', 'double');

  const order = await mine.checkout(ADDRESS, null, GUEST);

  assert.deepEqual([order.status, order.items.length], ['paid', 1]);
  const next = await mine.getCart();
  assert.notEqual(next.cart_id, order.cart_id);
  assert.deepEqual(lines(next), {});
});

test('a cart that was bought in another tab is followed by the new one', async () => {
  const [one, two] = await tabs(2);
  await one.addItem({ sku: SKU });
  await two.getCart(true);
  await one.checkout(ADDRESS, null, GUEST);

  const told = await refusal(two.updateItem(SKU, 2));
  const cart = await two.addItem({ sku: 'apple' });

  assert.deepEqual([told.kind, lines(told.cart)], ['cart_already_purchased', {}]);
  assert.deepEqual([cart.cart_id, lines(cart)], [(await one.getCart(true)).cart_id, { apple: 1 }]);
});

test('a cart that was deleted, or a session that is not good any more, costs an add nothing', async () => {
  const [mine, jar] = await tabs(1);
  await mine.addItem({ sku: 'banana' });
  const { cart_id: deleted } = await mine.getCart();
  await jar.fetch(`${base}/carts/${deleted}`, { method: 'DELETE', headers: new Headers() });

  assert.deepEqual(lines(await mine.addItem({ sku: 'apple' })), { apple: 1 });
  jar.cookie = 'sid=evicted';
  assert.deepEqual(lines(await mine.addItem({ sku: 'apple', quantity: 4 })), { apple: 4 });
});

test('a declined card leaves the cart, and the next one pays', async () => {
  const [mine] = await tabs(1);
  await mine.addItem({ sku: SKU });

  const told = await refusal(mine.checkout(ADDRESS, null, { ...GUEST, paymentMethod: 'pm_card_chargeDeclined' }));
  const order = await mine.checkout(ADDRESS, ADDRESS, GUEST);

  assert.deepEqual([told.kind, lines(told.cart)], ['payment_declined', { [SKU]: 1 }]);
  assert.equal(order.status, 'paid');
});

test('a bearer hears by asking what another program changes', async () => {
  const [mine, other] = [manager({ token: SHOP_TOKEN, pollEvery: 100 }), manager({ token: SHOP_TOKEN })];
  let heard = {};
  mine.subscribe(({ cart }) => cart && (heard = lines(cart)));

  const { mango } = lines(await other.addItem({ sku: 'mango' }));

  const deadline = performance.now() + 3000;
  while (heard.mango !== mango) {
    assert.ok(performance.now() < deadline, 'it does not hear');
    await pause(20);
  }
});
