// The continuations side by side: default, and steered with what differs marked.

import { button, div, h } from "../../core/dom";
import { allDigits, digits, isRightToLeft, pieces } from "../../core/format";
import { different } from "./lcs";
import type { Written } from "./writing";

export interface Column {
  name: string;
  written: Written | null;
}

export interface TextsState {
  columns: Column[];
  sampling: string;
  writing: boolean;
  /** The sliders move: the steered text is of a moment ago. */
  stale: boolean;
  /** Why nothing can be written here. */
  reason: string | null;
  fixed: string | null;
}

export class Texts {
  readonly el = div("st-texts");
  #note = h("span", { class: "iw-note" });
  #write: HTMLButtonElement;
  #stop: HTMLButtonElement;
  #columns = div("st-columns");
  #drawn: unknown[] = [];

  constructor(write: () => void, stop: () => void) {
    this.#write = button("write", "Write both texts again", write);
    this.#stop = button("stop", "Stop writing", stop);
    this.el.append(div("st-texts-head", this.#note, this.#write, this.#stop), this.#columns);
  }

  update({ columns, sampling, writing, stale, reason, fixed }: TextsState): void {
    this.#note.textContent =
      reason ??
      `Continuation, ${sampling}; what differs from the default is marked. Perplexity is the unsteered model's.`;
    this.#write.hidden = this.#stop.hidden = reason !== null || fixed !== null;
    this.#stop.disabled = !writing;
    this.#columns.hidden = reason !== null;
    this.#columns.toggleAttribute("data-stale", stale);
    const drawn = columns.flatMap(({ name, written }) => [
      name,
      written,
      written?.ids.length,
      written?.state,
    ]);
    if (drawn.length === this.#drawn.length && drawn.every((part, i) => part === this.#drawn[i])) return;
    this.#drawn = drawn;
    const plain = columns[0]?.written;
    this.#columns.replaceChildren(
      ...columns.map(({ name, written }, at) => {
        const state = !written
          ? "not written yet"
          : { writing: "writing …", stopped: "stopped", missing: "not recorded in this page", done: "" }[
              written.state
            ];
        const quality = written?.perplexity == null ? "" : `perplexity ${digits(written.perplexity)}`;
        const head = div(
          "st-text-name",
          h("b", {}, name),
          h("span", {}, [state, quality].filter(Boolean).join(" · ")),
        );
        const text = h("div", { class: "st-text", dir: "auto" });
        if (written) text.append(...this.#tokens(written, at > 0 && plain ? plain : null));
        return div("st-column", head, text);
      }),
    );
  }

  #tokens(written: Written, plain: Written | null): (Node | string)[] {
    // While the default is still shorter, what it may yet say is no difference.
    const marks = plain ? different(written.ids, plain.ids) : [];
    return written.texts.flatMap((text, i) => {
      const span = h("span", {
        ...{ class: "st-token", title: `${text}: ${allDigits(written.probability[i] ?? Number.NaN)}` },
        "data-differs": marks[i] ?? false,
        dir: isRightToLeft(text) ? "rtl" : null,
      });
      // Inside a running text a space is a space; what cannot be seen otherwise keeps its mark.
      const bare = text.startsWith(" ") && text.length > 1 ? text.slice(1) : text;
      for (const part of pieces(bare))
        span.append(part.mark ? h("span", { class: "iw-mark" }, part.text) : part.text);
      return bare !== text && i > 0 ? [" ", span] : [span];
    });
  }
}
