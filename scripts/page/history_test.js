// Tests of the history that the status page keeps, without a browser.

import assert from "node:assert/strict";
import test from "node:test";

import { History, KEPT, SAMPLES_MAX, percentile, refusals } from "./history.js";

const BOUNDS = [0.1, 0.3, 1];

/** A status of a server that accepts two mails a second, each within 0.1 s. */
function status(uptime, changed = {}) {
  const buckets = [2 * uptime, 2 * uptime, 2 * uptime, 2 * uptime];
  return {
    uptime, bounds: BOUNDS, protocol_errors: 0,
    mails: { accepted: 2 * uptime, delivered: 0 }, bytes: { received: 0, sent: 0 },
    process: { cpu_seconds: null }, loop: { buckets, sum: 0 }, store: null,
    connections: { logged_in: 1, anonymous: 0, refused: {} },
    queues: { store: { now: 0, max: 1, full: 0 }, hash: null },
    requests: { send: { buckets, sum: 0, errors: {} } },
    ...changed,
  };
}

test("a page that is open all day keeps fifteen minutes", () => {
  const history = new History();
  for (let second = 0; second < 24 * 3600; second += 2) history.add(status(second), second * 1000);
  const { samples } = history;
  assert.ok(samples.length <= KEPT / 2000 + 1, `${samples.length}`);
  assert.equal(samples.at(-1).at - samples[0].at, KEPT);
  assert.equal(history.rate("accepted"), 2);
});

test("a clock that jumps leaves a bounded history in order", () => {
  const history = new History();
  for (let second = 0; second < 5000; second += 1) history.add(status(second), 1000 + (second % 7));
  assert.ok(history.samples.length <= SAMPLES_MAX);
  const times = history.samples.map((sample) => sample.at);
  assert.deepEqual(times, times.toSorted((one, other) => one - other));
});

test("a rate counts by the server's uptime, whatever the browser delays", () => {
  const history = new History();
  history.add(status(100), 0);
  history.add(status(104), 9000);
  assert.equal(history.rate("accepted"), 2);
});

test("no rate goes over a restart", () => {
  const history = new History();
  history.add(status(100), 0);
  history.gap(1000);
  history.gap(2000);
  assert.equal(history.samples.length, 2, "one gap stands for both");
  history.add(status(1), 3000);
  assert.equal(history.rate("accepted"), null);
  assert.equal(history.refused("anything"), 0);
  history.add(status(3), 5000);
  assert.equal(history.rate("accepted"), 2);
});

test("a percentile lies between the bounds of its bucket", () => {
  assert.equal(percentile([0, 0, 0, 0], BOUNDS, 0.5), null);
  assert.equal(percentile([10, 10, 10, 10], BOUNDS, 0.5), 0.05);
  assert.equal(percentile([0, 10, 10, 10], BOUNDS, 1), 0.3);
  assert.equal(percentile([0, 0, 0, 1], BOUNDS, 0.99), Infinity);
  const history = new History();
  history.add(status(0), 0);
  history.add(status(2), 2000);
  const value = history.percentile((one) => one.buckets.send, 0.5);
  assert.ok(value > 0 && value <= 0.1, `${value}`);
});

test("refusals are counted by reason over all requests", () => {
  const errors = { busy: 2 };
  const request = { buckets: [1, 1, 1, 1], sum: 0, errors };
  const found = refusals(
    status(1, {
      protocol_errors: 3,
      requests: { send: request, login: request },
      connections: { refused: { too_many_connections: 1, too_many_http: 0 } },
      queues: { store: { full: 5 }, hash: null },
    }),
  );
  const wanted = { too_many_connections: 1, busy: 4, "queue store": 5, protocol_error: 3 };
  assert.deepEqual(found, wanted);
});
