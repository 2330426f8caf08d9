// The status line: the feature and the token under the pointer or chosen, and their exact numbers.

import { allDigits, label } from "../../core/format";
import { type Data, valueAt } from "./data";
import { named, type State } from "./state";

export function statusWords(data: Data, { looked, colouring: { row }, over }: State): string {
  const { index, why } = looked;
  const missed = data.tokens()?.unexplained.data[index];
  const words: string[] = [];
  if (row && !over.error) words.push(`feature ${named(row)}`);
  if (data.count === 0) return words.join();
  const quoted = `${index} “${label(data.info.tokens.texts[index] ?? "", 24)}”`;
  words.push(why === "last" ? `last token ${quoted}` : quoted);
  if (data.broken(index)) words.push("its activation is not finite");
  else {
    if (row && !over.error) words.push(`fires ${allDigits(valueAt(row, index))}`);
    if (missed !== undefined) words.push(`error ${allDigits(missed)} of its squared length`);
  }
  return words.join(" · ");
}
