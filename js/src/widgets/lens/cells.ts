// What Python measured: blocks of positions with every row, and the target's rise through them.

import type { Answers } from "../../core/answers";
import type { TokenData } from "../../core/tokens";
import type { NDArray } from "../../core/wire";

export type Colour = "top_probability" | "target_probability" | "target_rank" | "entropy" | "kl";

export interface ViewInfo {
  tokens: TokenData;
  kinds: Record<string, { rows: Record<string, string[]>; why: string | null }>;
  vocabulary: number;
  block: number;
  /** Why no other target can be chosen. */
  fixed: string | null;
}

export interface SumCheck {
  law: string;
  value: number | null;
  holds: boolean;
}

export interface CellBlock {
  ids: NDArray;
  probabilities: NDArray;
  known: NDArray;
  texts: string[];
  entropy: NDArray;
  kl: NDArray;
  sum_check: SumCheck;
}

export interface TargetBlock {
  ids: number[];
  texts: string[];
  probability: NDArray;
  rank: NDArray;
}

export interface Likely {
  id: number;
  text: string;
  probability: number;
}

/** What is asked for: the same question for every block. */
export interface Question {
  kind: string;
  sites: string;
  target: number | null;
  top: number;
}

export class Cells {
  #answers: Answers;
  #info: () => ViewInfo;
  #question: () => Question;
  #texts = new WeakMap<CellBlock, Map<number, string>>();
  // What this drawing has asked for: hundreds of cells share one question.
  #asked = new Map<string, unknown>();

  constructor(answers: Answers, info: () => ViewInfo, question: () => Question) {
    this.#answers = answers;
    this.#info = info;
    this.#question = question;
  }

  /** A new drawing begins: what is still missing is asked for once more. */
  begin(): void {
    this.#asked.clear();
  }

  #once<T>(method: string, params: Record<string, unknown>, start: number): T | undefined {
    const lane = `${method}-${start}`;
    if (!this.#asked.has(lane))
      this.#asked.set(lane, this.#answers.wanted<T>(method, { ...params, start }, { lane }));
    return this.#asked.get(lane) as T | undefined;
  }

  get rows(): readonly string[] {
    const { kind, sites } = this.#question();
    const found = this.#info().kinds[kind]!.rows;
    return found[sites] ?? found.blocks!;
  }

  start(position: number): number {
    return position - (position % this.#info().block);
  }

  block(position: number): CellBlock | undefined {
    const { kind, sites, top } = this.#question();
    return this.#once<CellBlock>("cells", { kind, sites, top }, this.start(position));
  }

  targets(position: number): TargetBlock | undefined {
    const { kind, sites, target } = this.#question();
    return this.#once<TargetBlock>("target", { kind, sites, target }, this.start(position));
  }

  /** A number of a cell; undefined while it is not here. */
  value(colour: Colour, row: number, position: number): number | undefined {
    const i = position - this.start(position);
    if (colour === "target_probability" || colour === "target_rank") {
      const found = this.targets(position);
      return found && pick(colour === "target_rank" ? found.rank : found.probability, row, i);
    }
    const found = this.block(position);
    if (!found) return undefined;
    if (colour !== "top_probability") return pick(found[colour], row, i);
    const [, columns, k] = found.ids.shape as [number, number, number];
    return found.probabilities.data[(row * columns + i) * k];
  }

  /** The likeliest tokens of a cell, best first. */
  likely(row: number, position: number, most = Number.POSITIVE_INFINITY): Likely[] {
    const found = this.block(position);
    if (!found) return [];
    const [, columns, k] = found.ids.shape as [number, number, number];
    const texts = this.#textsOf(found);
    const at = (row * columns + position - this.start(position)) * k;
    return Array.from({ length: Math.min(k, most) }, (_, j) => {
      const id = found.ids.data[at + j]!;
      return { id, text: texts.get(id) ?? "", probability: found.probabilities.data[at + j]! };
    });
  }

  target(position: number): { id: number; text: string } | null {
    const found = this.targets(position);
    const i = position - this.start(position);
    return found ? { id: found.ids[i]!, text: found.texts[i]! } : null;
  }

  #textsOf(block: CellBlock): Map<number, string> {
    const known = this.#texts.get(block);
    if (known) return known;
    const made = new Map(block.texts.map((text, i) => [block.known.data[i]!, text] as const));
    this.#texts.set(block, made);
    return made;
  }
}

function pick(array: NDArray, row: number, column: number): number {
  return array.data[row * array.shape[1]! + column]!;
}
