// All features at once: a dot for each over two columns, darker where more of them lie. Drag a box to filter by it.

import { colourOf, type Scale } from "../../core/colour";
import { h, on, onFrame, watchWidth } from "../../core/dom";
import { digits } from "../../core/format";
import { css } from "../../core/linear";
import { type Fonts, type Pen, penFor } from "../../core/pen";
import { Axis, type Column, outwards } from "./axis";

export type Range = [number | null, number | null];

export interface ScatterState {
  x: Column;
  y: Column;
  names: readonly [string, string];
  /** One bit for each feature: whether the list holds it. Null: all of them. */
  matched: ArrayLike<number> | null;
  chosen: number | null;
  /** The box that is filtered by now. */
  ranges: readonly [Range | undefined, Range | undefined];
  colours: Record<"ink" | "quiet" | "line" | "accent" | "pin" | "bg", string>;
  scale: Scale;
  fixed: boolean;
}

export interface ScatterEvents {
  /** A feature under the pointer with its two values, good to the picture's precision. */
  hover(feature: number | null, x: number, y: number): void;
  open(feature: number): void;
  box(x: Range, y: Range): void;
}

const HEIGHT = 184;
const [LEFT, RIGHT, TOP, BOTTOM] = [44, 6, 6, 20];
const REACH = 8; // pixels from the pointer within which a dot is found

/** Features that the list leaves out, on light and dark alike. */
const OTHERS = [140, 146, 156, 90];
export const OTHERS_CSS = `rgb(${OTHERS.slice(0, 3).join(" ")} / 0.35)`;

type Box = { x1: number; y1: number; x2: number; y2: number };

export class Scatter {
  readonly el = h("div", { class: "feat-scatter" });
  #canvas = h("canvas", { role: "img", "aria-label": "All features over two columns" });
  #dots = document.createElement("canvas");
  #fonts: () => Fonts;
  #events: ScatterEvents;
  #state: ScatterState | null = null;
  #axes: [Axis, Axis] | null = null;
  #xs = new Float32Array(0);
  #ys = new Float32Array(0);
  #width = 0;
  #drag: Box | null = null;
  #hover: number | null = null;
  #rastered: unknown[] = [];
  /** The most features that share a pixel. */
  most = 0;
  /** Features without a place: a value is unknown. */
  unknown = 0;

