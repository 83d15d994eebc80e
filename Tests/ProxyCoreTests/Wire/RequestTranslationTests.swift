import Testing

@testable import ProxyCore

@Suite("A request head as the backend sees it")
struct RequestTranslationTests {
    struct Case: CustomTestStringConvertible, Sendable {
        var testDescription: String
        var sent: String
        var seen: String

        init(_ name: String, _ sent: String, _ seen: String) {
            self.testDescription = name
            self.sent = sent
            self.seen = seen
        }
    }

    private static let forwarding = "X-Forwarded-For: 192.0.2.7\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: b.plane.test\r\n\r\n"
    private static let host = "Host: b.plane.test\r\n"
    private static func post(_ fields: String) -> String { "POST /p HTTP/1.1\r\n\(Self.host)\(fields)\r\n" }
    private static func seen(_ fields: String) -> String { "POST /p HTTP/1.1\r\n\(Self.host)\(fields)\(Self.forwarding)" }

    static let cases: [Case] = [
        .init("ordinary fields stay as they are, byte for byte", Self.post("a:b\r\nX-Y:  c \t\r\nEmpty:\r\n"), Self.seen("a:b\r\nX-Y:  c \t\r\nEmpty:\r\n")),
        .init("high bytes in values pass", Self.post("A: é\r\n"), Self.seen("A: é\r\n")),
        .init("a length passes", Self.post("content-length: 4\r\n"), Self.seen("content-length: 4\r\n")),
        .init("chunked is written anew", Self.post("transfer-encoding:  CHUNKED \r\n"), Self.seen("Transfer-Encoding: chunked\r\n")),
        .init(
            "P9: fields between neighbours are dropped",
            Self.post(
                "A: 1\r\nConnection: keep-alive\r\nKeep-Alive: timeout=5\r\nProxy-Connection: x\r\nTE: trailers\r\nProxy-Authorization: x\r\nUpgrade: h3\r\nB: 2\r\n"
            ),
            Self.seen("A: 1\r\nB: 2\r\n")),
        .init(
            "P9: fields that Connection names are dropped, wherever they stand",
            Self.post("X-Hop: 1\r\nConnection: x-hop, close, X-Other\r\nX-Other: 2\r\nX-Stays: 3\r\n"), Self.seen("X-Stays: 3\r\n")),
        .init(
            "P17: every Connection field is read", Self.post("Connection: keep-alive\r\nX-Hop: 1\r\nConnection: x-hop\r\n"),
            Self.seen("")),
        .init(
            "P9: forwarding fields from outside are dropped, however they are spelt",
            Self.post(
                "X-Forwarded-For: 1.2.3.4\r\nx-forwarded-proto: ftp\r\nX-FORWARDED-HOST: evil\r\nX_Forwarded_For: 1\r\nX-Forwarded-Port: 1\r\nForwarded: for=1\r\nX-Forward: stays\r\n"
            ),
            Self.seen("X-Forward: stays\r\n")),
        .init("Proxy, which CGI programs would take for their proxy's address, is dropped", Self.post("Proxy: http://evil\r\n"), Self.seen("")),
        .init(
            "an upgrade keeps what asks for it", Self.post("Connection: keep-alive, Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: x\r\n"),
            Self.seen("Upgrade: websocket\r\nSec-WebSocket-Key: x\r\nConnection: Upgrade\r\n")),
        .init(
            "an upgrade to unencrypted HTTP/2 is not passed on, since nobody would check the requests in it",
            Self.post("Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: x\r\n"), Self.seen("")),
        .init("Upgrade without Connection asks for nothing", Self.post("Upgrade: websocket\r\n"), Self.seen("")),
        .init(
            "HTTP/1.0 is spoken as HTTP/1.1", "GET /p HTTP/1.0\r\n\(Self.host)Connection: keep-alive\r\n\r\n",
            "GET /p HTTP/1.1\r\n\(Self.host)\(Self.forwarding)"),
        .init(
            "HTTP/1.0 cannot ask for an upgrade, nor expect an interim response",
            "GET /p HTTP/1.0\r\n\(Self.host)Connection: upgrade\r\nUpgrade: websocket\r\nExpect: 100-continue\r\n\r\n",
            "GET /p HTTP/1.1\r\n\(Self.host)\(Self.forwarding)"),
        .init("an expectation passes", Self.post("Expect: 100-continue\r\n"), Self.seen("Expect: 100-continue\r\n")),
        .init(
            "an absolute target becomes a path", "GET http://B.plane.test/x?y HTTP/1.1\r\n\(Self.host)\r\n",
            "GET /x?y HTTP/1.1\r\n\(Self.host)\(Self.forwarding)"),
        .init(
            "an absolute target without a path becomes the root", "GET https://b.plane.test HTTP/1.1\r\n\(Self.host)\r\n",
            "GET / HTTP/1.1\r\n\(Self.host)\(Self.forwarding)"),
        .init(
            "an absolute target with nothing but a query gets a path", "GET http://b.plane.test?a HTTP/1.1\r\n\(Self.host)\r\n",
            "GET /?a HTTP/1.1\r\n\(Self.host)\(Self.forwarding)"),
        .init(
            "OPTIONS * stays", "OPTIONS * HTTP/1.1\r\n\(Self.host)\r\n", "OPTIONS * HTTP/1.1\r\n\(Self.host)\(Self.forwarding)"),
        .init(
            "P7: our cookie is taken out from among others", Self.post("Cookie: a=1; _plane_auth=secret; b=2\r\n"),
            Self.seen("Cookie: a=1; b=2\r\n")),
        .init("P7: our cookie alone goes with its field", Self.post("A: 1\r\nCookie: _plane_auth=secret\r\nB: 2\r\n"), Self.seen("A: 1\r\nB: 2\r\n")),
        .init(
            "a cookie whose name only ends like ours stays", Self.post("Cookie: x_plane_auth=1; _plane_auth2=2\r\n"),
            Self.seen("Cookie: x_plane_auth=1; _plane_auth2=2\r\n")),
        .init(
            "blanks around a value may be tabs, which are not passed on where they could be taken for a part of it",
            Self.post("Content-Length:\t 5 \t\r\nA:\tb\t\r\n"), Self.seen("Content-Length: 5\r\nA:\tb\t\r\n")),
        .init("chunked too", Self.post("Transfer-Encoding:\tChUnKeD \t\r\n"), Self.seen("Transfer-Encoding: chunked\r\n")),
        .init("an expectation too", Self.post("Expect:\t100-continue\t\r\n"), Self.seen("Expect: 100-continue\r\n")),
        .init(
            "a host too", "GET /p HTTP/1.1\r\nHost:\tb.plane.test\t\r\n\r\n", "GET /p HTTP/1.1\r\n\(Self.host)\(Self.forwarding)"),
        .init(
            "options of Connection too", Self.post("Connection:\tX-Hop\t,\tclose\t\r\nX-Hop: 1\r\n"), Self.seen("")),
        .init(
            "an upgrade too", Self.post("Connection:\tUpgrade\r\nUpgrade:\twebsocket\t\r\n"), Self.seen("Upgrade: websocket\r\nConnection: Upgrade\r\n")),
        .init("an unknown method passes", "PURGE /p HTTP/1.1\r\n\(Self.host)\r\n", "PURGE /p HTTP/1.1\r\n\(Self.host)\(Self.forwarding)"),
    ]

