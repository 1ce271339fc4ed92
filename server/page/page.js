// The status page: asks for the numbers every two seconds, and shows them.

import { History, refusals } from "./history.js";
import { plots } from "./plots.js";
import { fill, list, plain } from "./tables.js";
import { LANGUAGES, Language, preferred } from "./words.js";

/** Milliseconds between an answer and the next question. */
const EVERY = 2000;

/** Milliseconds that an answer may take. */
const PATIENCE = 5000;

const history = new History();
const drawn = plots();
let language = new Language(preferred(location.hash, navigator.languages));
let awaySince = null;
let isPaused = false;

const at = (id) => document.getElementById(id);

/** The number of sessions of mail programs. */
const programs = (sessions) => sessions.submission + sessions.pop3;

/** Shows all numbers of the latest status. */
function show() {
  const status = history.latest;
  if (!status || isPaused || document.hidden) return;
  const say = (key, places) => language.word(key, places);
  at("version").textContent = plain(status.version);
  list(at("now"), [
    [say("acceptedNow"), language.number(history.rate("accepted"), 1)],
    [say("deliveredNow"), language.number(history.rate("delivered"), 1)],
    [say("sessions"), language.number(status.connections.logged_in)],
    [say("programs"), language.number(programs(status.connections.sessions))],
    [say("waiting"), language.number(status.mails.waiting)],
    [say("accounts"), language.number(status.accounts.now)],
    [say("free"), language.bytes(status.disk.free)],
    [say("ready"), status.ready ? say("yes") : plain(status.not_ready), status.ready ? "" : "bad"],
  ]);
  drawn.forEach((plot) => plot.update(history));
  showRequests(status);
  showLimits(status);
  showStore(status);
  showRefusals(status);
  showVisitors(status);
  showEvents(status);
}

function showRequests(status) {
  const columns = ["perMinute", "p50", "p95", "p99"];
  const kinds = Object.keys(status.requests).filter((kind) => status.requests[kind].buckets.at(-1) > 0);
  const rows = kinds.map((kind) => {
    const pick = (one) => one.buckets[kind];
    const shares = [0.5, 0.95, 0.99].map((share) => language.duration(history.percentile(pick, share)));
    return [plain(kind), language.number(history.grown(pick)?.at(-1)), ...shares];
  });
  fill(at("requests"), {
    heads: [language.word("request"), ...columns.map((key) => language.word(key))],
    classes: ["", ...columns.map(() => "number")],
    rows,
  });
}

function showLimits(status) {
  const number = (value) => language.number(value);
  const bytes = (value) => language.bytes(value);
  const { connections, process, queues, budgets } = status;
  const clients = connections.logged_in + connections.anonymous;
  const named = (key, group, shown) =>
    Object.entries(group).map(([name, level]) => [language.word(key, { name }), level, shown]);
  const levels = [
    [language.word("mailClients"), { now: clients, max: connections.max }, number],
    ...named("queue", queues, number),
    ...named("budget", budgets, bytes),
    [language.word("openFiles"), { now: process.open_fds, max: process.max_fds }, number],
  ].filter(([, level]) => level && level.now !== null && level.max > 0);
  fill(at("limits"), {
    heads: ["name", "used", "max", "share"].map((key) => language.word(key)),
    classes: ["", "number", "number", ""],
    rows: levels.map(([name, { now, max }, shown]) => [name, shown(now), shown(max), Math.min(now / max, 1)]),
  });
}

function showStore(status) {
  const each = (name) => {
    const rate = history.rate(name);
    return rate === null ? "–" : language.word("ago", { number: language.bytes(rate) });
  };
  const cpu = history.rate("cpu", undefined, 30_000);
  const jobs = history.grown((one) => one.group && [one.group.buckets.at(-1), one.group.sum]);
  const { database } = status;
  const pairs = [
    ...(database ? [
      ["reach", language.word(database.reachable ? "reachable" : "unreachable"), database.reachable ? "" : "bad"],
      ["nodes", language.number(database.nodes)],
    ] : []),
    ["database", language.bytes(status.disk.database)],
    ["wal", language.bytes(status.disk.wal)],
    ["free", language.bytes(status.disk.free)],
    ["commit", language.duration(history.percentile((one) => one.commit, 0.99))],
    ["group", jobs && jobs[0] > 0 ? language.number(jobs[1] / jobs[0], 1) : "–"],
    ["iteration", language.duration(history.percentile((one) => one.loop, 0.99))],
    ["memory", language.bytes(status.process.resident_bytes)],
    ["cpu", cpu === null ? "–" : `${language.number(cpu * 100)} %`],
    ["received", each("received")],
    ["sent", each("sent")],
    ["dropped", language.number(status.log_dropped), status.log_dropped > 0 ? "bad" : ""],
  ];
  list(at("store"), pairs.map(([key, text, style]) => [language.word(key), text, style]));
}

