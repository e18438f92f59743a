// SPDX-License-Identifier: BSD-3-Clause
// A module-federation container written by hand: JupyterLab hands us its own modules (init) and asks for
// our plugin (get). The rest are plain ES modules beside this file, so nothing has to be built.
(() => {
  const here = document.currentScript.src;
  let shared = {};

  /** One of JupyterLab's own modules: the version that is loaded, else the newest one. */
  const take = async (name) => {
    const versions = Object.entries(shared[name] || {});
    if (!versions.length) throw new Error(`labroom: this JupyterLab does not share ${name}`);
    const newest = (a, b) => b[0].localeCompare(a[0], undefined, { numeric: true });
    const [, module] = versions.find(([, m]) => m.loaded) || versions.sort(newest)[0];
    return (await module.get())();
  };

  window._JUPYTERLAB = window._JUPYTERLAB || {};
  window._JUPYTERLAB.labroom = {
    init: (scope) => {
      shared = scope;
    },
    get: async (name) => {
      if (name !== './extension') throw new Error(`labroom has no module ${name}`);
      const [{ makePlugin }, notebook, services, apputils, coreutils, widgets] = await Promise.all([
        import(new URL('plugin.js', here).href),
        take('@jupyterlab/notebook'),
        take('@jupyterlab/services'),
        take('@jupyterlab/apputils'),
        take('@jupyterlab/coreutils'),
        take('@lumino/widgets')
      ]);
      const plugin = makePlugin({ ...notebook, ...services, ...apputils, ...coreutils, ...widgets }, here);
      return () => ({ __esModule: true, default: plugin });
    }
  };
})();
