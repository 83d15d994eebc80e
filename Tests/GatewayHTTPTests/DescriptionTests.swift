import GatewayCore
import GatewayHTTP
import JSONValues
import NIOHTTP1
import PlaneProtocol
import PlaneService
import PlaneTestSupport
import Testing

/// `/openapi.json` against what is answered: that the paths are those of the routes is tested in `RouteTableTests`.
@Suite("The description of the interface") struct DescriptionTests {
    @Test("every answer has a status and a body of the shape that it says")
    func shapes() async throws {
        try await GatewayFixture.run { gateway in
            let description = Description(try #require(try await gateway.get("/openapi.json").json))
            let recipe = #"{"key":{"name":"room","tag":"a"},"spawn_config":{"id":"b1","executable":{"image":"app"}},"user":"u1"}"#
            var calls: [(method: String, path: String, pattern: String, body: String?)] = [
                ("POST", "/ctrl/connect?wait=ready", "/ctrl/connect", recipe), ("POST", "/ctrl/connect", "/ctrl/connect", recipe),
                ("POST", "/ctrl/connect", "/ctrl/connect", #"{"key":{"name":"room","tag":"b"}}"#), ("POST", "/ctrl/connect", "/ctrl/connect", "{"),
                ("POST", "/ctrl/connect", "/ctrl/connect", "[]"), ("POST", "/ctrl/connect", "/ctrl/connect", "{}"),
                ("GET", "/pub/health", "/pub/health", nil), ("GET", "/pub/b/b1/status", "/pub/b/{backend}/status", nil),
                ("GET", "/pub/b/nobody/status", "/pub/b/{backend}/status", nil), ("GET", "/ctrl/status", "/ctrl/status", nil),
                ("GET", "/ctrl/c/plane.test/state", "/ctrl/c/{cluster}/state", nil), ("GET", "/ctrl/dns-socket", "/ctrl/dns-socket", nil),
                ("GET", "/ctrl/b?user=u1", "/ctrl/b", nil), ("GET", "/ctrl/b?limit=x", "/ctrl/b", nil), ("GET", "/ctrl/b/b1", "/ctrl/b/{backend}", nil),
                ("GET", "/ctrl/b/nobody", "/ctrl/b/{backend}", nil), ("GET", "/ctrl/b/b1/logs", "/ctrl/b/{backend}/logs", nil),
                ("GET", "/openapi.json", "/openapi.json", nil), ("POST", "/ctrl/b/revoke", "/ctrl/b/revoke", #"{"backend_id":"b1","user":"u1"}"#),
                ("POST", "/ctrl/revoke", "/ctrl/revoke", #"{"backend_id":"b1","user":"u1"}"#), ("POST", "/ctrl/b/revoke", "/ctrl/b/revoke", "{}"),
                ("GET", "/pub/token-keys", "/pub/token-keys", nil), ("POST", "/ctrl/revocations", "/ctrl/revocations", #"{"backend_id":"b1","user":"u1"}"#),
                ("POST", "/ctrl/revocations", "/ctrl/revocations", #"{"backend_id":"nobody"}"#), ("POST", "/ctrl/revocations", "/ctrl/revocations", "{}"),
                ("POST", "/ctrl/c/plane.test/d/drone-a/drain", "/ctrl/c/{cluster}/d/{drone}/drain", nil),
                ("DELETE", "/ctrl/c/plane.test/d/drone-a/drain", "/ctrl/c/{cluster}/d/{drone}/drain", nil),
                ("POST", "/ctrl/c/plane.test/d/nobody/drain", "/ctrl/c/{cluster}/d/{drone}/drain", nil),
            ]
            for kind in ["soft", "hard"] { calls.append(("POST", "/ctrl/b/b1/\(kind)-terminate", "/ctrl/b/{backend}/\(kind)-terminate", nil)) }
            for call in calls {
                let answer = try await gateway.ask(call.method, call.path, body: call.body)
                let findings = description.findings(in: answer, method: call.method, pattern: call.pattern)
                #expect(findings.isEmpty, "\(call.method) \(call.path): \(answer.status) \(answer.body): \(findings)")
                if let body = call.body.flatMap({ try? WireCodec.decode(JSONValue.self, from: Array($0.utf8)) }), answer.status == 200 {
                    #expect(description.findings(inRequest: body, method: call.method, pattern: call.pattern).isEmpty, "\(call.body ?? "")")
                }
            }
            // What is of no such shape is found: the check is one.
            for (status, body) in [(200, "{}"), (200, #"{"status":"bad","version":"1","hash":""}"#), (418, "{}")] {
                let wrong = Answer(status: status, headers: ["content-type": "application/json"], body: body)
                #expect(!description.findings(in: wrong, method: "GET", pattern: "/ctrl/status").isEmpty)
            }
        }
    }
}

/// Compares values with the description's schemas: the part of JSON Schema (draft 2020-12) that it uses.
private struct Description {
    private let document: JSONValue

    init(_ document: JSONValue) { self.document = document }

    func findings(in answer: Answer, method: String, pattern: String) -> [String] {
        guard let operation = self.document["paths"]?[pattern]?[method.lowercased()] else { return ["no such operation"] }
        guard let response = operation["responses"]?["\(answer.status)"] else { return ["no such status"] }
        guard let content = response["content"] else { return [] }
        let type = String(answer.headers.first(name: "content-type")?.prefix { $0 != ";" } ?? "")
        guard let schema = content[type]?["schema"] else { return ["no content of the type \(type)"] }
        guard type != "text/plain" else { return [] }
        return answer.json.map { self.findings($0, schema, at: "$") } ?? ["no JSON"]
    }

    func findings(inRequest body: JSONValue, method: String, pattern: String) -> [String] {
        let content = self.document["paths"]?[pattern]?[method.lowercased()]?["requestBody"]?["content"]
        guard let schema = content?["application/json"]?["schema"] else { return ["no body is described"] }
        return self.findings(body, schema, at: "$")
    }

    private func findings(_ value: JSONValue, _ schema: JSONValue, at place: String) -> [String] {
        if let reference = schema["$ref"]?.text {
            let name = reference.split(separator: "/").last.map(String.init) ?? ""
            guard let schema = self.document["components"]?["schemas"]?[name] else { return ["\(place): no schema \(name)"] }
            return self.findings(value, schema, at: place)
        }
        var findings: [String] = []
        if let types = schema["type"].map({ $0.text.map { [$0] } ?? $0.items.compactMap(\.text) }), !types.contains(where: { Self.matches(value, $0) }) {
            findings.append("\(place): not one of \(types)")
        }
        if let constant = schema["const"], constant != value { findings.append("\(place): not \(constant)") }
        if let choices = schema["enum"], !choices.items.contains(value) { findings.append("\(place): \(value) is none of the words") }
        if let choices = schema["oneOf"], choices.items.count(where: { self.findings(value, $0, at: place).isEmpty }) != 1 {
            findings.append("\(place): fits not exactly one of the shapes")
        }
        for part in schema["allOf"]?.items ?? [] { findings += self.findings(value, part, at: place) }
        if case .object(let members) = value {
            for key in schema["required"]?.items.compactMap(\.text) ?? [] where members[key] == nil { findings.append("\(place).\(key): missing") }
            for (key, member) in members {
                if let schema = schema["properties"]?[key] ?? schema["additionalProperties"] {
                    findings += self.findings(member, schema, at: "\(place).\(key)")
                }
            }
        }
        if let schema = schema["items"] { for (index, item) in value.items.enumerated() { findings += self.findings(item, schema, at: "\(place)[\(index)]") } }
        return findings
    }

    private static func matches(_ value: JSONValue, _ type: String) -> Bool {
        switch (value, type) {
        case (.null, "null"), (.bool, "boolean"), (.string, "string"), (.array, "array"), (.object, "object"): true
        case (.number, "integer"): value.integer != nil
        case (.number, "number"): true
        default: false
        }
    }
}
