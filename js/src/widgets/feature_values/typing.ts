// Another text, typed in the page and run by Python: Enter runs it, the newest wins, errors are shown in the page.

import { button, div, h, on } from "../../core/dom";
import type { Requests } from "../../core/requests";
import { Superseded } from "../../core/requests";

export class Typing {
  readonly el = div("fea-typing");
  #field = h("textarea", { rows: 1, spellcheck: "false", "aria-label": "Text to run" });
  #run: HTMLButtonElement;
  #note = h("p", { class: "iw-note" });
  #turn = 0;
  #waiting = 0;
  #text = "";
  #requests: Requests;
  #failed: (error: unknown) => void;

  constructor(requests: Requests, failed: (error: unknown) => void, signal: AbortSignal) {
    this.#requests = requests;
    this.#failed = failed;
    this.#run = button("run", "Run this text (Enter)", () => void this.#send());
    this.el.append(this.#field, this.#run, this.#note);
    on(this.#field, "input", () => this.#fit(), signal);
    on(
      this.#field,
      "keydown",
      (event) => {
        event.stopPropagation(); // the notebook and the view have keys of their own
        if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
          event.preventDefault();
          void this.#send();
        }
        if (event.key === "Escape") this.#reset();
      },
      signal,
    );
  }

  /** What is shown now; `why` says why no other text can be run. */
  update(text: string, why: string | null): void {
    this.#field.hidden = this.#run.hidden = why !== null;
    this.#note.hidden = why === null;
    if (why !== null) this.#note.textContent = why;
    if (text === this.#text) return;
    // What was typed after it was sent stays.
    const own = this.#field.value === this.#text || this.#waiting <= 1;
    this.#text = text;
    if (own) this.#reset();
  }

  #reset(): void {
    this.#field.value = this.#text;
    this.#fit();
  }

  #fit(): void {
    this.#run.disabled = this.#field.value === this.#text && this.#waiting === 0;
  }

  async #send(): Promise<void> {
    const text = this.#field.value;
    if (text === this.#text && this.#waiting === 0) return;
    this.#failed(null);
    this.#waiting += 1;
    this.#run.textContent = "running";
    this.#turn += 1;
    try {
      await this.#requests.ask("run", { text, turn: this.#turn }, "run");
    } catch (error) {
      if (!(error instanceof Superseded)) this.#failed(error);
    } finally {
      this.#waiting -= 1;
      if (this.#waiting === 0) this.#run.textContent = "run";
      this.#fit();
    }
  }
}
