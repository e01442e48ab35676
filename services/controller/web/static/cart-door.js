/** How cart-manager.js reaches the shop: Door sends requests so that each counts once, Feed hears of changes. */

/** @typedef {{sku: string, product_id: number, variant_id: number | null, title: string, variant: string | null,
 *   quantity: number, unit_price: number, line_total: number, available: boolean, notice: string | null}} Line */
/** @typedef {{cart_id: string, version: number, status: string, current: boolean, currency: string, items: Line[],
 *   items_count: number, total_items: number, total_price: number, has_unavailable_items: boolean}} Cart */
/** @typedef {{type: string, status: number, title?: string, detail?: string, cart?: Cart} & Record<string, unknown>}
 *   Problem */
/** @typedef {() => string | null | void | Promise<string | null | void>} TokenSource */
/** @typedef {{token?: string | TokenSource, onSignInNeeded?: TokenSource, base?: string, patience?: number,
 *   attemptTimeout?: number, cacheDuration?: number, pollEvery?: number, fetch?: typeof fetch,
 *   EventSource?: typeof EventSource | null, locks?: LockManager | null,
 *   BroadcastChannel?: typeof BroadcastChannel | null}} Options Times in milliseconds. */
/** @typedef {{body?: unknown, key?: string, version?: number, until?: number}} Asked */
/** @typedef {{content: any, headers: Headers, asked: number}} Answer */

const LONGEST_PAUSE = 5_000;

/** @param {number} ms */
export const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
/** @param {number} tries */
export const backoff = (tries) => Math.min(LONGEST_PAUSE, 200 * 2 ** tries) * (0.5 + Math.random() / 2);
// Not randomUUID, which browsers keep from http pages.
export const newKey = () => btoa(String.fromCharCode(...crypto.getRandomValues(new Uint8Array(18))));

/** A refusal or a silence. `kind` is a heading of docs/problems.md, or `unreachable`; `cart` the cart as it is now. */
export class CartError extends Error {
  /** @param {Problem} problem @param {{retryAfter?: number, cause?: unknown}} [more] */
  constructor(problem, { retryAfter = 0, cause } = {}) {
    super(problem.detail || problem.title || `The shop answered ${problem.status}.`, { cause });
    this.name = "CartError";
    this.type = String(problem.type ?? "about:blank"); // Not all that stands before a shop speaks as the shop does.
    this.kind = this.type.split("#").at(-1) ?? "";
    this.status = problem.status;
    this.detail = this.message;
    this.problem = problem;
    this.retryAfter = retryAfter;
    this.cart = problem.cart ?? null;
    /** False if what was asked for may have happened all the same. */
    this.outcomeKnown = true;
  }

  /** Whether the same request may be answered better in a moment. */
  get passes() {
    return [0, 502, 503, 504].includes(this.status) || ["request_in_progress", "session_rotated"].includes(this.kind);
  }

  /** Whether this answer leaves open what became of the request. */
  get silent() {
    return this.status === 0 || (this.status >= 500 && this.kind !== "unavailable");
  }

  /** Whether it is said by whoever knows the keys: a request that was done before would have been answered as then. */
  get keyed() {
    return [402, 409, 412, 422].includes(this.status) && !this.passes && !["unknown_sku", "variant_required"].includes(this.kind);
  }
}

/** Sends requests, each until there is an answer to rely on. Repeats carry the same key, so that they count once. */
export class Door {
  /** @type {Promise<boolean> | null} */
  signingIn = null;
  closed = false;

  /** @param {Options} options @param {(error: CartError | null) => void} told */
  constructor(options, told) {
    this.options = options;
    this.patience = options.patience ?? 30_000;
    this.token = options.token;
    this.told = told;
  }

  /** @param {string} method @param {string} path @param {Asked} [asked] @returns {Promise<Answer>} */
  async ask(method, path, asked = {}) {
    const until = asked.until ?? Date.now() + this.patience;
    let [signedIn, unsure] = [false, false];
    for (let tries = 0; ; tries += 1) {
      try {
        const answer = await this.once(method, path, asked);
        this.told(null);
        return answer;
      } catch (failure) {
        if (!(failure instanceof CartError)) throw failure;
        if (failure.status === 401 && !signedIn && (signedIn = await this.signIn())) continue;
        unsure ||= failure.silent;
        // "Sign in" or "no such cart", after a sign-in elsewhere, says nothing of the request without an answer before it.
        failure.outcomeKnown = !unsure || failure.keyed;
        if (failure.passes) this.told(failure);
        const wait = Math.max(backoff(tries), failure.retryAfter);
        if (!failure.passes || this.closed || Date.now() + wait > until) throw failure;
        await pause(wait);
      }
    }
  }

