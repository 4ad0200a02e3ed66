"use strict";

// Texts of the shop reach the page through textContent only, so none of them can be markup.

const $ = (id) => document.getElementById(id);
const FIELDS = ["title", "categories", "brand", "price", "currency"];
const LENGTH = 12;
const calm = matchMedia("(prefers-reduced-motion: reduce)");

const DID = {
  purchase: "bought", add_to_cart: "put in basket", view: "looked at", click: "looked at",
  add_to_wishlist: "wished for", begin_checkout: "at the checkout", rate: "rated",
};

const state = { shopper: null, known: false, places: new Map(), asked: 0, buysOnly: false };

translate($("item").content);

// ---- talking to the service -------------------------------------------------------------

async function call(path, body) {
  const options = body && {
    method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body),
  };
  const answer = await fetch(path, options);
  const value = await answer.json().catch(() => ({}));
  if (!answer.ok) throw Object.assign(new Error(value.detail || answer.statusText), { status: answer.status });
  return value;
}

async function tried(work) {
  try {
    const value = await work();
    $("failure").hidden = true;
    return value;
  } catch (error) {
    if (error.status === 503) waitUntilReady();
    $("failure").textContent = error instanceof TypeError
      ? say("The service can’t be reached. Is it still running?") : error.message;
    $("failure").hidden = error.status === 503;
    return undefined;
  }
}

// ---- small pieces -----------------------------------------------------------------------

function element(tag, className, text) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
}

const path = (item) => (item.categories && item.categories[0] ? item.categories[0].split(" > ") : []);
const name = (item) => item.title || item.item_id;

/** A department has one colour, spread evenly around the wheel by its name. */
function colour(node, department) {
  let hash = 7;
  for (const sign of department || "") hash = (hash * 31 + sign.codePointAt(0)) >>> 0;
  node.style.setProperty("--hue", String((hash * 137.508) % 360));
  node.style.setProperty("--chroma", department ? "45%" : "0%");
}

function price(item) {
  if (!item.price) return "";
  try {
    return item.currency
      ? new Intl.NumberFormat(undefined, { style: "currency", currency: item.currency }).format(item.price)
      : item.price.toFixed(2);
  } catch {
    return `${item.price.toFixed(2)} ${item.currency}`;
  }
}

/** n times 32 bits of chance. Not randomUUID, which browsers lack on pages without TLS. */
const chance = (n) => [...crypto.getRandomValues(new Uint32Array(n))].map((one) => one.toString(36)).join("");

// ---- who --------------------------------------------------------------------------------

async function people() {
  const search = $("search").value.trim();
  const found = await tried(() => call(`/page/shoppers?search=${encodeURIComponent(search)}`));
  if (!found || search !== $("search").value.trim()) return null;
  $("people").replaceChildren(...found.map(person));
  $("nobody").hidden = found.length > 0;
  $("nobody").textContent = search ? say("No shopper has “{search}” in their number.", { search }) : say("No shoppers yet.");
  return found;
}

function person({ id, purchases }) {
  const row = element("li");
  const button = element("button", "person");
  button.type = "button";
  button.dataset.id = id;
  const count = say(purchases === 1 ? "{n} purchase" : "{n} purchases", { n: purchases.toLocaleString() });
  button.append(element("span", "", id), element("small", "", count));
  button.addEventListener("click", () => pick(id, true));
  row.append(button);
  mark(button);
  return row;
}

function mark(button) {
  const current = button.id === "someone" ? !state.known : button.dataset.id === state.shopper;
  button.setAttribute("aria-current", String(state.shopper !== null && current));
}

function pick(id, known) {
  Object.assign(state, { shopper: id, known, places: new Map() });
  document.querySelectorAll(".person").forEach(mark);
  reveal(document.querySelector("#people .person[aria-current=true]"));
  $("shown").textContent = known ? say("Shown to shopper {id}", { id }) : say("Shown to someone new");
  $("items").replaceChildren(...Array.from({ length: 6 }, () => element("li", "bone")));
  history.replaceState(null, "", known ? `#${encodeURIComponent(id)}` : "#");
  return Promise.all([show(), past()]);
}

/** Scroll a shopper into the list's view. scrollIntoView would have the next Tab begin there. */
function reveal(button) {
  if (!button) return;
  const list = $("people"), box = list.getBoundingClientRect(), own = button.getBoundingClientRect();
  list.scrollTop += Math.min(0, own.top - box.top) + Math.max(0, own.bottom - box.bottom);
  list.scrollLeft += own.left + own.width / 2 - box.left - box.width / 2;
}

