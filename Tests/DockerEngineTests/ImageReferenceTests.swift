@testable import DockerEngine
import Testing

@Suite("An image reference")
struct ImageReferenceTests {
    private static let digest = "sha256:" + String(repeating: "0a", count: 32)

    @Test(
        "is read the way Docker reads it",
        arguments: [
            ("busybox", nil, "busybox", "latest"),
            ("acme/editor:4", nil, "acme/editor", "4"),
            ("ghcr.io/acme/editor:4.1-rc_1", "ghcr.io", "acme/editor", "4.1-rc_1"),
            ("localhost/editor", "localhost", "editor", "latest"),
            ("localhost:5000/a/b/c:x", "localhost:5000", "a/b/c", "x"),
            ("[::1]:5000/a", "[::1]:5000", "a", "latest"),
            ("Registry/a", "Registry", "a", "latest"),
            ("a__b/c---d.e", nil, "a__b/c---d.e", "latest"),
        ] as [(String, String?, String, String)])
    func parts(text: String, registry: String?, path: String, tag: String) throws {
        let image = try #require(ImageReference(text))
        #expect(image.registry == registry)
        #expect(image.path == path)
        #expect(image.tag == tag)
        #expect(image.digest == nil)
    }

    @Test("without a tag means latest, not every tag (A23)")
    func untagged() throws {
        let image = try #require(ImageReference("registry.example:5000/app"))
        #expect(image.pullTag == "latest")
        #expect(image.description == "registry.example:5000/app:latest")
    }

    @Test("with a digest is pulled by that, whatever its tag")
    func digest() throws {
        let plain = try #require(ImageReference("app@\(Self.digest)"))
        #expect(plain.tag == nil)
        #expect(plain.pullTag == Self.digest)
        let tagged = try #require(ImageReference("ghcr.io/app:3@\(Self.digest)"))
        #expect(tagged.tag == "3")
        #expect(tagged.pullTag == Self.digest)
        #expect(tagged.description == "ghcr.io/app:3@\(Self.digest)")
    }

    @Test("may be the id of an image on this machine, which nobody can pull")
    func imageID() throws {
        let id = String(repeating: "0a", count: 32)
        let image = try #require(ImageReference(id))
        #expect(image.isImageID)
        #expect(image.pullTag == nil)
        #expect(image.description == id)
    }

    @Test(
        "refuses what could mean something else in a URL, or nothing at all",
        arguments: [
            "", ":", "/", "@", "a:", "a@", "a/", "/a", "a//b", "Acme", "acme/Editor", "a b", "a?x", "a#x", "a%2f", "../a", "a/../b",
            "a..b", "a___b", "a-", "-a", "a:-t", "a@sha256:12", "a@sha256:" + String(repeating: "g", count: 64), "host:99999/a",
            "host:/a", "-host.io/a", "ä", "a\n", "a\0", String(repeating: "a", count: 256), "a:" + String(repeating: "t", count: 129),
        ])
    func refused(text: String) {
        #expect(ImageReference(text) == nil)
    }

    @Test("credentials are for its registry, or for Docker Hub's old name")
    func serverAddress() {
        #expect(ImageReference("ghcr.io/a")?.serverAddress == "ghcr.io")
        #expect(ImageReference("a/b")?.serverAddress == "https://index.docker.io/v1/")
    }
}
