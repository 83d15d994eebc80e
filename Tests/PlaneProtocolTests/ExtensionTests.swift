import Testing

@testable import PlaneProtocol

@Suite("What requests may say beside what 0.3.24 knows")
struct ExtensionTests {
    private func decode(_ more: String, executable: String = "") throws -> ScheduleRequest {
        let text = #"{"cluster":"plane.test","max_idle_secs":30,"metadata":{},"executable":{"image":"app","env":{}\#(executable)}\#(more)}"#
        return try WireCodec.decode(ScheduleRequest.self, from: Array(text.utf8))
    }

    private func complaint(_ more: String, executable: String = "") -> String {
        do {
            _ = try self.decode(more, executable: executable)
            return "none"
        } catch {
            return "\(error)"
        }
    }

    @Test("a plain request needs no drone that knows more than 0.3.24, each of our fields that a drone acts on does")
    func needs() throws {
        #expect(try !self.decode("").needsExtensions)
        // These are for routes alone.
        #expect(try !self.decode(#","subdomain":"a","pool":"""#).needsExtensions)
        // Any drone serves a backend that may be frozen.
        #expect(try !self.decode(#","hold_idle_secs":60"#).needsExtensions)
        for field in [
            #""lifetime_limit_secs":1"#, #""no_idle_limit":true"#, #""ready_timeout_secs":1"#, #""ready_path":"/x""#, #""ready_status":200"#, #""pool":"gpu""#,
            #""lock":"k1:0::a","key":{"name":"a"}"#,
        ] {
            #expect(try self.decode("," + field).needsExtensions, "\(field)")
        }
        for field in [
            #""command":["a"]"#, #""args":[]"#, #""working_dir":"/a""#, #""user":"1""#, #""labels":{"a":"b"}"#, #""data_mount":{"key":"a"}"#, #""network":"n""#,
        ] {
            #expect(try self.decode("", executable: "," + field).needsExtensions, "\(field)")
        }
    }

