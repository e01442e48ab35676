/**
 * The cart of a shopper, for the shop's own pages and for programs: reads it, changes it, pays for it, and tells when it
 * changed elsewhere. How to use it and what each refusal means: docs/cart-manager.md.
 */

import { backoff, CartError, Door, Feed, newKey, pause } from "./cart-door.js";

export { CartError };

/** @import { Answer, Cart, Options } from "./cart-door.js" */
/** @typedef {{order_id: string, cart_id: string, status: "processing" | "paid" | "refused", reason: string | null,
 *   total: number, currency: string}} Order */
/** @typedef {{type: "cart", cart: Cart} | {type: "trouble", error: CartError} | {type: "recovered"}} Told */
/** @typedef {(told: Told) => void} Listener */
/** @typedef {{method: string, path: string, body?: unknown, pinned: boolean, fits: (cart: Cart) => boolean,
 *   done: (cart: Cart) => boolean}} Intent `pinned` to the version that was seen; whether it `fits` a newer one. */

const LEADER_ANSWERS_WITHIN = 2_000;
const NEXT_CART_WITHIN = 3_000;
const MOVED = ["precondition_failed", "cart_not_found", "cart_already_purchased", "cart_is_being_adopted", "cart_in_checkout"];

/** @param {Cart} cart @param {string} sku */
const quantityOf = (cart, sku) => cart.items.find((line) => line.sku === sku)?.quantity ?? 0;
/** @template T @param {T | null | undefined} given @param {T | undefined} own @returns {T | null} */
const chosen = (given, own) => (given === undefined ? (own ?? null) : given);

/** One shopper's current cart. Every change answers the cart as it is afterwards; every failure is a CartError. */
export class CartManager {
  /** @type {Cart | null} */ #cart = null;
  #asked = 0;
  #fetched = 0;
  /** @type {Promise<Cart> | null} */ #reading = null;
  /** @type {Set<Promise<void>>} */ #running = new Set();
  /** @type {Promise<void>} */ #lastPinned = Promise.resolve();
  /** @type {Set<Listener>} */ #listeners = new Set();
  #listening = false;
  #troubled = false;
  #closing = new AbortController();
  #closed = new Promise((resolve) => this.#closing.signal.addEventListener("abort", resolve));
  #standing = new AbortController();
  /** @type {Feed | null} */ #feed = null;
  /** @type {BroadcastChannel | null} */ #channel = null;
  /** @type {ReturnType<typeof setTimeout> | undefined} */ #suspicion;
  #options;
  #door;
  #locks;

