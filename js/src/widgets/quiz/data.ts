// What Python sends about a quiz, and what answers amount to.

import type { NDArray } from "../../core/wire";

export interface ViewInfo {
  count: number;
  names: string[];
  name: string;
  value_kind: string;
  images: number;
  block: number;
  /** Height over width of an image. */
  aspect: number;
}

export interface Trials {
  units: NDArray;
  answers: NDArray;
  /** `[trial, n]` rows of images. */
  strong: NDArray;
  weak: NDArray;
  queries: NDArray;
  /** `[trial, 2]` the unit's value of each query. */
  values: NDArray;
  /** `[image]` its number in the data. */
  indices: NDArray;
  machine: NDArray | null;
}

export type Answers = readonly (number | null)[];

/** One row of a two-dimensional array. */
export function row({ data, shape }: NDArray, i: number): number[] {
  const width = shape[1] ?? 1;
  return Array.from(data.slice(i * width, (i + 1) * width));
}

export interface Score {
  right: number;
  count: number;
  share: number;
  low: number;
  high: number;
}

const Z = 1.959963984540054;

/** The 95 % interval of a share of right answers, after Wilson (1927); `wilson` of records/quiz_result.py. */
export function scoreOf(right: number, count: number): Score {
  if (count === 0) return { right, count, share: Number.NaN, low: 0, high: 1 };
  const [share, z2] = [right / count, Z * Z];
  const centre = (share + z2 / (2 * count)) / (1 + z2 / count);
  const half = (Z / (1 + z2 / count)) * Math.sqrt((share * (1 - share)) / count + z2 / (4 * count * count));
  return {
    ...{ right, count, share },
    low: right === 0 ? 0 : centre - half,
    high: right === count ? 1 : centre + half,
  };
}

/** The score of some answers, of all trials or of one unit's. */
export function scored(trials: Trials, answers: ArrayLike<number | null>, unit: number | null = null): Score {
  let [right, count] = [0, 0];
  for (let t = 0; t < trials.units.data.length; t++) {
    const given = answers[t];
    if (given === null || given === undefined || given < 0) continue;
    if (unit !== null && trials.units.data[t] !== unit) continue;
    count += 1;
    if (given === trials.answers.data[t]) right += 1;
  }
  return scoreOf(right, count);
}

/** The middle of some numbers; not-a-number of none. */
export function median(values: number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** The answers as the text that `QuizResult.from_json` reads. */
export function resultText(
  info: ViewInfo,
  trials: Trials,
  answers: Answers,
  seconds: Answers,
  reader: string,
): string {
  return JSON.stringify({
    quiz: info.name,
    names: info.names,
    units: Array.from(trials.units.data),
    choices: answers.map((a) => a ?? -1),
    answers: Array.from(trials.answers.data),
    seconds,
    readers: answers.map(() => reader),
  });
}

/** Three digits after the point, without the zero before it: shares line up. */
export function share(value: number): string {
  return Number.isNaN(value) ? "none" : value.toFixed(3);
}

export function interval({ low, high }: Score): string {
  return `${low.toFixed(2)} to ${high.toFixed(2)}`;
}
