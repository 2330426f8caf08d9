// The smallest live host: traits in the page, requests answered by Python through `kernelAsk`.

import widget from "./attention.js";

const bytesOf = (text) => new DataView(Uint8Array.from(atob(text), (c) => c.charCodeAt(0)).buffer);

class Model {
  listeners = new Map();
  flying = 0;
  /** When each answer came. */
  received = [];

  constructor(state) {
    this.state = state;
  }

  get(name) {
    return this.state[name];
  }

  set(name, value) {
    if (this.state[name] === value) return;
    this.state[name] = value;
    this.emit(`change:${name}`, this, value);
  }

  save_changes() {}

  async send(content) {
    this.flying += 1;
    const { reply, buffers } = JSON.parse(await window.kernelAsk(JSON.stringify(content)));
    this.flying -= 1;
    this.received.push(performance.now());
    this.emit("msg:custom", reply, buffers.map(bytesOf));
  }

  emit(event, ...args) {
    for (const callback of [...(this.listeners.get(event) ?? [])]) callback(...args);
  }

  on(event, callback) {
    this.listeners.set(event, (this.listeners.get(event) ?? new Set()).add(callback));
  }

  off(event, callback) {
    if (callback) this.listeners.get(event)?.delete(callback);
    else this.listeners.delete(event);
  }
}

const model = new Model(await (await fetch("state.json")).json());
window.host = { idle: () => model.flying === 0, received: model.received };
widget.render({ model, el: document.getElementById("here") });
