// A denoising run as the page holds it: what stands where in each state, and what any place is worth.

import { type Choice, type ChoiceBlock, choicesOf } from "../../core/expected";
import type { Ends } from "../../core/linear";
import type { TokenData } from "../../core/tokens";
import type { NDArray } from "../../core/wire";

export type Show = "filled" | "probability" | "entropy" | "feature";

export interface ViewInfo {
  tokens: TokenData;
  mask: string;
  steps: number;
  /** The step, from 1, that filled each position; 0 where it was given. */
  filled: number[];
  order: string;
  temperature: number;
  seed: number | null;
  features: { feature: number; label: string }[];
  dictionary: string;
  site: string;
  block: number;
  likelihood: number | null;
  check: { law: string; value: number | null; holds: boolean } | null;
}

export interface Place {
  state: number;
  position: number;
}

export interface Numbers {
  probability: ArrayLike<number>;
  entropy: ArrayLike<number>;
  /** `[kept, state, position]`, where a dictionary was given. */
  values: NDArray | null;
}

export class Run {
  readonly info: ViewInfo;
  readonly numbers: Numbers;
  #first: number[] = [];

  constructor(info: ViewInfo, numbers: Numbers) {
    this.info = info;
    this.numbers = numbers;
    // Guesses travel for open places only, state after state: where those of each state begin.
    let count = 0;
    for (let state = 0; state < info.steps; state++) {
      this.#first.push(count);
      for (const step of info.filled) if (step > state) count++;
    }
  }

  get length(): number {
    return this.info.filled.length;
  }

  isOpen({ state, position }: Place): boolean {
    return this.info.filled[position]! > state;
  }

  isGiven(position: number): boolean {
    return this.info.filled[position] === 0;
  }

  #at({ state, position }: Place): number {
    return state * this.length + position;
  }

  probability(place: Place): number {
    return this.numbers.probability[this.#at(place)]!;
  }

  entropy(place: Place): number {
    return this.isOpen(place) ? this.numbers.entropy[this.#at(place)]! : Number.NaN;
  }

  feature(kept: number, place: Place): number {
    const { values } = this.numbers;
    return values ? values.data[kept * this.length * (this.info.steps + 1) + this.#at(place)]! : Number.NaN;
  }

  /** What colours a place; null where there is nothing to colour. */
  value(show: Show, kept: number, place: Place): number | null {
    if (show === "feature") return this.feature(kept, place);
    const open = this.isOpen(place);
    if (show === "filled")
      return open || this.isGiven(place.position) ? null : this.info.filled[place.position]!;
    if (show === "entropy") return open ? this.entropy(place) : null;
    return this.isGiven(place.position) ? null : this.probability(place);
  }

  /** Every value that colours a place in any state, so that one scale serves the whole run. */
  all(show: Show, kept: number): number[] {
    const out: number[] = [];
    for (let state = 0; state <= this.info.steps; state++)
      for (let position = 0; position < this.length; position++) {
        const value = this.value(show, kept, { state, position });
        if (value !== null) out.push(value);
      }
    return out;
  }

  ends(show: Show, values: readonly number[]): Ends {
    if (show === "probability") return { low: 0, high: 1, signed: false };
    if (show === "filled") return { low: 0, high: this.info.steps, signed: false };
    const finite = values.filter(Number.isFinite);
    const far = finite.reduce((most, value) => Math.max(most, Math.abs(value)), 0) || 1;
    const signed = finite.some((value) => value < 0);
    return { low: signed ? -far : 0, high: far, signed };
  }

  /** Where the guesses of an open place stand in their block: its start, and the row. */
  guessAt(place: Place): { start: number; row: number } | null {
    if (!this.isOpen(place)) return null;
    let at = this.#first[place.state]!;
    for (let p = 0; p < place.position; p++) if (this.isOpen({ ...place, position: p })) at++;
    const start = at - (at % this.info.block);
    return { start, row: at - start };
  }

  get starts(): number[] {
    const count = this.info.filled.reduce((sum, step) => sum + step, 0);
    const out: number[] = [];
    for (let start = 0; start < count; start += this.info.block) out.push(start);
    return out;
  }

  /** The features that fire at a place, strongest first. */
  firing(place: Place, most: number): { kept: number; value: number }[] {
    const size = (value: number) => (Number.isNaN(value) ? Number.POSITIVE_INFINITY : Math.abs(value));
    return this.info.features
      .map((_, kept) => ({ kept, value: this.feature(kept, place) }))
      .filter(({ value }) => value !== 0)
      .sort((a, b) => size(b.value) - size(a.value))
      .slice(0, most);
  }
}

/** What an open place could become, likeliest first. */
export function guesses(run: Run, place: Place, block: (start: number) => ChoiceBlock | undefined): Choice[] {
  const at = run.guessAt(place);
  const found = at && block(at.start);
  return at && found ? choicesOf(found, at.row) : [];
}

/** "feature 12 · sea" */
export function featureName({ feature, label }: { feature: number; label: string }): string {
  return label ? `${feature} · ${label}` : `${feature}`;
}
