// The plots, each with a legend, a description, and a table of the same numbers.

import { element, fill } from "./tables.js";

/* global uPlot */

const COLOURS = ["first", "second", "third"];
/** Seconds below which the axis of times shows seconds. */
const FEW_MINUTES = 300;

const DASHES = [[], [6, 3], [2, 2]];

/** A mean of the numbers that are known. */
function mean(numbers) {
  const known = numbers.filter((number) => number !== null && Number.isFinite(number));
  return known.length === 0 ? null : known.reduce((sum, number) => sum + number, 0) / known.length;
}

/** The line of a series as it is drawn. */
function swatch(place) {
  const space = "http:/" + "/www.w3.org/2000/svg";
  const svg = document.createElementNS(space, "svg");
  svg.setAttribute("aria-hidden", "true");
  svg.setAttribute("viewBox", "0 0 28 10");
  const line = document.createElementNS(space, "path");
  line.setAttribute("d", "M0 5H28");
  line.setAttribute("stroke-width", "3");
  line.setAttribute("stroke-dasharray", DASHES[place].join(" "));
  line.setAttribute("class", COLOURS[place]);
  svg.append(line);
  return svg;
}

/**
 * A plot in an element. `series` are pairs of the name as a function of the language, and the
 * value at a place of the history. `shown` writes a value in a language. `scale` has the lowest top
 * of the axis, and for whole numbers its steps.
 */
export class Plot {
  constructor(id, title, series, shown, scale) {
    this.root = document.getElementById(id);
    Object.assign(this, { title, series, shown, scale, language: null, plot: null });
    this.legend = element("ul", "legend");
    this.canvas = element("div", "plot");
    this.canvas.setAttribute("role", "img");
    this.details = element("details");
    this.summary = element("summary");
    this.table = element("table");
    const scroll = element("div", "scroll");
    scroll.append(this.table);
    this.details.append(this.summary, scroll);
    this.root.append(this.legend, this.canvas, this.details);
    this.details.addEventListener("toggle", () => this.tabulate());
    new ResizeObserver(() => this.resize()).observe(this.canvas);
  }

  /** Draws the words and axes in a language, and in the present colours. */
  speak(language) {
    this.language = language;
    this.summary.textContent = language.word("table", { title: language.word(this.title) });
    this.legend.replaceChildren(
      ...this.series.map(([name], place) => {
        const entry = element("li");
        entry.append(swatch(place), name(language));
        return entry;
      }),
    );
    this.plot?.destroy();
    this.plot = new uPlot(this.options(), this.data ?? this.series.map(() => []).concat([[]]), this.canvas);
  }

  options() {
    const style = getComputedStyle(document.documentElement);
    const colour = (name) => style.getPropertyValue(`--${name}`).trim();
    const axis = { stroke: colour("soft"), grid: { stroke: colour("grid"), width: 1 }, ticks: { show: false } };
    const { language, shown, scale } = this;
    const times = (plot, values) => {
      const isShort = plot.scales.x.max - plot.scales.x.min < FEW_MINUTES;
      const form = isShort ? language.clock : language.minutes;
      return values.map((value) => form.format(value * 1000));
    };
    const line = (_, place) => ({
      stroke: colour(COLOURS[place]), dash: DASHES[place], width: 2, points: { show: false },
    });
    return {
      width: Math.max(this.canvas.clientWidth, 100), height: 190,
      legend: { show: false }, cursor: { show: false },
      scales: { y: { range: (_, low, high) => [0, Math.max(high * 1.1, scale.top)] } },
      axes: [
        { ...axis, values: times, space: 70, size: 30 },
        { ...axis, incrs: scale.steps, size: 72, values: (_, values) => values.map((value) => shown(language, value)) },
      ],
      series: [{}, ...this.series.map(line)],
    };
  }

  resize() {
    const width = this.canvas.clientWidth;
    if (this.plot && width > 0 && width !== this.plot.width) this.plot.setSize({ width, height: 190 });
  }

  /** Shows the history. */
  update(history) {
    this.history = history;
    const { samples } = history;
    const value = (one, of, place) => {
      const found = one.isGap ? null : of(history, place);
      return Number.isFinite(found) ? found : null;
    };
    const lines = this.series.map(([, of]) => samples.map((one, place) => value(one, of, place)));
    this.data = [samples.map((one) => one.at / 1000), ...lines];
    const end = samples.at(-1).at / 1000;
    // The first minute fills the plot, and later up to 15 minutes.
    const begin = Math.min(samples[0].at / 1000, end - 60);
    this.plot.batch(() => {
      this.plot.setData(this.data, false);
      this.plot.setScale("x", { min: begin, max: end });
    });
    const last = (line) => this.shown(this.language, line[line.length - 1] ?? null);
    const values = this.series.map(([name], place) => `${name(this.language)} ${last(lines[place])}`);
    const title = this.language.word(this.title);
    this.canvas.setAttribute("aria-label", this.language.word("plot", { title, values: values.join(", ") }));
    this.tabulate();
  }

  /** Fills the table with the mean of each minute, if it is open. */
  tabulate() {
    if (!this.details.open || !this.data) return;
    const [times, ...lines] = this.data;
    const minutes = new Map();
    times.forEach((time, place) => {
      const minute = Math.floor(time / 60);
      minutes.set(minute, [...(minutes.get(minute) ?? []), place]);
    });
    const rows = [...minutes].reverse().map(([minute, places]) => [
      this.language.minutes.format(minute * 60_000),
      ...lines.map((line) => this.shown(this.language, mean(places.map((place) => line[place])))),
    ]);
    const names = this.series.map(([name]) => name(this.language));
    fill(this.table, {
      caption: this.language.word(this.title),
      heads: [this.language.word("minute"), ...names],
      classes: ["time", ...names.map(() => "number")],
      rows,
    });
  }
}

const RECENT = 10_000;

/** Steps of an axis from 10 to a power on, which can be written with few digits. */
const steps = (from) =>
  Array.from({ length: 9 }, (_, power) => 10 ** (from + power)).flatMap((one) => [one, 2 * one, 5 * one]);

const RATES = { top: 1, steps: steps(-1) };
const TIMES = { top: 0.001, steps: steps(-4) };
const WHOLE = { top: 4, steps: steps(0) };

/** All plots of the page. */
export function plots() {
  const word = (key) => (language) => language.word(key);
  const number = (digits) => (language, value) => language.number(value, digits);
  const rate = (name) => (history, place) => history.rate(name, place);
  const now = (name) => (history, place) => history.samples[place][name];
  const slow = (request) => [
    () => request,
    (history, place) => history.percentile((one) => one.buckets[request], 0.99, place, RECENT),
  ];
  return [
    new Plot("plot-mails", "mails", [[word("accepted"), rate("accepted")], [word("delivered"), rate("delivered")]], number(1), RATES),
    new Plot("plot-latency", "latency", ["send", "fetch", "login"].map(slow), (language, value) => language.duration(value), TIMES),
    new Plot("plot-connections", "connections", [[word("loggedIn"), now("loggedIn")], [word("anonymous"), now("anonymous")]], number(0), WHOLE),
    new Plot("plot-queues", "queues", [[word("storeQueue"), now("storeQueue")], [word("hashQueue"), now("hashQueue")]], number(0), WHOLE),
  ];
}

