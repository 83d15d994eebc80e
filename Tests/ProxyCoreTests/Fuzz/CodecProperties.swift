/// What must hold for every input, however hostile.
///
/// 1. What we accept, NIO's parser accepts, and understands in the same way.
/// 2. What we forward, NIO's parser takes for exactly one message, with the fields a naive model says it should have.
/// 3. It makes no difference how the bytes are cut.
enum CodecProperties {
    /// Methods llhttp knows; we pass any token.
    private static let knownMethods: Set<String> = [
        "DELETE", "GET", "HEAD", "POST", "PUT", "OPTIONS", "TRACE", "COPY", "LOCK", "MKCOL", "MOVE", "PROPFIND", "PROPPATCH", "SEARCH",
        "UNLOCK", "BIND", "REBIND", "UNBIND", "ACL", "REPORT", "MKACTIVITY", "CHECKOUT", "MERGE", "M-SEARCH", "NOTIFY", "SUBSCRIBE",
        "UNSUBSCRIBE", "PATCH", "PURGE", "MKCALENDAR", "LINK", "UNLINK", "SOURCE", "QUERY",
    ]

    static func isKnown(method: String) -> Bool { self.knownMethods.contains(method) }

    /// A sentence about what does not hold, or nil. Also counts what both accepted.
    static func checkRequests(_ bytes: [UInt8], cuts: [Int], accepted: inout Int) -> String? {
        let ours = OurParser().requests(bytes)
        let cut = OurParser(cuts: cuts).requests(bytes)
        if ours.messages.map(\.parsed) != cut.messages.map(\.parsed) || ours.violation != cut.violation {
            return "cut at \(cuts) it is \(cut), whole it is \(ours)"
        }
        guard !ours.messages.isEmpty else { return nil }
        let theirs = NIOParser.requests(bytes)
        for (index, message) in ours.messages.enumerated() {
            guard Self.isKnown(method: message.parsed.startLine[0]) else { return nil }
            if message.isBeyondLLHTTP { return Self.judgeForwarded(message) }
            guard index < theirs.count else { return "NIO does not accept message \(index): \(message.parsed)" }
            if theirs[index] != message.parsed { return "ours: \(message.parsed)\nNIO: \(theirs[index])" }
            accepted += 1
            if let sentence = Self.judgeForwarded(message) { return sentence }
            if Self.meansMoreToNIO(message.parsed) { return nil }
        }
        return nil
    }

    static func checkResponses(_ bytes: [UInt8], cuts: [Int], accepted: inout Int) -> String? {
        let ours = OurParser().responses(bytes)
        let cut = OurParser(cuts: cuts).responses(bytes)
        if ours.messages.map(\.parsed) != cut.messages.map(\.parsed) || ours.violation != cut.violation {
            return "cut at \(cuts) it is \(cut), whole it is \(ours)"
        }
        guard !ours.messages.isEmpty else { return nil }
        let theirs = NIOParser.responses(bytes, count: ours.messages.count + 1)
        for (index, message) in ours.messages.enumerated() {
            if message.isBeyondLLHTTP { return nil }
            guard index < theirs.count else { return "NIO does not accept message \(index): \(message.parsed)" }
            if theirs[index] != message.parsed { return "ours: \(message.parsed)\nNIO: \(theirs[index])" }
            accepted += 1
            if Self.meansMoreToNIO(message.parsed) { return nil }
        }
        return nil
    }

    static func judgeForwarded(_ message: OurParser.Message) -> String? {
        let seen = NIOParser.requests(message.forwarded)
        guard seen.count == 1 else { return "forwarded as \(seen.count) messages: \(String(decoding: message.forwarded, as: UTF8.self))" }
        return Self.differenceForwarded(message, seen[0])
    }

    /// llhttp reads `Proxy-Connection` as another `Connection`, and stops behind an upgrade, even one we do not pass on: whether
    /// it expects another message is another matter then.
    private static func meansMoreToNIO(_ message: ParsedMessage) -> Bool {
        !message.values("proxy-connection").isEmpty || !message.values("upgrade").isEmpty
    }

