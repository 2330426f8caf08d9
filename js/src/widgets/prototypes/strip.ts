// The images of the view as a strip to choose from: one canvas, with only what is near the chosen one on it.

import { h, onFrame, pointed, watchWidth } from "../../core/dom";
import { type Albums, screen } from "../../core/thumbnails";
import type { Store } from "./data";

const SIDE = 36;
const GAP = 4;

export interface StripState {
  count: number;
  block: number;
  chosen: number;
  other: number | null;
  accent: string;
  pin: string;
  line: string;
}

export class Strip {
  readonly el = h("div", { class: "pro-strip", hidden: true });
  #canvas = h("canvas", { role: "img", "aria-label": "Images to choose from" });
  #state: StripState | null = null;
  #width = 0;
  #draw: () => void;
  #store: Store;
  #albums: Albums;

  constructor(
    store: Store,
    albums: Albums,
    events: { choose(image: number): void; hover(image: number | null): void },
    signal: AbortSignal,
  ) {
    this.#store = store;
    this.#albums = albums;
    this.el.append(this.#canvas);
    this.#draw = onFrame(signal, () => this.#paint());
    watchWidth(this.el, signal, (width) => {
      this.#width = width;
      this.#draw();
    });
    pointed<number>(
      this.#canvas,
      (event) => {
        const x = event.clientX - this.#canvas.getBoundingClientRect().left;
        const at = this.#first + Math.floor(x / (SIDE + GAP));
        return this.#state && at < this.#state.count ? at : null;
      },
      { hover: (i) => events.hover(i), click: (i) => events.choose(i) },
      signal,
    );
  }

  get #fits(): number {
    return Math.max(1, Math.floor((this.#width + GAP) / (SIDE + GAP)));
  }

  /** The strip moves only when the chosen image would leave it. */
  get #first(): number {
    const { chosen, count } = this.#state!;
    const page = Math.max(1, this.#fits - 2);
    return Math.max(0, Math.min(count - this.#fits, Math.floor(chosen / page) * page));
  }

  update(state: StripState): void {
    this.#state = state;
    this.el.hidden = state.count < 2;
    this.#draw();
  }

  #paint(): void {
    if (!this.#state || this.#width === 0 || this.el.hidden) return;
    const { count, block, chosen, other, accent, pin, line } = this.#state;
    const first = this.#first;
    const shown = Math.min(this.#fits, count - first);
    const g = screen(this.#canvas, shown * (SIDE + GAP) - GAP, SIDE);
    for (let i = first; i < first + shown; i++) {
      const start = Math.floor(i / block) * block;
      const found = this.#store.pictures(start);
      const x = (i - first) * (SIDE + GAP);
      if (found) {
        this.#albums.of(found.pixels).draw(g, i - start, null, { x, y: 0, w: SIDE, h: SIDE });
      } else {
        g.strokeStyle = line;
        g.lineWidth = 1;
        g.strokeRect(x + 0.5, 0.5, SIDE - 1, SIDE - 1);
      }
      const colour = i === chosen ? accent : i === other ? pin : null;
      if (!colour) continue;
      g.strokeStyle = colour;
      g.lineWidth = 3;
      g.strokeRect(x + 1.5, 1.5, SIDE - 3, SIDE - 3);
    }
  }
}
