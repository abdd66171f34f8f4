"""How the page of the report looks: by day and by night, on a wide screen and on a narrow one, and on paper."""

STYLE = """
:root {
  color-scheme: light dark;
  --text: #1b1f24; --quiet: #57606a; --page: #fff; --raised: #f5f7f9; --line: #d5dae0;
  --good: #1a7f37; --fair: #8a5a00; --bad: #c0262d; --bar: #3b76b3;
}
@media (prefers-color-scheme: dark) {
  :root {
    --text: #e6e9ed; --quiet: #9aa4af; --page: #14171b; --raised: #1e2329; --line: #363d46;
    --good: #57c274; --fair: #e0ab4a; --bad: #ff7b76; --bar: #5b9bd8;
  }
}
* { box-sizing: border-box; }
body {
  font: 15px/1.5 system-ui, sans-serif; color: var(--text); background: var(--page);
  max-width: 62rem; margin: 2rem auto; padding: 0 1rem;
}
h1 { font-size: 1.7rem; line-height: 1.25; }
h2 { font-size: 1.2rem; margin-top: 2.8rem; padding-bottom: 0.3rem; border-bottom: 1px solid var(--line); }
h1, h2 { display: flex; flex-wrap: wrap; align-items: baseline; gap: 0.3rem 0.8rem; }
p { margin: 0.5rem 0; overflow-wrap: anywhere; }
a { color: inherit; text-underline-offset: 0.2em; text-decoration-color: var(--quiet); }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: 0.25rem 0.7rem; text-align: right; border-bottom: 1px solid var(--line); white-space: nowrap; }
th { font-weight: 500; color: var(--quiet); }
th:first-child, td:first-child { text-align: left; padding-left: 0; }
tr > :last-child { padding-right: 0; }
.wide { overflow-x: auto; margin: 0.9rem 0; }
.grade { font-size: 0.8rem; font-weight: 600; letter-spacing: 0.03em; white-space: nowrap; }
.EXCELLENT, .good { color: var(--good); }
.GOOD, .fair { color: var(--fair); }
.NEEDS, .NOT, .bad { color: var(--bad); }
.quiet, caption { color: var(--quiet); }
.figures { display: grid; grid-template-columns: repeat(auto-fill, minmax(7.2rem, 1fr)); gap: 0.5rem; margin: 1rem 0; }
.figures div { background: var(--raised); border-radius: 6px; padding: 0.4rem 0.7rem; }
.figures dt { color: var(--quiet); font-size: 0.8rem; }
.figures dd { margin: 0; font-weight: 600; font-variant-numeric: tabular-nums; white-space: nowrap; }
.histogram { width: 100%; margin: 1rem 0; }
.histogram caption { text-align: left; font-size: 0.8rem; padding-bottom: 0.2rem; }
.histogram th, .histogram td { border: 0; padding-block: 0.1rem; font-size: 0.87rem; }
.histogram .bar { width: 100%; padding-inline: 0; }
.histogram i { display: block; height: 0.85rem; min-width: 1px; background: var(--bar); border-radius: 0 2px 2px 0; }
summary { cursor: pointer; color: var(--quiet); }
@media (max-width: 40rem) {
  body { margin-top: 1rem; }
  th, td { padding-inline: 0.45rem; }
  .histogram td:last-child { display: none; }
}
@media print { h2 { break-after: avoid; } .figures, .histogram { break-inside: avoid; } }
"""
