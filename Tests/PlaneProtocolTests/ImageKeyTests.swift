import Testing

@testable import PlaneProtocol

@Suite struct ImageKeyTests {
    @Test(
        "an image has one key however its name is spelled",
        arguments: [
            ("redis", "redis:latest"), ("redis:7", "docker.io/library/redis:7"), ("library/redis", "index.docker.io/library/redis:latest"),
            ("acme/editor:4", "docker.io/acme/editor:4"), ("ghcr.io/acme/editor", "ghcr.io/acme/editor:latest"),
            ("localhost:5000/app", "localhost:5000/app:latest"), ("redis:7@sha256:0a", "redis@sha256:0a"),
        ])
    func spellings(one: String, other: String) {
        #expect(ImageKey(one) == ImageKey(other))
    }

    @Test("tags, digests, registries and users tell images apart; nonsense has a key too")
    func differences() {
        let names = [
            "redis", "redis:7", "redis@sha256:0a", "redis@sha256:0b", "ghcr.io/redis", "acme/redis", "localhost:5000/redis", "localhost/redis", "", ":", "@",
            "/", "docker.io/", "é:ü",
        ]
        // `docker.io/` is nothing but a registry, as is no name at all.
        #expect(Set(names.map { ImageKey($0) }).count == names.count - 1)
    }

    @Test("a key is the same in every process")
    func stable() {
        var hash = SipHash13()
        for byte in "redis:7".utf8 { hash.update(byte) }
        #expect(ImageKey("docker.io/library/redis:7").rawValue == hash.finalize())
    }
}
