import { describe, expect, it } from "vitest";
import { interval, median, resultText, row, scored, scoreOf, type Trials } from "../src/widgets/quiz/data";
import { cell } from "../src/widgets/quiz/pictures";

const array = (data: number[], shape = [data.length]) => ({ data: Int32Array.from(data), shape });

function trials(units: number[], answers: number[]): Trials {
  const none = array([], [0, 2]);
  return {
    ...{ units: array(units), answers: array(answers), strong: none, weak: none, queries: none },
    ...{ values: none, indices: none, machine: null },
  };
}

describe("the interval of a share", () => {
  // From scipy.stats.binomtest(right, count).proportion_ci(method="wilson").
  it.each([
    [7, 10, 0.39677814746, 0.89220873259],
    [0, 5, 0, 0.43448246478],
    [5, 5, 0.56551753522, 1],
    [50, 100, 0.40383153033, 0.59616846963],
  ])("%i of %i", (right, count, low, high) => {
    const found = scoreOf(right, count);
    expect(found.low).toBeCloseTo(low, 9);
    expect(found.high).toBeCloseTo(high, 9);
    expect(found.share).toBe(right / count);
  });

  it("of nothing is everything", () => {
    expect(interval(scoreOf(0, 0))).toBe("0.00 to 1.00");
  });
});

describe("a score", () => {
  it("counts what was answered, of all or of one unit", () => {
    const all = trials([0, 1, 0, 1], [1, 0, 0, 1]);
    const given = [1, 1, null, 1];
    expect(scored(all, given)).toMatchObject({ right: 2, count: 3 });
    expect(scored(all, given, 0)).toMatchObject({ right: 1, count: 1 });
    expect(scored(all, Int32Array.from([1, 0, -1, -1]))).toMatchObject({ right: 2, count: 2 });
  });
});

it("the text of the answers keeps what was not answered", () => {
  const info = { count: 2, names: ["a"], name: "q", value_kind: "x", images: 0, block: 1, aspect: 1 };
  const text = resultText(info, trials([0, 0], [1, 0]), [null, 0], [null, 1.5], "Ada");
  expect(JSON.parse(text)).toEqual({
    ...{ quiz: "q", names: ["a"], units: [0, 0], choices: [-1, 0], answers: [1, 0] },
    ...{ seconds: [null, 1.5], readers: ["Ada", "Ada"] },
  });
});

it("rows and medians", () => {
  expect(row(array([1, 2, 3, 4, 5, 6], [2, 3]), 1)).toEqual([4, 5, 6]);
  expect(median([3, 1, 2])).toBe(2);
  expect(median([4, 1])).toBe(2.5);
});

it("nine images lie three by three, of the images' own shape", () => {
  const last = cell(8, 9, 128, 0.5);
  expect(last).toEqual({ x: 88, y: 48, w: 40, h: 20 });
  expect(cell(0, 1, 100, 1)).toEqual({ x: 0, y: 0, w: 100, h: 100 });
});
