// Stripe's official client for Node against the processor at PAYMENTS_URL.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { after, test } from 'node:test';

import Stripe from 'stripe';

const { hostname, port } = new URL(process.env.PAYMENTS_URL);
const stripe = clientWith(process.env.PAYMENTS_SECRET_KEY);

function clientWith(key) {
  return new Stripe(key, { protocol: 'http', host: hostname, port, maxNetworkRetries: 3 });
}

const sale = { amount: 19900, currency: 'inr', allowed_payment_method_types: ['card'], metadata: { order: '42' } };
const paidByVisa = { payment_method: 'pm_card_visa', confirm: true };

function unexpectedState(status) {
  return (error) => {
    assert.equal(error.type, 'StripeInvalidRequestError');
    assert.equal(error.code, 'payment_intent_unexpected_state');
    assert.equal(error.payment_intent.status, status);
    return true;
  };
}

test('create, confirm, read', async () => {
  const opened = await stripe.paymentIntents.create(sale);
  const paid = await stripe.paymentIntents.confirm(opened.id, {
    payment_method: 'pm_card_visa',
    error_on_requires_action: true,
  });
  const read = await stripe.paymentIntents.retrieve(opened.id);

  assert.deepEqual(
    [opened.status, paid.status, read.status],
    ['requires_payment_method', 'succeeded', 'succeeded'],
  );
  assert.deepEqual([read.amount_received, read.currency, read.metadata.order], [19900, 'inr', '42']);
});

test('every answer has a request id, errors too', async () => {
  const opened = await stripe.paymentIntents.create(sale);

  assert.match(opened.lastResponse.requestId, /^req_\w+/);
  await assert.rejects(stripe.paymentIntents.retrieve('pi_unknown'), (error) => {
    assert.deepEqual([error.type, error.statusCode], ['StripeInvalidRequestError', 404]);
    assert.equal(error.code, 'resource_missing');
    assert.match(error.requestId, /^req_\w+/);
    return true;
  });
});

test('a key replays its first answer and says so', async () => {
  const [first, again] = [
    await stripe.paymentIntents.create(sale, { idempotencyKey: 'node-replay' }),
    await stripe.paymentIntents.create(sale, { idempotencyKey: 'node-replay' }),
  ];

  assert.equal(again.id, first.id);
  assert.equal(first.lastResponse.headers['idempotent-replayed'], undefined);
  assert.equal(again.lastResponse.headers['idempotent-replayed'], 'true');
  assert.equal(again.lastResponse.idempotencyKey, 'node-replay');
});

test('a key with other parameters is an idempotency error', async () => {
  await stripe.paymentIntents.create(sale, { idempotencyKey: 'node-mismatch' });

  await assert.rejects(
    stripe.paymentIntents.create({ ...sale, amount: 5 }, { idempotencyKey: 'node-mismatch' }),
    { type: 'StripeIdempotencyError', statusCode: 400 },
  );
});

test('five equal requests at once make one intent', async () => {
  const made = await Promise.all(
    Array.from({ length: 5 }, () =>
      stripe.paymentIntents.create({ ...sale, ...paidByVisa }, { idempotencyKey: 'node-at-once' }),
    ),
  );

  assert.equal(new Set(made.map((intent) => intent.id)).size, 1);
  const charges = await stripe.charges.list({ payment_intent: made[0].id });
  assert.equal(charges.data.length, 1);
});

test('a decline is a card error with its reason and the intent', async () => {
  const card = { payment_method: 'pm_card_visa_chargeDeclinedInsufficientFunds', confirm: true };

  await assert.rejects(stripe.paymentIntents.create({ ...sale, ...card }), (error) => {
    assert.ok(error instanceof Stripe.errors.StripeCardError);
    assert.deepEqual([error.code, error.decline_code], ['card_declined', 'insufficient_funds']);
    assert.equal(error.payment_intent.status, 'requires_payment_method');
    return true;
  });
});

test('a hold is captured in part, refunded in part, and never above that', async () => {
  const held = await stripe.paymentIntents.create({ ...sale, ...paidByVisa, capture_method: 'manual' });
  const taken = await stripe.paymentIntents.capture(held.id, { amount_to_capture: 15000 });
  const refund = await stripe.refunds.create({ payment_intent: held.id, amount: 5000 });

  assert.deepEqual([held.status, held.amount_capturable], ['requires_capture', 19900]);
  assert.deepEqual([taken.status, taken.amount_received], ['succeeded', 15000]);
  assert.deepEqual([refund.status, refund.amount], ['succeeded', 5000]);
  await assert.rejects(stripe.refunds.create({ payment_intent: held.id, amount: 10001 }), {
    type: 'StripeInvalidRequestError',
    param: 'amount',
  });
  await assert.rejects(stripe.paymentIntents.capture(held.id), unexpectedState('succeeded'));
});

