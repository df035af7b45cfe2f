enum PageStyle {
    /// Colours are told apart also by those who see red and green alike, and every line has its name at its end.
    static let css = """
        :root{--paper:#fff;--ink:#1b1f24;--soft:#5b6570;--line:#d8dee4;--band:#f4f6f8;--good:#0b6b4b;--bad:#b3261e;
        --c0:#0a5fd0;--c1:#c75a00;--c2:#00806a;--c3:#8a3ab9;--c4:#6b5b00;--c5:#a8325e}
        @media(prefers-color-scheme:dark){:root{--paper:#14181d;--ink:#e6eaee;--soft:#9aa5b1;--line:#333b44;--band:#1c2229;
        --good:#5fd0a5;--bad:#ff8a80;--c0:#6ab0ff;--c1:#ffa057;--c2:#4fd1b5;--c3:#d09bf5;--c4:#d9c34a;--c5:#ff8fb3}}
        *{box-sizing:border-box}body{margin:0;background:var(--paper);color:var(--ink);font:15px/1.5 system-ui,sans-serif}
        main{max-width:1240px;margin:0 auto;padding:32px 24px 64px}h1{margin:0 0 4px;font-size:26px}h2{margin:40px 0 12px;font-size:19px}
        .under{margin:0 0 16px;color:var(--soft)}.legend,.notes{padding:0;margin:0;list-style:none}.notes li{margin:2px 0;color:var(--soft)}
        .key{display:inline-block;width:12px;height:12px;border-radius:3px;margin-right:8px}
        .wide{overflow-x:auto}table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums}
        th,td{padding:5px 12px;text-align:right;border-bottom:1px solid var(--line);white-space:nowrap}
        th:first-child{text-align:left;min-width:15em;font-weight:500;white-space:normal}thead th{color:var(--soft);font-weight:500}
        tbody tr:nth-child(odd){background:var(--band)}.best{font-weight:700}.met{color:var(--good)}.missed{color:var(--bad)}
        .plots{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,540px),1fr));gap:24px}
        figure{margin:0}figcaption{font-weight:500;margin-bottom:4px}svg{width:100%;height:auto;display:block}
        svg text{fill:var(--soft);font:12px system-ui,sans-serif}svg .name{font-weight:600}
        svg .grid{stroke:var(--line);stroke-width:1}svg .curve{fill:none;stroke-width:2.5;stroke-linejoin:round}
        .key.c0{background:var(--c0)}.key.c1{background:var(--c1)}.key.c2{background:var(--c2)}.key.c3{background:var(--c3)}
        .key.c4{background:var(--c4)}.key.c5{background:var(--c5)}
        svg .c0{stroke:var(--c0)}svg .c1{stroke:var(--c1)}svg .c2{stroke:var(--c2)}svg .c3{stroke:var(--c3)}svg .c4{stroke:var(--c4)}
        svg .c5{stroke:var(--c5)}svg .dot.c0,svg .name.c0{fill:var(--c0)}svg .dot.c1,svg .name.c1{fill:var(--c1)}
        svg .dot.c2,svg .name.c2{fill:var(--c2)}svg .dot.c3,svg .name.c3{fill:var(--c3)}svg .dot.c4,svg .name.c4{fill:var(--c4)}
        svg .dot.c5,svg .name.c5{fill:var(--c5)}svg .dot,svg .name{stroke:none}
        """
}
