// Steps by positions, the whole run at once: a row for each state, a tick where a position was filled.

import { div, h, on, watchWidth } from "../../core/dom";
import { label } from "../../core/format";
import { drawSwatch, type Swatch } from "../../core/linear";
import { type Fonts, type Pen, penFor } from "../../core/pen";
import type { Place, Run } from "./run";

const [LEFT, HEAD, FOOT] = [34, 6, 58];
const ROOMY = 48; // pixels of a column whose name needs no turning

export interface MatrixState {
  run: Run;
  step: number;
  pinned: number | null;
  hover: Place | null;
  swatch(place: Place): Swatch | null;
  colours: { ink: string; quiet: string; line: string; accent: string; pin: string };
}

export interface MatrixEvents {
  hover(place: Place | null): void;
  click(place: Place): void;
  resized(): void;
}

export class Matrix {
  readonly el = div("dn-matrix");
  #canvas = h("canvas", { role: "img" });
  #state: MatrixState | null = null;
  #room = 600;

  constructor(events: MatrixEvents, signal: AbortSignal) {
    this.el.append(this.#canvas);
    on(this.#canvas, "pointermove", (event) => events.hover(this.#placeAt(event)), signal);
    on(this.#canvas, "pointerleave", () => events.hover(null), signal);
    on(
      this.#canvas,
      "click",
      (event) => {
        const place = this.#placeAt(event);
        if (place) events.click(place);
      },
      signal,
    );
    watchWidth(this.el, signal, (width) => {
      this.#room = width;
      events.resized();
    });
  }

  update(state: MatrixState, fonts: Fonts): void {
    this.#state = state;
    this.#canvas.setAttribute(
      "aria-label",
      `${state.run.info.steps + 1} states by ${state.run.length} positions; state ${state.step} is shown above`,
    );
    this.paint(penFor(this.#canvas, this.width, this.height, fonts));
  }

  get #rows(): number {
    return (this.#state?.run.info.steps ?? 0) + 1;
  }

  get #column(): number {
    const n = this.#state?.run.length ?? 1;
    return Math.max(3, Math.min(64, Math.floor((this.#room - LEFT - 2) / Math.max(1, n))));
  }

  get #row(): number {
    return Math.max(4, Math.min(20, Math.floor(320 / this.#rows)));
  }

  get #named(): boolean {
    return this.#column >= 12;
  }

  get width(): number {
    return Math.max(160, LEFT + this.#column * (this.#state?.run.length ?? 0) + 26);
  }

  get height(): number {
    return HEAD + this.#row * this.#rows + (this.#named && this.#column < ROOMY ? FOOT : 20);
  }

  #placeAt(event: MouseEvent): Place | null {
    const state = Math.floor((event.offsetY - HEAD) / this.#row);
    const position = Math.floor((event.offsetX - LEFT) / this.#column);
    const inside = state >= 0 && state < this.#rows && position >= 0;
    return inside && this.#state && position < this.#state.run.length ? { state, position } : null;
  }

  paint(pen: Pen): void {
    if (!this.#state) return;
    const { run, step, pinned, hover, swatch, colours } = this.#state;
    const [w, r, rows] = [this.#column, this.#row, this.#rows];
    const gap = w > 8 && r > 8 ? 1 : 0;
    for (let state = 0; state < rows; state++) {
      for (let position = 0; position < run.length; position++) {
        const [x, y] = [LEFT + position * w, HEAD + state * r];
        const found = swatch({ state, position });
        if (found) drawSwatch(pen, found, x, y, w - gap, r - gap);
        // A dot is a mask, whatever colours it.
        if (gap && run.isOpen({ state, position }))
          pen.rect(x + w / 2 - 1.5, y + r / 2 - 1.5, 2, 2, { fill: found?.ink || colours.quiet });
        if (run.info.filled[position] === state && state > 0)
          pen.rect(x, y - 1, w - gap, 2, { fill: colours.ink });
      }
    }
    const [wide, high] = [w * run.length, r * rows];
    pen.rect(LEFT - 0.5, HEAD - 0.5, wide, high, { stroke: colours.line });
    const every = Math.ceil(rows / Math.floor(high / 14 + 1));
    for (let state = 0; state < rows; state++) {
      const here = state === step;
      if (!here && (state % every !== 0 || Math.abs(state - step) * r < 12)) continue;
      pen.text(LEFT - 6, HEAD + state * r + r / 2, String(state), {
        ...{ colour: here ? colours.accent : colours.quiet, size: 10, mono: true, anchor: "end", bold: here },
      });
    }
    for (let position = 0; this.#named && position < run.length; position++) {
      const x = LEFT + position * w + w / 2;
      const chosen = position === pinned;
      const flat = w >= ROOMY;
      pen.text(
        x - (flat ? 0 : 2),
        HEAD + high + (flat ? 11 : 8),
        label(run.info.tokens.texts[position]!, flat ? Math.floor(w / 6.4) : 10),
        {
          ...{ size: 10, mono: true, bold: chosen },
          ...(flat ? { anchor: "middle" } : { anchor: "start", turn: 45 }),
          colour: chosen ? colours.pin : run.isGiven(position) ? colours.ink : colours.quiet,
        },
      );
    }
    if (!this.#named)
      pen.text(LEFT, HEAD + high + 10, `positions 0 to ${run.length - 1}`, {
        ...{ colour: colours.quiet, size: 10, mono: true },
      });
    if (pinned !== null)
      pen.rect(LEFT + pinned * w - 0.5, HEAD - 0.5, w, high, { stroke: colours.pin, width: 1.5 });
    pen.rect(LEFT - 0.5, HEAD + step * r - 0.5, wide, r, { stroke: colours.accent, width: 1.5 });
    if (hover)
      pen.rect(LEFT + hover.position * w, HEAD + hover.state * r, w - 1, r - 1, {
        ...{ stroke: colours.ink, width: 1.5 },
      });
  }
}
