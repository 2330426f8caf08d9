// The parts of the attention view that need no page: what it asks, and how codes become fewer.

import { describe, expect, test } from "vitest";
import { Answers } from "../src/core/answers";
import { valueAt } from "../src/core/colour";
import type { Requests } from "../src/core/requests";
import { Data, type ViewInfo } from "../src/widgets/attention/data";
import { pooled, stronger } from "../src/widgets/attention/raster";
import { legendWords, positionWords, statusWords, valueWords } from "../src/widgets/attention/words";
import asked from "./asked.json";

const tokens = (texts: string[]) => ({
  texts,
  special: [],
  glyphs: [] as [number, number, string][],
  grid: null,
  grid_start: 0,
});

function view(change: Partial<ViewInfo["kinds"][string]> = {}): ViewInfo {
  const self = {
    layers: [0],
    heads: [2],
    causal: false,
    shows: [{ name: "pattern", reason: null, signed: false }],
    queries: tokens(["a", "b", "c"]),
    keys: null,
    compared: null,
    summaries: null,
    ...change,
  };
  return { kinds: { self }, preview: 256, full: 1024, exact: 32768, peaks: 512, image: null };
}

/** Requests that are written down and never answered, unless an answer is given. */
class Log {
  asked: [string, Record<string, unknown>][] = [];
  constructor(private answers: Record<string, unknown> = {}) {}
  #here = new Map<string, unknown>();
  has() {
    return false;
  }
  peek(method: string, params: Record<string, unknown>) {
    return this.#here.get(JSON.stringify([method, params]));
  }
  ask(method: string, params: Record<string, unknown>) {
    this.asked.push([method, params]);
    if (!(method in this.answers)) return new Promise(() => {});
    this.#here.set(JSON.stringify([method, params]), this.answers[method]);
    return Promise.resolve(this.answers[method]);
  }
}

const dataWith = (log: Log, info = view(), arrived = () => {}) => {
  const requests = log as unknown as Requests;
  const answers = new Answers(requests, arrived, (error) => expect.unreachable(String(error)));
  return new Data(
    requests,
    answers,
    () => info,
    () => "max",
  );
};
const place = { kind: "self", show: "pattern", layer: 0, head: 1 };

test("the page asks what Python records, word for word", () => {
  const log = new Log();
  const data = dataWith(log, view({ summaries: ["entropy"] }));
  data.thumbnails("self", "pattern", 0);
  data.thumbnails("self", "pattern", null);
  data.picture(place, true);
  data.exact(place, "query", 1);
  data.exact(place, "key", 2);
  data.strongest("self", "pattern", 0, "query", 1);
  data.strongest("self", "pattern", 0, "key", 2);
  data.summaries("self", 0);
  data.summaries("self", null);
  expect(log.asked).toEqual(asked.asked);
  expect(Object.keys(view()).sort()).toEqual([...asked.info].sort());
});

test("exact rows come in blocks, and each row is its own part of one", async () => {
  const values = { data: Float32Array.from({ length: 9 }, (_, i) => i), shape: [3, 3] };
  const log = new Log({ exact: { values } });
  let data!: Data;
  await new Promise<void>((resolve) => {
    data = dataWith(log, view(), resolve);
    expect(data.exact(place, "query", 2)).toBeNull();
  });
  expect([...data.exact(place, "query", 2)!]).toEqual([6, 7, 8]);
  expect([...data.exact(place, "query", 0)!]).toEqual([0, 1, 2]);
  expect(log.asked).toHaveLength(1);
});

test("a long text asks for the block its row stands in", () => {
  const log = new Log();
  const info = { ...view({ queries: tokens(Array(1000).fill("t")) }), exact: 5000 };
  const data = dataWith(log, info);
  data.exact(place, "query", 17);
  data.exact(place, "key", 4);
  expect(log.asked.map(([, params]) => params.start)).toEqual([15, 0]);
});

test("beyond the limit, peaks are asked for one token", () => {
  const log = new Log();
  dataWith(log, { ...view(), peaks: 2 }).strongest("self", "pattern", 0, "key", 2);
  expect(log.asked[0]![1].index).toBe(2);
});

test("where Python has no summaries, none are asked for", () => {
  const log = new Log();
  expect(dataWith(log).summaries("self", 0)).toBeNull();
  expect(log.asked).toEqual([]);
});

