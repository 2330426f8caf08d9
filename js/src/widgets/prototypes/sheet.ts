// The score sheet: for every class, what the prototypes add and take away, one after the other, up to the logit.

import { h, onFrame, pointed, watchWidth } from "../../core/dom";
import { digits, label } from "../../core/format";
import type { Fonts, Pen } from "../../core/pen";
import { CanvasPen } from "../../core/pen";
import { screen } from "../../core/thumbnails";
import type { Reading } from "./data";

interface Colours {
  ink: string;
  quiet: string;
  line: string;
  accent: string;
  pin: string;
  bg: string;
}

export interface SheetState {
  reading: Reading;
  /** The prototype whose part is outlined. */
  prototype: number | null;
  colours: Colours;
  fonts: Fonts;
}

interface Segment {
  c: number;
  p: number;
  x: number;
  w: number;
  y: number;
}

export interface SheetEvents {
  hover(prototype: number | null): void;
  click(class_: number, prototype: number | null): void;
}

const HEAD = 18;
const MOST = 12;
const LANE = 7;

export class Sheet {
  readonly el = h("div", { class: "pro-sheet" });
  readonly note = h("p", { class: "iw-note" });
  #canvas = h("canvas", { role: "img" });
  #state: SheetState | null = null;
  #width = 300;
  #segments: Segment[] = [];
  #shown: number[] = [];
  #row = 30;
  #draw: () => void;

