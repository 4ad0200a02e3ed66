// Endcap: tells the shop's own service what visitors do, once they agree.
((w, d, n) => {
const {dataset: said, src} = d.currentScript, url = new URL("/v1/events", src) + "";
const id = () => [...crypto.getRandomValues(new Uint32Array(4))].map(b => b.toString(36)).join("-");
const {q = []} = w.endcap || {}, page = id(), now = Date.now;
const refused = n.globalPrivacyControl || n.doNotTrack == 1;
// 2: ids are kept, 1: they live as long as the page, 0: nothing is told
let may = {given: 2, anonymous: 1, refused: 0}[said.consent];
let todo = [], out = [], timer, wait = 1e3, user;

const keep = (key, value) => { try {
  const all = localStorage, name = "endcap_" + key;
  return value ? all.setItem(name, value) : value === "" ? all.removeItem(name) : all.getItem(name);
} catch (e) {} };
const who = () => {
  if (may < 2) return {session_id: page};
  const [last, at] = (keep("visit") || "").split(" "), me = keep("id") || page;
  const visit = now() - at < 18e5 ? last : id();
  keep("id", me);
  keep("visit", visit + " " + now());
  return {anonymous_id: me, session_id: visit, user_id: user};
};
const plan = ms => { if (may) timer = timer || setTimeout(send, ms); };
const tell = (type, event) => {
  if (refused || may === 0 || todo.length > 999) return;
  todo.push({event_type: type, event_id: id(), timestamp: now(), ...event});
  plan(2e3);
};
const batch = () => todo.splice(0, 50).map(one => one.session_id ? one : {...who(), ...one});
const post = events => fetch(url, {
  method: "POST", body: JSON.stringify(events), keepalive: true,
  headers: said.key && {Authorization: "Bearer " + said.key}
}).then(r => r.status < 500 && r.status != 429, () => false);
const send = async () => {
  timer = 0;
  if (out[0] || !may || !todo[0]) return;
  const done = await post(out = batch());
  if (!done && may) todo = out.concat(todo);
  out = [];
  wait = done ? 1e3 : Math.min(wait * 2, 6e4);
  if (todo[0]) plan(done || wait);
};
const leave = () => {
  // What is under way may be cut off; told again under the same ids, it counts once.
  const left = may ? out.concat(batch()) : [];
  if (left[0] && (said.key || !n.sendBeacon(url, JSON.stringify(left)))) post(left);
};
const tag = w.endcap = (type, event) => {
  if (type == "user") user = event;
  else if (type != "consent") tell(type, event);
  else {
    may = event == "anonymous" ? 1 : event ? 2 : 0;
    if (may < 2) keep("id", ""), keep("visit", "");
    todo = may ? todo : [];
    plan(1);
  }
};
const about = e => {
  const a = e.dataset;
  return {item_id: a.endcapItem, recommendation_id: a.endcapRecommendation, position: a.endcapPosition, placement: a.endcapPlacement};
};
const some = "[data-endcap-item]", known = new WeakSet();
const eye = new IntersectionObserver(seen => seen.map(one => {
  const e = one.target;
  if (one.isIntersecting) eye.unobserve(e), tell("impression", about(e));
}), {threshold: .5});
const look = () => d.querySelectorAll(some).forEach(e => known.has(e) || known.add(e) && eye.observe(e));
look();
new MutationObserver(look).observe(d, {childList: 1, subtree: 1});
d.addEventListener("click", e => (e = e.target.closest(some)) && tell("click", about(e)), true);
d.addEventListener("visibilitychange", () => d.hidden && leave());
q.map(one => tag(...one));
})(window, document, navigator);
