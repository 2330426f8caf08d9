// A few lines instead of a framework. Text always goes in as text nodes: nothing a token says can become markup.

type Child = Node | string | null | false | undefined;
type Props = Record<string, string | number | boolean | null | undefined>;

export function h<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  props: Props = {},
  ...children: Child[]
): HTMLElementTagNameMap[K] {
  const el = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (value === null || value === undefined || value === false) continue;
    el.setAttribute(name, value === true ? "" : String(value));
  }
  for (const child of children) if (child) el.append(child);
  return el;
}

/** A box with a class. */
export function div(name: string, ...children: Child[]): HTMLDivElement {
  return h("div", { class: name }, ...children);
}

/** Listen until the signal aborts; without one, as long as the element lives. */
export function on<K extends keyof HTMLElementEventMap>(
  target: EventTarget,
  type: K,
  act: (event: HTMLElementEventMap[K]) => void,
  signal?: AbortSignal,
  options: AddEventListenerOptions = {},
): void {
  target.addEventListener(type, act as EventListener, { ...options, ...(signal && { signal }) });
}

export interface Pointed<T> {
  hover(what: T | null): void;
  click(what: T): void;
}

/** Tell what the pointer is over (null: nothing) and what was clicked; `at` finds it. */
export function pointed<T>(
  el: HTMLElement,
  at: (event: MouseEvent) => T | null,
  { hover, click }: Pointed<T>,
  signal: AbortSignal,
): void {
  on(el, "pointermove", (event) => hover(at(event)), signal);
  on(el, "pointerleave", () => hover(null), signal);
  on(
    el,
    "click",
    (event) => {
      const what = at(event);
      if (what !== null) click(what);
    },
    signal,
  );
}

/** The number that the nearest element around the pointer carries as `data-<name>`. */
export function numbered(name: string): (event: Event) => number | null {
  return (event) => {
    const found = (event.target as Element).closest<HTMLElement>(`[data-${name}]`);
    return found ? Number(found.dataset[name]) : null;
  };
}

/** Clean up when a view ends. */
export function ended(signal: AbortSignal, clean: () => void): void {
  signal.addEventListener("abort", clean, { once: true });
}

/** A button that says what it does, for pointer and screen reader alike. */
export function button(label: string, title: string, act: () => void): HTMLButtonElement {
  const el = h("button", { type: "button", title }, label);
  on(el, "click", act);
  return el;
}

let counter = 0;

/** An id no other element on the page has; only ids are drawn from it, so sharing the module between views is safe. */
export function uid(prefix: string): string {
  counter += 1;
  return `iw-${prefix}-${counter}`;
}

/** Run at most once a frame; cancelled with the view. */
export function onFrame(signal: AbortSignal, draw: () => void): () => void {
  let asked = 0;
  ended(signal, () => cancelAnimationFrame(asked));
  return () => {
    if (asked || signal.aborted) return;
    asked = requestAnimationFrame(() => {
      asked = 0;
      draw();
    });
  };
}

/** Tell an element's width when it truly changes: drawing must never cause the next measurement. */
export function watchWidth(el: HTMLElement, signal: AbortSignal, changed: (width: number) => void): void {
  let last = 0;
  const observer = new ResizeObserver(([entry]) => {
    const width = Math.floor(entry?.contentRect.width ?? 0);
    if (width === 0 || Math.abs(width - last) < 2) return;
    last = width;
    changed(width);
  });
  observer.observe(el);
  ended(signal, () => observer.disconnect());
}

export function download(name: string, type: string, data: string | Blob): void {
  const url = URL.createObjectURL(data instanceof Blob ? data : new Blob([data], { type }));
  const link = h("a", { href: url, download: name });
  link.click();
  requestAnimationFrame(() => URL.revokeObjectURL(url));
}