  constructor(fonts: () => Fonts, events: ScatterEvents, signal: AbortSignal) {
    this.#fonts = fonts;
    this.#events = events;
    this.el.append(this.#canvas);
    watchWidth(this.el, signal, (width) => {
      this.#width = width;
      this.#draw();
    });
    const redraw = onFrame(signal, () => this.#draw());
    const canvas = this.#canvas;
    const listen = (type: "pointerdown" | "pointermove" | "pointerup", act: (event: PointerEvent) => void) =>
      on(
        canvas,
        type,
        (event) => {
          act(event);
          redraw();
        },
        signal,
      );
    listen("pointerdown", ({ button, pointerId, offsetX: x, offsetY: y }) => {
      if (button !== 0) return;
      canvas.setPointerCapture(pointerId);
      this.#drag = { x1: x, y1: y, x2: x, y2: y };
    });
    listen("pointermove", ({ offsetX: x, offsetY: y }) => {
      if (this.#drag) Object.assign(this.#drag, { x2: x, y2: y });
      else this.#point(this.#nearest(x, y));
    });
    listen("pointerup", () => {
      const box = this.#drag;
      if (!box) return;
      this.#drag = null;
      const wide = Math.abs(box.x2 - box.x1) + Math.abs(box.y2 - box.y1) > 6;
      const found = wide ? null : this.#nearest(box.x1, box.y1);
      if (wide && !this.#state?.fixed) this.#brush(box);
      else if (found !== null) events.open(found);
    });
    for (const type of ["pointercancel", "pointerleave"] as const)
      on(
        canvas,
        type,
        () => {
          if (type === "pointercancel") this.#drag = null;
          this.#point(null);
          redraw();
        },
        signal,
      );
  }

  update(state: ScatterState): void {
    this.#state = state;
    this.#draw();
  }

  get width(): number {
    return this.#width;
  }

  get height(): number {
    return HEIGHT;
  }

  #brush({ x1, y1, x2, y2 }: Box): void {
    const [ax, ay] = this.#axes!;
    const range = (axis: Axis, a: number, b: number): Range => [
      outwards(axis.value(Math.sign(axis.to - axis.from) > 0 ? Math.min(a, b) : Math.max(a, b)), false),
      outwards(axis.value(Math.sign(axis.to - axis.from) > 0 ? Math.max(a, b) : Math.min(a, b)), true),
    ];
    this.#events.box(range(ax, x1, x2), range(ay, y1, y2));
  }

  #point(feature: number | null): void {
    if (feature === this.#hover) return;
    this.#hover = feature;
    const state = this.#state!;
    const value = (axis: Axis, column: Column) =>
      feature === null ? Number.NaN : axis.about(column.codes.data[feature]!);
    if (this.#axes) this.#events.hover(feature, value(this.#axes[0], state.x), value(this.#axes[1], state.y));
  }

  #nearest(x: number, y: number): number | null {
    let [best, distance] = [-1, REACH ** 2];
    for (let i = 0; i < this.#xs.length; i++) {
      const d = (this.#xs[i]! - x) ** 2 + (this.#ys[i]! - y) ** 2;
      if (d < distance) [best, distance] = [i, d];
    }
    return best < 0 ? null : best;
  }

  #draw(): void {
    if (!this.#state || this.#width === 0) return;
    this.#layout();
    this.paint(penFor(this.#canvas, this.#width, HEIGHT, this.#fonts()), true);
  }

  /** Places and dots, worked out again only when something they depend on has changed. */
  #layout(): void {
    const { x, y, matched, scale } = this.#state!;
    const now = [x, y, matched, scale, this.#width];
    if (now.every((part, i) => part === this.#rastered[i])) return;
    this.#rastered = now;
    const ax = new Axis(x, LEFT, this.#width - RIGHT);
    const ay = new Axis(y, HEIGHT - BOTTOM, TOP);
    this.#axes = [ax, ay];
    const n = x.codes.data.length;
    this.#xs = new Float32Array(n).fill(Number.NaN);
    this.#ys = new Float32Array(n).fill(Number.NaN);
    this.unknown = 0;
    for (let i = 0; i < n; i++) {
      const [px, py] = [ax.at(x.codes.data[i]!), ay.at(y.codes.data[i]!)];
      if (px === null || py === null) this.unknown++;
      else [this.#xs[i], this.#ys[i]] = [px, py];
    }
    this.#raster(matched, scale);
  }

  #raster(matched: ArrayLike<number> | null, scale: Scale): void {
    const ratio = devicePixelRatio || 1;
    const [w, hgt] = [Math.round(this.#width * ratio), Math.round(HEIGHT * ratio)];
    const n = this.#xs.length;
    const side = Math.max(1, Math.round((n > 20_000 ? 1 : n > 2_000 ? 2 : 3) * ratio));
    const counts = [new Uint32Array(w * hgt), new Uint32Array(w * hgt)] as const;
    for (let i = 0; i < n; i++) {
      if (Number.isNaN(this.#xs[i]!)) continue;
      const listed = !matched || (matched[i >> 3]! >> (i & 7)) & 1;
      const [left, top] = [
        Math.round(this.#xs[i]! * ratio - side / 2),
        Math.round(this.#ys[i]! * ratio - side / 2),
      ];
      const into = counts[listed ? 1 : 0];
      for (let b = Math.max(0, top); b < Math.min(hgt, top + side); b++)
        for (let a = Math.max(0, left); a < Math.min(w, left + side); a++) into[b * w + a]! += 1;
    }
    this.most = counts[1].reduce((a, b) => Math.max(a, b), 0);
    const image = new ImageData(w, hgt);
    for (let i = 0; i < w * hgt; i++) {
      const [others, own] = [counts[0][i]!, counts[1][i]!];
      if (own) image.data.set([...shade(own, this.most, scale), 255], 4 * i);
      else if (others) image.data.set(OTHERS, 4 * i);
    }
    this.#dots.width = w;
    this.#dots.height = hgt;
    this.#dots.getContext("2d")!.putImageData(image, 0, 0);
  }

  paint(pen: Pen, live = false): void {
    const state = this.#state;
    if (!state || !this.#axes) return;
    const { colours, names, ranges, chosen } = state;
    const [ax, ay] = this.#axes;
    const [right, floor] = [this.#width - RIGHT, HEIGHT - BOTTOM];
    const small = { colour: colours.quiet, size: 10, mono: true };
    for (const { at, value } of ax.ticks(4)) {
      pen.line(at, TOP, at, floor, colours.line);
      pen.text(at, floor + 11, short(value), { ...small, anchor: "middle" });
    }
    for (const { at, value } of ay.ticks(4)) {
      pen.line(LEFT, at, right, at, colours.line);
      pen.text(LEFT - 5, at, short(value), { ...small, anchor: "end" });
    }
    if (ax.gutter !== null) pen.text(ax.gutter, floor + 11, "0", { ...small, anchor: "middle" });
    if (ay.gutter !== null) pen.text(LEFT - 5, ay.gutter, "0", { ...small, anchor: "end" });
    const [w, hgt] = [this.#dots.width, this.#dots.height];
    pen.image(this.#dots, { x: 0, y: 0, w, h: hgt }, { x: 0, y: 0, w: this.#width, h: HEIGHT });
    pen.line(LEFT, floor, right, floor, colours.quiet);
    pen.line(LEFT, TOP, LEFT, floor, colours.quiet);
    if (!live) pen.text(right, floor + 11, `${names[1]} over ${names[0]}`, { ...small, anchor: "end" });
    const box = this.#drag ?? this.#boxOf(ranges, ax, ay, right, floor);
    if (box) {
      const [x, y] = [Math.min(box.x1, box.x2), Math.min(box.y1, box.y2)];
      const [bw, bh] = [Math.abs(box.x2 - box.x1), Math.abs(box.y2 - box.y1)];
      pen.rect(x, y, bw, bh, { stroke: colours.accent });
    }
    if (chosen !== null) this.#ring(pen, chosen, colours.pin, 5);
    if (live && this.#hover !== null) this.#ring(pen, this.#hover, colours.ink, 4);
  }

  #ring(pen: Pen, feature: number, stroke: string, size: number): void {
    const [x, y] = [this.#xs[feature], this.#ys[feature]];
    if (x === undefined || y === undefined || Number.isNaN(x)) return;
    pen.rect(x - size, y - size, 2 * size, 2 * size, { stroke, width: 2, radius: size });
  }

  #boxOf(ranges: ScatterState["ranges"], ax: Axis, ay: Axis, right: number, floor: number): Box | null {
    const [x, y] = ranges;
    if (!x && !y) return null;
    const inside = (value: number, a: number, b: number) =>
      Math.max(Math.min(a, b), Math.min(Math.max(a, b), value));
    const end = (axis: Axis, value: number | null | undefined, open: number, a: number, b: number) =>
      value === null || value === undefined ? open : inside(axis.place(value), a, b);
    return {
      x1: end(ax, x?.[0], LEFT, LEFT, right),
      x2: end(ax, x?.[1], right, LEFT, right),
      y1: end(ay, y?.[0], floor, TOP, floor),
      y2: end(ay, y?.[1], TOP, TOP, floor),
    };
  }
}

/** One feature alone is seen; the most of all end the ramp. */
function shade(count: number, most: number, scale: Scale): readonly number[] {
  const share = most > 1 ? 0.55 + (0.45 * Math.log(count)) / Math.log(most) : 0.6;
  return colourOf(scale, 1 + Math.round(250 * share)) ?? [0, 0, 0];
}

/** The two ends of that ramp, for the legend. */
export function shades(most: number, scale: Scale): string[] {
  const rgb = (count: number) => shade(count, most, scale) as [number, number, number];
  return [css(rgb(1)), css(rgb(Math.max(1, most)))];
}

function short(value: number): string {
  const magnitude = Math.abs(value);
  if (magnitude !== 0 && (magnitude < 1e-3 || magnitude >= 1e4))
    return value.toExponential(0).replace("e+", "e");
  return Number.isInteger(value) ? String(value) : digits(value).replace(/0+$/, "").replace(/\.$/, "");
}
