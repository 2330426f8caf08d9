// Every head at once: one canvas of small pictures, for a layer or for the whole model.

import type { Scale } from "../../core/colour";
import { div, h, on, onFrame, pointed, watchWidth } from "../../core/dom";
import { label } from "../../core/format";
import { type Fonts, type Pen, penFor } from "../../core/pen";
import type { TokenData } from "../../core/tokens";
import type { Axis, Heads } from "./data";
import { raster } from "./raster";

export interface HeadPlace {
  layer: number;
  head: number;
}

export interface GridState {
  heads: Heads | null;
  overview: boolean;
  layers: number[];
  counts: number[];
  selected: HeadPlace;
  hovered: HeadPlace | null;
  scale: Scale;
  nQueries: number;
  nKeys: number;
  /** The token whose row (or column) is marked in every head. */
  token: { axis: Axis; index: number; pinned: boolean } | null;
  /** Where the token looks most in each head of the layer. */
  peaks: number[] | null;
  others: TokenData;
  /** The heads in another order than the model's, as indices of the shown ones. */
  order: ArrayLike<number> | null;
  /** What kind of head each shown one is. */
  badges: string[] | null;
  colours: Record<"ink" | "quiet" | "line" | "accent" | "pin" | "bg", string>;
}

export interface GridEvents {
  hover(place: HeadPlace | null): void;
  click(place: HeadPlace): void;
}

/** A small picture at least this wide has room for a word. */
const ROOMY = 28;

interface Slot extends HeadPlace {
  x: number;
  y: number;
  index: number;
}

export class HeadGrid {
  readonly el = div("att-grid");
  #canvas = h("canvas", { tabindex: 0, role: "img" });
  #state: GridState | null = null;
  #width = 0;
  #slots: Slot[] = [];
  #side = 64;
  #height = 0;
  #images: { heads: Heads; scale: Scale; canvases: HTMLCanvasElement[] } | null = null;
  #redraw: () => void;

  #fonts: () => Fonts;
  #events: GridEvents;

