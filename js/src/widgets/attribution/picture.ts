// One picture: layers by heads, MLPs and biases beside them, embeddings above, constants below; and along the same rows
// the sum so far. All cells share one symmetric scale.

import { codeOf, colourOf, inkOn, type Scale } from "../../core/colour";
import { div, h, pointed, watchWidth } from "../../core/dom";
import { digits } from "../../core/format";
import { type Box, type Fonts, type Pen, penFor } from "../../core/pen";
import type { Drawing } from "../../core/save";
import { type Attribution, BESIDE, reach, stepsOf } from "./data";

export interface PictureState {
  found: Attribution | null;
  heads: number[];
  selected: { layer: number; head: number };
  hovered: number | null;
  scale: Scale;
  colours: { ink: string; quiet: string; line: string; accent: string; bg: string };
}

export interface PictureEvents {
  hover(part: number | null): void;
  click(part: number): void;
}

interface Cell extends Box {
  part: number;
}

interface Label {
  x: number;
  y: number;
  text: string;
  anchor: "middle" | "end";
}

const LEFT = 24;
const TOP = 20;
const GAP = 12;

export class Picture {
  readonly el = div("dla-picture");
  #canvas = h("canvas", { tabindex: 0, role: "img" });
  #state: PictureState | null = null;
  #fonts: () => Fonts;
  #width = 0;
  #height = 0;
  #cells: Cell[] = [];
  #labels: Label[] = [];
  #line: Box = { x: 0, y: 0, w: 0, h: 0 };
  #row = 0;

