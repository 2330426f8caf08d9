import { describe, expect, test } from "vitest";
import { Axis, type Column, outwards } from "../src/widgets/features/axis";
import {
  type Example,
  examplesOf,
  numberOf,
  type PackedExamples,
  percent,
  pieceOf,
  wordsOf,
} from "../src/widgets/features/data";
import { around, unitsOf } from "../src/widgets/features/line";
import { type Side, sidesOf } from "../src/widgets/features/sides";

const { NaN: none, POSITIVE_INFINITY: inf, NEGATIVE_INFINITY: minus } = Number;

function column(codes: number[], low: number, high: number, logarithmic: boolean): Column {
  return { codes: { data: Uint16Array.from(codes), shape: [codes.length] }, low, high, logarithmic };
}

describe("an axis of codes", () => {
  const even = new Axis(column([2, 65533], -4, 6, false), 0, 108);
  const powers = new Axis(column([1, 2, 65533], 1e-4, 1, true), 0, 118);

  test("places the ends, the unknown and the infinite", () => {
    expect([2, 65533, 0, 65535, 65534].map((code) => even.at(code))).toEqual([4, 104, null, 104, 4]);
    expect(even.gutter).toBeNull();
  });

  test("puts zeros of a logarithmic axis before its start", () => {
    expect(powers.at(1)!).toBeLessThan(powers.at(2)!);
    expect(powers.about(1)).toBe(0);
  });

  test.each([-4, -1.5, 0, 6])("an even axis finds %f again at its pixel", (value) => {
    expect(even.value(even.place(value))).toBeCloseTo(value, 9);
  });

  test.each([1e-4, 0.003, 1])("a logarithmic axis finds %f again at its pixel", (value) => {
    expect(powers.value(powers.place(value))! / value).toBeCloseTo(1, 9);
  });

  test("beyond its ends there is no value", () => {
    expect([even.value(0), even.value(107), powers.value(2)]).toEqual([null, null, null]);
  });

  test("a column of one value stands in the middle", () => {
    const one = new Axis(column([32768], 2, 2, false), 0, 108);
    expect(one.place(2)).toBe(54);
  });

  test("ticks are powers of ten, or round numbers, within the ends", () => {
    expect(powers.ticks(9).map((tick) => tick.value)).toEqual([1e-4, 1e-3, 1e-2, 1e-1, 1]);
    expect(powers.ticks(3).length).toBeLessThanOrEqual(3);
    expect(even.ticks(5).map((tick) => tick.value)).toEqual([0, 5]);
  });

  test("what codes stand for is near the value that Python coded", () => {
    const code = 2 + Math.round((65531 * Math.log(0.003 / 1e-4)) / Math.log(1e4));
    expect(powers.about(code) / 0.003).toBeCloseTo(1, 3);
    expect([even.about(0), even.about(65535), even.about(65534)]).toEqual([none, inf, minus]);
  });
});

test.each([
  [0.0012345, false, 0.00123],
  [0.0012345, true, 0.00124],
  [-7.777, false, -7.78],
  [-7.777, true, -7.77],
  [12345, true, 12400],
  [0, true, 0],
  [null, true, null],
])("%j rounded outwards, up %j, is %j", (value, up, want) => {
  expect(outwards(value, up)).toBe(want);
});

test.each([
  [0, "0"],
  [1, "100.0%"],
  [0.4753, "47.5%"],
  [0.05, "5.0%"],
  [0.000123, "0.012%"],
  [2.6e-7, "3e-5%"],
  [none, "NaN"],
])("a share of %f reads %s", (share, want) => {
  expect(percent(share)).toBe(want);
});

test("a feature is called by its label, else by what it fires on", () => {
  expect(wordsOf({ label: "royalty", fires: [" king"] })).toBe("royalty");
  expect(wordsOf({ label: "", fires: [" king", " queen"] })).toBe("king · queen");
  expect(wordsOf({ label: "", fires: [] })).toBe("never fires");
});

