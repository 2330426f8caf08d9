// The large picture of one head: zoom, pan, hover, pin. Rows are queries, columns are keys.

import { MINUS_INFINITY, NOT_A_NUMBER, PLUS_INFINITY, type Scale } from "../../core/colour";
import { button, h, onFrame } from "../../core/dom";
import { label } from "../../core/format";
import { type Fonts, type Pen, penFor } from "../../core/pen";
import type { TokenData } from "../../core/tokens";
import type { Picture } from "./data";
import { raster } from "./raster";

export interface Cell {
  query: number;
  key: number;
}

export interface MatrixState {
  picture: Picture | null;
  scale: Scale;
  queries: TokenData;
  keys: TokenData;
  query: number | null;
  key: number | null;
  hover: Partial<Cell> | null;
  colours: Record<"ink" | "quiet" | "line" | "accent" | "pin", string>;
}

export interface MatrixEvents {
  hover(cell: Cell | null): void;
  click(cell: Cell): void;
  clickToken(axis: "query" | "key", index: number): void;
}

interface Range {
  start: number;
  stop: number;
}

const LABEL = 11;
const MARKED = 7; // smaller cells have no room for a mark
const HATCH = "rgb(255 255 255 / 70%)";
const MOST_CELL = 30;
const GUTTER_MOST = 112;
const CHARACTER = 0.62; // of the font size, in the monospace fonts we meet

/** The next of 1, 2, 5, 10, 20, 50 ... */
function roundStep(least: number): number {
  if (least <= 1) return 1;
  const power = 10 ** Math.floor(Math.log10(least));
  return [1, 2, 5, 10].map((m) => m * power).find((step) => step >= least) ?? 10 * power;
}

export class Matrix {
  readonly el = h("div", { class: "att-matrix" });
  private canvas = h("canvas", { tabindex: 0, role: "img" });
  private zoomRow: HTMLElement;
  private state: MatrixState | null = null;
  private q: Range = { start: 0, stop: 1 };
  private k: Range = { start: 0, stop: 1 };
  private shape = "";
  private width = 0;
  /** Where the cells lie inside the canvas. */
  private plot = { x: 0, y: 0, w: 0, h: 0 };
  private drawn: { key: string; canvas: HTMLCanvasElement } | null = null;
  private redraw: () => void;

  constructor(
    private fonts: () => Fonts,
    private events: MatrixEvents,
    private signal: AbortSignal,
  ) {
    this.redraw = onFrame(signal, () => this.draw());
    this.zoomRow = h(
      "div",
      { class: "att-zoom" },
      button("−", "Zoom out", () => this.zoom(1.5)),
      button("+", "Zoom in", () => this.zoom(1 / 1.5)),
      button("fit", "Show everything", () => this.fit()),
      h("span", { class: "iw-mark" }, "ctrl + wheel zooms, drag moves"),
    );
    this.el.append(this.canvas, this.zoomRow);
    this.listen();
    const observer = new ResizeObserver(([entry]) => {
      const width = Math.floor(entry?.contentRect.width ?? 0);
      // Only a true change of width: drawing must never cause the next measurement.
      if (width === 0 || Math.abs(width - this.width) < 2) return;
      this.width = width;
      this.redraw();
    });
    observer.observe(this.el);
    signal.addEventListener("abort", () => observer.disconnect(), { once: true });
  }

  update(state: MatrixState): void {
    const shape = `${state.queries.texts.length}x${state.keys.texts.length}`;
    this.state = state;
    if (shape !== this.shape) {
      this.shape = shape;
      this.q = { start: 0, stop: state.queries.texts.length };
      this.k = { start: 0, stop: state.keys.texts.length };
    }
    this.redraw();
  }

  focus(): void {
    this.canvas.focus({ preventScroll: true });
  }

  /** Bring a pinned cell into a zoomed picture. */
  reveal(query: number | null, key: number | null): void {
    for (const [range, at, n] of [
      [this.q, query, this.count("query")],
      [this.k, key, this.count("key")],
    ] as const) {
      if (at === null || (at >= range.start && at + 1 <= range.stop)) continue;
      const length = range.stop - range.start;
      range.start = Math.max(0, Math.min(n - length, at + 0.5 - length / 2));
      range.stop = range.start + length;
    }
    this.redraw();
  }

  fit(): void {
    this.q = { start: 0, stop: this.count("query") };
    this.k = { start: 0, stop: this.count("key") };
    this.redraw();
  }