test("a causal query sees itself and what came before", () => {
  const seen = (causal: boolean) => {
    const data = dataWith(new Log(), view({ causal }));
    return [data.visible("self", 1, 0), data.visible("self", 1, 1), data.visible("self", 1, 2)];
  };
  expect(seen(true)).toEqual([true, true, false]);
  expect(seen(false)).toEqual([true, true, true]);
});

test("where two texts differ, a difference names both", () => {
  const compared = { queries: tokens(["a", " B", "c"]), keys: null };
  const data = dataWith(new Log(), view({ compared }));
  const texts = (show: string) => data.tokens("self", show, "query").texts;
  expect(texts("pattern")).toEqual(["a", "b", "c"]);
  expect(texts("compared")).toEqual(["a", " B", "c"]);
  expect(texts("difference")).toEqual(["a", "b|B", "c"]);
  expect(data.tokens("self", "difference", "query")).toBe(data.tokens("self", "difference", "query"));
});

describe("codes as fewer codes", () => {
  const rows = 6;
  const columns = 7;
  const whole = { top: 0, left: 0, rows, columns };
  // Every code a picture has, spread over the cells.
  const codes = Uint8Array.from({ length: rows * columns }, (_, i) => (i * 97) % 252);

  test("the same size is the same codes, and a part is a part", () => {
    expect(pooled(codes, columns, whole, rows, columns, false)).toEqual(codes);
    const part = { top: 2, left: 3, rows: 2, columns: 3 };
    const want = [2, 3].flatMap((r) => [3, 4, 5].map((c) => codes[r * columns + c]));
    expect([...pooled(codes, columns, part, 2, 3, false)]).toEqual(want);
  });

  test.each([
    [1, 1, false],
    [2, 3, false],
    [5, 7, false],
    [1, 1, true],
    [4, 2, true],
    [6, 3, true],
  ])("%i x %i, signed %s: each cell holds the strongest of its window", (height, width, signed) => {
    const small = pooled(codes, columns, whole, height, width, signed);
    const strength = (code: number) => (code === 0 ? -1 : Math.abs(valueAt(code, 1, signed)));
    const best = new Float64Array(height * width).fill(-1);
    for (let r = 0; r < rows; r++)
      for (let c = 0; c < columns; c++) {
        const at = Math.floor((r * height) / rows) * width + Math.floor((c * width) / columns);
        best[at] = Math.max(best[at]!, strength(codes[r * columns + c]!));
      }
    expect([...small].map(strength)).toEqual([...best]);
  });

  test.each([
    [255, 3, 255],
    [3, 255, 255],
    [254, 251, 254],
    [253, 1, 253],
    [255, 254, 255],
    [0, 0, 0],
    [0, 126, 126],
    [126, 0, 126],
  ])("marks win and masked loses: %i and %i give %i", (a, b, want) => {
    expect(stronger(a, b, true)).toBe(want);
    expect(stronger(a, b, false)).toBe(want);
  });
});

test("the legend says what a colour means, and every mark that occurs", () => {
  expect(legendWords("pattern", false, false, null)).toBe("probability, square-root scale");
  expect(legendWords("difference", true, true, "mean")).toBe(
    "probability in the first minus the second, square-root scale; upper triangle is masked; " +
      "hatched is not a number, ∞ infinite; mean of the cells in a pixel",
  );
});

test("the status line names the head and what is pinned, and a value only of a cell", () => {
  const read = { layer: 2, head: 1, kind: "", query: null, key: null, value: () => "0.5", preview: false };
  expect(statusWords(read)).toBe("layer 2 · head 1");
  expect(statusWords({ ...read, key: "key 3 “b”" })).toBe("layer 2 · head 1 · key 3 “b”");
  expect(
    statusWords({ ...read, kind: "induction", query: "query 0 “a”", key: "key 3 “b”", preview: true }),
  ).toBe("layer 2 · head 1 · induction · query 0 “a” → key 3 “b” · 0.5 · preview");
  expect(positionWords("query", 0, ["<b>"])).toBe("query 0 “<b>”");
  expect(positionWords("query", null, [])).toBeNull();
});

test("a value off the picture says so", () => {
  expect(valueWords(undefined, true, false)).toBe("…");
  expect(valueWords(0.25, true, true)).toBe("0.250");
  expect(valueWords(0.25, false, false)).toBe("≈ 0.250");
  expect(valueWords(0.25, false, true)).toContain("exact in the notebook");
});
