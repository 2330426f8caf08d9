// A guess at what a feature fires on, tested on text that nobody looked at: how often it is right, what it costs.

import { button, div, h, on } from "../../core/dom";
import { allDigits, digits, label } from "../../core/format";
import type { Requests } from "../../core/requests";
import { Superseded } from "../../core/requests";
import { type Example, examplesOf, messageOf, numberOf, type PackedExamples } from "./data";
import { contextLine, type Painter } from "./line";

export interface RuleAnswer {
  tokens: number;
  hits: number;
  misses: number;
  false_alarms: number;
  precision: number | string;
  recall: number | string;
  f1: number | string;
  correlation: number | string;
  recovered: number | string;
  plain: number | null;
  added: [string, number][];
  predictions: number;
  examples: PackedExamples;
  missed_words: [string, number][];
  alarm_words: [string, number][];
  sum_check: { law: string; value: number; holds: boolean } | null;
}

export interface RuleState {
  feature: number;
  painter: Painter;
  fixed: boolean;
  /** Whether the view was given a model and text. */
  ready: boolean;
}

/** What takes the feature's place, and what that says. */
const WAYS: Record<string, [name: string, title: string]> = {
  simulated: ["the rule", "The feature's own values, dealt out to the tokens that the rule names"],
  shuffled: ["wrong tokens", "The same values on tokens drawn at random"],
  mean: ["its mean", "The feature at its mean on every token"],
};
const BEFORE = 34; // characters in front of a token that is shown
const AFTER = 26;

