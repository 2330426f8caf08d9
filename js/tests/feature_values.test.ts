import { describe, expect, test } from "vitest";
import {
  columnsOf,
  leftOf,
  marksOf,
  revealed,
  scrolls,
  tokenAt,
} from "../src/widgets/feature_values/columns";
import { explainedOf, means, rowsOf, valueAt } from "../src/widgets/feature_values/data";
import { rangeOf } from "../src/widgets/feature_values/text";

const array = (values: number[]) => ({ data: Float64Array.from(values), shape: [values.length] });

describe("columns", () => {
  test("a short text has columns of a readable width, a longer one fills the window", () => {
    expect(columnsOf(4, 540, 0, 0).cell).toBe(44);
    expect(columnsOf(54, 540, 0, 0).cell).toBe(10);
    expect(scrolls(columnsOf(54, 540, 0, 0))).toBe(false);
  });

  test("beyond that it scrolls, and never past its end", () => {
    const far = columnsOf(1000, 540, 0, 1e6);
    expect(far.cell).toBe(3);
    expect(scrolls(far)).toBe(true);
    expect(far.scroll).toBe(3000 - 540);
    expect(tokenAt(far, 539)).toBe(999);
  });

  test("zoom goes from the whole text to wide columns", () => {
    expect(columnsOf(2000, 500, -9, 0).cell).toBe(0.25);
    expect(columnsOf(2000, 500, 1, 0).cell).toBe(6);
    expect(columnsOf(2000, 500, 9, 0).cell).toBe(64);
    expect(columnsOf(10, 500, -3, 0).cell).toBe(44);
  });

  test("a pixel and its token", () => {
    const columns = columnsOf(1000, 540, 0, 30);
    expect([0, 2, 3, 539].map((x) => tokenAt(columns, x))).toEqual([10, 10, 11, 189]);
    expect([-1, 540].map((x) => tokenAt(columns, x))).toEqual([null, null]);
    expect(tokenAt(columnsOf(4, 540, 0, 0), 200)).toBe(null);
    expect(leftOf(columns, 10)).toBe(0);
  });

  test("a token is brought into the window, or nothing moves", () => {
    const columns = columnsOf(1000, 540, 0, 30);
    expect(revealed(columns, 100)).toBe(30);
    expect(revealed(columns, 500)).toBe(1500 - 270);
    expect(revealed(columns, 0)).toBe(0);
  });

  test("an empty text has no columns", () => {
    expect(tokenAt(columnsOf(0, 540, 0, 0), 5)).toBe(null);
  });
});

describe("marks", () => {
  test("those outside the window are left out, those at its edge are cut", () => {
    const columns = { count: 10, width: 40, cell: 10, scroll: 25 };
    expect(marksOf(columns, [0, 2, 3, 6, 9], [1, 2, 3, 4, 5])).toEqual([
      { x: 0, w: 5, value: 2 },
      { x: 5, w: 10, value: 3 },
      { x: 35, w: 5, value: 4 },
    ]);
  });

  test("where tokens share a pixel the largest by size shows, and not a number before any", () => {
    const columns = columnsOf(1000, 250, -9, 0);
    expect(columns.cell).toBe(0.25);
    const marks = marksOf(columns, [0, 1, 2, 5, 8, 9], [1, -7, 3, 2, 4, Number.NaN]);
    expect(marks).toEqual([
      { x: 0, w: 1, value: -7 },
      { x: 1, w: 1, value: 2 },
      { x: 2, w: 1, value: Number.NaN },
    ]);
  });
});

const block = {
  total: 2,
  features: array([7, 3]),
  labels: [[3, "three"]] as [number, string][],
  ...{ max: array([5, 4]), mean: array([1, 1]), tokens: array([2, 1]), share: array([0.5, 0.1]) },
  ...{ starts: array([0, 2, 3]), positions: array([1, 9, 4]), values: array([5, 2, 4]) },
};

describe("answers", () => {
  test("a block becomes rows", () => {
    const [seven, three] = rowsOf(block);
    expect(seven).toMatchObject({ feature: 7, label: "", max: 5, share: 0.5 });
    expect(three).toMatchObject({ feature: 3, label: "three", tokens: 1 });
    expect([0, 1, 2, 9, 10].map((i) => valueAt(seven!, i))).toEqual([0, 5, 0, 2, 0]);
    expect(valueAt(three!, 4)).toBe(4);
    expect(rangeOf(seven!, 10)).toEqual([0, 5]);
    expect(rangeOf(three!, 1)).toEqual([4, 4]);
  });

  test("a search means a label or the beginning of a number", () => {
    const row = { feature: 123, label: "Names of people" };
    expect(["12", "#123", "names", " PEOPLE "].map((find) => means(row, find))).toEqual(Array(4).fill(true));
    expect(["23", "#names of x"].map((find) => means(row, find))).toEqual([false, false]);
  });

  test("a position's parts, their sum and the rest", () => {
    const found = explainedOf(
      {
        ...{ starts: array([0, 1, 3]), features: array([4, 3, 9]), values: array([1, 2, 3]) },
        ...{ shares: array([0.9, 0.5, 0.2]), weights: array([1, 0.6, 0.3]) },
        ...{ sums: array([0.9, 0.8]), rests: array([0, 0.1]), labels: [[3, "three"]] },
      },
      1,
    );
    expect(found.parts.map((p) => [p.feature, p.label, p.value, p.share, p.weight])).toEqual([
      [3, "three", 2, 0.5, 0.6],
      [9, "", 3, 0.2, 0.3],
    ]);
    expect([found.sum, found.rest]).toEqual([0.8, 0.1]);
  });
});
