import { describe, expect, test } from "vitest";
import { type Dtype, decode, decodeAll, isWire, type Wire } from "../src/core/wire";
import vectors from "./vectors.json";

const fromHex = (hex: string) => Uint8Array.from(hex.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
const base64 = (bytes: Uint8Array) => btoa(String.fromCharCode(...bytes));
const wireOf = (given: (typeof vectors.wire)[number]["wire"], data: Wire["data"]): Wire => ({
  dtype: given.dtype as Dtype,
  shape: given.shape,
  codec: given.codec as Wire["codec"],
  data,
});

/** The bytes in the middle of a longer buffer, at an offset that no float may stand at. */
function inside(bytes: Uint8Array): DataView {
  const buffer = new Uint8Array(bytes.length + 8).fill(99);
  buffer.set(bytes, 3);
  return new DataView(buffer.buffer, 3, bytes.length);
}

async function deflated(bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array> {
  const stream = new Blob([bytes]).stream().pipeThrough(new CompressionStream("deflate"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

describe.each(vectors.wire)("$wire.dtype $wire.shape $wire.codec", ({ wire, hex, values }) => {
  const bytes = fromHex(hex);

  test.each([
    ["bytes of a trait", wireOf(wire, bytes), []],
    ["a view with an offset", wireOf(wire, inside(bytes)), []],
    ["a buffer of an answer", wireOf(wire, 1), [new DataView(new ArrayBuffer(5)), inside(bytes)]],
    ["base64 of a static page", wireOf(wire, base64(bytes)), []],
  ] as const)("reads %s", async (_, given, buffers) => {
    const { data, shape } = await decode(given, buffers);
    expect([...data]).toEqual(values);
    expect(shape).toEqual(wire.shape);
    expect(data.constructor.name.toLowerCase()).toBe(`${wire.dtype}array`);
  });
});

test("a large deflated array", async () => {
  const values = Float32Array.from({ length: 50_000 }, (_, i) => i % 7);
  const data = await deflated(new Uint8Array(values.buffer));
  const back = await decode({ dtype: "float32", shape: [50_000], codec: "deflate", data });
  expect(back.data).toEqual(values);
});

test("what the host does with its buffer afterwards changes nothing", async () => {
  const buffer = new Uint8Array([1, 2, 3]);
  const { data } = await decode({ dtype: "uint8", shape: [3], codec: "raw", data: buffer });
  buffer.fill(0);
  expect([...data]).toEqual([1, 2, 3]);
});

test("a buffer that did not come is an error", async () => {
  const wire: Wire = { dtype: "uint8", shape: [1], codec: "raw", data: 2 };
  await expect(decode(wire, [new Uint8Array(1)])).rejects.toThrow("the answer has no buffer 2");
});

test("broken data is an error", async () => {
  const broken: Wire = { dtype: "uint8", shape: [9], codec: "deflate", data: new Uint8Array([1, 2, 3]) };
  await expect(decode(broken)).rejects.toThrow();
  const odd: Wire = { dtype: "float32", shape: [1], codec: "raw", data: new Uint8Array(3) };
  await expect(decode(odd)).rejects.toThrow();
});

test("arrays are found at any depth, and all else is kept", async () => {
  const wire = (index: number): Wire => ({ dtype: "uint8", shape: [1], codec: "raw", data: index });
  const buffers = [new Uint8Array([5]), new Uint8Array([6])];
  const given = { a: [wire(1), { b: wire(0) }], c: null, d: "text", e: 0, f: false, g: [], h: {} };
  const array = (value: number) => ({ data: new Uint8Array([value]), shape: [1] });
  expect(await decodeAll(given, buffers)).toEqual({ ...given, a: [array(6), { b: array(5) }] });
});

test.each([[null], [undefined], [1], ["text"], [[]], [{}], [{ dtype: "uint8", data: 0 }]])(
  "%j is no array",
  (value) => {
    expect(isWire(value)).toBe(false);
  },
);
