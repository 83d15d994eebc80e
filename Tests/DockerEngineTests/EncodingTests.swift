@testable import DockerEngine
import Testing

@Suite("What goes into a URL")
struct EncodingTests {
    @Test("filters are JSON, whatever a label holds")
    func filters() {
        #expect(
            EngineFilter.encode(["label": ["a=\"b\\c\n\""], "type": ["container"]]) == #"{"label":["a=\"b\\c\u000a\""],"type":["container"]}"#)
    }

    @Test("query values cannot break out of their place")
    func percent() {
        #expect(EngineRequest(path: "/p", query: [("q", "a b"), ("r", "&")], subject: .daemon, attempt: "").target == "/p?q=a%20b&r=%26")
    }

    @Test(
        "a daemon's address is read as DOCKER_HOST writes it",
        arguments: [
            ("unix:///run/d.sock", .unixSocket(path: "/run/d.sock")), ("/run/d.sock", .unixSocket(path: "/run/d.sock")),
            ("tcp://10.0.0.1:2375", .http(url: "http://10.0.0.1:2375")), ("http://h:1/", .http(url: "http://h:1")),
            ("ssh://h", nil), ("", nil), ("tcp://", nil), ("unix://relative", nil),
        ] as [(String, DockerEndpoint?)])
    func endpoints(text: String, endpoint: DockerEndpoint?) {
        #expect(DockerEndpoint(text) == endpoint)
    }

    @Test("versions are compared as numbers, and the newest both know is spoken (A24)")
    func versions() {
        #expect(APIVersion("1.9")! < APIVersion("1.10")!)
        #expect(APIVersion("1.41.2") == nil)
        #expect(APIVersion("-1.41") == nil)
        #expect(APIVersion.negotiated(with: APIVersion(major: 1, minor: 41)) == APIVersion(major: 1, minor: 41))
        #expect(APIVersion.negotiated(with: APIVersion(major: 1, minor: 99)) == .newest)
        #expect(APIVersion.negotiated(with: APIVersion(major: 1, minor: 39)) == nil)
    }
}
