// SPDX-License-Identifier: BSD-3-Clause
// What the panel under the lab bar shows: progress, results, a receipt, or what went wrong.
import { el } from './dom.js';

const SIGNS = { right: '✓', wrong: '✗', error: '!', 'not-answered': '○', 'to-be-marked': '✎' };

/** A sentence and a progress bar; ``advance(done, all, text)`` moves it. */
export function progress(speech, text) {
  const line = el('p', {}, [text]);
  const bar = el('progress', { 'aria-label': text });
  const content = el('div', { class: 'labroom-progress' }, [line, bar]);
  content.advance = (done, all, sentence) => {
    line.textContent = sentence;
    bar.max = all;
    bar.value = done;
  };
  return content;
}

/** One row per graded item, with what to look at. */
export function results(speech, result, goTo) {
  const { items } = result;
  const checked = items.filter((item) => !item.manual);
  const right = checked.filter((item) => item.state === 'right').length;
  const heading = speech.say('summary', { right, all: checked.length });
  return el('div', { class: 'labroom-results' }, [
    el('h3', {}, [items.length ? heading : speech.say('noItems')]),
    el('ul', {}, items.map((item) => resultRow(speech, item, goTo))),
    el('p', { class: 'labroom-note' }, [speech.of(result.note)])
  ]);
}

function resultRow(speech, item, goTo) {
  const points = item.points === 1 ? speech.say('onePoint') : speech.say('points', { points: item.points });
  const message = speech.of(item.message);
  const line = item.where?.line ? speech.say('line', { line: item.where.line }) : '';
  const row = el('li', { class: `labroom-item labroom-${item.state}`, 'data-item': item.id, 'data-state': item.state }, [
    el('span', { class: 'labroom-sign', 'aria-hidden': 'true' }, [SIGNS[item.state]]),
    el('span', { class: 'labroom-title' }, [speech.of(item.title), el('small', {}, [` ${points}`])]),
    el('span', { class: 'labroom-state' }, [speech.say(item.state)])
  ]);
  if (message) row.append(el('p', { class: 'labroom-message' }, [message, ...(line ? [el('small', {}, [` (${line})`])] : [])]));
  if (item.where) {
    const button = el('button', { type: 'button', class: 'labroom-link' }, [speech.say('goTo')]);
    button.setAttribute('aria-label', `${speech.say('goTo')}: ${speech.of(item.title)}`);
    button.addEventListener('click', () => goTo(item.where));
    row.append(button);
  }
  return row;
}

/** What arrived, when, as which attempt, and where the receipt is. */
export function receipt(speech, answer, coursePage) {
  const facts = [
    ['attempt', `${answer.attempt}`],
    ['time', speech.moment(answer.timestamp, true)],
    ['receipt', answer.id],
    ['sha256', answer.sha256.slice(0, 12)],
    ['keptAt', `receipts/${answer.course}/${answer.assignment}/${answer.attempt}-${answer.id}.json`]
  ];
  return el('div', { class: 'labroom-receipt', 'data-receipt': answer.id }, [
    el('h3', {}, ['✓ ', speech.say(answer.late ? 'receiptLate' : 'receiptTitle')]),
    el('dl', {}, facts.flatMap(([name, value]) => [el('dt', {}, [speech.say(name)]), el('dd', {}, [value])])),
    el('p', { class: 'labroom-note' }, [
      speech.say('receiptNote'),
      ...(coursePage ? [' ', el('a', { href: coursePage }, [speech.say('coursePage')])] : [])
    ])
  ]);
}

/** What went wrong, in the server's words, and a way to go on. */
export function failure(speech, heading, problem, again) {
  const retry = el('button', { type: 'button', class: 'labroom-button' }, [speech.say('again')]);
  retry.addEventListener('click', again);
  return el('div', { class: 'labroom-failure', role: 'alert' }, [
    el('h3', {}, [speech.say(heading)]),
    el('p', {}, [speech.of(problem.text) || String(problem)]),
    retry
  ]);
}
