// Tests of the status page in Chromium: CHROMIUM, PROGRAMS and PICTURES name the browser, the directory
// of the server and the load test, and the directory for pictures.

import assert from "node:assert/strict";
import { once } from "node:events";
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import net from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";

import { chromium } from "playwright-core";

const { CHROMIUM, PROGRAMS, PICTURES } = process.env;
const PATIENCE = 30_000;
const axe = readFileSync(fileURLToPath(import.meta.resolve("axe-core/axe.min.js")), "utf8");
const SIZES = { desktop: { width: 1280, height: 900 }, phone: { width: 390, height: 844 } };
const FLAGS = [
  "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
  "--disable-component-update", "--disable-sync",
];

/** A port that was free a moment ago. */
async function freePort() {
  const server = net.createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address();
  server.close();
  await once(server, "close");
  return port;
}

/** Waits until something is true, or fails with a text. */
async function until(what, text) {
  for (const end = Date.now() + PATIENCE; Date.now() < end; ) {
    if (await what()) return;
    await new Promise((done) => setTimeout(done, 50));
  }
  assert.fail(text);
}

const directory = mkdtempSync(path.join(tmpdir(), "correio-page-"));
const [port, metricsPort] = [await freePort(), await freePort()];
const base = `http://127.0.0.1:${metricsPort}`;
const children = new Set();

/** Starts a program, which is killed at the end. */
function start(name, args) {
  const child = spawn(path.join(PROGRAMS, name), args, { stdio: ["ignore", "ignore", "ignore"] });
  children.add(child);
  child.once("exit", () => children.delete(child));
  return child;
}

/** Starts the server, and waits until it answers. */
async function serve() {
  const child = start("correiod", [
    "--config", "/dev/null", "--plaintext", "--bcrypt-cost", "4", "--registration", "open",
    "--data-dir", directory, "--listen", `127.0.0.1:${port}`, "--metrics", `127.0.0.1:${metricsPort}`,
  ]);
  const answers = () => fetch(`${base}/readyz`).then((answer) => answer.ok, () => false);
  await until(answers, "the server answers");
  return child;
}

async function stop(child) {
  const ended = once(child, "exit");
  child.kill("SIGTERM");
  await ended;
}

/** The samples of the metrics, by name with labels. */
async function metrics() {
  const text = await (await fetch(`${base}/metrics`)).text();
  const lines = text.split("\n").filter((line) => line && !line.startsWith("#"));
  return new Map(lines.map((line) => [line.slice(0, line.lastIndexOf(" ")), Number(line.slice(line.lastIndexOf(" ")))]));
}

/** Opens the page, and notes what it asks for and complains of. */
async function open(browser, options) {
  const context = await browser.newContext(options);
  const page = await context.newPage();
  const notes = { foreign: [], complaints: [] };
  page.on("request", (request) => {
    const url = request.url();
    if (!url.startsWith(`${base}/`) && url !== "data:,") notes.foreign.push(url);
  });
  page.on("console", (message) => {
    if (message.type() === "error") notes.complaints.push(message.text());
  });
  page.on("pageerror", (error) => notes.complaints.push(String(error)));
  await page.goto(`${base}/`);
  await page.locator("#requests tbody tr").first().waitFor({ timeout: PATIENCE });
  return { context, page, notes };
}

/** The tile with a name. */
const tile = (page, name) => page.locator("#now div", { hasText: name }).locator("dd").textContent();

