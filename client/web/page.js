"use strict";
/* The local page: asks /status.json once a second and shows it.  What comes is put in as text, never as markup.
 * The token comes behind the # of the address, which no browser sends anywhere; it is kept while this tab lives. */

const KEPT = "sipmix-token", PAUSE_MS = 1000, PATIENCE_MS = 5000, CONTACTS_MS = 30000, MINUTE = 60;

const byId = id => document.getElementById(id);

function make(tag, attributes, ...inside) {
  const svg = tag === "svg" || tag === "path" || tag === "rect";
  const e = svg ? document.createElementNS("http://www.w3.org/2000/svg", tag) : document.createElement(tag);
  for (const [name, value] of Object.entries(attributes || {})) {
    if (name.startsWith("on")) e.addEventListener(name.slice(2), value);
    else if (value !== null && value !== undefined && value !== false) e.setAttribute(name, value === true ? "" : value);
  }
  e.append(...inside.filter(x => x !== null && x !== undefined));
  return e;
}

/* Puts a part together anew, when what it shows has changed: who has the keyboard there keeps it otherwise. */
const shown = new Map();
function show(id, what, build) {
  const now = JSON.stringify(what);
  if (shown.get(id) === now) return;
  shown.set(id, now);
  byId(id).replaceChildren(...build(what));
}

function setText(e, text) {
  if (e.textContent !== text) e.textContent = text;
}

function say(text) {
  byId("said").textContent = "";
  requestAnimationFrame(() => { byId("said").textContent = text; });
}

/* ---- the token ---- */

let token = "";

function takeToken() {
  const given = decodeURIComponent(location.hash.slice(1)).trim();
  if (/^[0-9a-f]{32}$/.test(given)) {
    token = given;
    sessionStorage.setItem(KEPT, token);
    history.replaceState(null, "", location.pathname); /* neither history nor bookmarks shall have it */
  } else {
    token = sessionStorage.getItem(KEPT) || "";
  }
}

function openDoor(wrong) {
  sessionStorage.removeItem(KEPT);
  token = "";
  if (wrong || byId("door").hidden) byId("door-wrong").hidden = !wrong; /* stays until the next try */
  byId("all").hidden = true;
  state("wait", "Locked");
  if (byId("door").hidden) {
    byId("door").hidden = false;
    byId("token").focus();
  }
}

async function ask(path) {
  const answer = await fetch(path, {
    headers: { Authorization: "Bearer " + token }, cache: "no-store", credentials: "omit", signal: AbortSignal.timeout(PATIENCE_MS),
  });
  if (answer.status === 401) throw Object.assign(new Error("token"), { locked: true });
  if (!answer.ok) throw new Error(String(answer.status));
  return answer.json();
}

/* ---- small things ---- */

const count = (n, one, many) => n + " " + (n === 1 ? one : many);
const user = address => address.replace(/^sip:/, "").replace(/@.*$/, "");
const isKey = address => /^[a-z2-7]{52}$/.test(user(address));
const short = address => isKey(address) ? user(address).slice(0, 10) + "…" : user(address);

function bytes(n) {
  const units = ["bytes", "kB", "MB", "GB", "TB"];
  let unit = 0;
  for (; n >= 1000 && unit < units.length - 1; unit++) n /= 1000;
  return n.toFixed(unit === 0 || n >= 100 ? 0 : 1) + " " + units[unit];
}

function span(s) {
  const two = n => String(n).padStart(2, "0");
  const h = Math.floor(s / 3600), m = Math.floor(s / 60) % 60;
  return h > 0 ? h + ":" + two(m) + ":" + two(s % 60) : m + ":" + two(s % 60);
}

function roughly(s) {
  if (s < 0) return "expired";
  if (s < 120) return count(s, "second", "seconds");
  if (s < 7200) return Math.round(s / 60) + " minutes";
  return s < 172800 ? Math.round(s / 3600) + " hours" : Math.round(s / 86400) + " days";
}

async function copy(text, button) {
  try {
    await navigator.clipboard.writeText(text);
    say("Copied");
    setText(button, "Copied");
  } catch (e) {
    say("Could not copy");
    setText(button, "Select it by hand");
  }
  setTimeout(() => setText(button, "Copy"), 1500);
}

