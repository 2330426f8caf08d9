// The prompt: a line to edit, and the tokens it becomes.

import { div, h, on } from "../../core/dom";
import { type TokenData, TokenStrip } from "../../core/tokens";

export class Prompt {
  readonly el = div("st-prompt");
  #field = h("textarea", { rows: 1, "aria-label": "Prompt", spellcheck: false, dir: "auto" });
  #strip: TokenStrip;
  #note = h("span", { class: "iw-note" });

  constructor(changed: (prompt: string) => void, signal: AbortSignal) {
    this.#strip = new TokenStrip("Tokens of the prompt", { hover() {}, click() {} }, signal);
    this.el.append(div("st-prompt-line", this.#field), this.#note, this.#strip.el);
    const send = () => {
      if (!this.#field.readOnly) changed(this.#field.value);
    };
    on(this.#field, "input", () => this.#fit(), signal);
    on(this.#field, "change", send, signal);
    on(
      this.#field,
      "keydown",
      (event) => {
        event.stopPropagation(); // the notebook has keys of its own
        if (event.key !== "Enter" || event.shiftKey) return;
        event.preventDefault();
        send();
      },
      signal,
    );
  }

  /** As high as its text, up to five lines. */
  #fit(): void {
    this.#field.style.height = "auto";
    this.#field.style.height = `${Math.min(110, this.#field.scrollHeight + 2)}px`;
  }

  update(
    prompt: unknown,
    tokens: TokenData,
    reach: ((index: number) => boolean) | null,
    frozen: string | null,
    fixed: string | null,
  ): void {
    const text = typeof prompt === "string" ? prompt : null;
    this.#field.hidden = text === null;
    if ((this.#field.getRootNode() as ShadowRoot).activeElement !== this.#field && text !== null)
      this.#field.value = text;
    this.#field.readOnly = fixed !== null;
    this.#field.title = fixed ?? "Enter sends it";
    const kind = text === null ? "Chat messages or token ids, set from Python as panel.prompt. " : "";
    this.#note.textContent = `${kind}${tokens.texts.length} tokens${reach ? "; steered ones are underlined" : ""}${frozen ? `. Attention cannot be frozen: ${frozen}` : ""}`;
    this.#strip.offer(tokens);
    this.#strip.dress((i, span) => span.toggleAttribute("data-reached", reach?.(i) ?? false));
    this.#fit();
  }
}
