// A slider that carries its dose-response curve: drag, wheel of the keys, a tick where nothing changes, and hatching
// where the limit forbids. One drawing for the screen and for the exported picture.

import { h, on, onFrame, watchWidth } from "../../core/dom";
import { digits } from "../../core/format";
import { type Fonts, type Pen, penFor } from "../../core/pen";

export interface SliderState {
  low: number;
  high: number;
  neutral: number | null;
  value: number | null;
  /** What the limit permits; null where there is none. */
  permitted: [number, number] | null;
  /** Probability of the first watched word at some strengths; null until it is known. */
  curve: { strengths: ArrayLike<number>; values: ArrayLike<number> } | null;
  /** The number at the top of the curve. */
  top: number;
  /** Where the marker stands on the curve. */
  marker: { value: number; exact: boolean } | null;
  /** Strengths it snaps to, on a saved page. */
  stops: readonly number[] | null;
  stale: boolean;
  colours: Record<"ink" | "quiet" | "line" | "accent" | "pin" | "bg", string>;
}

export const HEIGHT = 50;
const INSET = 9;
const TRACK = 40;
const CURVE = 26;

/** A strength with three digits, but no more than its range makes sense of. */
export function rounded(value: number, { low, high }: { low: number; high: number }): number {
  const step = 10 ** (Math.floor(Math.log10(high - low || 1)) - 3);
  return Number((Math.round(value / step) * step).toPrecision(12));
}

export function paintSlider(pen: Pen, width: number, state: SliderState): void {
  const { low, high, neutral, value, permitted, curve, top, marker, colours } = state;
  const span = high - low || 1;
  const x = (s: number) => INSET + (Math.max(0, Math.min(1, (s - low) / span)) || 0) * (width - 2 * INSET);
  const y = (p: number) => 3 + CURVE * (1 - Math.max(0, Math.min(1, p / (top || 1))));
  pen.line(INSET, 3 + CURVE + 0.5, width - INSET, 3 + CURVE + 0.5, colours.line);
  if (neutral !== null) pen.line(x(neutral), 2, x(neutral), TRACK, colours.line, 1);
  if (curve) {
    const ink = state.stale ? colours.line : colours.quiet;
    for (let i = 1; i < curve.strengths.length; i++) {
      const [s, t, p, q] = [
        curve.strengths[i - 1]!,
        curve.strengths[i]!,
        curve.values[i - 1]!,
        curve.values[i]!,
      ];
      if (Number.isFinite(p) && Number.isFinite(q)) pen.line(x(s), y(p), x(t), y(q), ink, 1.5);
    }
  }
  pen.rect(INSET, TRACK - 2, width - 2 * INSET, 4, { fill: colours.line, radius: 2 });
  if (permitted) {
    for (const [from, to] of [
      [INSET, x(permitted[0])],
      [x(permitted[1]), width - INSET],
    ] as const)
      for (let at = from + 1; at < to - 1; at += 4)
        pen.line(at, TRACK + 4, Math.min(to, at + 4), TRACK - 4, colours.pin, 1);
  }
  for (const stop of state.stops ?? []) pen.rect(x(stop) - 1, TRACK - 1, 2, 2, { fill: colours.quiet });
  if (value !== null) {
    const from = x(neutral ?? low);
    const to = x(value);
    pen.rect(Math.min(from, to), TRACK - 2, Math.max(1, Math.abs(to - from)), 4, {
      fill: colours.accent,
      radius: 2,
    });
    pen.line(to, marker ? y(marker.value) : 3, to, TRACK, colours.accent, 1);
    pen.rect(to - 7, TRACK - 7, 14, 14, {
      ...{ fill: colours.accent, stroke: colours.bg, width: 2, radius: 7 },
    });
    if (marker) {
      const dot = marker.exact ? { fill: colours.accent } : { fill: colours.bg };
      pen.rect(to - 3.5, y(marker.value) - 3.5, 7, 7, {
        ...dot,
        stroke: colours.accent,
        width: 1.5,
        radius: 3.5,
      });
    }
  } else {
    const to = x(neutral ?? low);
    pen.rect(to - 6, TRACK - 6, 12, 12, { fill: colours.bg, stroke: colours.quiet, width: 1.5, radius: 6 });
  }
  if (neutral !== null) pen.line(x(neutral), TRACK + 5, x(neutral), TRACK + 9, colours.quiet, 1.5);
}

