package import NIOCore
package import ProxyCore
package import ProxyCoreConfiguration

/// The pages for people whose backend cannot answer, or cannot yet. Each page is one answer of a few KiB, which loads nothing else and runs no script.
package struct VisitorPages: Sendable {
    /// How far a backend is that is starting.
    package enum StartPhase: Sendable {
        /// The image is being pulled, or the container made.
        case loading
        /// The container runs.
        case starting
    }

    /// A browser is held this long for a backend that starts.
    package let waitingAfter: Duration
    private let texts: PagesConfiguration

    package init(_ texts: PagesConfiguration) {
        self.texts = texts
        self.waitingAfter = texts.waitingAfter
    }

    /// A page that asks again after a second, and is held again then, so that the backend is shown as soon as it is ready.
    ///
    /// - Parameters:
    ///   - phase: Nil where it is not known.
    ///   - wait: How long visitors usually wait; nil where that is not known.
    package func waiting(phase: StartPhase?, usually wait: TimeAmount?, refusal: RefusalReason?) -> ProxyAnswer {
        var sentences: [String] = []
        switch phase {
        case .loading: sentences.append(self.texts.loadingText)
        case .starting: sentences.append(self.texts.startingText)
        case nil: break
        }
        if let seconds = wait.map({ ($0.nanoseconds + 500_000_000) / 1_000_000_000 }), seconds > 0 {
            sentences.append(self.texts.usualText.replacing("{seconds}", with: "\(seconds)"))
        }
        let page = Page(title: self.texts.waitingTitle, text: self.texts.waitingText, status: sentences.joined(separator: " "), isWaiting: true)
        var answer = self.answer(.serviceUnavailable, page, refusal: refusal)
        answer.fields += "Retry-After: 1\r\n"
        return answer
    }

    /// The page with the text and status of `answer`, and with its fields.
    package func page(for answer: ProxyAnswer) -> ProxyAnswer {
        var page =
            switch answer.status {
            case .notFound, .badRequest, .gone: Page(title: self.texts.goneTitle, text: self.texts.goneText)
            case .unauthorized, .forbidden: Page(title: self.texts.refusedTitle, text: self.texts.refusedText)
            default: Page(title: self.texts.errorTitle, text: self.texts.errorText)
            }
        page.detail = "\(answer.text.isEmpty ? "\(answer.status.reason)" : answer.text) (\(answer.status.rawValue))"
        var paged = self.answer(answer.status, page, refusal: answer.refusal)
        paged.fields += answer.fields
        return paged
    }

    private struct Page {
        var title: String
        var text: String
        /// The progress of the start; empty for none.
        var status = ""
        /// Details for somebody who is asked for help; empty for none.
        var detail = ""
        var isWaiting = false
    }

    /// Pages load nothing from elsewhere, and must not be cached or interpreted as another type.
    private static let fields =
        "Content-Security-Policy: default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'\r\n"
        + "X-Content-Type-Options: nosniff\r\nReferrer-Policy: no-referrer\r\nVary: Accept\r\n"

    private func answer(_ status: ProxyStatus, _ page: Page, refusal: RefusalReason?) -> ProxyAnswer {
        var answer = ProxyAnswer(status, self.html(page), fields: Self.fields, refusal: refusal)
        answer.contentType = "text/html; charset=utf-8"
        return answer
    }

    private func html(_ page: Page) -> String {
        var body = "<h1>\(page.title.asHTML)</h1>\n"
        if page.isWaiting { body += "<div class=\"bar\" aria-hidden=\"true\"><span></span></div>\n" }
        if !page.status.isEmpty { body += "<p role=\"status\">\(page.status.asHTML)</p>\n" }
        body += "<p>\(page.text.asHTML)</p>\n"
        if !page.isWaiting, let link = self.texts.link { body += "<p><a href=\"\(link.asHTML)\">\(self.texts.linkText.asHTML)</a></p>\n" }
        if !page.detail.isEmpty { body += "<p class=\"detail\" lang=\"en\">\(page.detail.asHTML)</p>\n" }
        let reload = page.isWaiting ? "<meta http-equiv=\"refresh\" content=\"1\">\n" : ""
        return """
            <!doctype html>
            <html lang="\(self.texts.language.asHTML)">
            <head>
            <meta charset="utf-8">
            <meta name="viewport" content="width=device-width, initial-scale=1">
            <meta name="robots" content="noindex">
            \(reload)<title>\(page.title.asHTML)</title>
            <style>\(Self.style)</style>
            </head>
            <body>
            <main>
            \(body)</main>
            </body>
            </html>
            """
    }

    private static let style = """
        :root { color-scheme: light dark; --text: #1c1d21; --quiet: #5b5e66; --ground: #fff; --line: #d9dbe0; --accent: #1f5fd0; }
        @media (prefers-color-scheme: dark) {
          :root { --text: #ececef; --quiet: #a6a9b2; --ground: #17181b; --line: #3a3c42; --accent: #8ab4ff; }
        }
        body { margin: 0; min-height: 100vh; display: grid; align-items: center; color: var(--text); background: var(--ground);
          font: 1.0625rem/1.55 system-ui, sans-serif; }
        main { box-sizing: border-box; width: min(100%, 34rem); margin: 0 auto; padding: 2rem 1.5rem; overflow-wrap: anywhere; }
        h1 { margin: 0 0 1rem; font-size: 1.5rem; line-height: 1.25; }
        p { margin: 0 0 .75rem; }
        a { color: var(--accent); }
        .detail { margin-top: 1.75rem; padding-top: .75rem; border-top: 1px solid var(--line); font-size: .875rem; color: var(--quiet); }
        .bar { height: 4px; margin: 0 0 1.25rem; overflow: hidden; border-radius: 2px; background: var(--line); }
        .bar span { display: block; width: 35%; height: 100%; border-radius: 2px; background: var(--accent); animation: go 1.6s ease-in-out infinite; }
        @keyframes go { from { transform: translateX(-100%); } to { transform: translateX(300%); } }
        @media (prefers-reduced-motion: reduce) { .bar span { width: 100%; animation: none; opacity: .6; } }
        """
}

extension String {
    /// The text escaped for HTML, in an element or an attribute's value.
    fileprivate var asHTML: String {
        var text = ""
        text.reserveCapacity(self.utf8.count)
        for character in self.unicodeScalars {
            switch character {
            case "&": text += "&amp;"
            case "<": text += "&lt;"
            case ">": text += "&gt;"
            case "\"": text += "&quot;"
            case "'": text += "&#39;"
            default: text.unicodeScalars.append(character)
            }
        }
        return text
    }
}
