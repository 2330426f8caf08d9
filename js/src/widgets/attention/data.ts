// The numbers behind the picture: what is asked of Python, in which order, and what is here already.

import { MASKED, MINUS_INFINITY, valueAt } from "../../core/colour";
import { NotRecorded, type Requests } from "../../core/requests";
import type { TokenData } from "../../core/tokens";
import type { NDArray, Wire } from "../../core/wire";

export type Axis = "query" | "key";

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

export interface Picture {
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
}

export interface Peaks {
  where: Uint32Array;
  value: Float32Array;
}

const samePlace = (p: Place) => `${p.kind}/${p.show}/${p.layer}/${p.head}`;

export class Data {
  /** Called when something new has arrived. */
  onArrival: () => void = () => {};
  onFailure: (error: unknown) => void = () => {};
  private pictures = new Map<string, Picture>();
  private heads = new Map<string, Heads>();
  private peaks = new Map<string, Peaks>();
  private blocks = new Map<string, Float32Array>();

  constructor(
    private requests: Requests,
    private info: () => ViewInfo,
  ) {}

  kind(name: string): KindInfo {
    return this.info().kinds[name]!;
  }

  count(kind: string, axis: Axis): number {
    const k = this.kind(kind);
    return (axis === "query" || !k.keys ? k.queries : k.keys).texts.length;
  }

  /** Tell of an arrival or a failure; what a page did not record is no failure where something stands in for it. */
  private run(work: Promise<void>, standIn: boolean): void {
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
    const known = this.heads.get(id);
    if (known) return known;
    this.run(
      this.requests
        .ask<{ codes: NDArray<Uint8Array>; scales: number[] }>("heads", { kind, show, layer })
        .then(({ codes, scales }) => {
          const [, rows, columns] = codes.shape as [number, number, number];
          this.heads.set(id, { codes: codes.data, rows, columns, scales });
        }),
      false,
    );
    return null;
  }

  /** The best picture of a head that is here; asks for the full one, and for a preview on the way when it is large. */
  picture(place: Place, wanted: boolean): Picture | null {
    const id = samePlace(place);
    const known = this.pictures.get(id) ?? null;
    if (wanted && known?.quality !== 2) {
      const { preview, full } = this.info();
      const longest = Math.max(this.count(place.kind, "query"), this.count(place.kind, "key"));
      if (longest > preview && !known && this.requests.has("picture", { ...place, size: preview }))
        this.fetch(place, preview, 1);
      this.fetch(place, Math.min(full, longest), 2);
    }
    return known ?? this.fromThumbnail(place);
  }

  private fetch(place: Place, size: number, quality: number): void {
    type Answer = { codes: NDArray<Uint8Array>; scale: number; sum_check: SumCheck | null };
    this.run(
      this.requests.ask<Answer>("picture", { ...place, size }).then(({ codes, scale, sum_check }) => {
        if ((this.pictures.get(samePlace(place))?.quality ?? 0) >= quality) return;
        const [rows, columns] = codes.shape as [number, number];
        const marked = codes.data.some((code) => code >= MINUS_INFINITY);
        this.pictures.set(samePlace(place), {
          codes: codes.data,
          rows,
          columns,
          scale,
          sum_check,
          marked,
          quality,
        });
      }),
      this.fromThumbnail(place) !== null,
    );
  }

  private fromThumbnail(place: Place): Picture | null {
    const { kind, show, layer, head } = place;
    const at = this.kind(kind).layers.indexOf(layer);
    for (const owner of [layer, null]) {
      const heads = this.heads.get(`${kind}/${show}/${owner}`);
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
    const per = Math.max(1, Math.floor(this.info().exact / Math.max(1, width)));
    const start = Math.floor(index / per) * per;
    const id = `${samePlace(place)}/${axis}/${start}`;
    const known = this.blocks.get(id);
    if (known) return known.subarray((index - start) * width, (index - start + 1) * width);
    this.run(
      this.requests
        .ask<{ values: NDArray<Float32Array> }>("exact", { ...place, axis, start })
        .then(({ values }) => {
          this.blocks.set(id, values.data);
          if (this.blocks.size > 256) this.blocks.delete(this.blocks.keys().next().value!);
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

  /** For every head of a layer, where each query (or key) looks most. */
  strongest(kind: string, show: string, layer: number, axis: Axis): Peaks | null {
    const id = `${kind}/${show}/${layer}/${axis}`;
    const known = this.peaks.get(id);
    if (known) return known;
    this.run(
      this.requests
        .ask<{ where: NDArray<Uint32Array>; value: NDArray<Float32Array> }>("peaks", {
          kind,
          show,
          layer,
          axis,
        })
        .then(({ where, value }) => {
          this.peaks.set(id, { where: where.data, value: value.data });
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
    return show === "compared" ? second : this.merged(first, second);
  }

  private mergedOnce = new WeakMap<TokenData, TokenData>();

  private merged(first: TokenData, second: TokenData): TokenData {
    const known = this.mergedOnce.get(first);
    if (known) return known;
    const texts = first.texts.map((t, i) => (t === second.texts[i] ? t : `${t}|${second.texts[i]?.trim()}`));
    const merged = {
      ...first,
      texts,
      glyphs: texts.every((t, i) => t === first.texts[i]) ? first.glyphs : [],
    };
    this.mergedOnce.set(first, merged);
    return merged;
  }
}
