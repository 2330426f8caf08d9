// Arrays on the wire, the page's side of interpwidgets/_core/wire.py.

const CLASSES = {
  uint8: Uint8Array,
  uint16: Uint16Array,
  uint32: Uint32Array,
  int8: Int8Array,
  int16: Int16Array,
  int32: Int32Array,
  float32: Float32Array,
  float64: Float64Array,
} as const;

export type Dtype = keyof typeof CLASSES;
export type TypedArray =
  | Uint8Array
  | Uint16Array
  | Uint32Array
  | Int8Array
  | Int16Array
  | Int32Array
  | Float32Array
  | Float64Array;

export interface Wire {
  dtype: Dtype;
  shape: number[];
  codec: "raw" | "deflate";
  /** Bytes from a trait, an index into an answer's buffers, or base64 text in a static page. */
  data: ArrayBufferView | number | string;
}

export interface NDArray<T extends TypedArray = TypedArray> {
  data: T;
  shape: number[];
}

export function isWire(value: unknown): value is Wire {
  return (
    typeof value === "object" && value !== null && "dtype" in value && "codec" in value && "data" in value
  );
}

function bytesOf(data: Wire["data"], buffers: readonly ArrayBufferView[]): Uint8Array {
  if (typeof data === "string") return Uint8Array.from(atob(data), (c) => c.charCodeAt(0));
  const view = typeof data === "number" ? buffers[data] : data;
  if (view === undefined) throw new Error(`the answer has no buffer ${data}`);
  return new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
}

async function inflate(bytes: Uint8Array): Promise<Uint8Array> {
  const stream = new Blob([bytes as Uint8Array<ArrayBuffer>]).stream();
  return new Uint8Array(
    await new Response(stream.pipeThrough(new DecompressionStream("deflate"))).arrayBuffer(),
  );
}

export async function decode(wire: Wire, buffers: readonly ArrayBufferView[] = []): Promise<NDArray> {
  let bytes = bytesOf(wire.data, buffers);
  if (wire.codec === "deflate") bytes = await inflate(bytes);
  // Copied: a typed array needs an aligned offset, and the host may reuse its buffer.
  const copy = bytes.slice().buffer;
  return { data: new CLASSES[wire.dtype](copy), shape: wire.shape };
}

/** A copy of a JSON value in which every array is decoded. */
export async function decodeAll(value: unknown, buffers: readonly ArrayBufferView[] = []): Promise<unknown> {
  if (isWire(value)) return decode(value, buffers);
  if (Array.isArray(value)) return Promise.all(value.map((child) => decodeAll(child, buffers)));
  if (typeof value === "object" && value !== null) {
    const pairs = Object.entries(value).map(
      async ([k, child]) => [k, await decodeAll(child, buffers)] as const,
    );
    return Object.fromEntries(await Promise.all(pairs));
  }
  return value;
}