function copyButton(address) {
  return make("button", { type: "button", "aria-label": "Copy " + address, onclick: e => copy(address, e.currentTarget) }, "Copy");
}

function wordItems(words) {
  return words.map((word, i) => make("li", { "data-n": i + 1 }, word));
}

/* ---- comparing words ---- */

function verify(address, keyAddress, words, mine) {
  byId("verify-other").textContent = short(address) + " reads aloud";
  byId("verify-key").textContent = keyAddress ? "Key: " + inFours(keyAddress) : "";
  byId("verify-mine").replaceChildren(...wordItems(mine));
  byId("verify-his").replaceChildren(...wordItems(words));
  byId("verify").showModal();
}

/* ---- parts ---- */

function state(level, text) {
  byId("state").dataset.level = level;
  setText(byId("state-text"), text);
  document.title = text + " – sipmix";
}

function showState(s) {
  const worst = ["error", "wait"].find(level => s.problems.some(p => p.level === level));
  if (s.calls.some(c => c.state === "talking")) state("good", "In a call");
  else if (worst === "error") state("error", "Not connected");
  else if (s.ready) state("good", "Ready: you can call and be called");
  else state("wait", s.network.circuits > 0 && s.network.guard_answers ? "Almost ready" : "Connecting");
}

function problemParts(list) {
  return list.map(p => make("div", { class: "problem", "data-level": p.level },
    make("strong", {}, p.text.charAt(0).toUpperCase() + p.text.slice(1)), p.advice));
}

async function drawCode(box, address) {
  try {
    const code = await ask("/qr.json?address=" + encodeURIComponent(address));
    const picture = make("svg", {
      viewBox: `-4 -4 ${code.size + 8} ${code.size + 8}`, role: "img", "aria-label": "QR code of " + address, "shape-rendering": "crispEdges",
    }, make("path", { d: code.path, fill: "#000" }));
    box.replaceChildren(picture, make("p", {}, short(address)));
    box.hidden = false;
  } catch (e) {
    box.hidden = true;
  }
}

function addressRow(address, kind, name, box) {
  const pending = name && !name.confirmed ? make("span", { class: "tag" }, "being claimed") : null;
  return make("div", { class: "address" },
    make("div", { class: "text" }, make("div", { class: "hint" }, kind, pending),
      make("span", { class: name ? "big" : "mono" }, address)),
    make("div", { class: "buttons" }, copyButton(address),
      make("button", { type: "button", "aria-label": "QR code of " + address, onclick: () => { say("QR code of " + short(address)); drawCode(box, address); } }, "QR")));
}

function identityParts(list) {
  return list.map((id, n) => {
    const box = make("div", { class: "code", hidden: true });
    const sure = id.names.find(name => name.confirmed);
    drawCode(box, sure ? sure.address : id.key_address);
    return make("div", { class: "identity" },
      make("div", { class: "texts" },
        ...id.names.map(name => addressRow(name.address, list.length > 1 ? "Name of identity " + (n + 1) : "Name", name, box)),
        addressRow(id.key_address, "Key: the same person, without trusting anybody's list of names", null, box),
        make("details", {}, make("summary", {}, "My words"),
          make("p", { class: "hint" }, "Whoever has your key sees these words beside your name. Read them to him by a way you both trust."),
          make("ol", { class: "words" }, ...wordItems(id.words)))),
      box);
  });
}

const PURPOSE = { slot: "Call slot", listening: "Listening", errands: "Errands" };
const MEANING = {
  slot: "free for the next call", listening: "people who call you are announced here", errands: "look-ups of names, and what you publish",
};

function station(layer, title, ...lines) {
  return make("li", { class: "station", "data-layer": layer }, make("b", {}, title), ...lines.map(l => make("span", { class: "at" }, l)));
}

