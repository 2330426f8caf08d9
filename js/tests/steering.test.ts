// The parts of the steering panel that need no page: interpolation, the bars' order, differences between texts.

import { describe, expect, test } from "vitest";
import type { NDArray } from "../src/core/wire";
import {
  between,
  type Curve,
  interpolated,
  linesOf,
  rowsOf,
  type Steered,
  type TargetInfo,
} from "../src/widgets/steering/data";
import { wrapped } from "../src/widgets/steering/drawing";
import { ceiling } from "../src/widgets/steering/gauge";
import { different } from "../src/widgets/steering/lcs";
import { shift } from "../src/widgets/steering/next";
import { samplingWords } from "../src/widgets/steering/options";
import { rounded } from "../src/widgets/steering/slider";

const array = (shape: number[], ...values: number[]): NDArray => ({ data: Float64Array.from(values), shape });

const target: TargetInfo = {
  name: "f",
  label: "",
  where: "resid_post.2",
  modes: ["add", "clamp"],
  ranges: {
    add: { low: -2, high: 2, neutral: 0, unit: "" },
    clamp: { low: 0, high: 2, neutral: null, unit: "" },
  },
};

describe("rows", () => {
  test("what is off or neutral changes nothing and is not asked about", () => {
    expect(rowsOf([target], { f: "add" }, { f: 0 })).toEqual([]);
    expect(rowsOf([target], { f: "add" }, { f: null })).toEqual([]);
    expect(rowsOf([target], { f: "add" }, {})).toEqual([]);
    expect(rowsOf([target], {}, { f: 1.5 })).toEqual([["f", "add", 1.5]]);
    expect(rowsOf([target], { f: "clamp" }, { f: 0 })).toEqual([["f", "clamp", 0]]);
  });
});

describe("interpolation", () => {
  const points = [-2, 0, 1, 2];
  test("finds the two points around a strength, and holds at the ends", () => {
    expect(between(points, -3)).toEqual([0, 0]);
    expect(between(points, -1)).toEqual([0, 0.5]);
    expect(between(points, 0)).toEqual([0, 1]);
    expect(between(points, 1.25)).toEqual([2, 0.25]);
    expect(between(points, 9)).toEqual([2, 1]);
    expect(between([1], 5)).toEqual([0, 0]);
  });
  test("is linear in each number of a row, for each way of attention", () => {
    const values = array([2, 2, 2], 0, 10, 1, 20, -1, 5, -3, 5);
    expect(interpolated(values, 0, [0, 0.5])).toEqual([0.5, 15]);
    expect(interpolated(values, 1, [0, 0.25])).toEqual([-1.5, 5]);
    expect(interpolated(array([1, 1, 2], 3, 4), 0, [0, 0])).toEqual([3, 4]);
  });
});

describe("bars", () => {
  const log = Math.log;
  const curve: Curve = {
    strengths: array([2], 0, 2),
    ids: [7, 8],
    texts: ["a", "b"],
    before: array([2], 0.6, 0.2),
    log_probability: array([1, 2, 2], log(0.6), log(0.2), log(0.1), log(0.8)),
    words: array([1, 2, 0]),
    kl: array([1, 2], 0, 1),
  };
  const exact: Steered = {
    applied: [],
    limited: false,
    ids: [9, 8],
    texts: ["c", "b"],
    before: array([2], 0.01, 0.2),
    after: array([1, 2], 0.3, 0.5),
    words: { before: array([0]), after: array([1, 0]) },
    kl: array([1], 0.4),
  };
  test("between the points log-probabilities are interpolated, and marked", () => {
    const lines = linesOf(null, curve, 1);
    expect(lines.map(({ text, exact: known }) => [text, known])).toEqual([
      ["a", false],
      ["b", false],
    ]);
    expect(lines[0]!.after[0]).toBeCloseTo(Math.sqrt(0.6 * 0.1), 6);
    expect(lines[1]!.after[0]).toBeCloseTo(Math.sqrt(0.2 * 0.8), 6);
  });
  test("exact numbers replace them, and a likely newcomer is never left out", () => {
    const lines = linesOf(exact, curve, 1);
    expect(lines.map((line) => [line.text, line.exact])).toEqual([
      ["a", false],
      ["b", true],
      ["c", true],
    ]);
    expect(lines[1]!.after).toEqual([0.5]);
  });
  test("their order is the default's, whatever the strength", () => {
    const order = [0, 0.5, 1, 2].map((at) =>
      linesOf(null, curve, at)
        .map((line) => line.text)
        .join(),
    );
    expect(new Set(order).size).toBe(1);
  });
});

describe("texts", () => {
  test("a word that only moved is no difference", () => {
    expect(different([1, 2, 3, 4], [1, 9, 2, 3, 4])).toEqual([false, false, false, false]);
    expect(different([1, 9, 2, 3], [1, 2, 3])).toEqual([false, true, false, false]);
    expect(different([1, 2], [])).toEqual([true, true]);
    expect(different([], [1])).toEqual([]);
  });
  test("lines break between words", () => {
    expect(wrapped([" aa", " bb", " cc"], 6)).toEqual(["aa bb", "cc"]);
  });
});

describe("numbers", () => {
  test("a shift keeps its sign", () => {
    expect(shift(0.1, 0.25)).toBe("+0.150");
    expect(shift(0.25, 0.1)).toBe("−0.150");
    expect(shift(0.1, 0.1)).toBe("0");
  });
  test("the gauge ends at 1, 2 or 5 times a power of ten", () => {
    expect([0.1, 0.13, 0.3, 0.7, 1, 3, 12].map(ceiling)).toEqual([0.1, 0.2, 0.5, 1, 1, 5, 20]);
  });
  test("a strength has no more digits than its range makes sense of", () => {
    expect(rounded(1.23456, { low: -6, high: 6 })).toBe(1.23);
    expect(rounded(0.123456, { low: 0, high: 1 })).toBe(0.123);
    expect(rounded(123.456, { low: -1000, high: 1000 })).toBe(123);
  });
  test("sampling says what it does", () => {
    const greedy = { max_new_tokens: 5, temperature: 0, top_k: 0, top_p: 1, seed: 3 };
    expect(samplingWords(greedy)).toBe("likeliest token each time, at most 5 tokens");
    expect(samplingWords({ ...greedy, temperature: 0.8, top_k: 4 })).toBe(
      "temperature 0.8, top-k 4, seed 3 for both, at most 5 tokens",
    );
  });
});
