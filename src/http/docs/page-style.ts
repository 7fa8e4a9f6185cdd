/** How the page looks, in light and in dark. */
export const STYLE = `
:root { color-scheme: light dark; --ground: light-dark(#fbfaf8, #14161a); --card: light-dark(#fff, #1b1e24); --line: light-dark(#e6e2da, #2b3038);
  --ink: light-dark(#22252b, #e4e6ea); --soft: light-dark(#626770, #9aa1ac); --accent: light-dark(#0b6e5d, #58c7b1); --code: light-dark(#f4f1ea, #11141a);
  --get: light-dark(#0b6e5d, #58c7b1); --post: light-dark(#1f5fbf, #82b4ff); --put: light-dark(#8a5a00, #e5b45b); --delete: light-dark(#b3261e, #ff8d84);
  --mono: ui-monospace, 'SF Mono', Menlo, Consolas, 'DejaVu Sans Mono', monospace; }
:root[data-theme=light] { color-scheme: light; } :root[data-theme=dark] { color-scheme: dark; }
* { box-sizing: border-box; }
html { scroll-behavior: smooth; scroll-padding-top: 1.25rem; }
@media (prefers-reduced-motion: reduce) { html { scroll-behavior: auto; } }
body { margin: 0; background: var(--ground); color: var(--ink); font: 15px/1.55 system-ui, 'Segoe UI', Roboto, 'Noto Sans', sans-serif; }
a { color: var(--accent); text-decoration: none; } p a, a:hover { text-decoration: underline; }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; border-radius: 3px; }
code, pre { font-family: var(--mono); font-size: .86em; }
p code, li code, dd code { background: var(--code); padding: .08em .32em; border-radius: 4px; }
.frame { display: grid; grid-template-columns: 19rem minmax(0, 1fr); min-height: 100vh; }
nav { position: sticky; top: 0; height: 100vh; overflow-y: auto; border-right: 1px solid var(--line); padding: 1.25rem 1rem 2rem; scrollbar-width: thin; }
.brand { display: flex; align-items: baseline; gap: .5rem; font-weight: 650; font-size: 1.1rem; letter-spacing: -.01em; }
.brand span { color: var(--soft); font-weight: 400; font-size: .8rem; }
.brand button { margin-left: auto; }
.search { width: 100%; margin: 1rem 0 .5rem; padding: .5rem .7rem; font: inherit; color: inherit; background: var(--card); border: 1px solid var(--line); border-radius: 8px; }
nav h2 { margin: 1.1rem 0 .25rem; font-size: .72rem; font-weight: 600; letter-spacing: .06em; text-transform: uppercase; color: var(--soft); }
nav ul { list-style: none; margin: 0; padding: 0; }
nav li a { display: flex; gap: .5rem; align-items: baseline; padding: .2rem .4rem; border-radius: 6px; color: inherit; font-size: .82rem; }
nav li a:hover, nav li a[aria-current] { background: light-dark(#f1eee7, #232830); text-decoration: none; }
nav li a span:last-child { overflow: hidden; text-overflow: ellipsis; white-space: nowrap; font-family: var(--mono); font-size: .76rem; direction: rtl; text-align: left; }
.verb { font: 650 .62rem/1.6 var(--mono); letter-spacing: .02em; flex: 0 0 3.1rem; color: var(--soft); }
.GET { color: var(--get); } .POST { color: var(--post); } .PUT { color: var(--put); } .DELETE { color: var(--delete); }
main { padding: 2.5rem clamp(1rem, 4vw, 3.5rem) 6rem; max-width: 78rem; }
h1 { margin: 0; font-size: 2rem; letter-spacing: -.025em; line-height: 1.15; }
.lead { margin: .5rem 0 1.5rem; color: var(--soft); font-size: 1.05rem; }
.facts { display: grid; grid-template-columns: repeat(auto-fit, minmax(17rem, 1fr)); gap: .9rem; margin: 0 0 1rem; }
.facts > div { background: var(--card); border: 1px solid var(--line); border-radius: 12px; padding: .9rem 1.1rem; }
.facts h3 { margin: 0 0 .25rem; font-size: .9rem; } .facts p { margin: 0; color: var(--soft); font-size: .88rem; }
section.tag > h2 { margin: 3rem 0 0; font-size: 1.35rem; letter-spacing: -.015em; } section.tag > p { margin: .2rem 0 1rem; color: var(--soft); }
article { background: var(--card); border: 1px solid var(--line); border-radius: 14px; margin: 0 0 1rem; padding: 1.1rem 1.25rem 1.2rem; }
article:target { border-color: var(--accent); box-shadow: 0 0 0 3px color-mix(in srgb, var(--accent) 18%, transparent); }
article header { display: flex; flex-wrap: wrap; gap: .25rem .65rem; align-items: baseline; }
article header .verb { flex: none; font-size: .78rem; }
article h3 { margin: 0; font: 600 .95rem/1.5 var(--mono); overflow-wrap: anywhere; } article h3 a { color: inherit; }
.scope { margin-left: auto; font-size: .72rem; color: var(--soft); border: 1px solid var(--line); border-radius: 99px; padding: .05rem .6rem; white-space: nowrap; }
article > p { margin: .15rem 0 .9rem; }
article p.notes { margin: .15rem 0 .9rem; color: var(--soft); font-size: .88rem; }
.parts { display: grid; grid-template-columns: minmax(0, 10fr) minmax(0, 11fr); gap: 1rem 1.5rem; align-items: start; }
h4 { margin: 0 0 .3rem; font-size: .72rem; font-weight: 600; letter-spacing: .05em; text-transform: uppercase; color: var(--soft); }
dl { margin: 0 0 1rem; } dl > div { padding: .4rem 0; border-top: 1px solid var(--line); } dl > div:first-child { border-top: 0; padding-top: 0; }
dt { display: flex; flex-wrap: wrap; gap: .15rem .5rem; align-items: baseline; } dt code { font-weight: 600; } dt span { color: var(--soft); font-size: .78rem; }
dt .must { color: var(--delete); } dd { margin: .1rem 0 0; color: var(--soft); font-size: .86rem; overflow-wrap: anywhere; }
.block { position: relative; margin: 0 0 .75rem; }
pre { margin: 0; padding: .8rem 1rem; background: var(--code); border: 1px solid var(--line); border-radius: 10px; overflow-x: auto; line-height: 1.5; font-size: .78rem; max-height: 17rem; }
pre.command { white-space: pre-wrap; overflow-wrap: anywhere; padding-right: 3.6rem; max-height: none; }
button { font: inherit; font-size: .74rem; color: var(--soft); background: var(--card); border: 1px solid var(--line); border-radius: 7px; padding: .15rem .55rem; cursor: pointer; }
button:hover { color: var(--ink); border-color: var(--soft); }
.block button { position: absolute; top: .45rem; right: .45rem; opacity: 0; transition: opacity .12s; } .block:hover button, .block button:focus-visible { opacity: 1; }
details { margin: 0 0 .5rem; } summary { cursor: pointer; color: var(--soft); font-size: .84rem; padding: .1rem 0; } summary b { color: var(--ink); font-weight: 600; }
details[open] > summary { margin-bottom: .4rem; }
h3.sub { margin: 2rem 0 0; font-size: 1.05rem; } h3.sub + p { margin: .2rem 0 .8rem; color: var(--soft); }
article.wide dl { margin: 0; } article.wide dt code, .answer dt code { overflow-wrap: anywhere; } .fields dl { margin-top: .3rem; } .none { color: var(--soft); } [hidden] { display: none !important; }
@media (hover: none) { .block button { opacity: 1; } }
@media (max-width: 62rem) { .parts { grid-template-columns: minmax(0, 1fr); } }
@media (max-width: 50rem) { .frame { display: block; } nav { position: static; height: auto; max-height: 45vh; border-right: 0; border-bottom: 1px solid var(--line); } main { padding-top: 1.5rem; } }
@media print { nav, button { display: none !important; } .frame { display: block; } article { break-inside: avoid; } pre { max-height: none; white-space: pre-wrap; } }
`;
