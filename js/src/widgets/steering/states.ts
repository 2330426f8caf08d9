// What each slider shows, worked out from what is known: its curve, its marker, what the limit permits.

import { digits } from "../../core/format";
import type { Answered, Setting } from "./answered";
import { between, type Curve, interpolated, rangeOf } from "./data";
import type { RowState } from "./row";
import type { Watched } from "./words";

/** Where the other parts of a slider's state come from. */
interface Around {
  watched: readonly Watched[];
  fixed: string | null;
  colours: RowState["colours"];
}

/** The watched words now: exact, or interpolated on the touched curve. */
export function watchedOf({ words }: Setting, { exact, curve, at, last }: Answered): Watched[] {
  const found = exact ?? last;
  const known = found?.words.before.data.length === words.length ? found : null;
  const variants = known?.words.after.shape[0] ?? curve?.words.shape[0] ?? 0;
  const place = !exact && curve && at !== null ? between(curve.strengths.data, at) : null;
  return words.map((text, i) => ({
    text,
    before: known ? known.words.before.data[i]! : null,
    after: Array.from({ length: known || place ? variants : 0 }, (_, v) =>
      place && curve
        ? Math.exp(interpolated(curve.words, v, place)[i]!)
        : known!.words.after.data[v * words.length + i]!,
    ),
    exact: exact !== null,
  }));
}

/** The probability of the first watched word over one slider. */
function doseOf(curve: Curve, words: number): number[] | null {
  if (words === 0 || curve.words.shape[2] !== words) return null;
  return Array.from(curve.strengths.data, (_, p) => Math.exp(curve.words.data[p * words]!));
}

/** The number at the top of every slider's curve: one scale for all. */
export function topOf(setting: Setting, { curves }: Answered): number {
  const all = [...curves.values()].flatMap(({ curve }) => doseOf(curve, setting.words.length) ?? []);
  const highest = Math.max(1e-6, ...all.filter(Number.isFinite));
  return highest > 0.5 ? 1 : highest * 1.1;
}

export function statesOf(setting: Setting, answered: Answered, around: Around): Map<string, RowState> {
  const top = topOf(setting, answered);
  const first = around.watched[0];
  return new Map(
    setting.info.targets.map((target): [string, RowState] => {
      const { name } = target;
      const mode = setting.modes[name]!;
      const range = rangeOf(target, mode);
      const value = setting.strengths[name] ?? null;
      const known = answered.curves.get(name);
      const values = known ? doseOf(known.curve, setting.words.length) : null;
      const reach = answered.reaches.get(name);
      const permitted: [number, number] | null =
        reach && reach.low !== null && reach.high !== null ? [reach.low, reach.high] : null;
      const slack = 1e-6 * (range.high - range.low);
      const held = (i: 0 | 1, end: number) =>
        permitted !== null &&
        Math.abs(permitted[i] - end) > slack &&
        Math.abs(value! - permitted[i]) <= slack;
      const marker = (): RowState["marker"] => {
        if (!known?.fresh || !values || value === null) return null;
        if (first?.exact) return { value: first.after[0]!, exact: true };
        const [point, share] = between(known.curve.strengths.data, value);
        const log = (i: number) => Math.log(values[Math.min(i, values.length - 1)]!);
        return { value: Math.exp(log(point) + share * (log(point + 1) - log(point))), exact: false };
      };
      return [
        name,
        {
          ...{ value, permitted, top, mode, marker: marker() },
          limited: value !== null && value !== range.neutral && (held(0, range.low) || held(1, range.high)),
          chosen: name === setting.touched,
          fixed: around.fixed,
          curve: known && values ? { strengths: known.curve.strengths.data, values } : null,
          stale: !known?.fresh,
          stops: setting.info.grid?.points[name] ?? null,
          colours: around.colours,
        },
      ];
    }),
  );
}

/** The legend of the curves. */
export function legendOf(setting: Setting, answered: Answered): string {
  const { targets, grid } = setting.info;
  if (targets.length === 0) return "";
  const first = setting.words[0]?.trim();
  const curve =
    first === undefined
      ? "Watch a word to draw its curve in each slider."
      : `Curve in each slider: probability of “${first}”, 0 to ${digits(topOf(setting, answered))}.`;
  if (!grid) return curve;
  const alone = grid.product ? "" : ", one at a time; the others go back to where they were saved";
  return `${curve} Saved page: sliders snap to the recorded strengths${alone}.`;
}

/** The status line. */
export function wordsOf(
  { exact, rows, curve }: Answered,
  [word]: readonly Watched[],
  limited: boolean,
  fixed: boolean,
): string {
  const steered = rows.map(([name, mode, value]) => `${name} ${mode} ${digits(value)}`).join(", ");
  const about = exact ? "" : "≈ ";
  const change =
    word && word.before !== null && word.after.length
      ? ` · “${word.text.trim()}” ${digits(word.before)} → ${about}${word.after.map(digits).join(" · ")}`
      : "";
  const following = curve ? "interpolated, the exact answer follows" : "working it out …";
  const state = exact ? "" : ` · ${fixed ? "not recorded in this page" : following}`;
  return `${steered || "nothing steers: the model as it is"}${change}${state}${limited ? " · limit reached" : ""}`;
}