function circuitPart(k, peer, identities) {
  const many = k.purpose === "slot" || identities > 1;
  const is = { waits: "waits for its time to be built", building: "is being built", idle: MEANING[k.purpose],
    meeting: "on the way to somebody, or back", joined: "joined to " + (peer ? short(peer) : "somebody's") }[k.state];
  const stations = [station("you", "You", "this computer")];
  for (const hop of k.hops) {
    const e = station(hop.layer, hop.layer.charAt(0).toUpperCase() + hop.layer.slice(1), "relay " + hop.relay, hop.address || "no longer listed");
    if (!hop.stands) e.classList.add("planned");
    stations.push(e);
  }
  if (k.state === "joined") stations.push(station("hidden", "Their relays", "not known to us"), station("peer", peer ? short(peer) : "The other side"));
  return make("div", { class: "circuit", "data-state": k.state }, make("h3", {}, PURPOSE[k.purpose] + (many ? " " + (k.of + 1) : "") + (k.purpose === "slot" && identities > 1 ? ", identity " + (k.identity + 1) : "")),
    make("span", { class: "is" }, is + (k.renewing ? "; a new one is being built beside it" : "")),
    k.hops.length > 0 ? make("ol", { class: "stations" }, ...stations) : null);
}

function circuitParts(what) {
  return what.circuits.map(k => circuitPart(k, k.purpose === "slot" ? what.peers[k.of] : null, what.identities));
}

/* ---- calls: figures change each second, so the parts stay and their texts change ---- */

const calls = new Map(), STATE = {
  calling: "Calling", "ringing there": "Rings there", "ringing here": "Rings on your phone", talking: "Talking",
};

function figure(name) {
  const parts = { value: make("div", { class: "value" }), more: make("div", { class: "more" }) };
  parts.box = make("div", { class: "figure" }, make("div", { class: "name" }, name), parts.value, parts.more);
  return parts;
}

function set(part, value, more, level) {
  setText(part.value, value);
  setText(part.more, more);
  part.box.dataset.level = level || "";
}

function newCall(c, identity) {
  const p = { key: JSON.stringify([c.peer, c.outgoing, c.slot]), sound: figure("Sound"), lost: figure("Lost on the way"), trip: figure("Round trip"), past: [] };
  p.how = make("p", { class: "how" });
  p.figures = make("div", { class: "figures" }, p.sound.box, p.lost.box, p.trip.box);
  p.bars = Array.from({ length: MINUTE }, (_, i) => make("rect", { class: "base", x: i * 10, width: 8, y: 40, height: 4, rx: 2 }));
  p.minute = make("svg", { class: "minute", viewBox: `0 0 ${MINUTE * 10} 44`, preserveAspectRatio: "none", role: "img", "aria-label": "Loss in the last minute" }, ...p.bars);
  p.figures.append(make("div", { class: "past" }, p.minute, "Loss, second by second, in the last minute"));
  p.box = make("div", { class: "call" },
    make("div", {}, make("div", { class: "who" }, short(c.peer)), p.how,
      c.words ? make("button", { type: "button", onclick: () => verify(c.peer, null, c.words, identity.words) }, "Compare words") : null),
    p.figures);
  return p;
}

function soundOf(mos) {
  if (mos >= 4.3) return ["very good", "good"];
  if (mos >= 4.0) return ["good", "good"];
  if (mos >= 3.6) return ["fair", "warning"];
  return mos >= 3.1 ? ["poor", "warning"] : ["bad", "error"];
}

function drawMinute(p, heard) {
  const last = p.last || heard;
  const due = heard.due - last.due, lost = Math.max(0, heard.lost - last.lost);
  p.last = heard;
  if (due > 0) p.past.push(lost / due);
  if (p.past.length > MINUTE) p.past.shift();
  p.bars.forEach((bar, i) => {
    const loss = p.past[i - (MINUTE - p.past.length)];
    const height = loss === undefined ? 4 : 4 + Math.min(1, loss * 5) * 40;
    bar.setAttribute("class", loss === undefined ? "base" : loss === 0 ? "bar" : loss < 0.05 ? "bar some" : "bar many");
    bar.setAttribute("y", 44 - height);
    bar.setAttribute("height", height);
  });
}

