import Foundation

extension BenchReport {
    /// One page that needs nothing beside it: tables, and plots of curves and of latencies. Light or dark, as the reader has it.
    public func html() -> String {
        let names = candidates.map(\.name)
        var page = """
            <!doctype html>
            <html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
            <title>varve-bench \(Markup.escaped(title))</title><style>\(PageStyle.css)</style></head><body><main>
            <h1>varve-bench \(Markup.escaped(title))</h1>
            <p class="under">\(Markup.escaped(machineLine))<br>\(Markup.escaped(settingsLine))</p>
            <ul class="legend">
            """
        for (index, candidate) in candidates.enumerated() {
            page += "<li><span class=\"key c\(index)\"></span><b>\(Markup.escaped(candidate.name))</b> "
            page += "\(Markup.escaped(candidate.version)): \(Markup.escaped(candidate.setup))</li>"
        }
        page += "</ul><h2>Figures</h2>" + figures(names)
        if rows.contains(where: { !$0.goals.isEmpty }) { page += "<h2>Goals for \(Markup.escaped(names[0]))</h2>" + goals() }
        if !curves.isEmpty {
            page += "<h2>How it goes with the size</h2><div class=\"plots\">"
            for curve in curves { page += Plot(curve, names).svg() }
            page += "</div>"
        }
        let latencies = rows.compactMap { Plot(latenciesOf: $0, names) }
        if !latencies.isEmpty {
            page += "<h2>Latencies</h2><p class=\"under\">Share of the operations that took no longer than so long.</p><div class=\"plots\">"
            for plot in latencies { page += plot.svg() }
            page += "</div>"
        }
        page += notes()
        return page + "</main></body></html>\n"
    }

    private var machineLine: String {
        "\(machine.processor), \(machine.cores) cores, \(Unit.bytes.text(Double(machine.memory))); \(machine.system)"
    }
    private var settingsLine: String {
        "\(machine.date); " + settings.sorted { $0.key < $1.key }.map { "\($0) \($1)" }.joined(separator: ", ")
    }

    private func figures(_ names: [String]) -> String {
        var text = "<div class=\"wide\"><table><thead><tr><th></th>"
        for name in names { text += "<th>\(Markup.escaped(name))</th>" }
        text += "<th>ahead</th><th>limit</th></tr></thead><tbody>"
        for row in rows {
            text += "<tr><th>\(Markup.escaped(row.title))</th>"
            let medians = names.compactMap { row.figures[$0]?.median }.filter(\.isFinite)
            let best = row.unit.isLessBetter ? medians.min() : medians.max()
            for name in names {
                guard let figure = row.figures[name] else {
                    text += "<td>–</td>"
                    continue
                }
                let isBest = medians.count > 1 && figure.median == best
                text += "<td\(isBest ? " class=\"best\"" : "")>\(Markup.escaped(BenchReport.cell(figure, row.unit)))</td>"
            }
            text += "<td>\(Markup.escaped(BenchReport.lead(row, names)))</td>"
            text += "<td>\(Markup.escaped(BenchReport.distance(row, names[0])))</td></tr>"
        }
        return text + "</tbody></table></div>"
    }

    private func goals() -> String {
        var text = "<div class=\"wide\"><table><thead><tr><th></th><th>goal</th><th></th><th>ratio</th></tr></thead><tbody>"
        for row in rows {
            for goal in row.goals {
                let mark = goal.isMet.map { $0 ? "<td class=\"met\">met</td>" : "<td class=\"missed\">not met</td>" } ?? "<td>not told</td>"
                text += "<tr><th>\(Markup.escaped(row.title))</th><td>\(Markup.escaped(goal.text))</td>\(mark)"
                text += "<td>\(goal.ratio.map { String(format: "%.2f", $0) } ?? "")</td></tr>"
            }
        }
        return text + "</tbody></table></div>"
    }

    private func notes() -> String {
        let notes = rows.flatMap { row in
            [row.limitNote.map { "limit: \($0)" }, row.note].compactMap { $0 }.map { (row.title, $0) }
        }
        guard !notes.isEmpty else { return "" }
        return "<h2>How it was done</h2><ul class=\"notes\">"
            + notes.map { "<li><b>\(Markup.escaped($0))</b>: \(Markup.escaped($1))</li>" }.joined() + "</ul>"
    }
}

enum Markup {
    static func escaped(_ text: String) -> String {
        text.replacing("&", with: "&amp;").replacing("<", with: "&lt;").replacing(">", with: "&gt;").replacing("\"", with: "&quot;")
    }
}
