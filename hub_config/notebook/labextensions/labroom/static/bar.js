// SPDX-License-Identifier: BSD-3-Clause
// The bar above a lab: what it is, when it is due, Check my work, Hand in, and a panel for what came of it.
import { el } from './dom.js';
import { failure, progress, receipt, results } from './panels.js';
import { Speech } from './words.js';

export class LabBar {
  constructor(jupyter, server, panel, state) {
    Object.assign(this, { jupyter, server, panel, state });
    this.speech = new Speech(state.language);
    this.status = el('span', { class: 'labroom-status', role: 'status' });
    this.checkButton = this._button('check', '✓', () => this.check());
    this.handInButton = this._button('handIn', '⇧', () => this.handIn());
    this.handInButton.classList.add('labroom-main');
    this.below = el('section', { class: 'labroom-panel', tabindex: '-1', 'aria-live': 'polite', hidden: '' });
    this.inner = el('div', { class: 'labroom', lang: this.speech.language === 'zh' ? 'zh-CN' : 'en' }, [
      el('div', { class: 'labroom-bar', role: 'toolbar', 'aria-label': this.speech.say('bar') }, [
        this.status,
        el('span', { class: 'labroom-buttons' }, [this.checkButton, this.handInButton])
      ]),
      this.below
    ]);
    this._attach();
    this._showState();
  }

  /** Save, run from a clean kernel, show each item. */
  async check() {
    await this._busy(async () => {
      this._show(progress(this.speech, this.speech.say('saving')));
      if (!(await this._save(() => this.check()))) return;
      const shown = progress(this.speech, this.speech.say('starting'));
      this._show(shown);
      try {
        const result = await this.server.check(this.panel.context.path, ({ cell, of }) =>
          shown.advance(cell, of, this.speech.say('running', { cell: Math.min(cell + 1, of), of }))
        );
        this._show(results(this.speech, result, (place) => this._goTo(place)), true);
      } catch (problem) {
        this._show(failure(this.speech, 'failed', problem, () => this.check()), true);
      }
    });
  }

  /** Save, ask once, hand in, show the receipt. */
  async handIn() {
    // Fresh facts for the question, but an exchange that is away must not make the button look dead.
    await Promise.race([this._refresh(), new Promise((resolve) => setTimeout(resolve, 1500))]);
    if (!(await this._confirmed())) return;
    await this._sendIn();
  }

  async _sendIn() {
    await this._busy(async () => {
      this._show(progress(this.speech, this.speech.say('saving')));
      if (!(await this._save(() => this._sendIn()))) return;
      this._show(progress(this.speech, this.speech.say('sending')));
      try {
        const answer = await this.server.submit(this.panel.context.path);
        this._show(receipt(this.speech, answer, this._coursePage()), true);
      } catch (problem) {
        this._show(failure(this.speech, 'failedHandIn', problem, () => this._sendIn()), true);
      }
    });
    await this._refresh();
  }

  async _confirmed() {
    const { Dialog, Widget, showDialog } = this.jupyter;
    const { speech, state } = this;
    const count = state.attempts.length;
    const due = state.due && { due: speech.moment(state.due), left: state.late ? '' : speech.left(state.due) };
    const lines = [
      count
        ? speech.say('confirmMore', { count: speech.times(count), attempt: count + 1 })
        : speech.say('confirmFirst'),
      due && speech.say(state.late ? 'confirmLate' : 'confirmDue', due),
      due && !state.late && speech.say('confirmCounts')
    ].filter(Boolean);
    const body = new Widget({ node: el('div', { class: 'labroom-confirm' }, lines.map((text) => el('p', {}, [text]))) });
    const buttons = [
      Dialog.cancelButton({ label: speech.say('cancel') }),
      Dialog.okButton({ label: speech.say('handIn') })
    ];
    const answer = await showDialog({ title: speech.say('confirmTitle'), body, buttons });
    return answer.button.accept;
  }