    @Test("is what it should be", arguments: Self.cases)
    func translated(_ translation: Case) throws {
        #expect(try Translation.request(translation.sent) == translation.seen)
    }

    @Test("trusted forwarding fields are kept and added to")
    func trusted() throws {
        let sent = Self.post("X-Forwarded-For: 1.2.3.4\r\nX-Forwarded-Proto: gopher\r\nX-Forwarded-For: 5.6.7.8\r\nForwarded: for=1\r\n")
        #expect(
            try Translation.request(sent, trustsForwarding: true)
                == "POST /p HTTP/1.1\r\n\(Self.host)Forwarded: for=1\r\nX-Forwarded-For: 1.2.3.4, 5.6.7.8, 192.0.2.7\r\n"
                + "X-Forwarded-Proto: gopher\r\nX-Forwarded-Host: b.plane.test\r\n\r\n")
    }

    @Test("trusted forwarding fields without a value say nothing")
    func trustedAndEmpty() throws {
        let sent = Self.post("X-Forwarded-For:\r\nX-Forwarded-Proto: \r\nX-Forwarded-Proto: gopher\r\n")
        #expect(
            try Translation.request(sent, trustsForwarding: true)
                == "POST /p HTTP/1.1\r\n\(Self.host)X-Forwarded-For: 192.0.2.7\r\nX-Forwarded-Proto: gopher\r\nX-Forwarded-Host: b.plane.test\r\n\r\n")
        #expect(
            try Translation.request(Self.post("X-Forwarded-Proto:\r\nX-Forwarded-Host:\r\n"), trustsForwarding: true)
                == Self.seen(""))
    }

    /// What products in front of a backend are known to say of visitors.
    static let descriptions = [
        "X-Real-IP", "True-Client-IP", "CF-Connecting-IP", "CF-Connecting-IPv6", "CF-Pseudo-IPv4", "X-Client-IP", "Client-IP", "X-Remote-IP",
        "X-Remote-Addr", "X-Source-IP", "X-Cluster-Client-IP", "X-ProxyUser-Ip", "X-Originating-IP", "Fastly-Client-IP", "Fly-Client-IP",
        "X-Azure-ClientIP", "X-Azure-SocketIP", "X-AppEngine-User-IP", "X-Envoy-External-Address", "X-Envoy-Original-Path", "X-Envoy-Original-Host",
        "Proxy-Client-IP", "WL-Proxy-Client-IP", "HTTP_CLIENT_IP", "HTTP_X_FORWARDED_FOR", "X-Original-URL", "X-Original-URI", "X-Original-Host",
        "X-Original-Proto", "X-Original-Scheme", "X-Original-Method", "X-Original-Forwarded-For", "X-Rewrite-URL", "X-Rewrite-URI", "X-Host", "X-Scheme",
        "X-URL-Scheme", "X-HTTPS", "Front-End-Https", "X-Forwarded", "Forwarded", "X-Forwarded-Port", "X-Forwarded-Prefix", "X-Forwarded-Ssl",
        "X-Forwarded-Server", "X-Forwarded-Client-Cert", "Client-Cert", "Client-Cert-Chain", "X-Client-Cert", "X-SSL-Client-Verify", "SSL-Client-Cert",
    ]

    @Test("no visitor writes what proxies say of visitors; a proxy that is believed does", arguments: Self.descriptions)
    func foreignDescription(name: String) throws {
        for spelling in [name, name.lowercased(), name.uppercased().replacing("-", with: "_")] {
            let sent = Self.post("A: 1\r\n\(spelling): 192.0.2.66\r\nB: 2\r\n")
            #expect(try Translation.request(sent) == Self.seen("A: 1\r\nB: 2\r\n"))
            #expect(try Translation.request(sent, trustsForwarding: true).contains("\r\n\(spelling): 192.0.2.66\r\n"))
        }
    }

    @Test("a name with underscores is not the request's")
    func underscoredID() throws {
        #expect(try Translation.request(Self.post("X_Request_Id: 1\r\nX-Request-Id: 2\r\n")) == Self.seen("X-Request-Id: 2\r\n"))
    }

    @Test("P7: an Authorization that was our token is not shown, any other is")
    func authorization() throws {
        let sent = Self.post("Authorization: Basic x\r\n")
        #expect(try Translation.request(sent, hidesAuthorization: true) == Self.seen(""))
        #expect(try Translation.request(sent) == Self.seen("Authorization: Basic x\r\n"))
    }

    @Test("cookies stay whole where backends may see the token")
    func cookiesShown() throws {
        let sent = Self.post("Cookie: _plane_auth=x\r\n")
        #expect(try Translation.request(sent, hidesCookie: false) == Self.seen("Cookie: _plane_auth=x\r\n"))
    }

    @Test("a head is found wherever the bytes are cut")
    func cutAnywhere() throws {
        let bytes = Array(Self.post("A: 1\r\nB: 2\r\n").utf8)
        for cut in 0..<bytes.count {
            var scanner = HeadScanner()
            #expect(try scanner.scan(bytes.span.extracting(0..<cut), limits: ProxyLimits()) == nil)
            #expect(try scanner.scan(bytes.span, limits: ProxyLimits()) == bytes.count)
        }
    }
}
