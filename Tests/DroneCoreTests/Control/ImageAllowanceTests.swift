import Testing

@testable import DroneCore

@Suite struct ImageAllowanceTests {
    @Test(
        "patterns are compared with the full name of an image, however it is written",
        arguments: [
            ("docker.io/library/redis:*", "redis", true), ("docker.io/library/redis:*", "redis:7", true),
            ("docker.io/library/redis:*", "docker.io/redis:7", true), ("docker.io/library/redis:*", "index.docker.io/library/redis:7", true),
            ("docker.io/library/redis:*", "acme/redis:7", false), ("docker.io/library/redis:7", "redis:8", false),
            ("ghcr.io/acme/*", "ghcr.io/acme/editor:4", true), ("ghcr.io/acme/*", "ghcr.io/acme/tools/editor:4", false),
            ("ghcr.io/acme/**", "ghcr.io/acme/tools/editor:4", true), ("ghcr.io/acme/*", "ghcr.io/acme2/editor", false),
            ("ghcr.io/acme/*", "GHCR.io/acme/editor", true), ("ghcr.io/acme/*", "ghcr.io.evil.example/acme/editor", false),
            ("ghcr.io/acme/*", "evil.example/ghcr.io/acme/editor", false), ("*/acme/*", "ghcr.io/acme/editor", true),
            ("ghcr.io/acme/editor@sha256:*", "ghcr.io/acme/editor@sha256:\(String(repeating: "a", count: 64))", true),
            ("**", "anything/at/all", true), ("docker.io/**", String(repeating: "a", count: 64), false),
            ("sha256:*", String(repeating: "a", count: 64), true), ("**", "No Image", false),
            ("***x***y***", "a/x/b/y:z", true),
        ])
    func patterns(pattern: String, image: String, isAllowed: Bool) {
        #expect(ImageAllowance([pattern]).allows(image) == isAllowed)
    }

    @Test("without patterns every image is allowed, with several those of any")
    func several() {
        #expect(ImageAllowance.all.allows("anything:1"))
        let allowance = ImageAllowance(["docker.io/library/redis:*", "ghcr.io/acme/*"])
        #expect(allowance.allows("redis") && allowance.allows("ghcr.io/acme/editor"))
        #expect(!allowance.allows("postgres"))
    }
}