  constructor(events: SheetEvents, signal: AbortSignal) {
    this.el.append(this.note, this.#canvas);
    this.#draw = onFrame(signal, () => this.#paint());
    watchWidth(this.el, signal, (width) => {
      this.#width = width;
      this.#draw();
    });
    pointed<{ c: number; p: number | null }>(
      this.#canvas,
      (event) => this.#at(event),
      {
        hover: (what) => events.hover(what?.p ?? null),
        click: ({ c, p }) => events.click(c, p),
      },
      signal,
    );
  }

  get width(): number {
    return this.#width;
  }

  get height(): number {
    return HEAD + this.#shown.length * this.#row + 4;
  }

  update(state: SheetState): void {
    this.#state = state;
    const { reading } = state;
    const { classes } = reading.info;
    // In the order of the network's own logits, which no change moves; the class that is looked at and the one
    // predicted now are never left out.
    const all = classes.map((_, c) => c).sort((a, b) => reading.before[b]! - reading.before[a]! || a - b);
    this.#shown = all.filter((c, i) => i < MOST || c === reading.class_ || c === reading.predicted);
    // What is taken away has a lane of its own, where anything is.
    this.#row = this.#shown.some((c) => reading.takes(c)) ? 38 : 30;
    const few = this.#shown.length < classes.length;
    this.note.textContent = few
      ? `Score sheet: ${this.#shown.length} of ${classes.length} classes`
      : "Score sheet: contributions add up to the logit";
    const { predicted } = reading;
    const words = `Predicts ${classes[predicted]}, logit ${digits(reading.now[predicted]!)}`;
    this.#canvas.setAttribute("aria-label", words);
    this.#draw();
  }

  #at(event: MouseEvent): { c: number; p: number | null } | null {
    const box = this.#canvas.getBoundingClientRect();
    const [x, y] = [event.clientX - box.left, event.clientY - box.top];
    const c = this.#shown[Math.floor((y - HEAD) / this.#row)];
    if (c === undefined || y < HEAD) return null;
    const part = this.#segments.find(
      (s) => s.c === c && x >= s.x && x <= s.x + Math.max(2, s.w) && y >= s.y - 2 && y <= s.y + LANE + 2,
    );
    return { c, p: part?.p ?? null };
  }

  #paint(): void {
    if (!this.#state) return;
    const g = screen(this.#canvas, this.#width, this.height);
    this.paint(new CanvasPen(g, this.#state.fonts));
  }

  paint(pen: Pen): void {
    const { reading, prototype, colours } = this.#state!;
    const { ink, quiet, line, accent, pin } = colours;
    const [left, right] = [0, this.#width];
    // Every class's parts stand on one scale.
    let [low, high] = [0, 1e-9];
    for (const c of this.#shown) {
      let [plus, minus] = [0, 0];
      for (let p = 0; p < reading.count; p++) {
        const part = reading.contribution(c, p);
        if (!Number.isFinite(part)) continue;
        if (part > 0) plus += part;
        else minus += part;
      }
      for (const v of [plus, plus + minus, reading.before[c]!])
        if (Number.isFinite(v)) [low, high] = [Math.min(low, v), Math.max(high, v)];
    }
    const unit = (right - left - 8) / (high - low);
    const x = (value: number) => left + 4 + (value - low) * unit;
    const changed = reading.now !== reading.before;
    const head = { colour: quiet, size: 11 };
    pen.text(right - 56, HEAD / 2, "logit", { ...head, anchor: "end" });
    pen.text(right - 4, HEAD / 2, "prob.", { ...head, anchor: "end" });
    this.#segments = [];
    this.#shown.forEach((c, i) => {
      const y = HEAD + i * this.#row;
      const chosen = c === reading.class_;
      if (chosen) pen.rect(left, y, this.#width, this.#row - 2, { fill: shade(ink, 0.05), radius: 3 });
      const best = c === reading.predicted;
      const room = Math.floor((this.#width - (changed ? 172 : 116)) / 7.2);
      const name = label(reading.info.classes[c]!, Math.max(4, room));
      pen.text(left + 4, y + 9, name, { colour: chosen ? accent : ink, size: 12, bold: best });
      const parts = Array.from({ length: reading.count }, (_, p) => [p, reading.contribution(c, p)] as const);
      pen.line(x(0), y + 15, x(0), y + this.#row - 2, line);
      let at = 0;
      const lane = (sign: 1 | -1, top: number, colour: string) => {
        const own = parts
          .filter(([, v]) => sign * v > 0 && Number.isFinite(v))
          .sort((a, b) => Math.abs(b[1]) - Math.abs(a[1]));
        // Parts thinner than a pixel are drawn together: thousands would cost much and show nothing.
        let from = x(at);
        for (const [p, v] of own) {
          const [x0, x1] = [x(at), x(at + v)];
          at += v;
          this.#segments.push({ c, p, x: Math.min(x0, x1), w: Math.abs(x1 - x0), y: top });
          if (Math.abs(x1 - from) >= 1 || p === own.at(-1)![0]) {
            const w = Math.abs(x1 - from);
            pen.rect(Math.min(from, x1), top, Math.max(0.5, w - (w > 3 ? 1 : 0)), LANE, { fill: colour });
            from = x1;
          }
        }
        const chosen = this.#segments.find((s) => s.c === c && s.p === prototype && s.y === top);
        if (chosen) {
          const { x: left, w } = chosen;
          pen.rect(left - 1, top - 1.5, w + 2, LANE + 3, { stroke: ink, width: 1.5 });
        }
      };
      lane(1, y + 17, pin);
      lane(-1, y + 26, accent);
      const end = reading.now[c]!;
      if (Number.isFinite(end)) pen.rect(x(end) - 1, y + 14, 2, this.#row - 18, { fill: ink });
      if (changed && Number.isFinite(reading.before[c]!))
        pen.rect(x(reading.before[c]!) - 0.5, y + 14, 1, this.#row - 18, { fill: quiet });
      const style = { size: 12, mono: true, anchor: "end" as const, bold: best };
      pen.text(right - 56, y + 9, digits(end), { ...style, colour: ink });
      pen.text(right - 4, y + 9, share(reading.is[c]!), { ...style, colour: ink });
      if (changed) {
        const was = `was ${digits(reading.before[c]!)}`;
        pen.text(right - 108, y + 9, was, { size: 10, mono: true, anchor: "end", colour: quiet });
      }
    });
  }
}

/** A probability, short. */
function share(value: number): string {
  if (Number.isNaN(value)) return "NaN";
  return value > 0.0005 || value === 0 ? value.toFixed(3).replace(/^0/, "") : "<.001";
}

function shade(colour: string, alpha: number): string {
  const [r, g, b] = [1, 3, 5].map((i) => Number.parseInt(colour.slice(i, i + 2), 16));
  return `rgba(${r}, ${g}, ${b}, ${alpha})`;
}