    private static func differenceForwarded(_ message: OurParser.Message, _ seen: ParsedMessage) -> String? {
        var expected = message.parsed
        expected.isHTTP10 = false
        expected.startLine[1] = Self.originForm(expected.startLine[1])
        let host = expected.values("host").first ?? ""
        expected.fields = Self.forwardedFields(message)
        expected.fields += [
            .init("X-Forwarded-For", "192.0.2.7"), .init("X-Forwarded-Proto", "http"), .init("X-Forwarded-Host", host),
        ]
        expected.fields.sort()
        var seen = seen
        seen.fields.sort()
        return seen == expected ? nil : "forwarded: \(seen)\nexpected: \(expected)"
    }

    /// The naive model of what a proxy drops and rewrites.
    private static func forwardedFields(_ message: OurParser.Message) -> [ParsedMessage.Field] {
        let parsed = message.parsed
        let nominated = Set(
            parsed.values("connection").flatMap { $0.split(separator: ",") }.map { ParsedMessage.trimmed($0).lowercased() })
        var dropped: Set<String> = [
            "connection", "keep-alive", "proxy-connection", "te", "proxy-authorization", "proxy-authenticate", "proxy", "transfer-encoding",
        ]
        if !message.wantsUpgrade { dropped.insert("upgrade") }
        if parsed.isHTTP10 { dropped.insert("expect") }
        var fields: [ParsedMessage.Field] = []
        for field in parsed.fields {
            if dropped.contains(field.name) { continue }
            if nominated.contains(field.name), !["upgrade"].contains(field.name) { continue }
            let folded = field.name.replacing("_", with: "-")
            if Self.describesClient(folded), field.name != "x-request-id" { continue }
            guard field.name == "cookie" else {
                fields.append(field)
                continue
            }
            let pairs = field.value.split(separator: ";").map { ParsedMessage.trimmed($0) }.filter { !$0.isEmpty }
            let others = pairs.filter { !$0.hasPrefix("_plane_auth=") }
            if others.count == pairs.count { fields.append(field) } else if !others.isEmpty { fields.append(.init("cookie", others.joined(separator: "; "))) }
        }
        if !parsed.values("transfer-encoding").isEmpty { fields.append(.init("Transfer-Encoding", "chunked")) }
        if message.wantsUpgrade { fields.append(.init("Connection", "Upgrade")) }
        return fields
    }

    private static let descriptions: Set<String> = [
        "client-cert", "client-cert-chain", "client-ip", "cf-connecting-ip", "cf-connecting-ipv6", "cf-pseudo-ipv4", "fastly-client-ip", "fly-client-ip",
        "forwarded", "front-end-https", "http-client-ip", "http-x-forwarded-for", "proxy-client-ip", "true-client-ip", "wl-proxy-client-ip",
        "x-appengine-user-ip", "x-azure-clientip", "x-azure-socketip", "x-client-cert", "x-client-ip", "x-cluster-client-ip",
        "x-envoy-external-address", "x-envoy-original-host", "x-envoy-original-path", "x-forwarded", "x-host", "x-https", "x-original-forwarded-for",
        "x-original-host", "x-original-method", "x-original-proto", "x-original-scheme", "x-original-uri", "x-original-url", "x-originating-ip",
        "x-proxyuser-ip", "x-real-ip", "x-remote-addr", "x-remote-ip", "x-request-id", "x-rewrite-uri", "x-rewrite-url", "x-scheme", "x-source-ip",
        "x-url-scheme",
    ]

    private static func describesClient(_ name: String) -> Bool {
        self.descriptions.contains(name)
            || ["x-forwarded-", "x-ssl-", "ssl-client-"].contains { name.hasPrefix($0) && name.utf8.count > $0.utf8.count }
    }

    private static func originForm(_ target: String) -> String {
        guard let schemeEnd = target.firstRange(of: "://"), !target.hasPrefix("/") else { return target }
        let rest = target[schemeEnd.upperBound...]
        guard let start = rest.firstIndex(where: { $0 == "/" || $0 == "?" }) else { return "/" }
        return rest[start] == "/" ? String(rest[start...]) : "/" + rest[start...]
    }
}