async function audit(page, name) {
  await page.evaluate(axe);
  const { violations } = await page.evaluate(() => globalThis.axe.run(document, {
    runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
  }));
  const said = violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html).join(" | ")}`);
  assert.deepEqual(said, [], name);
}

/** Every size and colour scheme, in both languages: a picture, no finding, no sideways scrolling. */
async function pictures(browser) {
  const { context, page, notes } = await open(browser, { viewport: SIZES.desktop, locale: "en-US" });
  await page.locator("#now dd").first().filter({ hasText: /^[1-9]/ }).waitFor({ timeout: PATIENCE });
  const minutes = page.locator("#plot-mails tbody tr");
  await until(async () => (await (await fetch(`${base}/status.json`)).json()).uptime > 15, "time passes");
  for (const [size, viewport] of Object.entries(SIZES)) {
    for (const [colorScheme, language, tag] of [["light", "en", "en"], ["dark", "pt", "pt-BR"]]) {
      const name = `${size}-${colorScheme}`;
      await page.setViewportSize(viewport);
      await page.emulateMedia({ colorScheme });
      await page.locator("#language").selectOption(language);
      await page.locator(`html[lang='${tag}']`).waitFor({ timeout: PATIENCE });
      await page.screenshot({ path: path.join(PICTURES, `${name}.png`), fullPage: true });
      await page.locator("#plot-mails summary").press("Enter");
      await minutes.first().waitFor({ timeout: PATIENCE });
      await audit(page, name);
      await page.locator("#plot-mails summary").press("Enter");
      const width = await page.evaluate(() => document.documentElement.scrollWidth);
      assert.ok(width <= viewport.width, `${name} is ${width} wide`);
      console.log(`ok: ${name}: picture, axe-core, width`);
    }
  }
  assert.deepEqual(notes, { foreign: [], complaints: [] });
  assert.deepEqual(await context.cookies(), []);
  assert.equal(await page.evaluate(() => localStorage.length + sessionStorage.length), 0);
  await context.close();
}

/** Tab goes through all controls in the order of the page, and shows where it is. */
async function keyboard(browser) {
  const { context, page } = await open(browser, { viewport: SIZES.desktop, locale: "en-US" });
  const wanted = await page.evaluate(() =>
    [...document.querySelectorAll("button, select, summary, [tabindex='0']")].map((one) => one.outerHTML.slice(0, 60)));
  const found = [];
  for (const _ of wanted) {
    await page.keyboard.press("Tab");
    found.push(await page.evaluate(() => {
      const { outlineStyle } = getComputedStyle(document.activeElement);
      return outlineStyle === "none" ? "invisible" : document.activeElement.outerHTML.slice(0, 60);
    }));
  }
  assert.deepEqual(found, wanted);
  await page.locator("#language").focus();
  await page.keyboard.press("ArrowDown");
  await page.locator("html[lang='pt-BR']").waitFor({ timeout: PATIENCE });
  assert.equal(await page.locator("#h-now").textContent(), "Agora");
  await page.reload();
  assert.equal(await page.locator("#h-now").textContent(), "Agora");
  await page.locator("#pause").press("Enter");
  assert.equal(await page.locator("#pause").getAttribute("aria-pressed"), "true");
  assert.match(await page.locator("#state").textContent(), /Em pausa/);
  await context.close();
  console.log("ok: keyboard: order, visible focus, language, pause");
}

/** Sends the mail port something that is not a request, and waits until the server closes. */
async function knock() {
  const socket = net.connect(port, "127.0.0.1").resume();
  socket.write("GET / HTTP/1.1\r\n\r\n");
  await once(socket, "close");
}

/** At rest, page, status and metrics have the same numbers. */
async function atRest(browser) {
  const { context, page } = await open(browser, { viewport: SIZES.desktop, locale: "en-US" });
  const shown = await metrics();
  const status = await (await fetch(`${base}/status.json`)).json();
  for (const [name, value] of [
    ["correio_mails_accepted_total", status.mails.accepted],
    ["correio_mails_delivered_total", status.mails.delivered],
    ["correio_accounts_created_total", status.accounts.created],
    ['correio_connections{state="logged_in"}', status.connections.logged_in],
    ['correio_request_seconds_count{request="send"}', status.requests.send.buckets.at(-1)],
    ["correio_sent_bytes_total", status.bytes.sent],
  ]) {
    assert.equal(value, shown.get(name), name);
  }
  assert.ok(status.mails.accepted > 0);
  const refusal = page.locator("#refusals tr", { hasText: "protocol_error" }).locator("td").last();
  assert.equal(await refusal.textContent(), String(shown.get("correio_protocol_errors_total")));
  assert.equal(await tile(page, "Sessions"), String(shown.get('correio_connections{state="logged_in"}')));
  const connections = page.locator("#limits tr", { hasText: "connections" }).locator("td");
  assert.equal((await connections.nth(1).textContent()).replaceAll(",", ""), String(shown.get("correio_connections_max")));
  const addresses = page.locator("#visitors tbody tr").first();
  assert.equal(await addresses.locator("th").textContent(), "127.0.0.1");
  const opened = (await addresses.locator("td").first().textContent()).replaceAll(",", "");
  assert.equal(Number(opened), shown.get("correio_connections_opened_total"));
  await context.close();
  console.log("ok: values at rest are those of /metrics");
}

/** Names and texts of events that are markup, or that turn the direction of text, stay text. */
async function hostile(browser) {
  const { context, page, notes } = await open(browser, { viewport: SIZES.phone, locale: "pt-BR" });
  assert.equal(await page.locator("html").getAttribute("lang"), "pt-BR");
  const text = "<img src=x onerror=document.title='owned'></script>\u202e\u0007abc";
  await page.route("**/status.json", async (route) => {
    const answer = await route.fetch();
    const status = await answer.json();
    status.events.last.push({ time: new Date().toISOString(), level: text, event: text, text });
    status.visitors.push({ address: text, connections: 1, refusals: 0, failed_logins: 0 });
    status.connections.refused[text] = 7;
    status.connections.refused["a".repeat(5000)] = 7;
    await route.fulfill({ response: answer, json: status });
  });
  await page.locator("#events tbody tr", { hasText: "onerror" }).waitFor({ timeout: PATIENCE });
  assert.equal(await page.locator("img, main script").count(), 0);
  assert.notEqual(await page.title(), "owned");
  const events = await page.locator("#events").textContent();
  assert.ok(events.includes("\\u{202e}\\u{7}abc") && !events.includes("\u202e"));
  assert.ok((await page.evaluate(() => document.documentElement.scrollWidth)) <= 390);
  assert.deepEqual(notes, { foreign: [], complaints: [] });
  await context.close();
  console.log("ok: hostile names are text");
}

/** The page says that the server went away, and goes on by itself once it is there again. */
async function restart(browser, server) {
  const { context, page, notes } = await open(browser, { viewport: SIZES.desktop, locale: "en-US" });
  const says = (text) => page.locator("#state", { hasText: text }).waitFor({ timeout: PATIENCE });
  await says("Live");
  await stop(server);
  await says("has not answered since");
  await page.screenshot({ path: path.join(PICTURES, "away.png") });
  await audit(page, "away");
  const again = await serve();
  await says("Live");
  assert.equal(await page.locator("body.away").count(), 0);
  assert.deepEqual(notes.foreign, []);
  await context.close();
  console.log("ok: restart: the page says so, and comes back by itself");
  return again;
}

let browser;
try {
  let server = await serve();
  browser = await chromium.launch({ executablePath: CHROMIUM, args: FLAGS });
  const load = start("load-test", [
    "smoke", "--server", `127.0.0.1:${port}`, "--plaintext", "--seconds", "25", "--clients", "20",
  ]);
  const ended = once(load, "exit");
  await pictures(browser);
  await keyboard(browser);
  assert.deepEqual(await ended, [0, null], "the load test passes");
  await knock();
  await until(async () => {
    const shown = await metrics();
    return shown.get('correio_connections{state="logged_in"}') + shown.get('correio_connections{state="anonymous"}') === 0;
  }, "the load's connections end");
  await atRest(browser);
  await hostile(browser);
  server = await restart(browser, server);
  await stop(server);
  console.log(`pictures: ${PICTURES}`);
} finally {
  await browser?.close();
  for (const child of children) child.kill("SIGKILL");
  rmSync(directory, { recursive: true, force: true });
}
