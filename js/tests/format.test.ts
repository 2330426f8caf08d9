import { describe, expect, test } from "vitest";
import { allDigits, digits, isRightToLeft, label, pieces } from "../src/core/format";

test.each([
  [0, "0"],
  [-0, "0"],
  [1, "1.00"],
  [0.5, "0.500"],
  [0.25, "0.250"],
  [1 / 3, "0.333"],
  [-1 / 3, "−0.333"],
  [12.345, "12.3"],
  [999, "999"],
  [0.0001, "0.000100"],
  [0.00009, "9.00e-5"],
  [-2e-10, "−2.00e-10"],
  [1e6, "1.00e+6"],
  [1.5e30, "1.50e+30"],
  [Number.NaN, "NaN"],
  [Number.POSITIVE_INFINITY, "∞"],
  [Number.NEGATIVE_INFINITY, "−∞"],
])("three digits of %s: %s", (value, text) => {
  expect(digits(value)).toBe(text);
});

// Nine digits tell every float32 from its neighbours.
test.each([
  [0.1, "0.100000001"],
  [1 / 3, "0.333333343"],
  [16777216, "16777216"],
  [0.25, "0.25"],
  [-1e-20, "-9.99999968e-21"],
  [3.4e38, "3.39999995e+38"],
])("all digits of the float32 nearest to %s: %s", (value, text) => {
  const float = Math.fround(value);
  expect(allDigits(float)).toBe(text);
  expect(Math.fround(Number(allDigits(float)))).toBe(float);
});

test.each([
  [Number.NaN, "NaN"],
  [Number.NEGATIVE_INFINITY, "−∞"],
])("all digits of %s", (value, text) => {
  expect(allDigits(value)).toBe(text);
});

/** Marks in brackets, so that a test reads like the page. */
const shown = (text: string) =>
  pieces(text)
    .map((p) => (p.mark ? `[${p.text}]` : p.text))
    .join("");

describe("a token's text and the marks of what cannot be seen", () => {
  test.each([
    ["", "[∅]"],
    ["word", "word"],
    [" word", "[·]word"],
    ["word  ", "word[··]"],
    ["two words", "two words"],
    [" ", "[·]"],
    ["\n", "[↵]"],
    ["\n\n", "[↵↵]"],
    ["a\nb", "a[↵]b"],
    ["\r\n", "[␍↵]"],
    ["\tx", "[⇥]x"],
    ["a\u00a0b", "a[⍽]b"],
    ["👩‍👩‍👧", "👩‍👩‍👧"],
    ["\u200d", "[U+200D]"],
    ["می\u200cخواهم", "می\u200cخواهم"],
    ["\ufeffword", "[U+FEFF]word"],
    ["wo\u00adrd", "wo[U+00AD]rd"],
    ["a\u202eb", "a[U+202E]b"],
    ["\u2066x\u2069", "[U+2066]x[U+2069]"],
    ["a\u0007b", "a[U+0007]b"],
    ["\u0000", "[U+0000]"],
    ["\u2028", "[U+2028]"],
    ["\u3000x", "[U+3000]x"],
    ["x\u2003", "x[U+2003]"],
    ["全\u3000角", "全\u3000角"],
    ["e\u0301", "e\u0301"],
    ["<b>&amp;</b>", "<b>&amp;</b>"],
  ])("%j is shown as %s", (text, want) => {
    expect(shown(text)).toBe(want);
  });

  test("pieces alternate, and nothing that shows is lost", () => {
    for (const text of [" a b ", "\n\n x", "👩‍👩‍👧 \t", "שלום עולם", "a\u0000b\u0001c"]) {
      const cut = pieces(text);
      for (let i = 1; i < cut.length; i++) expect(cut[i]!.mark).not.toBe(cut[i - 1]!.mark);
      const kept = cut.filter((p) => !p.mark).map((p) => p.text);
      expect(kept.join("").replace(/\s/g, "")).toBe(text.replace(/[\s\p{Cc}]/gu, ""));
    }
  });
});

describe("a label on one line", () => {
  test.each([
    [" word", 16, "word"],
    [" ", 16, "·"],
    ["  word", 16, "·word"],
    ["", 16, "∅"],
    ["\n", 16, "↵"],
    ["abcdef", 6, "abcdef"],
    ["abcdefg", 6, "abcde…"],
    ["😀😀😀😀", 4, "😀😀😀😀"],
    ["😀😀😀😀😀", 4, "😀😀😀…"],
  ])("%j in %i", (text, most, want) => {
    expect(label(text, most)).toBe(want);
  });

  test("never longer than allowed, and never half a character", () => {
    for (const text of ["😀".repeat(40), "a".repeat(40), "\u0000".repeat(9), "日本語".repeat(9)]) {
      for (const most of [3, 4, 7, 16]) {
        const short = label(text, most);
        expect([...short].length).toBeLessThanOrEqual(most);
        expect(short).not.toMatch(/[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/);
      }
    }
  });
});

test.each([
  ["שלום", true],
  ["مرحبا", true],
  [" سلام", true],
  ["123 שלום", true],
  ["hello", false],
  ["hello שלום", false],
  ["日本", false],
  ["123", false],
  ["", false],
  ["…!", false],
])("%j reads from the right: %s", (text, right) => {
  expect(isRightToLeft(text)).toBe(right);
});