export class RuleBox {
  readonly el = div("feat-rule");
  #input = h("input", {
    ...{ type: "text", "aria-label": "A rule for when this feature fires", maxlength: 1000 },
    ...{ placeholder: "dog, cat  or  /dogs?/", spellcheck: "false" },
  });
  #test = button("test", "Run the model on held-out text", () => void this.#run());
  #said = h("span", { class: "feat-rule-said", role: "status" });
  #form = div("feat-rule-form", this.#input, this.#test, this.#said);
  #found = div("feat-rule-found");
  #requests: Requests;
  #state: RuleState | null = null;
  #answer: RuleAnswer | null = null;

  constructor(requests: Requests, signal: AbortSignal) {
    this.#requests = requests;
    this.el.append(h("p", { class: "iw-note" }, "Test a rule: when does it fire?"), this.#form, this.#found);
    on(
      this.#input,
      "keydown",
      (event) => {
        event.stopPropagation(); // the notebook and the view have keys of their own
        if (event.key === "Enter") void this.#run();
        if (event.key === "Escape") this.#clear();
      },
      signal,
    );
  }

  update(state: RuleState): void {
    const before = this.#state;
    this.#state = state;
    if (before?.feature !== state.feature) this.#clear();
    const usable = state.ready && !state.fixed;
    this.#input.hidden = this.#test.hidden = !usable;
    if (state.fixed) this.#said.textContent = "Testing a rule runs the model: open the notebook.";
    else if (!state.ready)
      this.#said.textContent = "Needs FeatureBrowser(index, lm=…, dictionary=…, held_out=texts).";
    if (this.#answer && before?.painter.scale !== state.painter.scale) this.#draw();
  }

  #clear(): void {
    this.#input.value = "";
    this.#said.textContent = "";
    this.#answer = null;
    this.#found.replaceChildren();
  }

  async #run(): Promise<void> {
    const [state, rule] = [this.#state, this.#input.value.trim()];
    if (!state?.ready || state.fixed || !rule) return;
    const { feature } = state;
    this.#said.textContent = "running …";
    this.#found.toggleAttribute("data-waiting", true);
    try {
      const answer = await this.#requests.ask<RuleAnswer>("rule", { feature, rule });
      if (this.#state?.feature !== feature) return;
      this.#answer = answer;
      this.#said.textContent = "";
      this.#draw();
    } catch (error) {
      if (error instanceof Superseded || this.#state?.feature !== feature) return;
      this.#answer = null;
      this.#found.replaceChildren();
      this.#said.textContent = messageOf(error);
    } finally {
      this.#found.removeAttribute("data-waiting");
    }
  }

  #draw(): void {
    const answer = this.#answer!;
    const { hits, misses, false_alarms: alarms, tokens } = answer;
    const facts: [string, number | string, string][] = [
      ["precision", answer.precision, `${hits} of ${hits + alarms} tokens that the rule names`],
      ["recall", answer.recall, `${hits} of ${hits + misses} tokens on which it fires`],
      ["F1", answer.f1, `over ${tokens} held-out tokens`],
      ["correlation", answer.correlation, "of the rule's yes with the feature's value"],
    ];
    const examples = examplesOf(answer.examples);
    this.#found.replaceChildren(
      h(
        "dl",
        { class: "feat-facts" },
        ...facts.map(([name, value, of]) => {
          const number = numberOf(value);
          const shown = Number.isNaN(number) ? "–" : digits(number);
          return h("div", {}, h("dt", {}, name), h("dd", { title: `${allDigits(number)}: ${of}` }, shown));
        }),
      ),
      ...this.#losses(answer),
      ...this.#wrong("missed", misses, answer.missed_words, examples, "miss"),
      ...this.#wrong("false alarms", alarms, answer.alarm_words, examples, "false alarm"),
    );
  }

  /** Bars of the added loss; where the feature is switched off there is a line through all of them. */
  #losses({ added, plain, predictions, recovered, sum_check }: RuleAnswer): HTMLElement[] {
    if (plain === null)
      return [h("p", { class: "feat-group" }, "This model predicts no next token: no losses.")];
    const of = new Map(added);
    const off = of.get("zero")!;
    const ends = [0, ...of.values()];
    const [low, high] = [Math.min(...ends), Math.max(...ends)];
    const place = (value: number) => (high > low ? (100 * (value - low)) / (high - low) : 0).toFixed(2);
    const line = (value: number, name: string, title: string) =>
      h("i", { class: name, style: `left:${place(value)}%`, title });
    const share = numberOf(recovered);
    const saved = Number.isFinite(share) ? ` · the rule saves ${Math.round(100 * share)}% of it` : "";
    const rows = added.flatMap(([way, value]) => {
      const words = WAYS[way];
      if (!words) return [];
      const [from, to] = [Math.min(0, value), Math.max(0, value)];
      const fill = h("b", {
        style: `left:${place(from)}%;right:calc(100% - ${place(to)}%)`,
        "data-rule": way === "simulated",
      });
      return [
        h("span", { title: words[1] }, words[0]),
        div(
          "feat-rule-track",
          fill,
          line(0, "feat-rule-none", "as it is"),
          line(off, "feat-rule-off", `switched off: ${allDigits(off)} nats`),
        ),
        h("span", { class: "feat-number", title: `${allDigits(value)} nats` }, digits(value)),
      ];
    });
    const check = sum_check && !sum_check.holds ? ` Check failed: ${sum_check.law}.` : "";
    return [
      div(
        "feat-group",
        h(
          "span",
          { title: `plain ${allDigits(plain)} nats, over ${predictions} next tokens` },
          "added loss, nats a token",
        ),
        h("span", { class: "feat-rule-key" }, `switched off ${digits(off)}${saved}`),
        check,
      ),
      div("feat-rule-bars", ...rows),
    ];
  }

  #wrong(
    name: string,
    count: number,
    words: [string, number][],
    examples: readonly Example[],
    group: string,
  ): HTMLElement[] {
    if (count === 0) return [div("feat-group", `${name}: none`)];
    const most = words.map(([text, n]) => `${label(text, 16)} ×${n}`).join(" · ");
    const head = div("feat-group", `${name} ${count}`, h("span", {}, `most often ${most}`));
    const { painter } = this.#state!;
    const rows = examples
      .filter((example) => example.group === group)
      .map((example) =>
        div(
          "feat-example",
          h("span", { class: "feat-rule-value", title: allDigits(example.value) }, digits(example.value)),
          contextLine(example, painter, BEFORE, AFTER),
        ),
      );
    return [head, ...rows];
  }
}
