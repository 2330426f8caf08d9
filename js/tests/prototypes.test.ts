// The arithmetic of the prototype view: changed weights, logits that add up, and what stands around a box.

import { expect, test } from "vitest";
import { type GalleryInfo, nameOf, orderOf } from "../src/core/gallery_data";
import { around } from "../src/core/thumbnails";
import {
  type Comparison,
  changedWeights,
  largest,
  type ModelInfo,
  Reading,
  softmax,
} from "../src/widgets/prototypes/data";

const array = <T extends Float64Array | Float32Array>(data: T, ...shape: number[]) => ({ data, shape });
const own = array(Float64Array.of(1, 2, 3, -1, 0.5, 0), 2, 3);
const info = { classes: ["a", "b"], owner: [0, 0, 1], grouped: false } as unknown as ModelInfo;
const found = {
  similarities: array(Float64Array.of(2, 1, 0.5), 3),
  logits: array(Float64Array.of(5.5, -1.5), 2),
  contributions: null,
  boxes: array(Float32Array.of(0, 0, 8, 8, 8, 8, 16, 16, 0, 8, 8, 16), 3, 4),
  size: [16, 16],
} as unknown as Comparison;
const where = { model: 0, image: 0, class_: null };

test("single weights are set first, then a prototype's are multiplied", () => {
  expect([...changedWeights(own, { "0": 0 })].map((v) => v + 0)).toEqual([0, 2, 3, 0, 0.5, 0]);
  expect([...changedWeights(own, { "1": 2, "1:0": 5, "2:1": -1 })]).toEqual([1, 10, 3, -1, 1, -1]);
  expect([...own.data]).toEqual([1, 2, 3, -1, 0.5, 0]);
});

test("logits follow the weights, and rows keep the order of the network's own", () => {
  const plain = new Reading(where, info, found, own, {});
  expect([...plain.now]).toEqual([5.5, -1.5]);
  expect(plain.order).toEqual([0, 1, 2]);
  expect(plain.class_).toBe(0);
  const changed = new Reading(where, info, found, own, { "0": 0, "1:0": -9 });
  expect([...changed.now]).toEqual([-9 + 1.5, 0.5]);
  expect(changed.order).toEqual([0, 1, 2]);
  expect(changed.predicted).toBe(1);
  expect(changed.class_).toBe(0);
  expect([...changed.before]).toEqual([5.5, -1.5]);
});

test("what is not a number comes last and stays", () => {
  const broken = { ...found, similarities: array(Float64Array.of(Number.NaN, 1, 0.5), 3) };
  expect(new Reading(where, info, broken as Comparison, own, {}).order).toEqual([1, 2, 0]);
});

test("a box is told in pixels of a picture of any size", () => {
  const reading = new Reading(where, info, found, own, {});
  expect(reading.boxIn(2, { height: 32, width: 48 })).toEqual([0, 24, 16, 48]);
});

test("probabilities of large logits are finite and sum to 1", () => {
  const p = softmax([1000, 999]);
  expect(p[0]! + p[1]!).toBeCloseTo(1, 12);
  expect(p[0]! / p[1]!).toBeCloseTo(Math.E, 9);
  expect(largest([1, 3, 2])).toBe(1);
});

test("around a box stands a square inside the image, as in Python", () => {
  // The same cases as in tests/unit/test_prototypes_view.py.
  expect(around([0, 0, 8, 8], 64, 64)).toEqual([0, 0, 16, 16]);
  expect(around([24, 24, 32, 32], 64, 64)).toEqual([20, 20, 36, 36]);
  expect(around([60, 60, 64, 64], 64, 64)).toEqual([48, 48, 64, 64]);
  expect(around([0, 0, 64, 64], 64, 64)).toEqual([0, 0, 64, 64]);
});

test("units are found by name, label or number, and sorted with the unknown last", () => {
  const gallery = {
    names: ["0", "1", "12"],
    labels: ["red", "blue", "red"],
    unit_kind: "unit",
  } as GalleryInfo;
  const numbers = {
    first: array(Float32Array.of(Number.NaN, 1, 2), 3),
    mean: array(Float32Array.of(3, 1, 2), 3),
    count: array(Float32Array.of(0, 1, 1), 3),
  };
  expect(orderOf(gallery, numbers, "", "number")).toEqual([0, 1, 2]);
  expect(orderOf(gallery, numbers, "", "strongest")).toEqual([2, 1, 0]);
  expect(orderOf(gallery, numbers, "RED", "mean")).toEqual([0, 2]);
  expect(orderOf(gallery, numbers, "", "label")).toEqual([1, 0, 2]);
  expect(nameOf(gallery, 2)).toBe("unit 12");
});