  private count(axis: "query" | "key"): number {
    const tokens = axis === "query" ? this.state?.queries : this.state?.keys;
    return tokens?.texts.length ?? 1;
  }

  /** Zoom by a factor (below 1 magnifies) and keep the given point, as shares of the plot, where it is. */
  private zoom(factor: number, atX = 0.5, atY = 0.5): void {
    for (const [range, n, at] of [
      [this.q, this.count("query"), atY],
      [this.k, this.count("key"), atX],
    ] as const) {
      const length = range.stop - range.start;
      const next = Math.min(n, Math.max(Math.min(8, n), length * factor));
      const fixed = range.start + at * length;
      range.start = Math.max(0, Math.min(n - next, fixed - at * next));
      range.stop = range.start + next;
    }
    this.redraw();
  }

  private pan(dx: number, dy: number): void {
    for (const [range, n, by] of [
      [this.q, this.count("query"), (dy / Math.max(1, this.plot.h)) * (this.q.stop - this.q.start)],
      [this.k, this.count("key"), (dx / Math.max(1, this.plot.w)) * (this.k.stop - this.k.start)],
    ] as const) {
      const length = range.stop - range.start;
      range.start = Math.max(0, Math.min(n - length, range.start + by));
      range.stop = range.start + length;
    }
    this.redraw();
  }

  private at(event: PointerEvent | WheelEvent): {
    x: number;
    y: number;
    cell: Cell | null;
    token: ["query" | "key", number] | null;
  } {
    const box = this.canvas.getBoundingClientRect();
    const x = (event.clientX - box.left - this.plot.x) / this.plot.w;
    const y = (event.clientY - box.top - this.plot.y) / this.plot.h;
    const query = Math.min(
      this.count("query") - 1,
      Math.floor(this.q.start + y * (this.q.stop - this.q.start)),
    );
    const key = Math.min(this.count("key") - 1, Math.floor(this.k.start + x * (this.k.stop - this.k.start)));
    const inX = x >= 0 && x < 1;
    const inY = y >= 0 && y < 1;
    const token =
      !inX && inY && x < 0 ? (["query", query] as const) : inX && y >= 1 ? (["key", key] as const) : null;
    return { x, y, cell: inX && inY ? { query, key } : null, token: token ? [token[0], token[1]] : null };
  }

  private listen(): void {
    const { canvas, signal } = this;
    let grabbed: { x: number; y: number; moved: boolean } | null = null;
    canvas.addEventListener(
      "pointerdown",
      (e) => {
        grabbed = { x: e.clientX, y: e.clientY, moved: false };
      },
      { signal },
    );
    canvas.addEventListener(
      "pointermove",
      (e) => {
        if (
          grabbed &&
          e.buttons === 1 &&
          (grabbed.moved || Math.hypot(e.clientX - grabbed.x, e.clientY - grabbed.y) > 4)
        ) {
          if (!grabbed.moved) canvas.setPointerCapture(e.pointerId);
          this.pan(grabbed.x - e.clientX, grabbed.y - e.clientY);
          grabbed = { x: e.clientX, y: e.clientY, moved: true };
          return;
        }
        const { cell, token } = this.at(e);
        canvas.style.cursor = cell || token ? "pointer" : "default";
        this.events.hover(cell);
      },
      { signal },
    );
    canvas.addEventListener("pointerleave", () => this.events.hover(null), { signal });
    canvas.addEventListener(
      "click",
      (e) => {
        const moved = grabbed?.moved;
        grabbed = null;
        if (moved) return;
        const { cell, token } = this.at(e as PointerEvent);
        if (cell) this.events.click(cell);
        else if (token) this.events.clickToken(...token);
      },
      { signal },
    );
    canvas.addEventListener("dblclick", () => this.fit(), { signal });
    canvas.addEventListener(
      "wheel",
      (e) => {
        if (!e.ctrlKey && !e.metaKey) return; // the notebook scrolls as ever
        e.preventDefault();
        const { x, y } = this.at(e);
        this.zoom(
          Math.exp(Math.max(-60, Math.min(60, e.deltaY)) * 0.006),
          Math.max(0, Math.min(1, x)),
          Math.max(0, Math.min(1, y)),
        );
      },
      { signal, passive: false },
    );
  }