/** Fills a table, or says that there is nothing yet. */
function fillOrNone(id, heads, classes, rows) {
  const none = [[language.word("none"), ...heads.slice(1).map(() => "")]];
  const shown = rows.length > 0 ? rows : none;
  fill(at(id), { heads: heads.map((key) => language.word(key)), classes, rows: shown });
}

function showRefusals(status) {
  const found = Object.entries(refusals(status)).sort((one, other) => other[1] - one[1]);
  const number = (value) => language.number(value);
  const rows = found.map(([reason, count]) => [plain(reason), number(history.refused(reason)), number(count)]);
  fillOrNone("refusals", ["reason", "recent", "total"], ["name", "number", "number"], rows);
}

function showVisitors(status) {
  const rows = status.visitors.map((visitor) => [
    plain(visitor.address),
    ...[visitor.connections, visitor.refusals, visitor.failed_logins].map((count) => language.number(count)),
  ]);
  const heads = ["address", "opened", "refused", "failed"];
  fillOrNone("visitors", heads, ["name", "number", "number", "number"], rows);
}

/** The fields of an event, as a line of the log in text has them. */
function fields(event) {
  const own = Object.entries(event).filter(([name]) => !["time", "level", "event"].includes(name));
  return own.map(([name, value]) => `${name}=${[value].flat().join(", ")}`).join("  ");
}

function showEvents(status) {
  const rows = status.events.last.toReversed().map((event) => [
    language.clock.format(new Date(event.time)),
    plain(event.level),
    plain(event.event),
    plain(fields(event)),
  ]);
  fillOrNone("events", ["time", "level", "event", "fields"], ["time", "", "", "plain"], rows);
}

/** Says whether the server answers. The text changes, and is read out, only if that changes. */
function showState() {
  let text = language.word("connecting");
  if (awaySince !== null) {
    text = language.word("away", { time: language.clock.format(awaySince) });
  } else if (isPaused) {
    text = language.word("paused");
  } else if (history.latest) {
    const started = history.latest.now - history.latest.uptime * 1000;
    text = language.word("live", { time: language.date.format(history.latest.started ?? started) });
  }
  if (at("state").textContent !== text) at("state").textContent = text;
  document.body.classList.toggle("away", awaySince !== null);
}

/** Writes all words of the page in the present language. */
function speak() {
  document.documentElement.lang = language.tag;
  document.title = language.word("title");
  for (const place of document.querySelectorAll("[data-word]")) {
    place.textContent = language.word(place.dataset.word);
  }
  at("language").value = language.name;
  drawn.forEach((plot) => plot.speak(language));
  showState();
  show();
}

/** Asks once. An answer of another version of the server needs that version's page. */
async function ask() {
  try {
    const answer = await fetch("/status.json", { signal: AbortSignal.timeout(PATIENCE), cache: "no-store" });
    if (!answer.ok) throw new Error(`status ${answer.status}`);
    const status = await answer.json();
    if (history.latest && history.latest.version !== status.version) return location.reload();
    history.add(status, Date.now());
    awaySince = null;
  } catch {
    awaySince ??= Date.now();
    history.gap(Date.now());
  }
  showState();
  show();
}

async function run() {
  try {
    await ask();
  } finally {
    setTimeout(run, EVERY);
  }
}

at("language").addEventListener("change", (change) => {
  const chosen = change.target.value;
  if (!LANGUAGES.includes(chosen)) return;
  language = new Language(chosen);
  // A fragment survives a reload, and is never sent to the server.
  window.history.replaceState(null, "", `#${chosen}`);
  speak();
});
at("pause").addEventListener("click", () => {
  isPaused = !isPaused;
  at("pause").setAttribute("aria-pressed", String(isPaused));
  showState();
  show();
});
document.addEventListener("visibilitychange", show);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", speak);
speak();
run();
