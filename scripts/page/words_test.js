// Tests of the status page's words, without a browser.

import assert from "node:assert/strict";
import test from "node:test";

import { ALL, Language, preferred } from "./words.js";

test("both languages have the same words with the same places", () => {
  const places = (text) => text.match(/\{\w+\}/g) ?? [];
  assert.deepEqual(Object.keys(ALL.en), Object.keys(ALL.pt));
  for (const key of Object.keys(ALL.en)) assert.deepEqual(places(ALL.en[key]), places(ALL.pt[key]), key);
});

test("the fragment decides before the browser, and English stands in for others", () => {
  assert.equal(preferred("#pt", ["en-GB"]), "pt");
  assert.equal(preferred("", ["de", "pt-BR", "en"]), "pt");
  assert.equal(preferred("#constructor", ["de"]), "en");
  assert.equal(preferred("#__proto__", []), "en");
});

test("numbers are written as each language writes them", () => {
  const [english, portuguese] = [new Language("en"), new Language("pt")];
  assert.equal(english.number(1234.5, 1), "1,234.5");
  assert.equal(portuguese.number(1234.5, 1), "1.234,5");
  assert.equal(english.number(null), "–");
  assert.equal(english.bytes(1536), "1.5 KiB");
  assert.equal(portuguese.bytes(512), "512 B");
  assert.equal(english.duration(0.0123), "12.30 ms");
  assert.equal(english.duration(Infinity), "> 10 s");
});
