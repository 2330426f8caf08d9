import { expect, test } from "vitest";
import { Run, type ViewInfo } from "../src/widgets/denoising/run";

// Four positions: the first was given, the others were filled at steps 2, 1 and 3.
const info = {
  steps: 3,
  filled: [0, 2, 1, 3],
  block: 4,
  features: [{ feature: 7, label: "sea" }],
} as ViewInfo;
const nan = Number.NaN;
const run = new Run(info, {
  probability: [nan, 0.2, 0.6, 0.1, nan, 0.7, 0.6, 0.3, nan, 0.7, 0.6, 0.9, nan, 0.7, 0.6, 0.9],
  entropy: [nan, 2, 1, 3, nan, 0.5, nan, 2, nan, nan, nan, 0.1],
  values: { data: Float32Array.from({ length: 16 }, (_, i) => i - 2), shape: [1, 4, 4] },
});

test("a position is open until the step that fills it", () => {
  const open = [0, 1, 2, 3].map((state) =>
    [0, 1, 2, 3].filter((position) => run.isOpen({ state, position })),
  );
  expect(open).toEqual([[1, 2, 3], [1, 3], [3], []]);
});

test("what colours a place", () => {
  const at = (state: number, position: number) => ({ state, position });
  expect(run.value("filled", 0, at(0, 1))).toBeNull();
  expect(run.value("filled", 0, at(2, 1))).toBe(2);
  expect(run.value("filled", 0, at(3, 0))).toBeNull();
  expect(run.value("probability", 0, at(1, 3))).toBe(0.3);
  expect(run.value("probability", 0, at(3, 0))).toBeNull();
  expect(run.value("entropy", 0, at(1, 1))).toBe(0.5);
  expect(run.value("entropy", 0, at(2, 1))).toBeNull();
  expect(run.value("feature", 0, at(3, 0))).toBe(10);
  expect(run.ends("feature", run.all("feature", 0))).toEqual({ low: -13, high: 13, signed: true });
});

test("guesses of open places stand in blocks, state after state", () => {
  expect(run.starts).toEqual([0, 4]);
  expect(run.guessAt({ state: 0, position: 3 })).toEqual({ start: 0, row: 2 });
  expect(run.guessAt({ state: 1, position: 3 })).toEqual({ start: 4, row: 0 });
  expect(run.guessAt({ state: 2, position: 3 })).toEqual({ start: 4, row: 1 });
  expect(run.guessAt({ state: 2, position: 1 })).toBeNull();
});

test("features at a place, strongest first, those that do not fire left out", () => {
  expect(run.firing({ state: 3, position: 3 }, 5)).toEqual([{ kept: 0, value: 13 }]);
  expect(run.firing({ state: 0, position: 2 }, 5)).toEqual([]);
});