function showCalls(s) {
  byId("calls").hidden = s.calls.length === 0;
  const seen = new Set();
  for (const c of s.calls) {
    const key = JSON.stringify([c.peer, c.outgoing, c.slot]);
    seen.add(key);
    if (!calls.has(key)) {
      calls.set(key, newCall(c, s.identities[c.identity]));
      byId("call-list").append(calls.get(key).box);
    }
    const p = calls.get(key), talking = c.state === "talking";
    p.how.replaceChildren(STATE[c.state] + (talking ? " " : ""), ...(talking ? [make("b", {}, span(c.seconds))] : []),
      (c.outgoing ? " · you called" : " · called you"));
    p.figures.hidden = !talking;
    if (!talking) continue;
    const [word, level] = c.mos === null ? ["", ""] : soundOf(c.mos);
    if (c.codec === "opus") set(p.sound, "Opus", "is not judged by a figure", "");
    else set(p.sound, c.mos === null ? "…" : c.mos.toFixed(1), c.mos === null ? "is being judged" : word + ", of at most 4.4", level);
    set(p.lost, c.lately.loss_percent === null ? "…" : c.lately.loss_percent.toFixed(1) + " %",
      "lately; in all " + c.heard.lost + " of " + c.heard.due, c.lately.loss_percent > 5 ? "error" : c.lately.loss_percent > 1 ? "warning" : "good");
    set(p.trip, c.round_trip_ms === null ? "…" : c.round_trip_ms + " ms",
      c.round_trip_ms === null ? "not measured yet" : "about " + (Math.round(c.round_trip_ms / 2) + c.wait_ms) + " ms to you" + (c.wait_ms > 0 ? ", " + c.wait_ms + " of them for repairs" : ""));
    drawMinute(p, c.heard);
  }
  for (const [key, p] of calls) if (!seen.has(key)) { p.box.remove(); calls.delete(key); }
}

/* ---- contacts ---- */

let contacts = [], contactsAt = -Infinity, contactCount = -1;

const inFours = address => user(address).replace(/(.{4})(?=.)/g, "$1 ");

/* With several identities each has its own contacts, and its own words: no other's may be read to them. */
function whose(c, identities) {
  return identities.length < 2 ? null : make("span", { class: "tag" }, c.identity === null ? "of an identity that is gone" : "identity " + (c.identity + 1));
}

const wordsOf = (c, identities) => c.identity === null ? [] : identities[c.identity];

function askingParts(what) {
  return what.list.map(a => make("li", {}, make("div", { class: "text key mono" }, inFours(a.key_address), whose(a, what.mine)), copyButton(a.key_address),
    make("button", { type: "button", "aria-label": "Words of " + short(a.key_address), onclick: () => verify(a.key_address, a.key_address, a.words, wordsOf(a, what.mine)) }, "Words")));
}

function contactParts(what) {
  return what.list.map(c => make("li", {},
    make("div", { class: "text" }, make("div", { class: "name" }, isKey(c.address) ? "by key" : user(c.address),
      c.blocked ? make("span", { class: "tag stop" }, "blocked") : null, whose(c, what.mine)), make("div", { class: "key mono" }, inFours(c.key_address))),
    make("button", { type: "button", "aria-label": "Compare words with " + short(c.address), onclick: () => verify(c.address, c.key_address, c.words, wordsOf(c, what.mine)) }, "Compare words")));
}

function showContacts(s) {
  const wanted = byId("find").value.trim().toLowerCase();
  byId("contacts-none").hidden = contacts.length > 0;
  byId("contacts-some").hidden = contacts.length === 0;
  document.querySelector(".find").hidden = contacts.length < 8 && wanted === "";
  byId("asking").hidden = s.asking.length === 0;
  const mine = s.identities.map(id => id.words);
  show("asking-list", { list: s.asking, mine }, askingParts);
  show("contact-list", { list: contacts.filter(c => (user(c.address) + " " + user(c.key_address)).includes(wanted)), mine }, contactParts);
}

/* ---- network, traffic, settings ---- */

function fact(name, value, small) {
  return [make("dt", {}, name), make("dd", {}, value, small ? make("small", {}, small) : null)];
}