const someone = () => pick(`visitor-${chance(1)}`, false);
const who = () => (state.known ? { user_id: state.shopper } : { anonymous_id: state.shopper });

// ---- what would be shown ----------------------------------------------------------------

const placement = () => document.querySelector("input[name=placement]:checked").value;

const LEADS = {
  home: "The best guess at what they want next, from everything they did.",
  discover: "Only what they have never bought.",
  buy_again: "What they bought before and may be running out of.",
  trending: "What everyone buys at the moment.",
};
const STRANGER = "What everyone likes, since nothing is known of them yet. Click something.";

function lead(answer, where) {
  const stranger = answer.items.every((item) => item.reason && item.reason.kind === "popular");
  return say(where === "home" && stranger ? STRANGER : LEADS[where]);
}

async function show() {
  const asked = (state.asked += 1);
  const where = placement();
  $("items").setAttribute("aria-busy", "true");
  const answer = await tried(() => call("/v1/recommend", {
    ...who(), placement: where, n: LENGTH, explain: true, fields: FIELDS, language: LANGUAGE,
  }));
  if (asked !== state.asked) return;
  $("items").removeAttribute("aria-busy");
  if (!answer) { $("items").replaceChildren(); return; }
  $("lead").textContent = lead(answer, where);
  draw(answer, where);
}

function draw(answer, where) {
  const before = state.places;
  const tops = new Map([...$("items").children].map((row) => [row.dataset.id, row.getBoundingClientRect().top]));
  const focus = place(document.activeElement);
  const rows = answer.items.map((item, index) => itemRow(item, index, before, answer.recommendation_id, where));
  $("items").replaceChildren(...rows);
  if (focus) refocus(rows, focus);
  $("empty").hidden = rows.length > 0;
  $("empty").textContent = say(where === "buy_again" ? "They have bought nothing yet." : "There is nothing to show.");
  if (!calm.matches && before.size) rows.forEach((row) => slide(row, tops.get(row.dataset.id)));
  $("status").textContent = story(answer.items, before);
  state.places = new Map(answer.items.map((item, index) => [item.item_id, index]));
}

/** Where the keyboard is in the list, so that it stays there when the list is drawn anew. */
function place(node) {
  const row = node && node.closest(".item");
  return row && {
    id: row.dataset.id, at: [...row.parentNode.children].indexOf(row),
    button: [...row.querySelectorAll("button")].indexOf(node),
  };
}

function refocus(rows, { id, at, button }) {
  const row = rows.find((one) => one.dataset.id === id) || rows[Math.min(at, rows.length - 1)];
  if (row) row.querySelectorAll("button")[button].focus({ preventScroll: true });
}

function itemRow(item, index, before, recommendation, where) {
  const row = $("item").content.firstElementChild.cloneNode(true);
  const find = (selector) => row.querySelector(selector);
  const [department] = path(item);
  row.dataset.id = item.item_id;
  find(".title").textContent = find(".title").title = name(item);
  find(".facts").textContent = [path(item).slice(0, 2).join(" › "), item.brand, price(item)].filter(Boolean).join(" · ");
  find(".facts").title = path(item).join(" › ");
  find(".reason").textContent = find(".reason").title = item.reason ? item.reason.text : "";
  find(".swatch").textContent = [...(department || name(item))][0].toUpperCase();
  colour(find(".swatch"), department);
  label(find(".mark"), before.size ? before.get(item.item_id) : index, index);
  find(".face").addEventListener("click", () => act("click", item, index, recommendation, where));
  find(".face").title = say("Look at it");
  for (const button of row.querySelectorAll(".act")) {
    button.setAttribute("aria-label", `${button.textContent}: ${name(item)}`);
    button.addEventListener("click", () => act(button.dataset.event, item, index, recommendation, where));
  }
  return row;
}

function label(node, from, to) {
  if (from === undefined) { node.textContent = say("New"); node.classList.add("fresh"); }
  else if (from > to) { node.textContent = `↑ ${from - to}`; node.classList.add("up"); }
  else if (from < to) node.textContent = `↓ ${to - from}`;
}