test("numbers that JSON cannot hold come back", () => {
  expect([1.5, "inf", "-inf", "nan"].map(numberOf)).toEqual([1.5, inf, minus, none]);
});

const nd = (data: Float32Array | Int32Array | Uint8Array) => ({ data, shape: [data.length] });

const PACKED: PackedExamples = {
  groups: ["top", "rest"],
  texts: nd(new TextEncoder().encode(JSON.stringify(["a", " café", "\\xf0", "\\x9f"]))),
  table: nd(Int32Array.from([0, 7, 40, 39, 1, 2, 1, 8, 3, 0, 3, 4])),
  tokens: nd(Uint8Array.from([0, 1, 1, 2, 3, 0])),
  values: nd(Float32Array.from([0, 2, 0.5, -3, 1, 0])),
  value: nd(Float32Array.from([2, 1])),
  special: [[1, 0]],
  glyphs: [[1, 1, 3, "😀"]],
};

test("examples are cut apart as they were packed", () => {
  const [first, second] = examplesOf(PACKED);
  expect(first).toMatchObject({ group: "top", document: 7, position: 40, start: 39, peak: 1, value: 2 });
  expect(first!.texts).toEqual(["a", " café"]);
  expect(second).toMatchObject({ group: "rest", texts: [" café", "\\xf0", "\\x9f", "a"], special: [0] });
  expect(second!.glyphs).toEqual([[1, 3, "😀"]]);
  expect(Array.from(second!.values as Float32Array)).toEqual([0.5, -3, 1, 0]);
});

test("pieces of one character stand together with the strongest value of them", () => {
  const units = unitsOf(examplesOf(PACKED)[1]!);
  expect(units.map((unit) => [unit.text, unit.value])).toEqual([
    [" café", 0.5],
    ["😀", -3],
    ["a", 0],
  ]);
});

test("a value that is not a number wins over its neighbours in one character", () => {
  const example = { ...examplesOf(PACKED)[1]!, values: [0, 5, none, 0] };
  expect(unitsOf(example)[1]!.value).toBeNaN();
});

test("a line holds what fits on both sides, and one token more that its edge may cut", () => {
  const texts = "aaaa bbbb cccc dddd eeee ffff".split(" ");
  const units = texts.map((text, start) => ({ start, stop: start + 1, text, value: 0 }));
  const [before, after] = around(units, 3, 6, 11);
  expect(before.map((unit) => unit.text)).toEqual(["bbbb", "cccc"]);
  expect(after.map((unit) => unit.text)).toEqual(["dddd", "eeee", "ffff"]);
  const [none_, all] = around(units, 0, 50, 500);
  expect([none_.length, all.length]).toEqual([0, 6]);
});

test("in a wider context what was not kept is not taken for a number", () => {
  const example = examplesOf(PACKED)[0] as Example;
  const values = nd(Float32Array.from([none, 0, 2, none]));
  const context = { start: 38, texts: ["x", "a", " café", "y"], special: [], glyphs: [], values };
  const piece = pieceOf(context, example);
  expect(piece.peak).toBe(2);
  expect(Array.from(piece.values as ArrayLike<number | undefined>)).toEqual([undefined, 0, 2, undefined]);
});

test("both ends of the vocabulary share one scale, and what is read has its own", () => {
  const ends = (...values: number[]) => ({
    texts: values.map((_, i) => ` t${i}`),
    ids: values.map((_, i) => i),
    values: nd(Float32Array.from(values)),
  });
  // biome-ignore lint/suspicious/noExplicitAny: only these parts are read
  const sides: Side[] = sidesOf({ read: ends(8, 4), promoted: ends(1, none), suppressed: ends(-2) } as any);
  expect(sides.map((side) => side.most)).toEqual([8, 2, 2]);
  // biome-ignore lint/suspicious/noExplicitAny: only these parts are read
  expect(sidesOf({ read: null, promoted: null, suppressed: ends() } as any)).toEqual([]);
});
