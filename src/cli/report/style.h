// The style of a report: system fonts, two palettes whose colours differ for every kind of sight, black on white on paper.
// Nothing in it names another file.
#pragma once

#include <string_view>

namespace muster::cli {

inline constexpr std::string_view kReportStyle = R"css(
:root{color-scheme:light dark;--bg:#fff;--fg:#1b1d22;--soft:#5d6069;--line:#d9dbe1;--wait:#6a6d77;--run:#094499;--ok:#117551;--fail:#8f1c0a;--hold:#8b730b}
@media(prefers-color-scheme:dark){:root{--bg:#15171c;--fg:#e7e9ee;--soft:#a4a8b3;--line:#33363f;--wait:#7e8188;--run:#3592fa;--ok:#c2f0dd;--fail:#f34f24;--hold:#feee61}}
@media print{:root{--bg:#fff;--fg:#000;--soft:#444;--line:#bbb;--wait:#6a6d77;--run:#094499;--ok:#117551;--fail:#8f1c0a;--hold:#8b730b}section{break-inside:avoid}*{print-color-adjust:exact}}
*{box-sizing:border-box}
body{margin:0;background:var(--bg);color:var(--fg);font:15px/1.5 system-ui,sans-serif}
main{max-width:62rem;margin:0 auto;padding:1.5rem 1rem}
h1{font-size:1.7rem;margin:0}h2{font-size:1.1rem;margin:2rem 0 .6rem;border-bottom:1px solid var(--line);padding-bottom:.2rem}
header p{margin:.3rem 0;color:var(--soft)}code{font:13px/1.5 ui-monospace,monospace;color:var(--fg);overflow-wrap:anywhere}
.bar{display:flex;gap:2px;height:1.4rem}.b{border-radius:2px;background:var(--wait)}
.b.succeeded{background:var(--ok)}.b.failed{background:var(--fail)}.b.running{background:var(--run)}.b.held{background:var(--hold)}.b.cancelled{background:var(--soft)}
.counts{display:flex;flex-wrap:wrap;gap:.3rem 1.6rem;list-style:none;margin:.6rem 0 0;padding:0}small,footer,figcaption,.axis{color:var(--soft);font-size:13px}
.succeeded{color:var(--ok)}.failed,.ended,.lost,.broken{color:var(--fail)}.running{color:var(--run)}.held{color:var(--hold)}.cancelled{color:var(--soft)}
figure{margin:.6rem 0 0}svg{display:block;width:100%;height:9rem;border-bottom:1px solid var(--line)}
rect.running{fill:var(--run)}rect.succeeded{fill:var(--ok)}rect.failed{fill:var(--fail)}
.axis{display:flex;justify-content:space-between;margin:.2rem 0}
table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums}th{font-weight:600;text-align:left;color:var(--soft);font-size:13px}
th,td{padding:.25rem .8rem .25rem 0;border-bottom:1px solid var(--line);vertical-align:top}.n{text-align:right}.wrap{overflow-wrap:anywhere}
dl{display:grid;grid-template-columns:max-content 1fr;gap:.15rem 1.2rem;margin:.6rem 0}dt{color:var(--soft)}dd{margin:0}
footer{margin-top:2.5rem}
)css";

}  // namespace muster::cli