  async _save(again) {
    try {
      await this.panel.context.save();
      if (!this.panel.context.model.dirty) return true;
    } catch (error) {
      console.warn('labroom: not saved', error);
    }
    const problem = { text: { zh: this.speech.say('notSaved'), en: this.speech.say('notSaved') } };
    this._show(failure(this.speech, 'failed', problem, again), true);
    return false;
  }

  async _refresh() {
    try {
      this.state = await this.server.state(this.panel.context.path);
      this._showState();
    } catch (problem) {
      console.warn('labroom:', problem);
    }
  }

  _showState() {
    const { speech, state } = this;
    const last = state.attempts.reduce((a, b) => (!a || b.attempt > a.attempt ? b : a), null);
    const facts = [];
    if (!state.exchange) facts.push(speech.say('noExchange'));
    else if (state.error) facts.push(speech.say('offline'));
    if (state.due) {
      const due = { due: speech.moment(state.due), left: state.late ? '' : speech.left(state.due) };
      facts.push(speech.say(state.late ? 'overdue' : 'due', due));
    }
    if (last) facts.push(speech.say('handedIn', { count: speech.times(state.attempts.length), time: speech.moment(last.timestamp) }));
    else if (state.exchange && !state.error) facts.push(speech.say('notHandedIn'));
    if (state.pending) facts.push(speech.say('pending'));
    if (state.newer) facts.push(speech.say('newer'));
    const name = el('strong', {}, [speech.of(state.title) || state.lab]);
    this.status.replaceChildren(name, ...facts.map((fact) => el('span', { class: 'labroom-fact' }, [fact])));
    this.handInButton.disabled = !state.exchange;
  }

  async _busy(work) {
    this.checkButton.disabled = this.handInButton.disabled = true;
    try {
      await work();
    } finally {
      this.checkButton.disabled = false;
      this.handInButton.disabled = !this.state.exchange;
    }
  }

  _show(content, takeFocus = false) {
    const close = el('button', { class: 'labroom-close', type: 'button', 'aria-label': this.speech.say('close') }, ['×']);
    close.addEventListener('click', () => {
      this.below.hidden = true;
      this.checkButton.focus();
    });
    this.below.replaceChildren(content, ...(takeFocus ? [close] : []));
    this.below.hidden = false;
    if (takeFocus) this.below.focus({ preventScroll: true });
  }

  _goTo({ cell }) {
    const notebook = this.panel.content;
    const index = notebook.widgets.findIndex((w) => w.model.id === cell);
    if (index < 0) return;
    notebook.activeCellIndex = index;
    notebook.deselectAll();
    notebook.scrollToItem(index, 'center').catch(() => {});
    notebook.activate();
  }

  _coursePage() {
    const hub = this.jupyter.PageConfig.getOption('hubPrefix');
    return hub ? this.jupyter.URLExt.join(hub, '/') : '';
  }

  _button(name, sign, action) {
    const text = this.speech.say(name);
    const button = el('button', { type: 'button', class: 'labroom-button', 'aria-label': text, 'data-labroom': name }, [
      el('span', { 'aria-hidden': 'true' }, [sign]),
      text
    ]);
    button.addEventListener('click', action);
    return button;
  }

  /** JupyterLab lays widgets out by their least height, so that follows what the bar holds. */
  _attach() {
    const widget = new this.jupyter.Widget();
    widget.id = `labroom-${this.panel.id}`;
    widget.node.appendChild(this.inner);
    this.panel.contentHeader.addWidget(widget);
    const follow = new ResizeObserver(() => {
      const height = `${Math.ceil(this.inner.getBoundingClientRect().height)}px`;
      if (widget.isDisposed || widget.node.style.minHeight === height) return;
      widget.node.style.minHeight = widget.node.style.maxHeight = height;
      widget.parent?.fit();
    });
    follow.observe(this.inner);
    widget.disposed.connect(() => follow.disconnect());
  }
}
