import { describe, expect, test } from "vitest";
import { codeOf, colourOf, inkOn, makeScale, valueAt } from "../src/core/colour";
import type { Rgb, Theme } from "../src/core/theme";
import vectors from "./vectors.json";

describe("codes are Python's", () => {
  test.each(vectors.encode)("$value of $scale, signed $signed: $code", ({ value, scale, signed, code }) => {
    expect(codeOf(number(value), scale, signed)).toBe(code);
  });
  test.each(vectors.decode)("$code of $scale, signed $signed: $value", ({ code, scale, signed, value }) => {
    const got = valueAt(code, scale, signed);
    if (Number.isFinite(number(value))) expect(got).toBeCloseTo(number(value), 12);
    else expect(got).toBe(number(value));
  });
});

function number(value: number | string): number {
  if (value === "nan") return Number.NaN;
  if (value === "inf") return Number.POSITIVE_INFINITY;
  if (value === "-inf") return Number.NEGATIVE_INFINITY;
  return Number(value);
}

test.each([false, true])("every code comes back, signed %s", (signed) => {
  for (let code = 1; code <= 251; code++) expect(codeOf(valueAt(code, 3, signed), 3, signed)).toBe(code);
});

/** Relative luminance and contrast as WCAG 2 defines them. */
function luminance(rgb: Rgb): number {
  const [r, g, b] = rgb.map((c) =>
    c / 255 <= 0.03928 ? c / 255 / 12.92 : ((c / 255 + 0.055) / 1.055) ** 2.4,
  );
  return 0.2126 * r! + 0.7152 * g! + 0.0722 * b!;
}

function contrast(a: Rgb, b: Rgb): number {
  const [high, low] = [luminance(a), luminance(b)].sort((x, y) => y - x);
  return (high! + 0.05) / (low! + 0.05);
}

function parse(hex: string): Rgb {
  const digits = hex.length === 4 ? [...hex.slice(1)].map((d) => d + d) : hex.slice(1).match(/../g)!;
  const [r, g, b] = digits.map((pair) => Number.parseInt(pair, 16));
  return [r!, g!, b!];
}

const BACKGROUNDS: [Theme, Rgb][] = [
  ["light", [255, 255, 255]],
  ["light", [247, 247, 240]],
  ["dark", [17, 17, 17]],
  ["dark", [30, 30, 46]],
];

describe.each(BACKGROUNDS)("%s on %j", (theme, bg) => {
  describe.each([false, true])("signed %s", (signed) => {
    const scale = makeScale(theme, bg, signed);
    const values = Array.from({ length: 251 }, (_, i) => i + 1);
    const marks = [253, 254, 255];
    const zero = signed ? 126 : 1;

    test("ink can be read on every code", () => {
      for (const code of [...values, ...marks]) {
        const rgb = colourOf(scale, code)!;
        expect(contrast(rgb, parse(inkOn(rgb))), `code ${code}: ${rgb}`).toBeGreaterThanOrEqual(4.5);
      }
    });

    test("zero looks like nothing, and masked is nothing", () => {
      const rgb = colourOf(scale, zero)!;
      for (let k = 0; k < 3; k++) expect(Math.abs(rgb[k]! - bg[k]!)).toBeLessThanOrEqual(1);
      expect(colourOf(scale, 0)).toBeNull();
    });

    test("each further step from zero is farther from the background", () => {
      const far = (code: number) => contrast(colourOf(scale, code)!, bg);
      for (const end of signed ? [1, 251] : [251]) {
        const towards = Math.sign(end - zero);
        for (let code = zero; code !== end; code += towards) {
          expect(far(code + towards), `code ${code}`).toBeGreaterThanOrEqual(far(code) - 0.02);
        }
        expect(far(end)).toBeGreaterThan(3);
      }
    });

    test("marks are colours that no value nearby has", () => {
      const seen = new Set([...marks, zero, 251].map((code) => colourOf(scale, code)!.join()));
      expect(seen.size).toBe(5);
    });
  });

  test("the two sides are told apart at the same magnitude", () => {
    const scale = makeScale(theme, bg, true);
    for (const d of [40, 80, 125]) {
      const [below, above] = [colourOf(scale, 126 - d)!, colourOf(scale, 126 + d)!];
      // Blue below zero, orange above: hues that every common colour vision keeps apart.
      expect(below[2]).toBeGreaterThan(below[0]);
      expect(above[0]).toBeGreaterThan(above[2]);
    }
  });
});

test("the sides of a signed code mirror", () => {
  for (const value of [0.001, 0.04, 0.25, 0.5, 1, 7]) {
    expect(codeOf(-value, 1, true)).toBe(252 - codeOf(value, 1, true));
  }
});

test("ink can be read on any colour there is", () => {
  for (let r = 0; r < 256; r += 15)
    for (let g = 0; g < 256; g += 5)
      for (let b = 0; b < 256; b += 15) {
        const rgb: Rgb = [r, g, b];
        expect(contrast(rgb, parse(inkOn(rgb)))).toBeGreaterThanOrEqual(4.5);
      }
});
