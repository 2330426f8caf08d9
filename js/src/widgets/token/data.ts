// The numbers of a TokenView as they come from Python: each series whole, alternatives in blocks of positions.

import { type Choice, type ChoiceBlock, choicesOf } from "../../core/expected";
import { type Ends, endsOf } from "../../core/linear";
import type { Page } from "../../core/page";
import { type Counts, countsOf } from "../../core/range_legend";
import type { TokenData } from "../../core/tokens";
import type { NDArray, Wire } from "../../core/wire";

export interface Series {
  name: string;
  unit: string;
  range: [number, number] | null;
  nan: number;
  infinite: number;
}

export interface ViewInfo {
  tokens: TokenData;
  series: Series[];
  masked: number[];
  alternatives: boolean;
  block: number;
  image: Wire | null;
}

export class Data {
  #page: Page;
  #info: ViewInfo | null = null;
  #masked = new Set<number>();
  #kept = new Map<string, unknown>();

  constructor(page: Page) {
    this.#page = page;
  }

  get info(): ViewInfo {
    const info = this.#page.get<ViewInfo>("_view");
    if (info !== this.#info) {
      this.#info = info;
      this.#masked = new Set(info.masked);
      this.#kept.clear();
    }
    return info;
  }

  get count(): number {
    return this.info.tokens.texts.length;
  }

  /** The number of the series that colours the text. */
  get here(): number {
    return Math.max(
      0,
      this.info.series.findIndex((s) => s.name === this.#page.get<string>("series")),
    );
  }

  masked(index: number): boolean {
    return this.#masked.has(index);
  }

  values(series: number): ArrayLike<number> | null {
    return this.#once<{ values: NDArray }>("values", { series })?.values.data ?? null;
  }

  ends(series: number): Ends {
    const [low, high] = [this.#page.get<number | null>("low"), this.#page.get<number | null>("high")];
    return endsOf(this.info.series[series]!.range, this.#page.get<string>("scale"), low, high);
  }

  counts(series: number): Counts | null {
    const values = this.values(series);
    const ends = this.ends(series);
    const hidden = (i: number) => this.masked(i);
    return (
      values && this.#keep(`counts ${series} ${ends.low} ${ends.high}`, () => countsOf(values, ends, hidden))
    );
  }

  /** The position whose value is farthest from zero. */
  farthest(series: number): number {
    const values = this.values(series);
    if (!values) return 0;
    return this.#keep(`farthest ${series}`, () => {
      let best = -1;
      for (let i = 0; i < values.length; i++) {
        if (this.masked(i) || Number.isNaN(values[i]!)) continue;
        if (best < 0 || Math.abs(values[i]!) > Math.abs(values[best]!)) best = i;
      }
      return Math.max(0, best);
    });
  }

  /** Fetch what will be shown when the pointer comes here: hovering itself costs no message. */
  expect(index: number): void {
    if (this.info.alternatives) this.#block(index);
  }

  #block(index: number): ChoiceBlock | undefined {
    return this.#once<ChoiceBlock>("alternatives", { start: index - (index % this.info.block) });
  }

  /** The choices at a position and the id of the token that came, once their block is here. */
  choices(index: number): { choices: Choice[]; own: number } | null {
    if (!this.info.alternatives) return null;
    const block = this.#block(index);
    const row = index % this.info.block;
    return block ? { choices: choicesOf(block, row), own: block.own.data[row]! } : null;
  }

  /** What one pass over 32,000 numbers gives is not worked out at every move of the pointer. */
  #keep<T>(key: string, make: () => T): T {
    if (!this.#kept.has(key)) this.#kept.set(key, make());
    return this.#kept.get(key) as T;
  }

  /** Hundreds of tokens want the same answer in one drawing, so what is here is not looked up for each. */
  #once<T>(method: string, params: Record<string, number>): T | undefined {
    const key = `${method} ${Object.values(params)}`;
    const known = this.#kept.get(key) as T | undefined;
    if (known !== undefined) return known;
    const answer = this.#page.answers.wanted<T>(method, params, { lane: key });
    if (answer !== undefined) this.#kept.set(key, answer);
    return answer;
  }
}
