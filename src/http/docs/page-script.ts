/** What the page does beyond being read: search, copy, another theme. It is all readable without. */
export const SCRIPT = `
const root = document.documentElement;
const all = (selector) => [...document.querySelectorAll(selector)];
const kept = (() => { try { return localStorage; } catch { return undefined; } })();

const themes = ['auto', 'light', 'dark'];
const toggle = document.querySelector('#theme');
const setTheme = (theme) => {
  if (theme === 'auto') delete root.dataset.theme; else root.dataset.theme = theme;
  toggle.textContent = theme;
  kept?.setItem('vigilia-docs-theme', theme);
};
setTheme(themes.includes(kept?.getItem('vigilia-docs-theme')) ? kept.getItem('vigilia-docs-theme') : 'auto');
toggle.hidden = false;
toggle.addEventListener('click', () => setTheme(themes[(themes.indexOf(toggle.textContent) + 1) % themes.length]));

const search = document.querySelector('#search');
const empty = document.querySelector('#empty');
const filter = () => {
  const words = search.value.toLowerCase().split(/\\s+/).filter(Boolean);
  const found = '[data-words]:not([hidden])';
  for (const element of all('[data-words]')) element.hidden = !words.every((word) => element.dataset.words.includes(word));
  for (const link of all('nav li a')) link.parentElement.hidden = document.getElementById(link.hash.slice(1)).hidden;
  // What holds several things is there as long as one of them is.
  for (const article of all('article:not([data-words])')) article.hidden = !article.querySelector(found);
  for (const group of all('[data-group]')) group.hidden = !group.querySelector(group.closest('nav') ? 'li:not([hidden])' : found);
  empty.hidden = document.querySelector(found) !== null;
};
search.hidden = false;
search.addEventListener('input', filter);
document.addEventListener('keydown', (event) => {
  if (event.key === '/' && document.activeElement !== search && !event.ctrlKey && !event.metaKey) { event.preventDefault(); search.focus(); search.select(); }
  if (event.key === 'Escape' && document.activeElement === search) { search.value = ''; filter(); search.blur(); }
});

for (const block of all('.block')) {
  const button = document.createElement('button');
  button.type = 'button';
  button.textContent = 'copy';
  button.addEventListener('click', async () => {
    const text = block.querySelector('pre').textContent;
    const done = await navigator.clipboard?.writeText(text).then(() => true, () => false);
    if (!done) getSelection().selectAllChildren(block.querySelector('pre'));
    button.textContent = done ? 'copied' : 'press Ctrl+C';
    setTimeout(() => { button.textContent = 'copy'; }, 1500);
  });
  block.append(button);
}

const links = new Map(all('nav a[href^="#"]').map((link) => [link.hash.slice(1), link]));
const seen = new IntersectionObserver((entries) => {
  for (const { target, isIntersecting } of entries) {
    if (!isIntersecting) continue;
    document.querySelector('nav a[aria-current]')?.removeAttribute('aria-current');
    const link = links.get(target.id);
    link?.setAttribute('aria-current', 'true');
    const nav = document.querySelector('nav');
    if (link && matchMedia('(min-width: 50rem)').matches && !nav.matches(':hover')) nav.scrollTop = link.offsetTop - nav.clientHeight / 2;
  }
}, { rootMargin: '-10% 0px -75% 0px' });
for (const article of all('article[id]')) seen.observe(article);
`;
