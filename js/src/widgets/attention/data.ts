// The numbers behind the picture: what is asked of Python, in which order, and what is here already.

import type { Answers } from "../../core/answers";
import { MASKED, MINUS_INFINITY, valueAt } from "../../core/colour";
import type { Requests } from "../../core/requests";
import type { TokenData } from "../../core/tokens";
import type { NDArray, Wire } from "../../core/wire";
import type { Summaries } from "./summaries";

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
  /** The head summaries there are; null where patterns are no self-attention probabilities. */
  summaries: string[] | null;
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
}

export interface Heads {
  /** `[head, row, column]`. */
  codes: NDArray<Uint8Array>;
  /** One for each layer. */
  scales: number[];
  /** Every so manieth query was looked at. */
  stride: number;
}

interface PictureAnswer {
  codes: NDArray<Uint8Array>;
  scale: number;
  sum_check: SumCheck | null;
}

/** Parts in view that are kept for coming back. */
const DETAILS = 12;

const length = (range: Range) => range.stop - range.start;
const covers = (a: Range, b: Range) => a.start <= b.start && a.stop >= b.stop;
const meets = (a: Range, b: Range) => a.start < b.stop && b.start < a.stop;

/** Half as much again on both sides, its ends on a grid that grows with it, so that near views share a window. */
function grown(view: Range, count: number): Range {
  const step = 2 ** Math.max(0, Math.floor(Math.log2(length(view) / 4)));
  const start = Math.floor(Math.max(0, view.start - length(view) / 2) / step) * step;
  return { start, stop: Math.min(count, Math.ceil((view.stop + length(view) / 2) / step) * step) };
}

export class Data {
  #details: { same: string; picture: Picture }[] = [];
  #shaped = new WeakMap<PictureAnswer, Picture>();
  #requests: Requests;
  #answers: Answers;
  #info: () => ViewInfo;
  #pooling: () => string;

  constructor(requests: Requests, answers: Answers, info: () => ViewInfo, pooling: () => string) {
    this.#requests = requests;
    this.#answers = answers;
    this.#info = info;
    this.#pooling = pooling;
  }

  kind(name: string): KindInfo {
    return this.#info().kinds[name]!;
  }

  count(kind: string, axis: Axis): number {
    const k = this.kind(kind);
    return (axis === "query" || !k.keys ? k.queries : k.keys).texts.length;
  }

