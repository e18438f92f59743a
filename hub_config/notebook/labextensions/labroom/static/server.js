// SPDX-License-Identifier: BSD-3-Clause
// The four addresses of the server extension, seen from the browser.

/** What the server refused, with what it says in each language. */
export class LabProblem extends Error {
  constructor(code, message) {
    super(`${code}: ${message.en}`);
    this.code = code;
    this.text = message;
  }
}

const NO_ANSWER = {
  zh: '您的 Jupyter 服务器没有回答。请检查网络，然后再试一次；您的作业保存在服务器上。',
  en: 'Your Jupyter server did not answer. Check the network and try again; your work is kept on the server.'
};

export class LabServer {
  constructor(jupyter, settings) {
    this.jupyter = jupyter;
    this.settings = settings;
  }

  /** Due date, attempts and language of the lab at this path. */
  async state(path) {
    const query = new URLSearchParams({ path });
    return (await this._ask(`state?${query}`, { method: 'GET' })).json();
  }

  /** Hands the lab in; the answer holds the receipt. */
  async submit(path) {
    return (await this._ask('submit', { method: 'POST', body: JSON.stringify({ path }) })).json();
  }

  /** Runs the lab's checks, telling progress on the way; the result. */
  async check(path, onProgress) {
    const headers = { Accept: 'application/x-ndjson' };
    const response = await this._ask('check', { method: 'POST', body: JSON.stringify({ path }), headers });
    const reader = response.body.getReader();
    const decoder = new TextDecoder();
    let rest = '';
    for (;;) {
      const { done, value } = await reader.read();
      rest += decoder.decode(value || new Uint8Array(), { stream: !done });
      const lines = rest.split('\n');
      rest = lines.pop();
      for (const fact of lines.filter(Boolean).map((line) => JSON.parse(line))) {
        if (fact.error) throw new LabProblem(fact.error, fact.message);
        if (fact.result) return fact.result;
        onProgress(fact);
      }
      if (done) throw new LabProblem('cut-off', NO_ANSWER);
    }
  }

  async _ask(name, init) {
    const { ServerConnection, URLExt } = this.jupyter;
    const url = URLExt.join(this.settings.baseUrl, 'labroom') + '/' + name;
    let response;
    try {
      response = await ServerConnection.makeRequest(url, init, this.settings);
    } catch {
      throw new LabProblem('no-answer', NO_ANSWER);
    }
    if (response.ok) return response;
    const said = await response.json().catch(() => ({}));
    throw new LabProblem(said.error || `http-${response.status}`, said.message?.zh ? said.message : NO_ANSWER);
  }
}
