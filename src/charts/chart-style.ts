const LIGHT = `--paper:#fbfcfc;--box:#ffffff;--nest:#f3f6f7;--line:#8a97a3;--ink:#17212b;--soft:#5b6b79;--active:#0b8457;--active-fill:#e2f5ec;
--event:#5f6f7e;--after:#a16207;--always:#4f5bd5;--done:#0b7285;--error:#c92a2a;
--event-fill:#eef1f4;--after-fill:#fdf3d8;--always-fill:#e8eafc;--done-fill:#dff3f6;--error-fill:#fde8e8`;
const DARK = `--paper:#12181e;--box:#1b232b;--nest:#161d24;--line:#5d6b78;--ink:#e8eef3;--soft:#9fb0be;--active:#3ddc97;--active-fill:#12382a;
--event:#9aa9b6;--after:#e0b04b;--always:#97a0ff;--done:#5ccfe0;--error:#ff8787;
--event-fill:#26303a;--after-fill:#3a2f12;--always-fill:#272b52;--done-fill:#12343b;--error-fill:#431f22`;

const KINDS = ['event', 'after', 'always', 'done', 'error'];

/** How charts look: for a page that shows them, and in each that stands alone. `dark` and `light` can be asked for by `data-theme`. */
const CHART_STYLE = `
.chart{${LIGHT};background:var(--paper);font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace}
@media (prefers-color-scheme:dark){.chart{${DARK}}}
[data-theme=light] .chart,.chart[data-theme=light]{${LIGHT}}
[data-theme=dark] .chart,.chart[data-theme=dark]{${DARK}}
.chart .state>rect{fill:var(--box);stroke:var(--line);stroke-width:1}
.chart .state.compound>rect,.chart .state.parallel>rect{fill:var(--nest)}
.chart .state.depth-0>rect{fill:var(--paper);stroke-opacity:.5}
.chart .state.parallel>rect{stroke-dasharray:6 4}
.chart .state .inner{fill:none}
.chart .state.active>rect{stroke:var(--active);stroke-width:2}
.chart .state.active:not(.depth-0)>rect:first-child{fill:var(--active-fill)}
.chart text{fill:var(--soft)}
.chart .name{fill:var(--ink);font-weight:700}
.chart .mark{font-size:10px;font-style:italic}
.chart .edge,.chart .beginning path{fill:none;stroke:var(--event);stroke-width:1.2}
.chart .beginning circle{fill:var(--ink)}.chart .beginning path{stroke:var(--ink)}
.chart .head.begin path{fill:var(--ink)}
.chart .label rect{fill:var(--event-fill)}.chart .label .cause{fill:var(--ink)}
.chart .edge.after{stroke-dasharray:6 3}.chart .edge.always{stroke-dasharray:2 3}.chart .edge.error{stroke-dasharray:none}
${KINDS.map((kind) => `.chart .edge.${kind}{stroke:var(--${kind})}.chart .head.${kind} path{fill:var(--${kind})}.chart .label.${kind} rect{fill:var(--${kind}-fill)}`).join('\n')}
.chart .edge.taken{stroke:var(--active);stroke-width:3}
.chart .label.taken rect{stroke:var(--active);stroke-width:1.5}
.chart .taken text,.chart text.taken{fill:var(--active);font-weight:700}
`.trim();

/** @returns an SVG document that brings its style along */
export function standAlone(svg: string): string {
  return svg.replace('<title>', `<style>${CHART_STYLE}</style>\n<title>`);
}