  /** The height that `paint` will need for a width. */
  private layout(width: number, measure: (text: string) => number): number {
    const { queries, keys } = this.state!;
    const [nq, nk] = [this.q.stop - this.q.start, this.k.stop - this.k.start];
    const longest = (tokens: TokenData, range: Range) => {
      const seen = tokens.texts.slice(
        Math.floor(range.start),
        Math.min(Math.ceil(range.stop), Math.floor(range.start) + 400),
      );
      return Math.min(GUTTER_MOST, Math.max(24, ...seen.map((t) => measure(label(t)))) + 14);
    };
    const gutter = Math.min(longest(queries, this.q), width / 3);
    const room = Math.max(40, width - gutter - 14);
    const cell = Math.min(MOST_CELL, room / Math.max(nq, nk), 460 / Math.max(nq, nk));
    // A single token still gets a cell one can point at; a long cross-attention keeps its shape.
    const w = Math.max(Math.min(room, 24), cell * nk);
    const hgt = Math.max(24, cell * nq);
    this.plot = { x: gutter, y: 4, w, h: hgt };
    const slanted = 0.8 * longest(keys, this.k) + 14;
    return this.plot.y + hgt + (w / nk < LABEL ? Math.min(slanted, 56) : slanted); // indices are short
  }

  private draw(): void {
    if (!this.state || this.width === 0) return;
    const fonts = this.fonts();
    const g = this.canvas.getContext("2d")!;
    g.font = `${LABEL}px ${fonts.mono}`;
    const height = this.layout(this.width, (t) => g.measureText(t).width);
    const whole =
      this.q.stop - this.q.start >= this.count("query") && this.k.stop - this.k.start >= this.count("key");
    this.zoomRow.hidden = whole && Math.max(this.count("query"), this.count("key")) <= 48;
    this.paint(penFor(this.canvas, this.width, height, fonts));
    this.canvas.setAttribute(
      "aria-label",
      `Attention of ${this.count("query")} queries to ${this.count("key")} keys. Arrow keys move the pinned cell.`,
    );
  }

  /** The size of the picture as last drawn. */
  get size(): { width: number; height: number } {
    return { width: this.width, height: this.canvas.clientHeight };
  }

  /** Draw with any pen at the layout of the screen. */
  paint(pen: Pen): void {
    const state = this.state;
    if (!state) return;
    const { plot, q, k } = this;
    const { colours, picture } = state;
    const [cw, ch] = [plot.w / (k.stop - k.start), plot.h / (q.stop - q.start)];
    if (picture) {
      const [perRow, perColumn] = [picture.rows / this.count("query"), picture.columns / this.count("key")];
      const window = {
        top: Math.floor(q.start * perRow),
        left: Math.floor(k.start * perColumn),
        rows: Math.ceil(q.stop * perRow) - Math.floor(q.start * perRow),
        columns: Math.ceil(k.stop * perColumn) - Math.floor(k.start * perColumn),
      };
      const ratio = devicePixelRatio || 1;
      const image = this.rastered(
        picture,
        window,
        { rows: plot.h * ratio, columns: plot.w * ratio },
        state.scale,
      );
      const [sy, sx] = [image.height / window.rows, image.width / window.columns];
      const from = {
        x: (k.start * perColumn - window.left) * sx,
        y: (q.start * perRow - window.top) * sy,
        w: (k.stop - k.start) * perColumn * sx,
        h: (q.stop - q.start) * perRow * sy,
      };
      pen.image(image, from, plot);
      if (cw >= MARKED && ch >= MARKED) this.marks(pen, picture, cw, ch);
    }
    pen.rect(plot.x - 0.5, plot.y - 0.5, plot.w + 1, plot.h + 1, { stroke: colours.line });
    const row = (i: number) => plot.y + (i - q.start) * ch;
    const column = (i: number) => plot.x + (i - k.start) * cw;
    const inRows = (i: number | null | undefined): i is number =>
      typeof i === "number" && i + 1 > q.start && i < q.stop;
    const inColumns = (i: number | null | undefined): i is number =>
      typeof i === "number" && i + 1 > k.start && i < k.stop;
    const thin = (size: number) => Math.max(size, 2);
    const { hover } = state;
    if (inRows(hover?.query)) pen.rect(plot.x, row(hover.query), plot.w, thin(ch), { stroke: colours.quiet });
    if (inColumns(hover?.key))
      pen.rect(column(hover.key), plot.y, thin(cw), plot.h, { stroke: colours.quiet });
    if (inRows(state.query))
      pen.rect(plot.x, row(state.query), plot.w, thin(ch), { stroke: colours.pin, width: 1.5 });
    if (inColumns(state.key)) {
      if (inRows(state.query))
        pen.rect(column(state.key), row(state.query), thin(cw), thin(ch), {
          stroke: colours.accent,
          width: 2,
        });
      else pen.rect(column(state.key), plot.y, thin(cw), plot.h, { stroke: colours.pin, width: 1.5 });
    }
    this.labels(pen, "query", row, ch);
    this.labels(pen, "key", column, cw);
  }

