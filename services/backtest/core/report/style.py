"""The style sheet of the report, light and dark."""

STYLE = """
:root { color-scheme: light dark; --paper: #fff; --card: #f6f7f9; --ink: #1b1f27; --quiet: #5b6472; --rule: #dde1e7;
  --line: #1f5fd0; --won: #117a4a; --lost: #c0322b; --tip: #1b1f27; --tip-ink: #fff;
  --up: 17, 122, 74; --down: 192, 50, 43; }
@media (prefers-color-scheme: dark) {
  :root { --paper: #12151b; --card: #1b2028; --ink: #e7eaf0; --quiet: #9aa4b2; --rule: #2d343f; --line: #74a7ff;
    --won: #4cc38a; --lost: #ff7b72; --tip: #e7eaf0; --tip-ink: #12151b; --up: 76, 195, 138; --down: 255, 123, 114; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 15px/1.5 system-ui, sans-serif;
  font-variant-numeric: tabular-nums; }
main { max-width: 1040px; margin: 0 auto; padding: 28px 20px 48px; }
h1 { font-size: 26px; line-height: 1.25; margin: 0; overflow-wrap: anywhere; }
h2 { font-size: 18px; margin: 36px 0 10px; }
h3 { font-size: 13px; margin: 0 0 6px; color: var(--quiet); font-weight: 600; }
header p, .hint, footer, caption, summary { color: var(--quiet); }
header p { margin: 4px 0 0; overflow-wrap: anywhere; }
.hint, caption { font-size: 13px; margin: 0 0 10px; text-align: left; padding: 0 0 6px; }
footer { margin-top: 40px; padding-top: 12px; border-top: 1px solid var(--rule); font-size: 13px; }
dl, dd { margin: 0; }
.headline { display: grid; grid-template-columns: repeat(auto-fit, minmax(140px, 1fr)); gap: 10px; margin-top: 22px; }
.headline div { background: var(--card); border: 1px solid var(--rule); border-radius: 8px; padding: 10px 14px; }
.headline dt { color: var(--quiet); font-size: 13px; }
.headline dd { font-size: 22px; font-weight: 600; white-space: nowrap; }
dd.won { color: var(--won); }
dd.lost { color: var(--lost); }
.warnings { margin-top: 18px; border-left: 4px solid #d98e04; background: var(--card); padding: 10px 16px; }
.warnings h2 { margin: 0; font-size: 15px; }
.warnings ul { margin: 4px 0 0; padding-left: 18px; }
svg { display: block; width: 100%; min-width: 640px; height: auto; }
svg text { font: 12px system-ui, sans-serif; fill: var(--quiet); }
svg .value, svg .last { text-anchor: end; }
svg .time { text-anchor: middle; }
svg path { fill: none; vector-effect: non-scaling-stroke; }
svg .grid { stroke: var(--rule); stroke-width: 1; }
svg .level { stroke: var(--quiet); stroke-dasharray: 4 4; }
svg .equity { stroke: var(--line); stroke-width: 1.6; stroke-linejoin: round; }
svg .drawdown { stroke: var(--lost); stroke-width: 1; stroke-linejoin: round; }
svg .drawdown-area { fill: rgba(var(--down), 0.2); }
svg .close { stroke: var(--quiet); stroke-width: 1.1; stroke-linejoin: round; }
svg g path { stroke-width: 1.2; }
svg g:hover path { stroke-width: 2.5; }
svg g.won path, svg g.won circle { stroke: var(--won); fill: var(--won); }
svg g.lost path, svg g.lost circle { stroke: var(--lost); fill: var(--lost); }
svg g.open circle { fill: var(--paper); }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-size: 13px; }
th { font-weight: 600; text-align: left; }
.months, .trades { width: 100%; white-space: nowrap; }
.months th, .months td, .trades th, .trades td { padding: 4px 7px; border-bottom: 1px solid var(--rule); }
.months td, .months thead th + th { text-align: right; }
.months .total { font-weight: 600; border-left: 1px solid var(--rule); }
.up1 { background: rgba(var(--up), 0.1); } .up2 { background: rgba(var(--up), 0.2); }
.up3 { background: rgba(var(--up), 0.3); } .up4 { background: rgba(var(--up), 0.42); }
.down1 { background: rgba(var(--down), 0.1); } .down2 { background: rgba(var(--down), 0.2); }
.down3 { background: rgba(var(--down), 0.3); } .down4 { background: rgba(var(--down), 0.42); }
.trades tr.won td:nth-last-child(-n+2) { color: var(--won); }
.trades tr.lost td:nth-last-child(-n+2) { color: var(--lost); }
details { margin-top: 10px; }
summary { cursor: pointer; }
.families { columns: 3 280px; column-gap: 28px; }
.families section { break-inside: avoid; padding-bottom: 20px; }
.metric { position: relative; display: flex; justify-content: space-between; gap: 12px; padding: 3px 6px;
  border-bottom: 1px solid var(--rule); cursor: help; }
.metric:hover, .metric:focus { background: var(--card); outline: 1px solid var(--quiet); }
.metric dd { font-weight: 600; white-space: nowrap; }
.metric .meaning { position: absolute; left: 0; right: 0; top: calc(100% + 5px); z-index: 1; padding: 9px 12px;
  border-radius: 6px; background: var(--tip); color: var(--tip-ink); font-size: 13px; font-weight: 400; opacity: 0;
  pointer-events: none; white-space: normal; overflow-wrap: anywhere; height: 0; overflow: hidden; }
.metric:hover .meaning, .metric:focus .meaning { opacity: 1; height: auto; }
.tables { display: grid; grid-template-columns: repeat(auto-fit, minmax(300px, 1fr)); gap: 16px 32px;
  align-items: start; margin: 16px 0; }
.facts { width: 100%; table-layout: fixed; }
.facts caption { font-weight: 600; color: var(--ink); font-size: 14px; }
.facts th, .facts td { padding: 4px 6px; border-bottom: 1px solid var(--rule); vertical-align: top;
  overflow-wrap: anywhere; }
.facts th { width: 170px; font-weight: 400; color: var(--quiet); }
pre { background: var(--card); border: 1px solid var(--rule); border-radius: 8px; padding: 12px; overflow-x: auto;
  font-size: 13px; }
@media print { .metric .meaning { display: none; } section, table { break-inside: avoid; } }
"""
