import Testing

@testable import PlaneProtocol

@Suite("What the sender of an unreadable message is told")
struct MessageErrorTests {
    @Test(
        "a schedule request with a string that no container can be given is none",
        arguments: [
            (#""image":"a\u0000""#, "executable.image"), (#""env":{"":"x"}"#, "executable.env."), (#""env":{"A=B":"x"}"#, "executable.env.A=B"),
            (#""env":{"A\u0000":"x"}"#, "executable.env."), (#""volume_mounts":["/a:/b","/c\u0000:/d"]"#, "executable.volume_mounts[1]"),
            (#""credentials":{"UsernamePassword":{"username":"u","password":"p\u0000"}}"#, "executable.credentials"),
            (#""credentials":{"IdentityToken":{"identity_token":"\u0000"}}"#, "executable.credentials"),
        ])
    func impossibleStrings(member: String, path: String) throws {
        let others = [(#""image""#, #""image":"demo""#), (#""env""#, #""env":{}"#)].filter { !member.hasPrefix($0.0) }.map(\.1)
        let executable = ([member] + others).joined(separator: ",")
        let text = #"{"cluster":"plane.test","max_idle_secs":1,"metadata":{},"executable":{\#(executable)}}"#
        let error = #expect(throws: MessageError.self) { try WireCodec.decode(ScheduleRequest.self, from: Array(text.utf8)) }
        #expect(error?.description.hasPrefix(path) == true, "\(String(describing: error))")
        #expect(error?.code == .badRequest)
    }

    @Test("metadata with NUL is none either")
    func impossibleMetadata() {
        let text = #"{"cluster":"plane.test","max_idle_secs":1,"metadata":{"user":"a\u0000"},"executable":{"image":"demo","env":{}}}"#
        let error = #expect(throws: MessageError.self) { try WireCodec.decode(ScheduleRequest.self, from: Array(text.utf8)) }
        #expect(error?.pathDescription == "metadata.user")
    }

    @Test("a reason beside a refusal is one line, whatever it holds, and is read back")
    func headerValue() {
        let reason = ErrorReply(code: .full, message: "two\r\nlines, “quotes” and \u{0}")
        #expect(!reason.headerValue.utf8.contains { $0 < 0x20 })
        #expect(ErrorReply(headerValue: reason.headerValue) == reason)
        #expect(ErrorReply(headerValue: "something else") == nil)
    }

    @Test(
        "the key, what was expected there and what was found",
        arguments: [
            (
                #"{"cluster":"c","max_idle_secs":1,"metadata":{},"executable":{"image":7,"env":{}}}"#,
                "executable.image: expected a string, found a number"
            ),
            (
                #"{"cluster":"c","max_idle_secs":1,"metadata":{},"executable":{"env":{}}}"#,
                "executable.image: expected a string, found nothing"
            ),
            (
                #"{"cluster":"c","max_idle_secs":1,"metadata":{"a":1},"executable":{"image":"i","env":{}}}"#,
                "metadata.a: expected a string, found a number"
            ),
            (
                #"{"max_idle_secs":1,"metadata":{},"executable":{"image":"i","env":{}}}"#,
                "cluster: expected a cluster name such as plane.test, found nothing"
            ),
            (
                #"{"cluster":"a b","max_idle_secs":1,"metadata":{},"executable":{"image":"i","env":{}}}"#,
                "cluster: expected a cluster name such as plane.test, found \"a b\""
            ),
            (
                #"{"cluster":"c","backend_id":"Up","max_idle_secs":1,"metadata":{},"executable":{"image":"i","env":{}}}"#,
                "backend_id: expected a backend id (at most 63 of a-z, 0-9 and inner hyphens), found \"Up\""
            ),
            (
                #"{"cluster":"c","max_idle_secs":1,"metadata":{},"executable":{"image":"i","env":{},"volume_mounts":["a:b",null]}}"#,
                "executable.volume_mounts[1]: expected a string, found null"
            ),
            (
                #"{"cluster":"c","max_idle_secs":1,"metadata":{},"executable":{"image":"i","env":{},"resource_limits":null}}"#,
                "executable.resource_limits: expected an object, found null"
            ),
            (
                #"{"cluster":"c","max_idle_secs":1,"metadata":{},"executable":{"image":"i","env":{},"pull_policy":"Sometimes"}}"#,
                "executable.pull_policy: expected one of IfNotPresent, Always, Never, found \"Sometimes\""
            ),
            (
                #"{"cluster":"c","max_idle_secs":1,"metadata":{},"executable":{"image":"i","env":{},"credentials":{"UsernamePassword":{"username":"u"}}}}"#,
                "executable.credentials.UsernamePassword.password: expected a string, found nothing"
            ),
            (
                #"{"cluster":"c","max_idle_secs":1,"metadata":{},"executable":{"image":"i","env":{},"credentials":{}}}"#,
                "executable.credentials: expected an object with either UsernamePassword or IdentityToken, found an object with 0 keys"
            ),
            (#"{"cluster":"c","max_idle_secs":1,"metadata":{},"executable":"i"}"#, "executable: expected an object, found a string"),
            ("[]", "expected an object, found an array"),
            ("hello", "expected a value, found 'h' at byte 0, so this is not JSON"),
        ])
    func description(request: String, message: String) throws {
        let error = try #require(throws: MessageError.self) { try WireCodec.decode(ScheduleRequest.self, from: Array(request.utf8)) }
        #expect(error.description == message)
        #expect(error.reply == ErrorReply(code: .badRequest, message: message))
    }

    @Test("a message on a subject that is not its own")
    func subject() throws {
        let payload = Array(#"{"cluster":"plane.test","lock":"a"}"#.utf8)
        let error = try #require(throws: MessageError.self) {
            try WireCodec.decode(FetchBackendForLock.self, from: payload, subject: "cluster.other.fetch")
        }
        #expect(error.description == "expected a message for cluster.plane_test.fetch, found it on \"cluster.other.fetch\"")
    }

    @Test("foreign text is cut and stripped of control characters before it is shown")
    func excerpt() throws {
        let long = String(repeating: "A", count: 10_000)
        for (id, shown) in [(long, "\"" + long.prefix(80) + "…\""), (#"\u001b[31m\n"#, "\"\u{FFFD}[31m\u{FFFD}\"")] {
            let error = try #require(throws: MessageError.self) {
                try WireCodec.decode(TerminationRequest.self, from: Array(#"{"cluster_id":"c","backend_id":"\#(id)"}"#.utf8))
            }
            #expect(error.found == shown)
        }
    }

    @Test("no error shows the value of a secret")
    func secrets() throws {
        for credentials in [#"{"IdentityToken":"hunter2"}"#, #"{"UsernamePassword":["hunter2"]}"#, #""hunter2""#] {
            let text = #"{"image":"i","env":{"P":"hunter2"},"credentials":\#(credentials)}"#
            let error = try #require(throws: MessageError.self) {
                try WireCodec.decode(DockerExecutableConfig.self, from: Array(text.utf8))
            }
            #expect(!error.description.contains("hunter2"))
        }
    }
}
