import { expect, test } from "vitest";
import { largest } from "../src/core/bars";

const all = () => true;
const { NaN: none, POSITIVE_INFINITY: inf, NEGATIVE_INFINITY: minus } = Number;

test.each([
  [[0.1, 0.7, 0.2], 2, [1, 2]],
  [[-0.9, 0.5, 0.1], 2, [0, 1]],
  [[0.5, 0.5, 0.5], 2, [0, 1]],
  [[-0.5, 0.5], 2, [0, 1]],
  [[0.1, 0.2], 9, [1, 0]],
  [[], 3, []],
  [[0, 0, 0], 0, []],
  [[1, none, 2], 2, [1, 2]],
  [[1, minus, inf, none], 3, [1, 2, 3]],
])("%j, %i of them: %j", (values, most, want) => {
  expect(largest(values, most, all)).toEqual(want);
});

test("a typed array will do, and is left as it was", () => {
  const values = Float32Array.of(0.25, 0.75, 0.5);
  expect(largest(values, 3, all)).toEqual([1, 2, 0]);
  expect([...values]).toEqual([0.25, 0.75, 0.5]);
});

test("masked positions are left out, whatever they hold", () => {
  expect(largest([9, 1, none, 2], 4, (i) => i % 2 === 1)).toEqual([3, 1]);
});

test("many numbers: the same as sorting by magnitude", () => {
  const values = Array.from({ length: 500 }, (_, i) => Math.sin(i * i) * (i % 7));
  const want = values
    .map(Math.abs)
    .sort((a, b) => b - a)
    .slice(0, 10);
  expect(largest(values, 10, all).map((i) => Math.abs(values[i]!))).toEqual(want);
});
