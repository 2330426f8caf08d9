// What a gallery of units knows: which units there are, and the pictures of each as they come.

import { digits } from "./format";
import type { Page } from "./page";
import { type Albums, drawPatch, type Edges } from "./thumbnails";
import type { NDArray } from "./wire";

export interface GalleryInfo {
  names: string[];
  labels: string[];
  /** Exemplars kept for a unit. */
  kept: number;
  /** Images that are some unit's exemplar, and images that were searched. */
  packed: number;
  n_images: number;
  ends: string[];
  unit_kind: string;
  value_kind: string;
  /** Exemplars in a row. */
  row: number;
  name: string;
}

export interface UnitNumbers {
  first: NDArray;
  mean: NDArray;
  count: NDArray;
}

export interface Small {
  pixels: NDArray;
  boxes: NDArray;
}

export interface Patches extends Small {
  values: NDArray;
  indices: NDArray;
  labels: string[];
  own: Small | null;
}

export interface GalleryState {
  info: GalleryInfo;
  order: readonly number[];
  unit: number | null;
  /** The number in the data of the image shown large. */
  image: number | null;
  context: boolean;
  end: string;
  accent: string;
  pin: string;
  line: string;
}

/** What to call a unit: one that is only numbered is called by its kind. */
export function nameOf(info: GalleryInfo, unit: number): string {
  const name = info.names[unit]!;
  return /^\d+$/.test(name) ? `${info.unit_kind} ${name}` : name;
}

/** The units that a search lets through, in an order. */
export function orderOf(
  info: GalleryInfo,
  numbers: UnitNumbers | undefined,
  search: string,
  sort: string,
): number[] {
  const words = search.trim().toLowerCase();
  const found: number[] = [];
  for (let i = 0; i < info.names.length; i++) {
    const text = `${info.names[i]} ${info.labels[i] ?? ""}`.toLowerCase();
    if (!words || text.includes(words) || String(i) === words) found.push(i);
  }
  const by = sort === "strongest" ? numbers?.first.data : sort === "mean" ? numbers?.mean.data : null;
  // A unit without a value comes last.
  const value = (i: number) => (by && !Number.isNaN(by[i]!) ? by[i]! : Number.NEGATIVE_INFINITY);
  if (by) found.sort((a, b) => value(b) - value(a) || a - b);
  if (sort === "label")
    found.sort((a, b) => (info.labels[a] ?? "").localeCompare(info.labels[b] ?? "") || a - b);
  return found;
}

const LANES = 24;

export class GalleryData {
  readonly albums: Albums;
  readonly page: Page;
  state!: GalleryState;

  constructor(page: Page, albums: Albums) {
    this.page = page;
    this.albums = albums;
  }

  wanted(unit: number, every: boolean) {
    const { context, end, info } = this.state;
    return { unit, whole: context, every: every && info.kept > info.row, end };
  }

  patches(unit: number, every: boolean): Patches | undefined {
    const lane = every ? "patches of one" : `patches ${unit % LANES}`;
    return this.page.answers.wanted<Patches>("patches", this.wanted(unit, every), { lane, optional: true });
  }

  /** Words for pictures that are not here: on their way, or left out of a saved page. */
  waiting(method: string, params: Record<string, unknown>): string {
    const lost = this.page.model.isStatic && !this.page.requests.has(method, params);
    return lost ? "Not in this saved page: open the notebook to see it." : "…";
  }

  /** The patches of the open unit, all of them. */
  get all(): Patches | undefined {
    const { unit } = this.state;
    return unit === null ? undefined : this.patches(unit, true);
  }

  paint(g: CanvasRenderingContext2D, from: Small, at: number, x: number, y: number, side: number): void {
    const box = [...from.boxes.data.subarray(4 * at, 4 * at + 4)].map(Number) as unknown as Edges;
    const patch = { album: this.albums.of(from.pixels), index: at, box, whole: true };
    drawPatch(g, patch, { x, y, w: side, h: side }, this.state.accent);
  }

  draw(g: CanvasRenderingContext2D, patches: Patches, at: number, x: number, y: number, side: number): void {
    this.paint(g, patches, at, x, y, side);
    if (Number(patches.indices.data[at]) !== this.state.image) return;
    g.strokeStyle = this.state.pin;
    g.lineWidth = 2;
    g.strokeRect(x + 1, y + 1, side - 2, side - 2);
  }

  words(patches: Patches, at: number): string[] {
    const { info } = this.state;
    const words = [
      `${at + 1} of ${info.kept}`,
      `image ${patches.indices.data[at]}`,
      `${info.value_kind} ${digits(Number(patches.values.data[at]))}`,
    ];
    if (patches.labels[at]) words.push(patches.labels[at]!);
    return words;
  }

  /** A unit, and one of its patches, in words. */
  tell(unit: number, patches: Patches | undefined, at: number | null): string {
    const { info } = this.state;
    const words = [nameOf(info, unit)];
    if (info.labels[unit]) words.push(info.labels[unit]!);
    if (at === -1) words.push("its own training patch");
    else if (at !== null && patches) words.push(...this.words(patches, at));
    return words.join(" · ");
  }
}