function networkParts(w) {
  return [
    ...fact("Network", w.network.domain, w.network.relays > 0 ? count(w.network.relays, "relay", "relays") + "; their list is good for " + w.valid : "no list of relays yet"),
    ...fact("Guard", w.network.guard_answers ? "answers" : "does not answer", "the only relay that sees this computer's address"),
    ...fact("Circuits", w.network.circuits + " of " + w.network.circuits_wanted + " stand"),
    ...fact("Phones", w.phones === 0 ? "none registered" : count(w.phones, "registered", "registered")),
    ...fact("Each way", Math.round(w.bits / 1000) + " kb/s", "one datagram of " + w.size + " bytes every 20 ms"),
    ...fact("A day", bytes(w.day) + " each way", bytes(2 * 30 * w.day) + " a month, both ways together"),
    ...fact("So far", bytes(w.sent) + " out, " + bytes(w.received) + " in", "in " + w.up),
  ];
}

const SETTING = {
  network: "network file", state: "folder of keys and contacts", "client.slots": "calls and waiting answers at a time",
  "contacts.reach": "who reaches the phones", "sip.udp": "phones reach us here by UDP", "sip.tcp": "by TCP", "sip.tls": "by TLS", "sip.phone": "phones with a password; 0: none is asked for",
  "sip.digest": "how phones prove it", "sip.srtp": "audio encrypted up to the phone", "sip.calls": "calls of phones at once", "sip.call_waiting": "whether a second call rings during the first",
  "media.profile": "Opus sets you apart from who has G.711", "web.listen": "this page", "test.cover": "no: hides nothing, for tests only",
};

function settingParts(list) {
  return list.flatMap(x => fact(x.key, x.value === null ? "can't be shown" : x.value, SETTING[x.key]));
}

/* ---- once a second ---- */

let latest = null;

async function look() {
  const s = await ask("/status.json");
  latest = s;
  if (s.contacts !== contactCount || performance.now() > contactsAt + CONTACTS_MS) {
    contacts = await ask("/contacts.json");
    contactCount = s.contacts;
    contactsAt = performance.now();
  }
  byId("door").hidden = true;
  byId("all").hidden = false;
  showState(s);
  byId("problems").hidden = s.problems.length === 0;
  show("problems", s.problems, problemParts);
  showCalls(s);
  show("identities", s.identities, identityParts);
  const peers = {};
  for (const c of s.calls) peers[c.slot] = c.peer;
  show("circuit-list", { circuits: s.circuits, peers, identities: s.identities.length }, circuitParts);
  showContacts(s);
  show("network-list", {
    network: { ...s.network, list_valid_s: 0 }, valid: roughly(s.network.list_valid_s), phones: s.phones, bits: s.traffic.bits_per_s, size: s.traffic.datagram_bytes,
    day: s.traffic.bytes_a_day, sent: s.traffic.sent_datagrams * s.traffic.datagram_bytes, received: s.traffic.received_datagrams * s.traffic.datagram_bytes, up: roughly(s.up_s),
  }, networkParts);
  show("setting-list", s.settings, settingParts);
  setText(byId("version"), "sipmix-client " + s.version + " · this page comes from your computer and loads nothing from elsewhere");
}

async function run() {
  takeToken();
  for (;;) {
    try {
      if (token) await look();
      else openDoor(false);
    } catch (e) {
      if (e.locked) openDoor(true);
      else {
        state("error", "The client does not answer");
        byId("problems").hidden = false;
        show("problems", [{ level: "error", text: "the client does not answer", advice: "Is it running? This page goes on by itself when it is back." }], problemParts);
      }
    }
    await new Promise(done => setTimeout(done, PAUSE_MS));
  }
}

byId("door").addEventListener("submit", e => {
  e.preventDefault();
  token = byId("token").value.trim();
  sessionStorage.setItem(KEPT, token);
  byId("token").value = "";
  look().catch(e => { if (e.locked) openDoor(true); });
});
byId("find").addEventListener("input", () => { if (latest) showContacts(latest); });
addEventListener("hashchange", takeToken);
run();