  /** @param {string} method @param {string} path @param {Asked} asked @returns {Promise<Answer>} */
  async once(method, path, { body, key, version }) {
    const { base = "", fetch: send = fetch, attemptTimeout = 15_000 } = this.options;
    const token = typeof this.token === "function" ? await this.token() : this.token;
    const headers = new Headers({ Accept: "application/json" });
    if (body !== undefined) headers.set("Content-Type", "application/json");
    if (key !== undefined) headers.set("Idempotency-Key", key);
    if (version !== undefined) headers.set("If-Match", `"${version}"`);
    if (token) headers.set("Authorization", `Bearer ${token}`);
    const signal = AbortSignal.timeout(attemptTimeout);
    const asked = Date.now();
    let response, content;
    try {
      response = await send(base + path, { method, headers, body: JSON.stringify(body), signal });
      const text = await response.text();
      content = response.ok || response.headers.get("content-type")?.includes("json") ? JSON.parse(text) : {};
    } catch (cause) {
      throw new CartError({ type: "unreachable", status: 0, detail: "The shop does not answer." }, { cause });
    }
    if (response.ok) return { content, headers: response.headers, asked };
    const retryAfter = 1000 * (Number(response.headers.get("retry-after")) || 0);
    throw new CartError({ type: "about:blank", title: response.statusText, ...content, status: response.status }, { retryAfter });
  }

  /** Has the page or program sign in, once for all who wait for it. Whether there is something new to try with. */
  async signIn() {
    const { onSignInNeeded } = this.options;
    if (!onSignInNeeded) return typeof this.token === "function";
    const begin = async () => {
      const token = await onSignInNeeded();
      if (token && typeof this.token !== "function") this.token = token;
      return Boolean(token);
    };
    this.signingIn ??= begin().finally(() => (this.signingIn = null));
    return this.signingIn;
  }
}

/** Hears of changes made elsewhere: by the event stream, and while there is none, by asking again and again. */
export class Feed {
  /** @type {EventSource | null} */
  source = null;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  timer;
  failures = 0;
  stopped = false;

  /** @param {{open: (() => EventSource) | null, heard: (cart: Cart) => void, read: () => Promise<unknown>,
   *   every: number}} means */
  constructor(means) {
    this.means = means;
    if (means.open) this.open(means.open);
    else this.askIn(means.every);
  }

  /** @param {() => EventSource} open */
  open(open) {
    const source = (this.source = open());
    source.addEventListener("open", () => this.askIn(null));
    source.addEventListener("cart", (event) => {
      this.failures = 0;
      this.means.heard(JSON.parse(event.data));
    });
    source.addEventListener("session", () => {
      source.close(); // The next one brings the new cookie.
      this.down(backoff(this.failures));
    });
    source.addEventListener("replaced", () => {
      this.means.open = null; // Too many streams: asking does for this tab.
      source.close();
      this.down(backoff(this.failures));
    });
    // The browser connects anew by itself, except after an answer that is no stream. Meanwhile not all browsers whose
    // streams broke together, as when a controller dies, ask another one together.
    source.addEventListener("error", () => this.down(this.later));
  }

  get later() {
    return this.means.every * 2 ** Math.min(this.failures, 3) * (0.5 + Math.random() / 2);
  }

  /** @param {number} ms */
  down(ms) {
    if (this.timer === undefined) this.askIn(ms);
    this.failures += 1;
  }

  /** @param {number | null} ms */
  askIn(ms) {
    clearTimeout(this.timer);
    this.timer = ms === null || this.stopped ? undefined : setTimeout(() => void this.ask(), ms);
  }

  async ask() {
    const reached = await this.means.read().then(() => true, () => false);
    if (this.source?.readyState === 1) return this.askIn(null);
    this.failures = reached ? 0 : this.failures + 1;
    this.askIn(this.later);
    if (this.means.open && this.source?.readyState === 2 && !this.stopped) this.open(this.means.open);
  }

  stop() {
    this.stopped = true;
    this.askIn(null);
    this.source?.close();
  }
}
