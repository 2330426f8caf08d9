// What the page knows of the sliders' setting now: exact where Python has answered, interpolated while it has not.

import type { Page } from "../../core/page";
import {
  between,
  type Curve,
  type Gauge,
  interpolated,
  type Reach,
  type Row,
  rowsOf,
  type Steered,
  type Strengths,
  type ViewInfo,
} from "./data";

export interface Setting {
  info: ViewInfo;
  strengths: Strengths;
  modes: Record<string, string>;
  /** Prompt, positions, attention: what every request names. */
  place: Record<string, unknown>;
  words: string[];
  limit: number | null;
  /** The target whose slider moves, or moved last. */
  touched: string | null;
  moving: boolean;
}

export interface Answered {
  rows: Row[];
  exact: Steered | null;
  /** The last exact answer, shown pale where nothing better is known. */
  last: Steered | null;
  curve: Curve | null;
  /** The strength on the curve; null where it has none. */
  at: number | null;
  divergence: { values: number[]; exact: boolean } | null;
  curves: Map<string, { curve: Curve; fresh: boolean }>;
  reaches: Map<string, Reach>;
}

const QUICK = 120; // milliseconds

export class Asking {
  #page: Page<ViewInfo>;
  #last: Steered | null = null;
  #curves = new Map<string, Curve>();
  #wanted = { key: "", since: 0 };
  #quick = false;

  constructor(page: Page<ViewInfo>) {
    this.#page = page;
  }

  /** Another prompt, another set of targets: what was known says nothing of them. */
  forget(): void {
    this.#last = null;
    this.#curves.clear();
  }

  now(setting: Setting): Answered {
    const { info, strengths, modes, place, words, limit, touched, moving } = setting;
    const rows = rowsOf(info.targets, modes, strengths);
    const wanted = <T>(method: string, params: Record<string, unknown>, lane: string) =>
      this.#page.answers.wanted<T>(method, { ...place, ...params }, { lane, optional: true });
    const about = (name: string) => ({
      rows: rows.filter((row) => row[0] !== name),
      name,
      mode: modes[name],
    });
    // The touched curve comes first: from then on the page can interpolate.
    const curves: Answered["curves"] = new Map();
    const reaches: Answered["reaches"] = new Map();
    const order = [...info.targets].sort((a, b) => Number(b.name === touched) - Number(a.name === touched));
    for (const { name } of order) {
      const mine = name === touched;
      // The other sliders' curves wait until the hand rests.
      const asked = { ...about(name), words };
      const found =
        mine || !moving
          ? wanted<Curve>("curve", asked, mine ? "curve" : "curves")
          : this.#page.requests.peek<Curve>("curve", { ...place, ...asked });
      if (found) this.#curves.set(name, found);
      const known = found ?? this.#curves.get(name);
      if (known) curves.set(name, { curve: known, fresh: found !== undefined });
    }
    const exact = wanted<Steered>("steer", { rows, words, limit }, "steer") ?? null;
    if (exact) this.#last = exact;
    this.#time(JSON.stringify(rows), exact !== null);
    // A model that answers slowly measures its divergence only when the hand rests: the distribution comes first.
    const quick = !moving || this.#quick;
    const gauge = quick ? wanted<Gauge>("gauge", { rows }, "gauge") : undefined;
    for (const { name } of order) {
      if (!(name === touched && moving && this.#quick) && (limit === null || (moving && name !== touched)))
        continue;
      const reach = wanted<Reach>("reach", { ...about(name), limit }, name === touched ? "reach" : "reaches");
      if (reach) reaches.set(name, reach);
    }
    const mine = touched === null ? undefined : curves.get(touched);
    const strength = touched === null ? null : (strengths[touched] ?? this.#neutral(setting, touched));
    return {
      ...{ rows, exact, last: this.#last, curves, reaches },
      curve: mine?.fresh ? mine.curve : null,
      at: mine?.fresh ? strength : null,
      divergence: gauge
        ? { values: Array.from(gauge.divergence.data), exact: true }
        : this.#between(touched === null ? undefined : reaches.get(touched), strength),
    };
  }

  /** How long an exact answer takes, from the moment it is first wanted. */
  #time(key: string, here: boolean): void {
    if (!here && this.#wanted.key !== key) this.#wanted = { key, since: performance.now() };
    if (!here || this.#wanted.key !== key) return;
    this.#quick = performance.now() - this.#wanted.since < QUICK;
    this.#wanted.key = "";
  }

  #neutral({ info, modes }: Setting, name: string): number | null {
    const target = info.targets.find((one) => one.name === name);
    return target?.ranges[modes[name] ?? ""]?.neutral ?? null;
  }

  #between(reach: Reach | undefined, at: number | null): { values: number[]; exact: boolean } | null {
    if (!reach || at === null) return null;
    const place = between(reach.strengths.data, at);
    const variants = reach.divergence.shape[0]!;
    const values = Array.from({ length: variants }, (_, v) => interpolated(reach.divergence, v, place)[0]!);
    return { values, exact: false };
  }
}