  /** Not-a-number is hatched and infinities carry their sign, wherever a cell has room for it. */
  private marks(pen: Pen, picture: Picture, cw: number, ch: number): void {
    const { plot, q, k } = this;
    if (picture.rows !== this.count("query") || picture.columns !== this.count("key")) return;
    for (let row = Math.floor(q.start); row < Math.min(q.stop, picture.rows); row++) {
      for (let column = Math.floor(k.start); column < Math.min(k.stop, picture.columns); column++) {
        const code = picture.codes[row * picture.columns + column]!;
        if (code < MINUS_INFINITY) continue;
        const [x, y] = [plot.x + (column - k.start) * cw, plot.y + (row - q.start) * ch];
        if (code === NOT_A_NUMBER) {
          for (const part of [0.25, 0.5, 0.75, 1]) {
            pen.line(x, y + part * ch, x + part * cw, y, HATCH);
            if (part < 1) pen.line(x + part * cw, y + ch, x + cw, y + part * ch, HATCH);
          }
        } else {
          const text = code === PLUS_INFINITY ? "∞" : "−∞";
          pen.text(x + cw / 2, y + ch / 2, text, {
            colour: "#fff",
            size: Math.min(14, 0.55 * cw),
            anchor: "middle",
          });
        }
      }
    }
  }

  private labels(pen: Pen, axis: "query" | "key", place: (i: number) => number, cell: number): void {
    const { colours, hover } = this.state!;
    const tokens = axis === "query" ? this.state!.queries : this.state!.keys;
    const range = axis === "query" ? this.q : this.k;
    const pinned = axis === "query" ? this.state!.query : this.state!.key;
    const hovered = hover?.[axis] ?? null;
    const size = Math.min(LABEL, Math.max(9, cell - 2));
    const every = roundStep((size + 2) / cell);
    const first = Math.ceil(Math.floor(range.start) / every) * every;
    const chosen = [pinned, hovered].filter(
      (i): i is number => i !== null && i + 1 > range.start && i < range.stop,
    );
    const near = (i: number) => chosen.some((c) => c !== i && Math.abs(c - i) * cell < size + 2);
    const room = axis === "query" ? this.plot.x - 8 : GUTTER_MOST;
    const most = Math.max(3, Math.floor(room / (size * CHARACTER)));
    const write = (i: number) => {
      const at = place(i) + cell / 2;
      if (
        at < (axis === "query" ? this.plot.y : this.plot.x) ||
        at > (axis === "query" ? this.plot.y + this.plot.h : this.plot.x + this.plot.w)
      )
        return;
      const colour =
        i === pinned
          ? axis === "query" || this.state!.query === null
            ? colours.pin
            : colours.accent
          : i === hovered
            ? colours.ink
            : colours.quiet;
      const text = every > 1 && !chosen.includes(i) ? String(i) : label(tokens.texts[i]!, most);
      const style = { colour, size, mono: true, bold: i === pinned || i === hovered };
      if (axis === "query") pen.text(this.plot.x - 6, at, text, { ...style, anchor: "end" });
      else pen.text(at + 3, this.plot.y + this.plot.h + 8, text, { ...style, anchor: "end", turn: -55 });
    };
    for (let i = first; i < range.stop; i += every) if (!near(i)) write(i);
    for (const i of new Set(chosen)) if (every > 1 || near(i)) write(i);
  }

  private rastered(
    picture: Picture,
    window: { top: number; left: number; rows: number; columns: number },
    most: { rows: number; columns: number },
    scale: Scale,
  ): HTMLCanvasElement {
    const key = JSON.stringify([window, Math.round(most.rows), Math.round(most.columns), picture.scale]);
    const known = this.drawn;
    if (known && known.key === key && this.lastCodes === picture.codes && this.lastScale === scale)
      return known.canvas;
    const canvas = raster(picture.codes, picture.columns, window, most, scale);
    this.drawn = { key, canvas };
    this.lastCodes = picture.codes;
    this.lastScale = scale;
    return canvas;
  }

  private lastCodes: Uint8Array | null = null;
  private lastScale: Scale | null = null;
}