function slide(row, from) {
  const start = from === undefined ? [{ opacity: 0 }, { opacity: 1 }]
    : [{ transform: `translateY(${from - row.getBoundingClientRect().top}px)` }, { transform: "none" }];
  row.animate(start, { duration: 320, easing: "cubic-bezier(.2,.7,.2,1)" });
}

function story(items, before) {
  if (!before.size) return "";
  const fresh = items.filter((item) => !before.has(item.item_id)).length;
  const up = items.filter((item, index) => before.get(item.item_id) > index).length;
  return fresh || up ? say("The list changed: {fresh} new, {up} moved up.", { fresh, up }) : say("The list stays as it is.");
}

async function act(type, item, index, recommendation, where) {
  const event = {
    event_type: type, ...who(), item_id: item.item_id, position: index + 1, placement: where,
    recommendation_id: recommendation, event_id: chance(4),
  };
  const kept = await tried(() => call("/v1/events", event));
  if (kept) await Promise.all([show(), past()]);
}

// ---- what they did ----------------------------------------------------------------------

const FEW = 8;

async function past() {
  const id = state.shopper;
  const found = await tried(() => call(`/page/shoppers/${encodeURIComponent(id)}`));
  if (!found || id !== state.shopper) return;
  state.buysOnly = found.days.every(({ items }) => items.every(({ did }) => did === "purchase"));
  $("past").replaceChildren(...(found.days.length ? found.days.map(day)
    : [element("p", "quiet", say("Nothing yet. Click an item, and it will stand here."))]));
}

function day({ date, items }) {
  const box = element("section", "day");
  const list = element("ul");
  items = together(items);
  list.append(...items.slice(0, FEW).map(deed));
  box.append(element("h3", "", when(date)), list);
  if (items.length > FEW) {
    const more = element("button", "more", say("and {n} more", { n: items.length - FEW }));
    more.type = "button";
    more.addEventListener("click", () => { list.append(...items.slice(FEW).map(deed)); more.remove(); });
    box.append(more);
  }
  return box;
}

/** Products of the same name, a yogurt in three flavours say, as one line. */
function together(items) {
  const lines = new Map();
  for (const item of items) {
    const key = `${name(item)} ${item.did}`;
    const line = lines.get(key);
    if (line) line.times += item.times; else lines.set(key, { ...item });
  }
  return [...lines.values()];
}

function deed(item) {
  const row = element("li");
  const did = state.buysOnly ? "" : say(DID[item.did] ?? item.did.replaceAll("_", " "));
  colour(row, path(item)[0]);
  row.title = [name(item), ...path(item)].join(" › ");
  row.append(element("span", "", name(item)));
  const note = [did, item.times > 1 ? `×${item.times}` : ""].filter(Boolean).join(" ");
  if (note) row.append(element("small", "", note));
  return row;
}

function when(date) {
  const moment = new Date(`${date}T00:00:00Z`);
  const today = new Date().toISOString().slice(0, 10);
  if (date === today) return say("Today");
  return moment.toLocaleDateString(undefined, { timeZone: "UTC", day: "numeric", month: "long", year: "numeric" });
}

// ---- the beginning ----------------------------------------------------------------------

let waiting = 0;

/** The shopper whom the address names. Not all that may stand there is well encoded. */
function addressed() {
  const text = location.hash.slice(1);
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function waitUntilReady() {
  $("desk").hidden = true;
  $("setup").hidden = false;
  clearTimeout(waiting);
  waiting = setTimeout(begin, 3000);
}

async function begin() {
  const answer = await fetch("/readyz").catch(() => null);
  if (!answer || !answer.ok) {
    const value = answer ? await answer.json().catch(() => ({})) : {};
    $("trouble").textContent = answer ? (value.detail || "").replaceAll("`", "") : say("The service can’t be reached.");
    waitUntilReady();
    return;
  }
  $("setup").hidden = true;
  $("desk").hidden = false;
  const found = await people();
  const asked = addressed();
  if (asked) pick(asked, true);
  else if (found && found.length) pick(found[Math.floor(found.length / 3)].id, true);
  else someone();
}

let typing = 0;
$("search").addEventListener("input", () => { clearTimeout(typing); typing = setTimeout(people, 150); });
$("someone").addEventListener("click", someone);
addEventListener("hashchange", () => { if (addressed() && !$("desk").hidden) pick(addressed(), true); });
document.querySelectorAll("input[name=placement]").forEach((radio) => radio.addEventListener("change", () => {
  state.places = new Map();
  show();
}));
begin();