  constructor(fonts: () => Fonts, events: PictureEvents, signal: AbortSignal) {
    this.#fonts = fonts;
    this.el.append(this.#canvas);
    const partAt = (event: MouseEvent) => {
      const { offsetX: x, offsetY: y } = event;
      const cell = this.#cells.find((c) => x >= c.x && x < c.x + c.w && y >= c.y && y < c.y + c.h);
      return cell?.part ?? null;
    };
    pointed(this.#canvas, partAt, events, signal);
    watchWidth(this.el, signal, (width) => {
      this.#width = width;
      this.#draw();
    });
  }

  update(state: PictureState): void {
    this.#state = state;
    this.#draw();
  }

  get drawing(): Drawing {
    return { width: this.#width, height: this.#height, paint: (pen) => this.paint(pen) };
  }

  #place(found: Attribution, heads: number[]): void {
    this.#cells = [];
    this.#labels = [];
    const most = Math.max(0, ...heads);
    const beside = Object.keys(BESIDE).filter((kind) => found.kinds.includes(kind));
    const columns = most + beside.length;
    const line = Math.max(84, Math.min(230, Math.round(0.3 * this.#width)));
    const room = this.#width - LEFT - line - 2 * GAP - (beside.length && most ? GAP : 0);
    const w = Math.max(7, Math.min(62, Math.floor(room / Math.max(1, columns))));
    const row = Math.max(11, Math.min(34, Math.floor(330 / Math.max(1, heads.length))));
    this.#row = row;
    const besideX = LEFT + most * w + (most ? GAP : 0);
    const first = TOP + Math.max(row, 22) + 6; // below the embeddings
    const wide = (parts: number[], y: number) => {
      const each = Math.min(
        190,
        Math.floor((besideX + beside.length * w - LEFT) / Math.max(1, parts.length)),
      );
      parts.forEach((part, i) => {
        this.#cells.push({ part, x: LEFT + i * each, y, w: each, h: Math.max(row, 22) });
      });
    };
    wide(
      found.kinds.flatMap((kind, i) => (kind === "embedding" || kind === "position" ? [i] : [])),
      TOP,
    );
    found.kinds.forEach((kind, part) => {
      const layer = found.layers[part]!;
      if (layer < 0) return;
      const x = kind === "head" ? LEFT + found.heads[part]! * w : besideX + beside.indexOf(kind) * w;
      this.#cells.push({ part, x, y: first + layer * row, w, h: row });
    });
    const last = first + heads.length * row + 6;
    const constants = found.kinds
      .flatMap((_, i) => (found.layers[i]! < 0 ? [i] : []))
      .filter((i) => found.kinds[i] !== "embedding" && found.kinds[i] !== "position");
    wide(constants, last);
    const bottom = constants.length > 0 ? last + Math.max(row, 22) : last - 6;
    const every = (size: number, least: number) => Math.max(1, Math.ceil(least / size));
    for (let i = 0; i < heads.length; i += every(row, 12)) {
      this.#labels.push({ x: LEFT - 6, y: first + (i + 0.5) * row, text: String(i), anchor: "end" });
    }
    for (let i = 0; i < most; i += every(w, 14)) {
      this.#labels.push({ x: LEFT + (i + 0.5) * w, y: bottom + 10, text: String(i), anchor: "middle" });
    }
    const widest = Math.max(0, ...beside.map((kind) => BESIDE[kind]!.length)) * 6.8;
    beside.forEach((kind, i) => {
      const low = widest > w && i % 2 === 1 ? 12 : 0;
      const x = besideX + (i + 0.5) * w;
      this.#labels.push({ x, y: bottom + 10 + low, text: BESIDE[kind]!, anchor: "middle" });
    });
    const lineX = besideX + beside.length * w + 2 * GAP;
    this.#line = {
      x: lineX,
      y: TOP,
      w: Math.max(40, Math.min(260, this.#width - lineX - 8)),
      h: bottom - TOP,
    };
    this.#height = bottom + (widest > w && beside.length > 1 ? 44 : 32);
  }

  #draw(): void {
    const found = this.#state?.found;
    if (!this.#state || !found || this.#width === 0) return;
    this.#place(found, this.#state.heads);
    this.paint(penFor(this.#canvas, this.#width, this.#height, this.#fonts()));
    const words = `${found.names.length} parts of the logit, ${this.#state.heads.length} layers`;
    this.#canvas.setAttribute("aria-label", `${words}. Arrow keys choose a head.`);
  }

  paint(pen: Pen): void {
    const { found, colours, scale, selected, hovered } = this.#state!;
    if (!found) return;
    const quiet = { colour: colours.quiet, size: 11 };
    const top = reach(found.values.data);
    for (const { x, y, text, anchor } of this.#labels) pen.text(x, y, text, { ...quiet, anchor, mono: true });
    const heads = Math.max(0, ...this.#state!.heads);
    const first = this.#cells.find((cell) => found.kinds[cell.part] === "head");
    if (heads && first) {
      const y = this.#labels.find((label) => label.anchor === "middle")!.y + 13;
      pen.text(LEFT + (heads * first.w) / 2, y, "heads", { ...quiet, anchor: "middle" });
    }
    pen.text(0, TOP - 10, "layer", quiet);
    for (const cell of this.#cells) {
      const value = found.values.data[cell.part]!;
      const rgb = colourOf(scale, codeOf(value, top, true)) ?? [128, 128, 128];
      pen.rect(cell.x + 0.5, cell.y + 0.5, cell.w - 1, cell.h - 1, {
        ...{ fill: `rgb(${rgb.map(Math.round).join(" ")})`, stroke: colours.line },
      });
      this.#words(pen, cell, value, inkOn(rgb));
    }
    const frame = (cell: Cell | undefined, stroke: string, width: number) => {
      if (cell) pen.rect(cell.x + 1, cell.y + 1, cell.w - 2, cell.h - 2, { stroke, width, radius: 2 });
    };
    frame(
      this.#cells.find((cell) => cell.part === hovered),
      colours.ink,
      1,
    );
    const { layer, head } = selected;
    const chosen = this.#cells.find(({ part }) => found.layers[part] === layer && found.heads[part] === head);
    frame(chosen, colours.accent, 2);
    this.#buildUp(pen, found);
  }

  /** Digits where there is room; a part that stands alone says its name too; what is no number always says so. */
  #words(pen: Pen, { part, x, y, w, h: height }: Cell, value: number, ink: string): void {
    const { found } = this.#state!;
    const style = { colour: ink, size: 11, mono: true };
    const alone = found!.layers[part]! < 0;
    const middle = y + height / 2;
    if (!Number.isFinite(value)) {
      if (Number.isNaN(value))
        for (const at of [0.34, 0.67, 1]) pen.line(x + 1, y + at * height, x + at * w, y + 1, ink);
      const text = Number.isNaN(value) ? "NaN" : digits(value);
      if (w >= 24) pen.text(x + w / 2, middle, text, { ...style, anchor: "middle" });
    } else if (alone) {
      const name = found!.names[part]!.replace("position embedding", "position");
      const [long, number] = [6 * name.length, 6.7 * digits(value).length];
      if (w >= long + number + 20) {
        pen.text(x + 6, middle, name, { colour: ink, size: 11 });
        pen.text(x + w - 6, middle, digits(value), { ...style, anchor: "end" });
      } else {
        const short = long <= w - 8 ? name : name.split(" ")[0]!;
        if (6 * short.length <= w)
          pen.text(x + w / 2, middle, short, { colour: ink, size: 11, anchor: "middle" });
      }
    } else if (6.7 * digits(value).length + 4 <= w && height >= 16) {
      pen.text(x + w / 2, middle, digits(value), { ...style, anchor: "middle" });
    }
  }

  /** The sum after each attention and each MLP, along the rows of the layers. */
  #buildUp(pen: Pen, found: Attribution): void {
    const { colours, heads } = this.#state!;
    const steps = stepsOf(found);
    const sums = steps.map((step) => step.sum).filter(Number.isFinite);
    const [low, high] = [Math.min(0, ...sums), Math.max(0, ...sums)];
    const { x: left, y: top, w, h: height } = this.#line;
    const x = (value: number) => left + 4 + ((w - 8) * (value - low)) / (high - low || 1);
    const first = TOP + Math.max(this.#row, 22) + 6;
    const y = (layer: number, half: number) =>
      layer < 0 ? TOP + Math.max(this.#row, 22) / 2 : first + (layer + (half ? 0.82 : 0.36)) * this.#row;
    const quiet = { colour: colours.quiet, size: 11 };
    pen.text(left + w / 2, TOP - 10, "sum so far", { ...quiet, anchor: "middle" });
    pen.line(x(0), top, x(0), top + height, colours.line);
    for (let layer = 0; layer <= heads.length; layer++) {
      pen.line(left, first + layer * this.#row, left + w, first + layer * this.#row, colours.line, 0.5);
    }
    const points = steps.filter((step) => Number.isFinite(step.sum));
    points.slice(1).forEach((to, i) => {
      const from = points[i]!;
      pen.line(x(from.sum), y(from.layer, from.half), x(to.sum), y(to.layer, to.half), colours.accent, 1.75);
    });
    for (const { layer, half, sum } of points) {
      const [r, at] = [2.5, y(layer, half)];
      pen.rect(x(sum) - r, at - r, 2 * r, 2 * r, {
        ...{ fill: half ? colours.accent : colours.bg, stroke: colours.accent, radius: r },
      });
    }
    const end = points.at(-1);
    const below = top + height + 10;
    if (end && Math.abs(x(end.sum) - x(0)) > 46) pen.text(x(0), below, "0", { ...quiet, anchor: "middle" });
    if (end) {
      const anchor = x(end.sum) > left + w - 24 ? "end" : x(end.sum) < left + 24 ? "start" : "middle";
      const at = anchor === "end" ? left + w : anchor === "start" ? left : x(end.sum);
      const style = { colour: colours.ink, size: 11, mono: true, bold: true, anchor } as const;
      pen.text(at, below, digits(end.sum), style);
    }
    if (w > 150)
      pen.text(left + w / 2, below + 13, "○ after attention  ● after MLP", { ...quiet, anchor: "middle" });
  }
}
