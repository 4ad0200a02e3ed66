// A client of Endcap's service, for web pages and for Node 18 or newer. No dependencies.
//
//   import { Endcap } from "./endcap.js";
//   const endcap = new Endcap("https://recommend.shop.example", { key: "ek_…" });
//   const { items } = await endcap.recommend({ user_id: "42", n: 5 });
//   await endcap.send({ event_type: "view", user_id: "42", item_id: items[0].item_id });
//
// In a page use a key of the scope `collect`: everyone can read it there.
//
// What may pass by itself is tried again: a connection that fails, a service that is busy, away or
// wants less (429, 502, 503, 504). Each event gets an `event_id` before it is first sent, so one
// that arrived though its answer did not counts once.

const BATCH = 1000; // events that the service takes at once
const PASSING = new Set([429, 502, 503, 504]);
const LONGEST = 5000; // milliseconds until another attempt, at most

/** The service did not do it. status: of its answer, 0 where there was none. */
export class ServiceError extends Error {
  constructor(status, detail, errors = []) {
    super(`${status || "No answer"}: ${detail}`);
    this.name = "ServiceError";
    this.status = status;
    this.detail = detail;
    this.errors = errors;
  }
}

export class Endcap {
  #address;
  #headers;
  #retries;
  #timeout;

  /** address: of the service. timeout: milliseconds of one attempt. */
  constructor(address, { key, retries = 3, timeout = 5000 } = {}) {
    this.#address = address.replace(/\/+$/, "");
    this.#headers = { "Content-Type": "application/json" };
    if (key) this.#headers.Authorization = `Bearer ${key}`;
    this.#retries = retries;
    this.#timeout = timeout;
  }

  /** The fields of POST /v1/recommend → { recommendation_id, release, path, items }. */
  recommend(question) {
    return this.#call("/v1/recommend", question);
  }

  /** Items that go with an item → { release, items }. */
  similar(item_id, more = {}) {
    return this.#call("/v1/similar", { item_id, ...more });
  }

  /** Have one event or a list of them kept → { accepted, duplicates, rejected }. */
  async send(events) {
    const whole = [events].flat().map((event) => ({ event_id: newId(), ...event }));
    const sum = { accepted: 0, duplicates: 0, rejected: [] };
    for (let first = 0; first < whole.length; first += BATCH) {
      const answer = await this.#call("/v1/events", whole.slice(first, first + BATCH));
      sum.accepted += answer.accepted;
      sum.duplicates += answer.duplicates;
      sum.rejected.push(...answer.rejected.map((one) => ({ ...one, index: one.index + first })));
    }
    return sum;
  }

  async #call(path, body) {
    for (let attempt = 0; ; attempt++) {
      const answer = await this.#attempt(path, body);
      if (answer.ok) return answer.json();
      if (attempt >= this.#retries || (answer.status && !PASSING.has(answer.status)))
        throw await failure(answer);
      await new Promise((done) => setTimeout(done, pause(answer, attempt)));
    }
  }

  /** An answer, or one of status 0 where there was none. `keepalive` lets what a page sends as it
   *  closes arrive; browsers allow it for small bodies only. */
  async #attempt(path, body) {
    const text = JSON.stringify(body);
    try {
      return await fetch(this.#address + path, {
        method: "POST",
        headers: this.#headers,
        body: text,
        keepalive: text.length < 60000,
        signal: AbortSignal.timeout(this.#timeout),
      });
    } catch (error) {
      return { ok: false, status: 0, detail: String(error.cause ?? error) };
    }
  }
}

async function failure(answer) {
  if (!answer.status) return new ServiceError(0, answer.detail);
  const text = await answer.text();
  try {
    const { detail, errors } = JSON.parse(text);
    return new ServiceError(answer.status, detail, errors);
  } catch {
    return new ServiceError(answer.status, text.slice(0, 200));
  }
}

function pause(answer, attempt) {
  const told = Number(answer.headers?.get("Retry-After") ?? NaN) * 1000;
  const doubled = 100 * 2 ** attempt * (0.5 + Math.random()); // so that not all come at once
  return Math.min(Number.isFinite(told) ? told : doubled, LONGEST);
}

/** 128 bits by chance; pages without TLS have no crypto.randomUUID. */
function newId() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