    @Test(
        "what is wrong is told with its key",
        arguments: [
            (#","lock":"""#, "lock: expected a name, or no such key for no lock, found the empty text"),
            (#","lock":"k1:0::","key":{"name":""}"#, "key.name: expected a name, or no such key for none, found the empty text"),
            (#","lock":"x","key":{"name":"a"}"#, #"lock: expected the lock of the key, "k1:0::a", found another one"#),
            (#","key":{"name":"a"}"#, #"lock: expected the lock of the key, "k1:0::a", found another one"#),
            (#","lock":"k1:0::a","key":{}"#, "key.name: expected a string, found nothing"),
            (#","lifetime_limit_secs":0"#, "lifetime_limit_secs: expected at least 1 s, found 0"),
            (#","hold_idle_secs":0"#, "hold_idle_secs: expected at least 1 s, found 0"),
            (#","ready_timeout_secs":0"#, "ready_timeout_secs: expected at least 1 s, found 0"),
            (#","ready_path":"a b""#, #"ready_path: expected printable ASCII without space and #, from the first slash of a URL on, found "a b""#),
            (#","ready_path":"/a\r\nHost: b""#, "ready_path: expected printable ASCII without space and #, from the first slash of a URL on, found"),
            (#","ready_status":99"#, "ready_status: expected a final HTTP status from 200 to 599, found 99"),
            (#","subdomain":"a.b""#, "subdomain: expected a subdomain (1 to 63 of a-z, 0-9 and inner hyphens), found \"a.b\""),
            (#","pool":"a\u0001""#, "pool: expected a pool's name of at most 128 bytes without control characters"),
            (#","static_token_sha256":"abc""#, "static_token_sha256: expected a SHA-256 in 64 of 0-9 and a-f"),
        ])
    func refusals(field: String, expected: String) {
        #expect(self.complaint(field).hasPrefix(expected), "\(self.complaint(field))")
    }

    @Test(
        "what is wrong with the executable is told with its key",
        arguments: [
            (#","command":[]"#, "executable.command: expected a program, or no such key for the image's own, found an empty one"),
            (#","command":[""]"#, "executable.command: expected a program"),
            (#","args":["a\u0000"]"#, "executable.args[0]: expected text without NUL, found a NUL"),
            (#","args":"a b""#, "executable.args: expected an array, found a string"),
            (#","working_dir":"srv""#, "executable.working_dir: expected an absolute path in the container, found \"srv\""),
            (#","user":"""#, "executable.user: expected a user such as 1000 or app:www, found \"\""),
            (#","user":"a b""#, "executable.user: expected a user"),
            (
                #","labels":{"dev.plane.managed":"false"}"#,
                "executable.labels.dev.plane.managed: expected a label that does not begin with dev.plane., found one that does"
            ),
            (#","data_mount":{}"#, "executable.data_mount: expected either key or path, found none of them"),
            (#","data_mount":{"key":"a","path":"b"}"#, "executable.data_mount: expected either key or path, found both"),
            (#","data_mount":{"path":"../a"}"#, "executable.data_mount: expected a key or path"),
            (#","data_mount":{"path":"/etc"}"#, "executable.data_mount: expected a key or path"),
            (#","data_mount":{"path":"a:/b"}"#, "executable.data_mount: expected a key or path"),
            (#","data_mount":{"path":""}"#, "executable.data_mount: expected a key or path"),
        ])
    func executableRefusals(field: String, expected: String) {
        let complaint = self.complaint("", executable: field)
        #expect(complaint.hasPrefix(expected), "\(complaint)")
    }

    @Test("words, labels and texts of the executable are bounded")
    func bounds() {
        let words = (0...ProcessOverride.maximumWords).map { _ in #""a""# }.joined(separator: ",")
        #expect(self.complaint("", executable: ",\"args\":[\(words)]") == "executable.args: expected at most 1024 words, found 1025")
        let labels = (0...ProcessOverride.maximumLabels).map { "\"l\($0)\":\"\"" }.joined(separator: ",")
        #expect(self.complaint("", executable: ",\"labels\":{\(labels)}") == "executable.labels: expected at most 64 labels, found 65")
        let long = String(repeating: "a", count: 5000)
        #expect(self.complaint("", executable: ",\"user\":\"\(long)\"") == "executable.user: expected at most 4095 bytes, found 5000")
        #expect(self.complaint("", executable: ",\"network\":\"\(long)\"") == "executable.network: expected at most 255 bytes, found 5000")
    }

    @Test("keys that mean nothing are named, with where they stand, and no more than sixteen of them")
    func ignored() throws {
        let request = try self.decode(
            #","lok":"a","key":{"name":"a","nmae":1},"lock":"k1:0::a""#, executable: #","resource_limits":{"memory":"64m"},"volumes":[]"#)
        #expect(request.ignoredKeys == ["lok", "key.nmae", "executable.volumes", "executable.resource_limits.memory"])
        #expect(try self.decode("").ignoredKeys == [])
        let many = (0..<100).map { ",\"k\($0)\":0" }.joined()
        #expect(try self.decode(many).ignoredKeys.count == 16)
        let long = try self.decode(",\"\(String(repeating: "x", count: 10_000))\":0").ignoredKeys
        #expect(long.allSatisfy { $0.count <= 81 })
    }

    @Test(
        "no two keys have the same lock",
        arguments: [
            (("a", "b:c"), ("a:b", "c")), (("", "1:a"), ("1", "a")), (("", "a"), ("a", "")), (("", ":"), (":", "")), (("", ""), ("k1", "")),
        ])
    func locks(left: (String, String), right: (String, String)) throws {
        let (one, other) = try (
            #require(BackendKey(namespace: left.0, name: left.1)), #require(BackendKey(namespace: right.0, name: right.1))
        )
        #expect(one.lock != other.lock)
    }

    @Test("a key's length is counted in bytes, and bounded by what a lock may be; its tag is no part of the lock")
    func keyLimits() throws {
        #expect(BackendKey(namespace: "é", name: "x")?.lock == "k1:2:é:x")
        let longest = String(repeating: "n", count: LockName.maximumBytes - "k1:0::".utf8.count)
        #expect(BackendKey(name: longest) != nil)
        #expect(BackendKey(name: longest + "n") == nil)
        #expect(BackendKey(name: "a", tag: String(repeating: "t", count: 1025)) == nil)
        #expect(BackendKey(name: "a\u{0}") == nil)
        let (one, other) = try (#require(BackendKey(name: "a", tag: "1")), #require(BackendKey(name: "a", tag: "2")))
        #expect(one.lock == other.lock)
        #expect(one != other)
    }

    @Test(
        "a directory is named by its key, encoded where it is no plain name",
        arguments: [
            (DataMount.key(namespace: "", name: "room-7"), ["room-7"]), (.key(namespace: "", name: "a.b"), ["a.b"]),
            (.key(namespace: "", name: ".ssh"), ["%2Essh"]), (.key(namespace: "", name: ".."), ["%2E."]), (.key(namespace: "", name: ""), ["%"]),
            (.key(namespace: "", name: "../etc"), ["%2E.%2Fetc"]), (.key(namespace: "", name: "é@"), ["%C3%A9%40"]),
            (.key(namespace: "", name: "a:b"), ["a%3Ab"]), (.key(namespace: "", name: "100%"), ["100%25"]), (.key(namespace: "", name: "\n"), ["%0A"]),
            (.key(namespace: "games", name: "room-7"), ["games@", "room-7"]), (.key(namespace: "/", name: ""), ["%2F@", "%"]),
            (.path("data"), ["data"]), (.path("a/b"), ["a%2Fb"]),
        ])
    func directories(mount: DataMount, expected: [String]) {
        #expect(mount.directories == expected)
    }

    @Test("a path that leads elsewhere, or a name too long for Linux, is no directory")
    func noDirectory() {
        for path in ["", ".", "..", "a/..", "a//b", "/a", "a/", "a b", "a@", "a%", "a\\b", "a\u{0}", ".a", "a/.b", "é"] {
            #expect(DataMount.path(path).directories == nil, "\(path)")
        }
        #expect(DataMount.key(namespace: "", name: String(repeating: "n", count: 256)).directories == nil)
        #expect(DataMount.key(namespace: "", name: String(repeating: "é", count: 43)).directories == nil)
        #expect(DataMount.key(namespace: String(repeating: "n", count: 255), name: "a").directories == nil)
    }
}
