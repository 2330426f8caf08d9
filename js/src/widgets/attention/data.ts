// The numbers behind the picture: what is asked of Python, in which order, and what is here already.

import { MASKED, MINUS_INFINITY, valueAt } from "../../core/colour";
import { NotRecorded, type Requests } from "../../core/requests";
import type { TokenData } from "../../core/tokens";
import type { NDArray, Wire } from "../../core/wire";

export type Axis = "query" | "key";

export const otherAxis = (axis: Axis): Axis => (axis === "query" ? "key" : "query");

export interface ShowInfo {
  name: string;
  reason: string | null;
  signed: boolean;
}

export interface KindInfo {
  layers: number[];
  heads: number[];
  causal: boolean;
  shows: ShowInfo[];
  queries: TokenData;
  keys: TokenData | null;
  compared: { queries: TokenData; keys: TokenData | null } | null;
}

/** `AttentionView._view`. */
export interface ViewInfo {
  kinds: Record<string, KindInfo>;
  preview: number;
  full: number;
  exact: number;
  peaks: number;
  image: Wire | null;
}

/** Which head of what is looked at. */
export interface Place {
  kind: string;
  show: string;
  layer: number;
  head: number;
}

export interface SumCheck {
  law: string;
  value: number | null;
  holds: boolean;
}

export interface Range {
  start: number;
  stop: number;
}

export interface Picture {
  /** Which queries and keys it shows. */
  q: Range;
  k: Range;
  codes: Uint8Array;
  rows: number;
  columns: number;
  scale: number;
  sum_check: SumCheck | null;
  /** Whether some cell is not a number or infinite. */
  marked: boolean;
  /** 0 for a thumbnail, 1 for a preview, 2 for the best the page will get. */
  quality: number;
}

export interface Heads {
  codes: Uint8Array;
  /** Of one thumbnail. */
  rows: number;
  columns: number;
  scales: number[];
  /** Every so manieth query was looked at. */
  stride: number;
}

interface PictureAnswer {
  codes: NDArray<Uint8Array>;
  scale: number;
  sum_check: SumCheck | null;
}

function read({ codes, scale, sum_check }: PictureAnswer) {
  const [rows, columns] = codes.shape as [number, number];
  const marked = codes.data.some((code) => code >= MINUS_INFINITY);
  return { codes: codes.data, rows, columns, scale, sum_check, marked };
}

const length = (range: Range) => range.stop - range.start;
const covers = (a: Range, b: Range) => a.start <= b.start && a.stop >= b.stop;
const meets = (a: Range, b: Range) => a.start < b.stop && b.start < a.stop;

/** Half as much again on both sides, its ends on a grid that grows with it, so that near views share a window. */
function grown(view: Range, count: number): Range {
  const step = 2 ** Math.max(0, Math.floor(Math.log2(length(view) / 4)));
  const start = Math.floor(Math.max(0, view.start - length(view) / 2) / step) * step;
  return { start, stop: Math.min(count, Math.ceil((view.stop + length(view) / 2) / step) * step) };
}

const samePlace = (p: Place) => `${p.kind}/${p.show}/${p.layer}/${p.head}`;

export class Data {
  /** Called when something new has arrived. */
  onArrival: () => void = () => {};
  onFailure: (error: unknown) => void = () => {};
  #pictures = new Map<string, Picture>();
  #heads = new Map<string, Heads>();
  #peaks = new Map<string, NDArray<Uint32Array>>();
  #blocks = new Map<string, Float32Array>();
  #details: { place: string; picture: Picture }[] = [];

  #requests: Requests;
  #info: () => ViewInfo;

  constructor(requests: Requests, info: () => ViewInfo) {
    this.#requests = requests;
    this.#info = info;
  }

  kind(name: string): KindInfo {
    return this.#info().kinds[name]!;
  }

  count(kind: string, axis: Axis): number {
    const k = this.kind(kind);
    return (axis === "query" || !k.keys ? k.queries : k.keys).texts.length;
  }

