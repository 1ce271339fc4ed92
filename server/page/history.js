// The last 15 minutes of the server's numbers, and the rates and percentiles of them.

/** Milliseconds that are kept. */
export const KEPT = 15 * 60 * 1000;

/** Most samples that are kept, should the clock jump. */
export const SAMPLES_MAX = 600;

/** Milliseconds over which percentiles are taken. */
export const WINDOW = 60 * 1000;

/** The refusals of a status, by reason. */
export function refusals(status) {
  const found = {};
  const add = (reason, count) => {
    if (count > 0) found[reason] = (found[reason] ?? 0) + count;
  };
  for (const [reason, count] of Object.entries(status.connections.refused)) add(reason, count);
  for (const request of Object.values(status.requests)) {
    for (const [code, count] of Object.entries(request.errors)) add(code, count);
  }
  for (const [name, queue] of Object.entries(status.queues)) add(`queue ${name}`, queue?.full ?? 0);
  add("protocol_error", status.protocol_errors);
  return found;
}

/**
 * An estimate of a percentile from counts up to each bound and of all; `null` without values, and
 * infinite above the last bound.
 */
export function percentile(buckets, bounds, share) {
  const all = buckets[buckets.length - 1];
  if (!(all > 0)) return null;
  const rank = all * share;
  const place = buckets.findIndex((count) => count >= rank);
  if (place >= bounds.length) return Infinity;
  const below = place === 0 ? 0 : buckets[place - 1];
  const from = place === 0 ? 0 : bounds[place - 1];
  const inside = buckets[place] - below;
  return inside === 0 ? bounds[place] : from + (bounds[place] - from) * ((rank - below) / inside);
}

/** What is kept of a status. `at` is the time of the browser, in milliseconds. */
function sample(status, at, run) {
  const buckets = {};
  for (const [kind, request] of Object.entries(status.requests)) buckets[kind] = request.buckets;
  return {
    at, run, uptime: status.uptime,
    accepted: status.mails.accepted, delivered: status.mails.delivered,
    received: status.bytes.received, sent: status.bytes.sent,
    cpu: status.process.cpu_seconds,
    loggedIn: status.connections.logged_in, anonymous: status.connections.anonymous,
    storeQueue: status.queues.store?.now ?? null, hashQueue: status.queues.hash?.now ?? null,
    buckets, loop: status.loop.buckets, commit: status.store?.commit.buckets ?? null,
    group: status.store?.group ?? null, refusals: refusals(status),
  };
}

/** Samples, oldest first. A sample that is `null` but for its time stands for no answer. */
export class History {
  constructor() {
    this.samples = [];
    this.run = 0;
    this.latest = null;
    this.bounds = [];
  }

  /** Adds a status. The server was restarted if its uptime fell. */
  add(status, at) {
    if (this.latest && status.uptime < this.latest.uptime) this.run += 1;
    this.latest = status;
    this.bounds = status.bounds;
    this.push({ ...sample(status, at, this.run), isGap: false });
  }

  /** Notes that the server did not answer. Of several in a row, one is kept. */
  gap(at) {
    if (this.samples.length > 0 && !this.samples[this.samples.length - 1].isGap) {
      this.push({ at, isGap: true });
    }
  }

  /** A clock that was set back leaves out the samples of its future. */
  push(added) {
    const { samples } = this;
    while (samples.length > 0 && samples.at(-1).at > added.at) samples.pop();
    samples.push(added);
    while (samples.length > SAMPLES_MAX || samples[0].at < added.at - KEPT) samples.shift();
  }

  /** The newest sample, and the oldest of the same run that is not older than `span`. */
  ends(end, span) {
    const last = this.samples[end];
    if (!last || last.isGap) return null;
    let from = end;
    for (let place = end; place >= 0 && this.samples[place].at >= last.at - span; place -= 1) {
      const one = this.samples[place];
      if (!one.isGap && one.run !== last.run) break;
      if (!one.isGap) from = place;
    }
    return from === end ? null : [this.samples[from], last];
  }

  /** How much a counter grew in a second, over about `span` milliseconds up to a sample. */
  rate(name, end = this.samples.length - 1, span = 10_000) {
    const ends = this.ends(end, span);
    if (!ends || ends[1][name] === null || ends[0][name] === null) return null;
    const seconds = ends[1].uptime - ends[0].uptime;
    return seconds > 0 ? (ends[1][name] - ends[0][name]) / seconds : null;
  }

  /** The counts of a histogram's values in about `span` milliseconds up to a sample. */
  grown(pick, end = this.samples.length - 1, span = WINDOW) {
    const ends = this.ends(end, span);
    if (!ends || !pick(ends[0]) || !pick(ends[1])) return null;
    const [before, after] = ends.map(pick);
    return after.map((count, place) => count - before[place]);
  }

  /** A percentile of the values in about `span` milliseconds up to a sample. */
  percentile(pick, share, end, span) {
    const grown = this.grown(pick, end, span);
    return grown && percentile(grown, this.bounds, share);
  }

  /** How much a reason of refusals grew since the oldest sample of this run. */
  refused(reason) {
    const ends = this.ends(this.samples.length - 1, KEPT);
    return ends ? (ends[1].refusals[reason] ?? 0) - (ends[0].refusals[reason] ?? 0) : 0;
  }
}
