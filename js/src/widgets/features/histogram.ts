// How strongly a feature fires: its activations as bars on a logarithmic count.

import { h, on, watchWidth } from "../../core/dom";
import { digits } from "../../core/format";
import { type Fonts, type Pen, penFor } from "../../core/pen";

export interface HistogramState {
  counts: ArrayLike<number>;
  edges: ArrayLike<number>;
  /** An activation that is pointed at elsewhere. */
  mark: number | null;
  colours: Record<"ink" | "quiet" | "line" | "accent" | "pin", string>;
}

const HEIGHT = 116;
const [LEFT, RIGHT, TOP, BOTTOM] = [40, 4, 6, 18];

/** Bars stand on half a token, so that a single one is seen on the logarithmic axis. */
export function tall(count: number, most: number): number {
  return count <= 0 ? 0 : Math.log(2 * count) / Math.log(2 * Math.max(1, most));
}

export class ActivationHistogram {
  readonly el = h("div", { class: "feat-histogram" });
  #canvas = h("canvas", { role: "img", "aria-label": "Histogram of activations" });
  #fonts: () => Fonts;
  #state: HistogramState | null = null;
  #width = 0;
  #bin: number | null = null;

  constructor(fonts: () => Fonts, hover: (words: string) => void, signal: AbortSignal) {
    this.#fonts = fonts;
    this.el.append(this.#canvas);
    watchWidth(this.el, signal, (width) => {
      this.#width = width;
      this.#draw();
    });
    const point = (bin: number | null) => {
      const state = this.#state;
      if (bin === this.#bin || !state) return;
      this.#bin = bin;
      this.#draw();
      const [from, to] = [state.edges[bin ?? 0]!, state.edges[(bin ?? 0) + 1]!];
      const count = state.counts[bin ?? 0]!.toLocaleString("en");
      hover(bin === null ? "" : `${count} tokens with an activation from ${digits(from)} to ${digits(to)}`);
    };
    on(this.#canvas, "pointermove", (event) => point(this.#binAt(event.offsetX)), signal);
    on(this.#canvas, "pointerleave", () => point(null), signal);
  }

  update(state: HistogramState): void {
    this.#state = state;
    this.#draw();
  }

  get height(): number {
    return HEIGHT;
  }

  #binAt(x: number): number | null {
    const n = this.#state?.counts.length ?? 0;
    const bin = Math.floor(((x - LEFT) / (this.#width - LEFT - RIGHT)) * n);
    return bin >= 0 && bin < n ? bin : null;
  }

  #draw(): void {
    if (this.#state && this.#width > 0)
      this.paint(penFor(this.#canvas, this.#width, HEIGHT, this.#fonts()), this.#width);
  }

  paint(pen: Pen, width: number): void {
    const state = this.#state;
    if (!state) return;
    const { counts, edges, colours, mark } = state;
    const n = counts.length;
    const [low, high] = [edges[0]!, edges[n]!];
    const [room, floor] = [Math.max(1, width - LEFT - RIGHT), HEIGHT - BOTTOM];
    const most = Math.max(1, ...Array.from(counts));
    const small = { colour: colours.quiet, size: 10, mono: true };
    for (let power = 0; 10 ** power <= most; power += Math.max(1, Math.ceil(Math.log10(most) / 3))) {
      const y = floor - (floor - TOP) * tall(10 ** power, most);
      pen.line(LEFT, y, width - RIGHT, y, colours.line);
      pen.text(LEFT - 5, y, power < 4 ? String(10 ** power) : `1e${power}`, { ...small, anchor: "end" });
    }
    const w = room / n;
    for (let i = 0; i < n; i++) {
      const height = (floor - TOP) * tall(counts[i]!, most);
      const fill = i === this.#bin ? colours.ink : colours.accent;
      if (height > 0) pen.rect(LEFT + i * w + 0.5, floor - height, Math.max(1, w - 1), height, { fill });
    }
    pen.line(LEFT, floor + 0.5, width - RIGHT, floor + 0.5, colours.quiet);
    const anchors = ["start", "middle", "end"] as const;
    [low, (low + high) / 2, high].forEach((value, i) => {
      pen.text(LEFT + (room * i) / 2, floor + 11, digits(value), { ...small, anchor: anchors[i]! });
    });
    if (mark !== null && mark >= low && mark <= high) {
      const at = LEFT + (room * (mark - low)) / (high - low || 1);
      pen.line(at, 0, at, floor, colours.pin, 1.5);
    }
  }
}