  /** Tell of an arrival or a failure; what a page did not record is no failure where something stands in for it. */
  #run(work: Promise<void>, standIn: boolean): void {
    work.then(
      () => this.onArrival(),
      (error) => {
        if (!(standIn && error instanceof NotRecorded)) this.onFailure(error);
      },
    );
  }

  /** Small pictures of every head of a layer (null: of the model); null while they are on their way. */
  thumbnails(kind: string, show: string, layer: number | null): Heads | null {
    const id = `${kind}/${show}/${layer}`;
    const known = this.#heads.get(id);
    if (known) return known;
    this.#run(
      this.#requests
        .ask<{ codes: NDArray<Uint8Array>; scales: number[]; stride: number }>("heads", { kind, show, layer })
        .then(({ codes, scales, stride }) => {
          const [, rows, columns] = codes.shape as [number, number, number];
          this.#heads.set(id, { codes: codes.data, rows, columns, scales, stride });
        }),
      false,
    );
    return null;
  }

  /** The best picture of a head that is here; asks for the full one, and for a preview on the way when it is large. */
  picture(place: Place, wanted: boolean): Picture | null {
    const id = samePlace(place);
    const known = this.#pictures.get(id) ?? null;
    if (wanted && known?.quality !== 2) {
      const { preview, full } = this.#info();
      const longest = Math.max(this.count(place.kind, "query"), this.count(place.kind, "key"));
      if (
        longest > preview &&
        !known &&
        this.#requests.has("picture", { ...place, window: null, size: preview })
      )
        this.#fetch(place, preview, 1);
      this.#fetch(place, Math.min(full, longest), 2);
    }
    return known ?? this.#fromThumbnail(place);
  }

  #fetch(place: Place, size: number, quality: number): void {
    const asked = this.#requests.ask<PictureAnswer>("picture", { ...place, window: null, size });
    this.#run(
      asked.then((answer) => {
        if ((this.#pictures.get(samePlace(place))?.quality ?? 0) >= quality) return;
        this.#pictures.set(samePlace(place), { ...this.#whole(place.kind), ...read(answer), quality });
      }),
      this.#fromThumbnail(place) !== null,
    );
  }

  #whole(kind: string): { q: Range; k: Range } {
    return {
      q: { start: 0, stop: this.count(kind, "query") },
      k: { start: 0, stop: this.count(kind, "key") },
    };
  }

  /**
   * Beyond what one picture holds cell by cell: the part in view, at the screen's resolution. Gives the best part that
   * is here, and asks for a wider one than is seen, so that small moves need nothing new.
   */
  detail(place: Place, view: { q: Range; k: Range }): Picture | null {
    const { q, k } = this.#whole(place.kind);
    const { full } = this.#info();
    if (Math.max(q.stop, k.stop) <= full) return null;
    const share = Math.max(length(view.q) / length(q), length(view.k) / length(k));
    if (share > 0.9) return null;
    const own = this.#details.filter((d) => d.place === samePlace(place)).map((d) => d.picture);
    const fitting = own.find(
      (d) =>
        covers(d.q, view.q) && covers(d.k, view.k) && length(d.q) <= 3.5 * Math.max(length(view.q), full / 4),
    );
    if (fitting) return fitting;
    const [rows, columns] = [grown(view.q, q.stop), grown(view.k, k.stop)];
    const window = [rows.start, rows.stop, columns.start, columns.stop];
    const asked = this.#requests.ask<PictureAnswer>("picture", { ...place, window, size: full }, "detail");
    this.#run(
      asked.then((answer) => {
        const picture = { q: rows, k: columns, ...read(answer), quality: 2 };
        const same = (d: Picture) =>
          d.q.start === rows.start && d.q.stop === rows.stop && d.k.start === columns.start;
        if (own.some(same)) return;
        this.#details.unshift({ place: samePlace(place), picture });
        this.#details.length = Math.min(this.#details.length, 12);
      }),
      true,
    );
    return own.find((d) => meets(d.q, view.q) && meets(d.k, view.k)) ?? null;
  }

  #fromThumbnail(place: Place): Picture | null {
    const { kind, show, layer, head } = place;
    const at = this.kind(kind).layers.indexOf(layer);
    for (const owner of [layer, null]) {
      const heads = this.#heads.get(`${kind}/${show}/${owner}`);
      if (!heads) continue;
      const before =
        owner === null
          ? this.kind(kind)
              .heads.slice(0, at)
              .reduce((a, b) => a + b, 0)
          : 0;
      const size = heads.rows * heads.columns;
      const codes = heads.codes.subarray((before + head) * size, (before + head + 1) * size);
      const scale = heads.scales[owner === null ? at : 0]!;
      return {
        ...this.#whole(kind),
        codes,
        rows: heads.rows,
        columns: heads.columns,
        scale,
        sum_check: null,
        marked: false,
        quality: 0,
      };
    }
    return null;
  }

  /** One exact row (axis "query") or column; null while it is on its way. Neighbours come in the same block. */
  exact(place: Place, axis: Axis, index: number): Float32Array | null {
    const width = this.count(place.kind, axis === "query" ? "key" : "query");
    const per = Math.max(1, Math.floor(this.#info().exact / Math.max(1, width)));
    const start = Math.floor(index / per) * per;
    const id = `${samePlace(place)}/${axis}/${start}`;
    const known = this.#blocks.get(id);
    if (known) return known.subarray((index - start) * width, (index - start + 1) * width);
    this.#run(
      this.#requests
        .ask<{ values: NDArray<Float32Array> }>("exact", { ...place, axis, start })
        .then(({ values }) => {
          this.#blocks.set(id, values.data);
          if (this.#blocks.size > 256) this.#blocks.delete(this.#blocks.keys().next().value!);
        }),
      true,
    );
    return null;
  }

  /** The same row read off the picture's eight bits, for the moment until the exact one is here. */
  approximate(place: Place, axis: Axis, index: number): Float32Array | null {
    const picture = this.picture(place, false);
    if (!picture) return null;
    const { codes, rows, columns, scale } = picture;
    const [n, m] = [this.count(place.kind, "query"), this.count(place.kind, "key")];
    const signed = this.signed(place.kind, place.show);
    const width = axis === "query" ? m : n;
    return Float32Array.from({ length: width }, (_, i) => {
      const [q, k] = axis === "query" ? [index, i] : [i, index];
      return valueAt(
        codes[Math.floor((q * rows) / n) * columns + Math.floor((k * columns) / m)] ?? MASKED,
        scale,
        signed,
      );
    });
  }

  /** For every head of a layer, the position that a query (or key) looks at most (is looked at from most). */
  strongest(kind: string, show: string, layer: number, axis: Axis, index: number): number[] | null {
    const longest = Math.max(this.count(kind, "query"), this.count(kind, "key"));
    const all = longest <= this.#info().peaks;
    const params = { kind, show, layer, axis, index: all ? null : index };
    const id = JSON.stringify(params);
    const known = this.#peaks.get(id);
    if (known) {
      const heads = known.shape[0] ?? 0;
      const per = known.shape[1] ?? 0;
      return Array.from({ length: heads }, (_, head) => known.data[head * per + (all ? index : 0)]!);
    }
    const asked = this.#requests.ask<{ where: NDArray<Uint32Array> }>("peaks", params);
    this.#run(
      asked.then(({ where }) => {
        this.#peaks.set(id, where);
      }),
      true,
    );
    return null;
  }

  signed(kind: string, show: string): boolean {
    return this.kind(kind).shows.find((s) => s.name === show)?.signed ?? false;
  }

  /** Whether a query can see a key. */
  visible(kind: string, query: number, key: number): boolean {
    return !this.kind(kind).causal || key <= query;
  }

  /** The tokens of an axis as this show names them: both texts where two compared traces differ. */
  tokens(kind: string, show: string, axis: Axis): TokenData {
    const k = this.kind(kind);
    const first = axis === "query" || !k.keys ? k.queries : k.keys;
    const second = k.compared
      ? axis === "query" || !k.compared.keys
        ? k.compared.queries
        : k.compared.keys
      : null;
    if (!second || (show !== "compared" && show !== "difference")) return first;
    return show === "compared" ? second : this.#merged(first, second);
  }

  #mergedOnce = new WeakMap<TokenData, TokenData>();

  #merged(first: TokenData, second: TokenData): TokenData {
    const known = this.#mergedOnce.get(first);
    if (known) return known;
    const texts = first.texts.map((t, i) => (t === second.texts[i] ? t : `${t}|${second.texts[i]?.trim()}`));
    const merged = {
      ...first,
      texts,
      glyphs: texts.every((t, i) => t === first.texts[i]) ? first.glyphs : [],
    };
    this.#mergedOnce.set(first, merged);
    return merged;
  }
}
