// Runs the note's CartManager against a shop: `node journey.mjs ADDRESS STEP`, the bearer token on standard input.
// The note's client calls addresses without a host, as a page of the shop would: the wrapped fetch adds it, and counts.
import { readFileSync } from "node:fs";

import { CartManager } from "./cart_manager.mjs";

const [address, step] = process.argv.slice(2);
const asked = JSON.parse(readFileSync(0, "utf8"));

const plainFetch = globalThis.fetch;
let calls = [];
globalThis.fetch = (path, options = {}) => {
  calls.push(`${options.method ?? "GET"} ${path}`);
  return plainFetch(new URL(path, address), options);
};

const manager = new CartManager(asked.token);

const steps = {
  async get() {
    return await manager.getCart();
  },
  async add() {
    return await manager.addItem(...asked.item);
  },
  async cache() {
    const first = await manager.getCart();
    const second = await manager.getCart();
    const callsForTwo = calls.length;
    const third = await manager.getCart(true);
    const callsForThree = calls.length;
    manager.lastFetch -= manager.cacheDuration;
    await manager.getCart();
    return { same: first === second, other: third !== first, callsForTwo, callsForThree, callsForFour: calls.length };
  },
  async checkout() {
    return await manager.checkout(...asked.addresses);
  },
};

try {
  const value = await steps[step]();
  console.log(JSON.stringify({ value, calls, cart: manager.cart }));
} catch (error) {
  console.log(JSON.stringify({ error: error.message, calls, cart: manager.cart }));
}
