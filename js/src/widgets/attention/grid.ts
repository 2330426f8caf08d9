// Every head at once: one canvas of small pictures, for a layer or for the whole model.

import type { Scale } from "../../core/colour";
import { h, onFrame } from "../../core/dom";
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
  colours: Record<"ink" | "quiet" | "line" | "accent" | "pin", string>;
}

export interface GridEvents {
  hover(place: HeadPlace | null): void;
  click(place: HeadPlace): void;
}

interface Slot extends HeadPlace {
  x: number;
  y: number;
  index: number;
}

export class HeadGrid {
  readonly el = h("div", { class: "att-grid" });
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
    const observer = new ResizeObserver(([entry]) => {
      const width = Math.floor(entry?.contentRect.width ?? 0);
      if (width === 0 || Math.abs(width - this.#width) < 2) return;
      this.#width = width;
      this.#redraw();
    });
    observer.observe(this.el);
    signal.addEventListener("abort", () => observer.disconnect(), { once: true });
    this.#canvas.addEventListener("pointermove", (e) => events.hover(this.#slotAt(e)), { signal });
    this.#canvas.addEventListener("pointerleave", () => events.hover(null), { signal });
    this.#canvas.addEventListener(
      "click",
      (e) => {
        const slot = this.#slotAt(e);
        if (slot) events.click(slot);
      },
      { signal },
    );
    this.#canvas.addEventListener("keydown", (e) => this.#key(e), { signal });
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

  /** Arrows move the lock: in a layer through its heads, in the overview also through layers. */
  #key(event: KeyboardEvent): void {
    const state = this.#state;
    if (!state) return;
    const at = this.#slots.findIndex(
      (s) => s.layer === state.selected.layer && s.head === state.selected.head,
    );
    const here = this.#slots[at];
    if (!here) return;
    const rows = [...new Set(this.#slots.map((s) => s.y))];
    const inRow = (y: number | undefined) => this.#slots.filter((s) => s.y === y);
    const row = rows.indexOf(here.y);
    const column = inRow(here.y).indexOf(here);
    const goal =
      event.key === "ArrowRight"
        ? this.#slots[at + 1]
        : event.key === "ArrowLeft"
          ? this.#slots[at - 1]
          : event.key === "ArrowDown"
            ? (inRow(rows[row + 1])[column] ?? inRow(rows[row + 1]).at(-1))
            : event.key === "ArrowUp"
              ? inRow(rows[row - 1])[column]
              : undefined;
    if (!event.key.startsWith("Arrow")) return;
    event.preventDefault();
    event.stopPropagation();
    if (goal) this.#events.click({ layer: goal.layer, head: goal.head });
  }

  #place(): void {
    const { overview, layers, counts, selected } = this.#state!;
    this.#slots = [];
    const shown = overview ? layers : [selected.layer];
    const gap = overview ? 4 : 8;
    const left = overview ? 26 : 0;
    const top = overview ? 18 : 0;
    const most = Math.max(...shown.map((layer) => counts[layers.indexOf(layer)]!));
    const fitting = Math.floor((this.#width - left + gap) / most) - gap;
    const fewest = most <= 8 ? 2 : most <= 21 ? 3 : 4;
    const inRow = Math.max(fewest, Math.min(most, Math.floor((this.#width + gap) / (76 + gap))));
    // In a layer the fewer heads, the larger; in the overview a row holds all heads of its layer.
    this.#side = overview
      ? Math.max(10, Math.min(72, fitting))
      : Math.max(40, Math.min(96, Math.floor((this.#width - (inRow - 1) * gap) / inRow)));
    const perRow = overview ? most : Math.max(1, Math.floor((this.#width + gap) / (this.#side + gap)));
    let index = 0;
    shown.forEach((layer, row) => {
      for (let head = 0; head < counts[layers.indexOf(layer)]!; head++) {
        const [r, c] = overview ? [row, head] : [Math.floor(head / perRow), head % perRow];
        const x = left + c * (this.#side + gap);
        const y = top + r * (this.#side + this.#caption + gap);
        this.#slots.push({ layer, head, x, y, index: index++ });
      }
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
    const size = heads.rows * heads.columns;
    const count = Math.floor(heads.codes.length / Math.max(1, size));
    const whole = { top: 0, left: 0, rows: heads.rows, columns: heads.columns };
    const canvases = Array.from({ length: count }, (_, i) =>
      raster(heads.codes.subarray(i * size, (i + 1) * size), heads.columns, whole, heads, scale),
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
      if (overview) {
        if (slot.head === 0)
          pen.text(20, slot.y + side / 2, String(slot.layer), {
            colour: colours.quiet,
            size: 11,
            anchor: "end",
            mono: true,
          });
        if (slot.layer === state.layers[0] && (side > 18 || slot.head % 4 === 0)) {
          pen.text(slot.x + side / 2, 9, String(slot.head), {
            colour: colours.quiet,
            size: 11,
            anchor: "middle",
            mono: true,
          });
        }
      } else {
        this.#captionOf(pen, slot, is(selected));
      }
    }
  }

  #captionOf(pen: Pen, slot: Slot, selected: boolean): void {
    const { colours, peaks, token, others } = this.#state!;
    const y = slot.y + this.#side + this.#caption / 2 - 1;
    const colour = selected ? colours.accent : colours.quiet;
    pen.text(slot.x + 6, y, this.#side < 60 ? String(slot.head) : `head ${slot.head}`, {
      colour,
      size: 11,
      bold: selected,
    });
    if (!peaks || !token) return;
    const where = peaks[slot.head];
    if (where === undefined) return;
    const room = Math.floor((this.#side - (this.#side < 60 ? 24 : 56)) / 6.7);
    if (room < 2) return;
    const word = label(others.texts[where] ?? "", room);
    pen.text(slot.x + this.#side - 5, y, word, {
      colour: colours.ink,
      size: 11,
      anchor: "end",
      mono: true,
    });
  }
}