  #longest(kind: string): number {
    return Math.max(this.count(kind, "query"), this.count(kind, "key"));
  }

  /** Whether several cells of a pattern may share a pixel. */
  isPooled(kind: string): boolean {
    return this.#longest(kind) > this.#info().full;
  }

  /** An answer, or null. By default what a page did not record is no failure: something stands in for it. */
  #want<T>(method: string, params: Record<string, unknown>, optional = true): T | null {
    return this.#answers.wanted<T>(method, params, { optional }) ?? null;
  }

  /** Small pictures of every head of a layer (null: of the model); null while they are on their way. */
  thumbnails(kind: string, show: string, layer: number | null): Heads | null {
    return this.#want<Heads>("heads", { kind, show, layer }, false);
  }

  /** The best picture of a head that is here; asks for the full one, and for a preview on the way when it is large. */
  picture(place: Place, wanted: boolean): Picture | null {
    const { preview, full } = this.#info();
    const longest = this.#longest(place.kind);
    const pooling = this.isPooled(place.kind) ? this.#pooling() : "max";
    const params = { ...place, window: null, size: Math.min(full, longest), pooling };
    const standIn = this.#fromThumbnail(place);
    const best = wanted
      ? this.#want<PictureAnswer>("picture", params, standIn !== null)
      : this.#requests.peek<PictureAnswer>("picture", params);
    if (best) return this.#shape(best, this.#whole(place.kind));
    const coarse = { ...params, size: preview };
    const first = this.#requests.has("picture", coarse) ? this.#want<PictureAnswer>("picture", coarse) : null;
    return first ? this.#shape(first, this.#whole(place.kind)) : standIn;
  }

  #whole(kind: string): { q: Range; k: Range } {
    return {
      q: { start: 0, stop: this.count(kind, "query") },
      k: { start: 0, stop: this.count(kind, "key") },
    };
  }

  #shape(answer: PictureAnswer, part: { q: Range; k: Range }): Picture {
    const known = this.#shaped.get(answer);
    if (known) return known;
    const { data, shape } = answer.codes;
    const marked = data.some((code) => code >= MINUS_INFINITY);
    const picture = { ...part, ...answer, codes: data, rows: shape[0]!, columns: shape[1]!, marked };
    this.#shaped.set(answer, picture);
    return picture;
  }

  /**
   * Beyond what one picture holds cell by cell: the part in view, at the screen's resolution. Gives the best part that
   * is here, and asks for a wider one than is seen, so that small moves need nothing new.
   */
  detail(place: Place, view: { q: Range; k: Range }): Picture | null {
    const { q, k } = this.#whole(place.kind);
    const { full } = this.#info();
    const share = Math.max(length(view.q) / length(q), length(view.k) / length(k));
    if (!this.isPooled(place.kind) || share > 0.9) return null;
    const pooling = this.#pooling();
    const same = `${pooling}/${Object.values(place)}`;
    const own = this.#details.filter((d) => d.same === same).map((d) => d.picture);
    const fitting = own.find(
      (d) =>
        covers(d.q, view.q) && covers(d.k, view.k) && length(d.q) <= 3.5 * Math.max(length(view.q), full / 4),
    );
    if (fitting) return fitting;
    const part = { q: grown(view.q, q.stop), k: grown(view.k, k.stop) };
    const window = [part.q.start, part.q.stop, part.k.start, part.k.stop];
    const answer = this.#answers.wanted<PictureAnswer>(
      "picture",
      { ...place, window, size: full, pooling },
      { lane: "detail", optional: true },
    );
    if (answer) {
      const picture = this.#shape(answer, part);
      this.#details.unshift({ same, picture });
      this.#details.length = Math.min(this.#details.length, DETAILS);
      return picture;
    }
    return own.find((d) => meets(d.q, view.q) && meets(d.k, view.k)) ?? null;
  }

  #fromThumbnail({ kind, show, layer, head }: Place): Picture | null {
    const { layers, heads: counts } = this.kind(kind);
    const at = layers.indexOf(layer);
    for (const owner of [layer, null]) {
      const heads = this.#requests.peek<Heads>("heads", { kind, show, layer: owner });
      if (!heads) continue;
      const before = owner === null ? counts.slice(0, at).reduce((a, b) => a + b, 0) : 0;
      const [rows, columns] = [heads.codes.shape[1]!, heads.codes.shape[2]!];
      const codes = heads.codes.data.subarray(
        (before + head) * rows * columns,
        (before + head + 1) * rows * columns,
      );
      const scale = heads.scales[owner === null ? at : 0]!;
      return { ...this.#whole(kind), codes, rows, columns, scale, sum_check: null, marked: false };
    }
    return null;
  }

  /** One exact row (axis "query") or column; null while it is on its way. Neighbours come in the same block. */
  exact(place: Place, axis: Axis, index: number): Float32Array | null {
    const width = this.count(place.kind, otherAxis(axis));
    const per = Math.max(1, Math.floor(this.#info().exact / Math.max(1, width)));
    const start = Math.floor(index / per) * per;
    const block = this.#want<{ values: NDArray<Float32Array> }>("exact", { ...place, axis, start });
    if (!block) return null;
    return block.values.data.subarray((index - start) * width, (index - start + 1) * width);
  }

  /** The same row read off the picture's eight bits, for the moment until the exact one is here. */
  approximate(place: Place, axis: Axis, index: number): Float32Array | null {
    const picture = this.picture(place, false);
    if (!picture) return null;
    const { codes, rows, columns, scale } = picture;
    const [n, m] = [this.count(place.kind, "query"), this.count(place.kind, "key")];
    const signed = this.signed(place.kind, place.show);
    return Float32Array.from({ length: axis === "query" ? m : n }, (_, i) => {
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
    const all = this.#longest(kind) <= this.#info().peaks;
    const params = { kind, show, layer, axis, index: all ? null : index };
    const where = this.#want<{ where: NDArray<Uint32Array> }>("peaks", params)?.where;
    if (!where) return null;
    const [heads, per] = where.shape as [number, number];
    return Array.from({ length: heads }, (_, head) => where.data[head * per + (all ? index : 0)]!);
  }

  /** Summaries of the heads of a layer (null: of the model); null where there are none, or not yet. */
  summaries(kind: string, layer: number | null): Summaries | null {
    return this.kind(kind).summaries ? this.#want<Summaries>("summaries", { kind, layer }) : null;
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