test('more than is held cannot be captured', async () => {
  const held = await stripe.paymentIntents.create({ ...sale, ...paidByVisa, capture_method: 'manual' });

  await assert.rejects(stripe.paymentIntents.capture(held.id, { amount_to_capture: 19901 }), {
    type: 'StripeInvalidRequestError',
    code: 'amount_too_large',
  });
});

test('a canceled intent cannot be confirmed', async () => {
  const opened = await stripe.paymentIntents.create(sale);
  const canceled = await stripe.paymentIntents.cancel(opened.id, { cancellation_reason: 'abandoned' });

  assert.deepEqual([canceled.status, canceled.cancellation_reason], ['canceled', 'abandoned']);
  await assert.rejects(
    stripe.paymentIntents.confirm(opened.id, { payment_method: 'pm_card_visa' }),
    unexpectedState('canceled'),
  );
});

test('a paid intent cannot be canceled', async () => {
  const paid = await stripe.paymentIntents.create({ ...sale, ...paidByVisa });

  await assert.rejects(stripe.paymentIntents.cancel(paid.id), unexpectedState('succeeded'));
});

test('an unknown parameter is named', async () => {
  await assert.rejects(stripe.paymentIntents.create({ ...sale, amuont: 1 }), {
    type: 'StripeInvalidRequestError',
    code: 'parameter_unknown',
    param: 'amuont',
  });
});

test('a list pages by itself', async () => {
  const made = [];
  for (let count = 0; count < 5; count += 1) made.unshift((await stripe.paymentIntents.create(sale)).id);

  const listed = [];
  for await (const intent of stripe.paymentIntents.list({ limit: 2 })) listed.push(intent.id);

  assert.deepEqual(listed.slice(0, 5), made);
  assert.equal(new Set(listed).size, listed.length);
});

test('a wrong key is an authentication error', async () => {
  await assert.rejects(clientWith('sk_test_other').paymentIntents.list(), { type: 'StripeAuthenticationError' });
});

test('a webhook is heard, and its signature is good for five minutes and for this body', async () => {
  const told = [];
  const server = createServer(async (request, answer) => {
    const chunks = await Array.fromAsync(request);
    told.push({ body: Buffer.concat(chunks).toString(), header: request.headers['stripe-signature'] });
    answer.writeHead(200).end();
    server.emit('told');
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  after(() => server.close());

  const endpoint = await stripe.webhookEndpoints.create({
    url: `http://127.0.0.1:${server.address().port}/`,
    enabled_events: ['payment_intent.succeeded'],
    description: 'the tests',
  });
  const heard = once(server, 'told', { signal: AbortSignal.timeout(15_000) });
  const paid = await stripe.paymentIntents.create({ ...sale, ...paidByVisa });
  await heard;

  const [{ body, header }] = told;
  const event = stripe.webhooks.constructEvent(body, header, endpoint.secret);
  assert.deepEqual([event.type, event.data.object.id], ['payment_intent.succeeded', paid.id]);
  assert.equal((await stripe.events.retrieve(event.id)).type, event.type);

  const now = Math.floor(Date.now() / 1000);
  const signed = (timestamp) =>
    stripe.webhooks.generateTestHeaderString({ payload: body, secret: endpoint.secret, timestamp });
  assert.ok(stripe.webhooks.constructEvent(body, signed(now - 290), endpoint.secret));
  const refused = { type: 'StripeSignatureVerificationError' };
  assert.throws(() => stripe.webhooks.constructEvent(body, signed(now - 310), endpoint.secret), refused);
  assert.throws(() => stripe.webhooks.constructEvent(`${body} `, header, endpoint.secret), refused);
  assert.throws(() => stripe.webhooks.constructEvent(body, header, 'whsec_other'), refused);
});

test('an endpoint is listed without its secret, disabled and deleted', async () => {
  const made = await stripe.webhookEndpoints.create({ url: 'http://127.0.0.1:9/', enabled_events: ['*'] });

  const listed = (await stripe.webhookEndpoints.list()).data.find((one) => one.id === made.id);
  const disabled = await stripe.webhookEndpoints.update(made.id, { disabled: true });
  const deleted = await stripe.webhookEndpoints.del(made.id);

  assert.match(made.secret, /^whsec_/);
  assert.deepEqual([listed.secret, listed.status], [undefined, 'enabled']);
  assert.deepEqual([disabled.secret, disabled.status], [undefined, 'disabled']);
  assert.deepEqual([deleted.id, deleted.deleted], [made.id, true]);
});