  /** @param {string | Options} [options] A bearer token, or more; nothing at all on the shop's own pages. */
  constructor(options = {}) {
    const given = typeof options === "string" ? { token: options } : options;
    if (!given.base && !given.fetch && !globalThis.location) throw new TypeError("Say where the shop is: { base }.");
    this.#options = { ...given, base: given.base?.replace(/\/+$/, "") };
    this.cacheDuration = this.#options.cacheDuration ?? 30_000;
    this.#door = new Door(this.#options, (error) => this.#tellTrouble(error));
    this.#locks = chosen(this.#options.locks, globalThis.navigator?.locks);
    const Channel = chosen(this.#options.BroadcastChannel, globalThis.BroadcastChannel);
    if (this.#options.token || !Channel) return; // Another tab may hold another's token.
    this.#channel = new Channel(this.#name);
    this.#channel.addEventListener("message", (event) => this.#heard(event.data));
    /** @type {{unref?: () => void}} */ (this.#channel).unref?.(); // Programs end without close().
  }

  /** The current cart, at most `cacheDuration` old; straight from the shop if `forceRefresh`. */
  async getCart(forceRefresh = false) {
    const age = Date.now() - this.#fetched; // Below 0 when somebody has set the clock back.
    if (!forceRefresh && this.#cart && age >= 0 && age < this.cacheDuration) return this.#cart;
    const read = async () => {
      const answer = await this.#door.ask("GET", "/cart");
      return this.#take(answer.content, answer.asked);
    };
    this.#reading ??= read().finally(() => (this.#reading = null));
    return this.#reading;
  }

  /**
   * Adds to what is there. Simultaneous adds all count.
   * @param {{sku: string, quantity?: number} | number | string} item A SKU and how many, or a product's id.
   * @param {number | string | null} [variantId] @param {number} [quantity]
   */
  addItem(item, variantId = null, quantity = 1) {
    const body = typeof item === "object" ? item : { product_id: item, variant_id: variantId, quantity };
    const intent = { method: "POST", path: "/items", body, pinned: false, fits: () => true, done: () => false };
    return this.#inTurn(false, () => this.#change(() => intent));
  }

  /** Sets how many there are; 0 takes the line out. @param {string} sku @param {number} quantity */
  updateItem(sku, quantity) {
    return this.#set("PUT", sku, quantity, { quantity });
  }

  /** Takes the line out. @param {string} sku */
  removeItem(sku) {
    return this.#set("DELETE", sku, 0);
  }

  /**
   * Pays for the cart as it was shown last: if its total is another one by now, it is refused as `checkout_changed`.
   * @param {object} shipping @param {object | null} [billing]
   * @param {{paymentMethod?: string, email?: string, expectedTotal?: number, deadline?: number}} [more]
   * @returns {Promise<Order>} paid
   */
  checkout(shipping, billing = null, more = {}) {
    return this.#inTurn(true, async () => {
      const until = Date.now() + (more.deadline ?? 60_000);
      const shown = more.expectedTotal ?? this.#cart?.total_price;
      const cart = await this.getCart(true);
      const detail = "Cart is empty. Please add items before checkout.";
      if (!cart.items.length) throw new CartError({ type: "cart_is_empty", status: 400, detail, cart });
      const body = {
        payment_method: more.paymentMethod,
        email: more.email,
        shipping_address: shipping,
        billing_address: billing,
        expected_total: shown ?? cart.total_price,
      };
      const asked = { body, key: newKey(), until };
      try {
        const answer = await this.#door.ask("POST", `/carts/${cart.cart_id}/checkout`, asked);
        const order = await this.#decided(answer, until);
        await this.#next();
        return order;
      } catch (error) {
        if (error instanceof CartError) error.cart = await this.#next();
        throw error;
      }
    });
  }

  /**
   * Hears of every change, wherever it was made, and whether the shop can be reached.
   * @param {Listener} listener @returns {() => void} ends that
   */
  subscribe(listener) {
    this.#listeners.add(listener);
    if (this.#cart) this.#tell({ type: "cart", cart: this.#cart }, [listener]);
    if (!this.#listening) this.#listen();
    return () => void this.#listeners.delete(listener);
  }

  /** Ends the stream, hears other tabs no more, and repeats no request again. */
  close() {
    this.#listeners.clear();
    this.#door.closed = true;
    this.#closing.abort();
    this.#standing.abort();
    clearTimeout(this.#suspicion);
    this.#feed?.stop();
    this.#channel?.close();
    this.#channel = null;
  }

  get #name() {
    return `cart-manager ${this.#options.base ?? ""}`;
  }

  // --- changes

  /** @param {string} method @param {string} sku @param {number} quantity @param {object} [body] */
  #set(method, sku, quantity, body) {
    const shown = this.#cart;
    /** @param {Cart} found @returns {Intent} */
    const intended = (found) => {
      // What is meant for a cart that was bought while this waited for its turn is not meant for the next one.
      const before = quantityOf(shown && shown.cart_id !== found.cart_id ? shown : found, sku);
      return {
        method,
        path: `/items/${encodeURIComponent(sku)}`,
        body,
        pinned: true,
        fits: (cart) => quantityOf(cart, sku) === before,
        done: (cart) => quantityOf(cart, sku) === quantity,
      };
    };
    return this.#inTurn(true, () => this.#change(intended));
  }

  /**
   * Adds go out together, since they commute; what is pinned waits for all before it, and all after it wait for that.
   * @template T @param {boolean} pinned @param {() => Promise<T>} task @returns {Promise<T>}
   */
  #inTurn(pinned, task) {
    const turn = (pinned ? Promise.all(this.#running) : this.#lastPinned).then(task);
    /** @type {Promise<void>} */
    const over = turn.then(() => {}, () => {}).finally(() => this.#running.delete(over));
    this.#running.add(over);
    if (pinned) this.#lastPinned = over;
    return turn;
  }

  /** @param {(seen: Cart) => Intent} intended @returns {Promise<Cart>} */
  async #change(intended) {
    const until = Date.now() + this.#door.patience;
    let cart = this.#cart ?? (await this.getCart());
    const { method, path, body, pinned, fits, done } = intended(cart);
    const detail = "Another cart has taken the place of the one that was shown.";
    if (!fits(cart)) throw new CartError({ type: "precondition_failed", status: 412, detail, cart });
    for (let round = 0; ; round += 1) {
      const asked = { body, key: newKey(), version: pinned ? cart.version : undefined, until };
      try {
        // By its id, so that a repeat after a sign-in elsewhere cannot count a second time in another cart.
        const answer = await this.#door.ask(method, `/carts/${cart.cart_id}${path}`, asked);
        return this.#take(answer.content, answer.asked);
      } catch (error) {
        if (!(error instanceof CartError) || !(MOVED.includes(error.kind) || error.status === 410)) throw error;
        const told = error.status === 412 ? error.cart : null;
        error.cart = cart = told ? this.#take(told, Date.now()) : await this.#afresh();
        if (done(cart)) return cart;
        const over = this.#door.closed || Date.now() > until;
        if (over || !fits(cart) || (!pinned && !error.outcomeKnown)) throw error;
        if (round || error.kind === "cart_in_checkout") await pause(Math.max(backoff(round), error.retryAfter));
      }
    }
  }

  /** @param {Answer} answer @param {number} until @returns {Promise<Order>} */
  async #decided(answer, until) {
    const location = answer.headers.get("location") ?? "";
    for (;;) {
      const order = answer.content;
      if (order.status === "paid") return order;
      if (order.status === "refused") {
        const detail = "The checkout came to nothing, and nothing was charged.";
        throw new CartError({ type: "checkout_refused", status: 409, detail, reason: order.reason, order });
      }
      const wait = 1000 * Number(answer.headers.get("retry-after") ?? 2);
      if (Date.now() + wait > until) {
        const late = new CartError({ type: "outcome_not_known", status: 202, detail: "The bank takes its time.", order });
        late.outcomeKnown = false;
        throw late;
      }
      await pause(wait);
      try {
        answer = await this.#door.ask("GET", location, { until });
      } catch (error) {
        // The shop has said that it is under way: whatever is answered about it since, nobody has said how it ended.
        if (error instanceof CartError) [error.outcomeKnown, error.problem.order] = [false, order];
        throw error;
      }
    }
  }

  // --- what is known

  /**
   * Keeps a cart unless a newer one is known: by version, and of two carts by when they were asked for.
   * @param {Cart} cart @param {number} asked @param {boolean} [spread]
   */
  #take(cart, asked, spread = true) {
    const known = this.#cart;
    if (!cart.current) {
      if (known?.cart_id === cart.cart_id) void this.#afresh().catch(() => {}); // Another one was made current elsewhere.
      return cart;
    }
    if (this.#asked > Date.now()) this.#asked = 0; // Somebody has set the clock back.
    const grown = known?.cart_id === cart.cart_id ? cart.version - known.version : 0;
    if (grown < 0 || (grown === 0 && asked < this.#asked)) return known ?? cart;
    this.#cart = cart;
    this.#asked = Math.max(asked, this.#asked);
    this.#fetched = Date.now();
    if (JSON.stringify(cart) !== JSON.stringify(known)) {
      this.#tell({ type: "cart", cart });
      if (spread) this.#channel?.postMessage({ cart, asked });
    }
    return cart;
  }

  /** The current cart, asked for from now on; nobody goes by what was known before, in other tabs neither. */
  async #afresh() {
    const earlier = this.#reading;
    this.#fetched = 0;
    this.#channel?.postMessage({ stale: true });
    await earlier?.catch(() => {});
    return this.getCart(true);
  }

  /** The cart that follows a checkout, if it can be had soon. @returns {Promise<Cart | null>} */
  #next() {
    return Promise.race([this.#afresh().catch(() => null), pause(NEXT_CART_WITHIN).then(() => null)]);
  }

  #refresh() {
    void this.getCart(true).catch(() => {}); // The listeners hear of the trouble.
  }

  /** @param {Told} told @param {Iterable<Listener>} [listeners] */
  #tell(told, listeners = this.#listeners) {
    for (const listener of listeners) queueMicrotask(() => this.#listeners.has(listener) && listener(told));
  }

  /** @param {CartError | null} error */
  #tellTrouble(error) {
    if (this.#troubled === Boolean(error)) return;
    this.#troubled = Boolean(error);
    this.#tell(error ? { type: "trouble", error } : { type: "recovered" });
  }

  // --- what happens elsewhere

  #listen() {
    this.#listening = true;
    const { signal } = this.#closing;
    this.#refresh();
    globalThis.addEventListener?.("online", () => this.#refresh(), { signal });
    globalThis.document?.addEventListener("visibilitychange", () => this.#looked(), { signal });
    if (!this.#locks || !this.#channel) return this.#alone();
    void this.#stand(this.#locks);
    this.#suspect();
  }

  /** Has a stream of its own while the tab is looked at: a browser keeps six connections to a shop, for all its tabs. */
  #alone() {
    this.#locks = null;
    this.#feed?.stop();
    this.#feed = null;
    if (!globalThis.document?.hidden) void this.#lead();
  }

  /** Waits to be the tab that holds the browser's one stream. @param {LockManager} locks @param {boolean} [steal] */
  async #stand(locks, steal = false) {
    this.#standing.abort();
    const mine = (this.#standing = new AbortController());
    try {
      await locks.request(this.#name, steal ? { steal } : { signal: mine.signal }, () => this.#lead());
    } catch (failure) {
      if (this.#closing.signal.aborted || mine !== this.#standing) return;
      this.#feed?.stop();
      this.#feed = null;
      const stolen = failure instanceof DOMException && failure.name === "AbortError";
      if (stolen) await this.#stand(locks);
      else this.#alone(); // Some embedded pages are given no locks.
    }
  }

  /** Hears of changes for the whole browser, until this one is closed. */
  #lead() {
    const { base = "", token, pollEvery = 5_000 } = this.#options;
    const Source = chosen(this.#options.EventSource, globalThis.EventSource);
    clearTimeout(this.#suspicion); // It would take the place from itself.
    this.#feed = new Feed({
      open: Source && !token ? () => new Source(`${base}/cart/events`) : null,
      heard: (cart) => void this.#take(cart, Date.now()),
      read: () => this.getCart(true),
      every: pollEvery,
    });
    this.#channel?.postMessage({ pong: true });
    return this.#closed;
  }

  /** @param {{cart?: Cart, asked?: number, stale?: boolean, ping?: boolean, pong?: boolean}} message */
  #heard({ cart, asked = 0, stale, ping, pong }) {
    if (cart) this.#take(cart, asked, false);
    if (stale) this.#fetched = 0;
    if (ping && this.#feed) this.#channel?.postMessage({ pong: true });
    if (pong) clearTimeout(this.#suspicion);
  }

  /** The tab is looked at again, or not any more. */
  #looked() {
    if (!this.#locks) this.#alone();
    if (document.hidden) return;
    void this.getCart().catch(() => {});
    this.#suspect();
  }

  /** If the system has put the leader to sleep, the tab that is looked at takes its place. */
  #suspect() {
    const locks = this.#locks;
    if (!locks || !this.#channel || this.#feed || globalThis.document?.hidden) return;
    this.#channel.postMessage({ ping: true });
    clearTimeout(this.#suspicion);
    const patience = LEADER_ANSWERS_WITHIN * (1 + Math.random()); // One of the tabs steps forward, not all.
    this.#suspicion = setTimeout(() => void this.#stand(locks, true), patience);
  }
}
