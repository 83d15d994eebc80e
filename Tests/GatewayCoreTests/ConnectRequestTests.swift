import GatewayCore
import JSONValues
import PlaneProtocol
import Testing

@Suite struct ConnectRequestTests {
    private func read(_ text: String) throws(GatewayError) -> ConnectRequest { try ConnectRequest(body: Array(text.utf8)) }

    private func refusal(_ text: String) -> GatewayError? {
        do throws(GatewayError) {
            _ = try self.read(text)
            return nil
        } catch {
            return error
        }
    }

    @Test("the smallest request is a recipe with an image")
    func smallest() throws {
        let request = try self.read(#"{"spawn_config":{"executable":{"image":"app"}}}"#)
        #expect(request == ConnectRequest(spawn: SpawnConfig(executable: ExecutableRequest(image: "app"))))
    }

    @Test("what official clients send has every key, with null for what there is not")
    func official() throws {
        let request = try self.read(
            #"{"key":{"name":"room-7","namespace":"","tag":""},"spawn_config":{"id":null,"cluster":null,"pool":"","executable":{"image":"app","pull_policy":null,"credentials":null,"env":{},"resource_limits":{"cpu_period":null,"cpu_period_percent":null,"cpu_time_limit":null,"memory_limit_bytes":null,"disk_limit_bytes":null},"mount":null,"network_name":null},"lifetime_limit_seconds":null,"max_idle_seconds":500,"use_static_token":false,"subdomain":null},"user":null,"auth":{}}"#
        )
        #expect(request.key == BackendKey(name: "room-7"))
        #expect(request.spawn?.maxIdle == 500)
        #expect(request.spawn?.executable == ExecutableRequest(image: "app"))
        #expect(request.ignoredKeys == [])
    }

    @Test("keys that mean nothing are named with the place they are at, and no more of them than find a mistake")
    func ignoredKeys() throws {
        let request = try self.read(
            #"{"usr":"a","key":{"name":"a","nmae":"b"},"auth":{"any":1},"token":{"kid":1},"spawn_config":{"max_idle_second":60,"executable":{"image":"app","mounts":true,"env":{"ANY":"1"},"credentials":{"username":"u","password":"p","token":"t"},"resource_limits":{"memory":1}}}}"#
        )
        #expect(
            request.ignoredKeys == [
                "usr", "key.nmae", "token.kid", "spawn_config.max_idle_second", "spawn_config.executable.mounts",
                "spawn_config.executable.credentials.token", "spawn_config.executable.resource_limits.memory",
            ])
        let many = (0..<100).map { #""\#(String(repeating: "k", count: 1000))\#($0)":1"# }.joined(separator: ",")
        let keys = try self.read("{\(many)}").ignoredKeys
        #expect(keys.count == 16 && keys.allSatisfy { $0.utf8.count < 100 })
    }

    @Test("everything that can be said is read")
    func full() throws {
        let request = try self.read(
            #"{"extra":1,"key":{"name":"room-7","namespace":"games","tag":"v3","more":[]},"user":"Zoë","auth":{"role":"editor"},"spawn_config":{"id":"b1","cluster":"c1.example.com","pool":"gpu","executable":{"image":"registry.example/app:1.4","pull_policy":"Always","credentials":{"username":"u","password":"p"},"env":{"LOG":"debug"},"resource_limits":{"memory_limit_bytes":1000},"mount":true,"network_name":"games"},"max_idle_seconds":60,"lifetime_limit_seconds":3600,"use_static_token":true,"subdomain":"play"}}"#
        )
        let spawn = try #require(request.spawn)
        #expect(request.key == BackendKey(namespace: "games", name: "room-7", tag: "v3"))
        #expect(request.user == "Zoë")
        #expect(request.auth == ["role": .string("editor")])
        #expect(spawn.cluster?.rawValue == "c1.example.com" && spawn.pool.rawValue == "gpu" && spawn.id?.rawValue == "b1")
        #expect(spawn.lifetimeLimit == 3600 && spawn.maxIdle == 60 && spawn.usesStaticToken && spawn.subdomain?.rawValue == "play")
        #expect(spawn.executable.credentials == .usernamePassword(username: "u", password: "p"))
        #expect(spawn.executable.pullPolicy == .always && spawn.executable.mount == .ofKey && spawn.executable.network == "games")
    }

    @Test("what is no JSON is 400", arguments: ["", "{", #"{"a":1}x"#, "{\"user\":\"\\ud800\"}"])
    func broken(text: String) {
        #expect(self.refusal(text)?.status == 400)
        #expect(self.refusal(text)?.shape == .text)
    }

    @Test("bytes that are no UTF-8 are 400")
    func notUTF8() {
        #expect(throws: GatewayError.self) { try ConnectRequest(body: [0x22, 0xFF, 0x22]) }
    }

    @Test(
        "JSON of another shape is 422, and the text names the place",
        arguments: [
            ("[]", "object"), (#"{"key":{}}"#, "key.name"), (#"{"key":{"name":null}}"#, "key.name"), (#"{"key":{"name":""}}"#, "key.name"),
            (#"{"key":{"name":"a","tag":null}}"#, "key.tag"),
            (#"{"key":{"name":"a","namespace":null}}"#, "key.namespace"), (#"{"key":{"name":"a","name":"b"}}"#, "key.name"), (#"{"auth":null}"#, "auth"),
            (#"{"auth":[]}"#, "auth"), (#"{"user":1}"#, "user"), (#"{"user":"a\nb"}"#, "user"), (#"{"spawn_config":{}}"#, "spawn_config.executable"),
            (#"{"spawn_config":{"executable":null}}"#, "spawn_config.executable"), (#"{"spawn_config":{"executable":{}}}"#, "executable.image"),
            (#"{"spawn_config":{"executable":{"image":"a b"}}}"#, "executable.image"), (#"{"spawn_config":{"executable":{"image":"a"},"pool":null}}"#, "pool"),
            (#"{"spawn_config":{"executable":{"image":"a"},"use_static_token":null}}"#, "use_static_token"),
            (#"{"spawn_config":{"executable":{"image":"a"},"max_idle_seconds":1.5}}"#, "max_idle_seconds"),
            (#"{"spawn_config":{"executable":{"image":"a"},"max_idle_seconds":2147483648}}"#, "max_idle_seconds"),
            (#"{"spawn_config":{"executable":{"image":"a"},"max_idle_seconds":-1}}"#, "max_idle_seconds"),
            (#"{"spawn_config":{"executable":{"image":"a"},"lifetime_limit_seconds":0}}"#, "lifetime_limit_seconds"),
            (#"{"spawn_config":{"executable":{"image":"a"},"id":"A"}}"#, "spawn_config.id"),
            (#"{"spawn_config":{"executable":{"image":"a"},"cluster":"a:b"}}"#, "cluster"),
            (#"{"spawn_config":{"executable":{"image":"a"},"subdomain":""}}"#, "subdomain"),
            (#"{"spawn_config":{"executable":{"image":"a"},"subdomain":"a.b"}}"#, "subdomain"),
            (#"{"spawn_config":{"executable":{"image":"a","env":null}}}"#, "executable.env"),
            (#"{"spawn_config":{"executable":{"image":"a","env":{"A":1}}}}"#, "env.A"),
            (#"{"spawn_config":{"executable":{"image":"a","resource_limits":null}}}"#, "resource_limits"),
            (#"{"spawn_config":{"executable":{"image":"a","resource_limits":{"memory_limit_bytes":-5}}}}"#, "memory_limit_bytes"),
            (#"{"spawn_config":{"executable":{"image":"a","pull_policy":"Sometimes"}}}"#, "pull_policy"),
            (#"{"spawn_config":{"executable":{"image":"a","credentials":{"username":"u"}}}}"#, "credentials.password"),
            (#"{"spawn_config":{"executable":{"image":"a","network_name":"container:x"}}}"#, "network_name"),
        ])
    func wrongShape(text: String, place: String) throws {
        let failure = try #require(self.refusal(text))
        #expect(failure.status == 422)
        #expect(failure.message.contains(place))
    }

    @Test("a mount that leads out of its base is refused", arguments: ["", ".", "..", "/etc", "a/../b", "a//b", "a:ro", "../x", "a\u{0}"])
    func escapingMount(path: String) throws {
        var writer = JSONWriter()
        writer.object {
            $0.object("spawn_config") {
                $0.object("executable") {
                    $0.field("image", "a"); $0.field("mount", path)
                }
            }
        }
        #expect(throws: GatewayError.self) { try ConnectRequest(body: writer.bytes) }
    }

    @Test("false mounts nothing, a path mounts itself")
    func mounts() throws {
        #expect(try self.read(#"{"spawn_config":{"executable":{"image":"a","mount":false}}}"#).spawn?.executable.mount == nil)
        #expect(try self.read(#"{"spawn_config":{"executable":{"image":"a","mount":"shared/data"}}}"#).spawn?.executable.mount == .path("shared/data"))
    }

    @Test("a key that is too long for a lock is refused, and so is a tag")
    func tooLong() {
        let long = String(repeating: "x", count: 2100)
        #expect(self.refusal(#"{"key":{"name":"\#(long)"}}"#)?.status == 422)
        #expect(self.refusal(#"{"key":{"name":"a","tag":"\#(long)"}}"#)?.status == 422)
    }

    @Test("what becomes a header of the visitor's has a bound, counted as ASCII")
    func headerBound() {
        let fits = String(repeating: "é", count: 2700)
        #expect(self.refusal(#"{"auth":{"a":"\#(fits)"}}"#) == nil)
        #expect(self.refusal(#"{"auth":{"a":"\#(fits)é\#(String(repeating: "x", count: 200))"}}"#)?.status == 422)
    }

    @Test("the header is ASCII, compact, and has its keys in order")
    func header() {
        let auth: [String: JSONValue] = ["b": .string("é😀"), "a": .bool(true)]
        #expect(VisitorData.header(of: auth) == #"{"a":true,"b":"\u00e9\ud83d\ude00"}"#)
        #expect(VisitorData.header(of: [String: JSONValue]()) == "{}")
    }
}
