// What the pages gain where scripts run. Every page works without this file.

import { CartManager } from "./cart-manager.js";

// A page brought back from the browser's memory shows an old cart, and its forms carry keys that were used already.
addEventListener("pageshow", (event) => {
  if (event.persisted) location.reload();
});

const exchanged = async (exchange, key, card) => {
  const form = new URLSearchParams({ type: "card" });
  for (const [name, value] of Object.entries(card)) form.set(`card[${name}]`, value);
  const response = await fetch(exchange, { method: "POST", headers: { Authorization: `Bearer ${key}` }, body: form });
  const answer = await response.json();
  if (!response.ok) throw new Error(answer.error?.message ?? "The card could not be read.");
  return answer.id;
};

const typedCard = (fields) => {
  const [number, expiry, cvc] = ["#card-number", "#card-expiry", "#card-cvc"].map((id) => fields.querySelector(id).value);
  const [month, year] = expiry.split("/").map((part) => part.trim());
  if (!month || !year) throw new Error("Type the month and the year, like 12 / 34.");
  return {
    number: number.replaceAll(" ", ""),
    exp_month: month,
    exp_year: year.length === 2 ? `20${year}` : year,
    cvc: cvc.trim(),
  };
};

const offerCardForm = (checkout, template) => {
  checkout.querySelector(".cards").append(template.content.cloneNode(true));
  const fields = checkout.querySelector(".card-fields");
  const choice = checkout.querySelector('input[name="payment_method"][value=""]');
  const told = fields.querySelector("[role=alert]");
  const pay = checkout.querySelector("button.main-action");
  const showFields = () => (fields.hidden = !choice.checked);
  checkout.addEventListener("change", showFields);
  showFields();
  checkout.addEventListener("submit", async (event) => {
    if (!choice.checked) return;
    event.preventDefault();
    told.textContent = "";
    pay.disabled = true;
    try {
      // The inputs of the card have no names, so that no browser ever sends them to the shop.
      choice.value = await exchanged(template.dataset.exchange, template.dataset.key, typedCard(fields));
      checkout.submit();
    } catch (failure) {
      told.textContent = failure instanceof TypeError ? "The payment service does not answer. Try again." : failure.message;
      pay.disabled = false;
    }
  });
};

const checkout = document.querySelector("#checkout");
const template = document.querySelector("#card-form");
if (checkout?.querySelector("button.main-action") && template) offerCardForm(checkout, template);

// A person who presses the arrow five times means the fifth number.
const SETTLED_MS = 700;

for (const form of document.querySelectorAll("form.amount")) {
  let settling;
  form.addEventListener("submit", () => clearTimeout(settling));
  form.querySelector("input[type=number]").addEventListener("change", () => {
    clearTimeout(settling);
    settling = setTimeout(() => form.reportValidity() && form.requestSubmit(), SETTLED_MS);
  });
}

// The cart's page says when it shows another cart than there is now, but not on the way to the next page.
const notice = document.querySelector("#changed-elsewhere");
let leaving = false;
addEventListener("submit", () => (leaving = true));

const isShown = (cart, { cart: id, version, status }) =>
  cart.cart_id === id && (cart.version < Number(version) || (cart.version === Number(version) && cart.status === status));

const [items, total] = ["items", "total"].map((name) => document.querySelector(`.cart-link [data-cart=${name}]`));

const showLive = () => {
  // Amounts are written as the server wrote the first one: its symbol, its decimals.
  const [prefix] = total.textContent.match(/^\D*/);
  const digits = total.textContent.split(".")[1]?.length ?? 0;
  const written = new Intl.NumberFormat("en", { minimumFractionDigits: digits });
  new CartManager().subscribe(({ type, cart }) => {
    if (type !== "cart") return;
    if (notice) notice.hidden = leaving || isShown(cart, notice.dataset);
    const noun = Object.assign(document.createElement("span"), { className: "unseen" });
    noun.textContent = cart.total_items === 1 ? " item," : " items,";
    items.replaceChildren(String(cart.total_items), noun);
    total.textContent = prefix + written.format(cart.total_price / 10 ** digits);
  });
};
if (items && total) showLive();
