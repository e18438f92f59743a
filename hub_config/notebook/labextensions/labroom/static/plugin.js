// SPDX-License-Identifier: BSD-3-Clause
// The JupyterLab plugin: puts a lab bar above each notebook that is a lab.
import { LabBar } from './bar.js';
import { LabServer } from './server.js';

/** The plugin, given JupyterLab's own classes and the address of this folder's entry. */
export function makePlugin(jupyter, here) {
  return {
    id: 'labroom:bar',
    description: 'Check my work and Hand in, above every lab',
    autoStart: true,
    requires: [jupyter.INotebookTracker],
    activate: (app, tracker) => {
      addStyle(new URL('labroom.css', here).href);
      const server = new LabServer(jupyter, app.serviceManager.serverSettings);
      const attach = (panel) => addBar(jupyter, server, panel);
      tracker.forEach(attach);
      tracker.widgetAdded.connect((_, panel) => attach(panel));
    }
  };
}

async function addBar(jupyter, server, panel) {
  await panel.context.ready;
  let state;
  try {
    state = await server.state(panel.context.path);
  } catch (problem) {
    if (problem.code !== 'not-a-lab') console.warn('labroom:', problem);
    return;
  }
  if (!panel.isDisposed) new LabBar(jupyter, server, panel, state);
}

function addStyle(href) {
  const link = document.createElement('link');
  link.rel = 'stylesheet';
  link.href = href;
  document.head.appendChild(link);
}
