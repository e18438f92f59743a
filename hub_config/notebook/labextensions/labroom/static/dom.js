// SPDX-License-Identifier: BSD-3-Clause

/** An element with attributes and children; text is always text, never markup. */
export function el(name, attributes = {}, children = []) {
  const node = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  node.append(...children);
  return node;
}