export interface SliderEvents {
  /** The handle is under the hand. */
  touched(): void;
  moved(value: number): void;
  rested(): void;
  neutral(): void;
}

export class Slider {
  readonly el = h("div", { class: "st-slider", role: "slider", tabindex: 0 });
  #canvas = h("canvas", { "aria-hidden": true });
  #state: SliderState | null = null;
  #width = 0;
  #redraw: () => void;

  constructor(fonts: () => Fonts, events: SliderEvents, signal: AbortSignal) {
    this.el.append(this.#canvas);
    this.#redraw = onFrame(signal, () => {
      if (!this.#state || this.#width < 40) return;
      paintSlider(penFor(this.#canvas, this.#width, HEIGHT, fonts()), this.#width, this.#state);
    });
    watchWidth(this.el, signal, (width) => {
      this.#width = width;
      this.#redraw();
    });
    const follow = (event: PointerEvent) => {
      const box = this.el.getBoundingClientRect();
      const { low, high } = this.#state!;
      const share = (event.clientX - box.left - INSET) / (box.width - 2 * INSET);
      events.moved(this.#kept(low + Math.max(0, Math.min(1, share)) * (high - low), true));
    };
    let held = false;
    on(this.el, "pointerdown", (event) => {
      if (!this.#state || event.button !== 0) return;
      held = true;
      this.el.setPointerCapture(event.pointerId);
      events.touched();
      follow(event);
    });
    on(this.el, "pointermove", (event) => held && follow(event));
    const drop = () => {
      if (!held) return;
      held = false;
      events.rested();
    };
    on(this.el, "pointerup", drop);
    on(this.el, "pointercancel", drop);
    on(this.el, "dblclick", () => events.neutral());
    on(this.el, "keydown", (event) => {
      const state = this.#state;
      if (!state || event.ctrlKey || event.metaKey || event.altKey) return;
      const { low, high } = state;
      const by = { ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1 }[event.key];
      const end = { Home: low, End: high }[event.key];
      if (event.key === "0") events.neutral();
      else if (by === undefined && end === undefined) return;
      else {
        events.touched();
        const now = state.value ?? state.neutral ?? low;
        events.moved(end ?? this.#step(now, by!, event.shiftKey));
      }
      event.preventDefault();
      event.stopPropagation();
    });
  }

  #step(now: number, by: number, far: boolean): number {
    const { low, high, stops } = this.#state!;
    if (stops) {
      const at = stops.reduce(
        (best, s, i) => (Math.abs(s - now) < Math.abs(stops[best]! - now) ? i : best),
        0,
      );
      return stops[Math.max(0, Math.min(stops.length - 1, at + by * (far ? 3 : 1)))]!;
    }
    return this.#kept(rounded(now + (by * (high - low)) / (far ? 10 : 100), { low, high }), false);
  }

  /** Within the range and what the limit permits, on a recorded point where only those are; near neutral it is neutral. */
  #kept(value: number, magnet: boolean): number {
    const { low, high, permitted, neutral, stops } = this.#state!;
    if (stops)
      return stops.reduce((best, s) => (Math.abs(s - value) < Math.abs(best - value) ? s : best), stops[0]!);
    if (magnet && neutral !== null && Math.abs(value - neutral) < 0.012 * (high - low)) return neutral;
    const [from, to] = permitted ?? [low, high];
    const inside = Math.max(Math.max(low, from), Math.min(Math.min(high, to), value));
    return inside === value ? Math.max(low, Math.min(high, rounded(value, { low, high }))) : inside;
  }

  update(state: SliderState, name: string): void {
    this.#state = state;
    const { low, high, value, neutral, marker } = state;
    const said = value === null ? "off" : value === neutral ? `${digits(value)}, neutral` : digits(value);
    for (const [key, text] of Object.entries({
      "aria-label": `Strength of ${name}`,
      "aria-valuemin": low,
      "aria-valuemax": high,
      "aria-valuenow": value ?? neutral ?? low,
      "aria-valuetext": said,
    }))
      this.el.setAttribute(key, String(text));
    this.el.toggleAttribute("data-approximate", marker !== null && !marker.exact);
    this.#redraw();
  }
}