  constructor(fonts: () => Fonts, events: GridEvents, signal: AbortSignal) {
    this.#fonts = fonts;
    this.#events = events;
    this.#redraw = onFrame(signal, () => this.#draw());
    this.el.append(this.#canvas);
    watchWidth(this.el, signal, (width) => {
      this.#width = width;
      this.#redraw();
    });
    pointed(this.#canvas, (e) => this.#slotAt(e), events, signal);
    on(this.#canvas, "keydown", (e) => this.#key(e), signal);
  }

  update(state: GridState): void {
    this.#state = state;
    this.#redraw();
  }

  get size(): { width: number; height: number } {
    return { width: this.#width, height: this.#height };
  }

  #slotAt(event: MouseEvent): HeadPlace | null {
    const box = this.#canvas.getBoundingClientRect();
    const [x, y] = [event.clientX - box.left, event.clientY - box.top];
    const slot = this.#slots.find(
      (s) => x >= s.x && x < s.x + this.#side && y >= s.y && y < s.y + this.#side + this.#caption,
    );
    return slot ? { layer: slot.layer, head: slot.head } : null;
  }

  get #caption(): number {
    return this.#state?.overview ? 0 : 18;
  }

  /** Arrows move the lock: along a row, to its neighbour rows, and from the end of a row to the next. */
  #key(event: KeyboardEvent): void {
    const { layer, head } = this.#state?.selected ?? {};
    const at = this.#slots.findIndex((s) => s.layer === layer && s.head === head);
    const perRow = this.#slots.filter((s) => s.y === this.#slots[0]?.y).length;
    const step = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: perRow, ArrowUp: -perRow }[event.key];
    if (step === undefined) return;
    event.preventDefault();
    event.stopPropagation();
    const goal = this.#slots[at + step];
    if (goal) this.#events.click({ layer: goal.layer, head: goal.head });
  }

  #place(): void {
    const { overview, layers, counts, selected, order } = this.#state!;
    this.#slots = [];
    const shown = overview ? layers : [selected.layer];
    const gap = overview ? 4 : 8;
    const left = overview && !order ? 26 : 0;
    const top = overview && !order ? 18 : 0;
    const most = Math.max(...shown.map((layer) => counts[layers.indexOf(layer)]!));
    const fitting = Math.floor((this.#width - left + gap) / most) - gap;
    const fewest = most <= 8 ? 2 : most <= 21 ? 3 : 4;
    const inRow = Math.max(fewest, Math.min(most, Math.floor((this.#width + gap) / (76 + gap))));
    // In a layer the fewer heads, the larger; in the overview a row holds all heads of its layer.
    this.#side = overview
      ? Math.max(10, Math.min(72, fitting))
      : Math.max(40, Math.min(96, Math.floor((this.#width - (inRow - 1) * gap) / inRow)));
    const perRow = overview ? most : Math.max(1, Math.floor((this.#width + gap) / (this.#side + gap)));
    const heads = shown.flatMap((layer, row) =>
      Array.from({ length: counts[layers.indexOf(layer)]! }, (_, head) => ({ layer, head, row })),
    );
    const indices = order ? Array.from(order) : heads.map((_, i) => i);
    indices.forEach((index, i) => {
      const { layer, head, row } = heads[index]!;
      // In the model's order a row of the overview is a layer; in any other, rows just fill up.
      const [r, c] = overview && !order ? [row, head] : [Math.floor(i / perRow), i % perRow];
      const x = left + c * (this.#side + gap);
      const y = top + r * (this.#side + this.#caption + gap);
      this.#slots.push({ layer, head, x, y, index });
    });
    const last = this.#slots.at(-1);
    this.#height = (last?.y ?? 0) + this.#side + this.#caption + 2;
  }

  #draw(): void {
    if (!this.#state || this.#width === 0) return;
    this.#place();
    this.paint(penFor(this.#canvas, this.#width, this.#height, this.#fonts()));
    this.#canvas.setAttribute("aria-label", `${this.#slots.length} heads. Arrow keys move, click locks one.`);
  }

  #pictures(): HTMLCanvasElement[] {
    const { heads, scale } = this.#state!;
    if (!heads) return [];
    if (this.#images?.heads === heads && this.#images.scale === scale) return this.#images.canvases;
    const [count, rows, columns] = heads.codes.shape as [number, number, number];
    const size = rows * columns;
    const whole = { top: 0, left: 0, rows, columns };
    const canvases = Array.from({ length: count }, (_, i) =>
      raster(heads.codes.data.subarray(i * size, (i + 1) * size), columns, whole, whole, scale),
    );
    this.#images = { heads, scale, canvases };
    return canvases;
  }

  paint(pen: Pen): void {
    const state = this.#state;
    if (!state) return;
    const { colours, overview, selected, hovered, token, nQueries, nKeys } = state;
    const pictures = this.#pictures();
    const side = this.#side;
    // A long cross-attention keeps its shape inside the square.
    const long = Math.max(nQueries, nKeys);
    const [w, hgt] = [Math.max(2, ((side - 2) * nKeys) / long), Math.max(2, ((side - 2) * nQueries) / long)];
    for (const slot of this.#slots) {
      const image = pictures[slot.index];
      if (image)
        pen.image(
          image,
          { x: 0, y: 0, w: image.width, h: image.height },
          { x: slot.x + 1, y: slot.y + 1, w, h: hgt },
        );
      const is = (p: HeadPlace | null) => p !== null && p.layer === slot.layer && p.head === slot.head;
      const tall = side + this.#caption;
      if (token) {
        const colour = token.pinned ? colours.pin : colours.quiet;
        const at = (token.index + 0.5) / (token.axis === "query" ? nQueries : nKeys);
        if (token.axis === "query") pen.rect(slot.x, slot.y + 1 + at * hgt - 0.5, w + 2, 1, { fill: colour });
        else pen.rect(slot.x + 1 + at * w - 0.5, slot.y, 1, hgt + 2, { fill: colour });
      }
      const stroke = is(selected) ? colours.accent : is(hovered) ? colours.ink : colours.line;
      pen.rect(slot.x + 0.5, slot.y + 0.5, side - 1, tall - 1, {
        stroke,
        width: is(selected) ? 2 : 1,
        radius: 3,
      });
      if (overview) this.#coordinates(pen, slot);
      else this.#captionOf(pen, slot, is(selected));
    }
  }

  /** Where a small picture of the overview stands in the model: by row and column, or written on it. */
  #coordinates(pen: Pen, { layer, head, x, y, index }: Slot): void {
    const { colours, layers, order, badges } = this.#state!;
    const side = this.#side;
    const style = { colour: colours.quiet, size: 11, mono: true };
    if (order) {
      if (side >= ROOMY)
        pen.text(x + side - 3, y + 7, `${layer}.${head}`, { ...style, size: 9, anchor: "end" });
    } else {
      if (head === 0) pen.text(20, y + side / 2, String(layer), { ...style, anchor: "end" });
      if (layer === layers[0] && (side > 18 || head % 4 === 0)) {
        pen.text(x + side / 2, 9, String(head), { ...style, anchor: "middle" });
      }
    }
    const badge = badges?.[index];
    if (!badge || side < ROOMY) return;
    pen.rect(x + 2, y + side - 12, 6 * badge.length + 2, 10, { fill: colours.bg });
    pen.text(x + 3, y + side - 7, badge, { ...style, colour: colours.ink, size: 9 });
  }

  #captionOf(pen: Pen, slot: Slot, selected: boolean): void {
    const { colours, peaks, token, others, badges } = this.#state!;
    const y = slot.y + this.#side + this.#caption / 2 - 1;
    const colour = selected ? colours.accent : colours.quiet;
    pen.text(slot.x + 6, y, this.#side < 60 ? String(slot.head) : `head ${slot.head}`, {
      colour,
      size: 11,
      bold: selected,
    });
    const room = Math.floor((this.#side - (this.#side < 60 ? 24 : 56)) / 6.7);
    const where = token ? peaks?.[slot.head] : undefined;
    // With a token pinned: where it looks. Else what kind of head this is.
    const text = where === undefined ? (badges?.[slot.index] ?? "") : label(others.texts[where] ?? "", room);
    if (room < 2 || text.length > room) return;
    const style = { colour: colours.ink, size: 11, anchor: "end" as const, mono: true };
    pen.text(slot.x + this.#side - 5, y, text, style);
  }
}
