import Foundation

/// An image small enough to be made anew: busybox and one script which is its program, without a registry.
///
/// The script serves on `$PORT` whatever it is told by the environment:
/// - `EXIT_AFTER_SECONDS`, `EXIT_CODE`: ends like that after it has begun to serve;
/// - `SAY`: prints this to standard error, line by line at its spaces;
/// - `SAY_LAST`: prints this to standard output, without a line feed, before it ends;
/// - `SILENT`: never serves;
/// - `EXIT_AT_ONCE`: ends with this code instead of serving;
/// - `GREETING`: a word of its page;
/// - `IGNORE_TERM`: does not end when it is asked to.
package enum TestImage {
    /// Its name on the engine.
    package static let name = "plane-test-image" + suffix
    /// The same with a program that does not exist.
    package static let brokenName = "plane-test-broken" + suffix
    /// The same with a user, a directory, a variable and an entry point of its own, which is found by PATH.
    package static let userName = "plane-test-user" + suffix

    /// Of this clone, whose images may be of another revision than those of a clone that shares the engine.
    private static let suffix = ProcessInfo.processInfo.environment["PLANE_TEST_IMAGE_SUFFIX"].map { "-" + $0 } ?? ""

    /// The Docker the tests use; nil where none is to be used.
    package static var socket: String? { ProcessInfo.processInfo.environment["PLANE_TEST_DOCKER_SOCKET"] }

    private static let program = """
        #!/bin/sh
        if [ -n "$IGNORE_TERM" ]; then trap '' TERM; else trap 'exit 0' TERM; fi
        for line in $SAY; do echo "$line" >&2; done
        [ -n "$EXIT_AT_ONCE" ] && printf %s "$SAY_LAST" && exit "$EXIT_AT_ONCE"
        mkdir -p /www
        echo "hello from $GREETING" > /www/index.html
        [ -n "$SILENT" ] || httpd -p "$PORT" -h /www
        if [ -n "$EXIT_AFTER_SECONDS" ]; then sleep "$EXIT_AFTER_SECONDS"; printf %s "$SAY_LAST"; exit "${EXIT_CODE:-0}"; fi
        while :; do sleep 3600 & wait $!; done
        """

    package struct NoDocker: Error, CustomStringConvertible {
        package let description = "PLANE_TEST_DOCKER_SOCKET is not set"
    }

    /// Makes the images on the Docker of the tests, once per process.
    package static func build() async throws { try await self.built.value }

    /// Makes them on another Docker.
    package static func build(on socket: String) async throws { try await self.make(on: socket) }

    /// Awaited by everyone who needs the images; the first to ask begins it.
    private static let built = Task {
        guard let socket = TestImage.socket else { throw NoDocker() }
        try await TestImage.make(on: socket)
    }

    private static func make(on socket: String) async throws {
        let directory = try TemporaryDirectory()
        let bin = "\(directory.path)/root/bin"
        try FileManager.default.createDirectory(atPath: bin, withIntermediateDirectories: true)
        try FileManager.default.copyItem(atPath: "/bin/busybox", toPath: "\(bin)/busybox")
        for applet in ["sh", "httpd", "sleep", "mkdir", "echo"] {
            try FileManager.default.createSymbolicLink(atPath: "\(bin)/\(applet)", withDestinationPath: "busybox")
        }
        // For programs that are not root's.
        let pages = "\(directory.path)/root/www"
        try FileManager.default.createDirectory(atPath: pages, withIntermediateDirectories: true)
        try FileManager.default.setAttributes([.posixPermissions: 0o777], ofItemAtPath: pages)
        let path = "\(bin)/serve"
        try self.program.write(toFile: path, atomically: true, encoding: .utf8)
        try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: path)
        let own = ["ENTRYPOINT [\"serve\"]", "CMD [\"first\", \"second word\"]", "USER 1234:567", "WORKDIR /www", "ENV LEVEL=image"]
        let images = [
            (self.name, ["CMD [\"/bin/serve\"]"]), (self.brokenName, ["CMD [\"/bin/no-such-program\"]"]), (self.userName, own),
        ]
        for (name, changes) in images {
            let options = (changes + ["ENV PATH=/bin"]).map { "--change '\($0)'" }.joined(separator: " ")
            try await TestProcess.run(
                "/bin/sh",
                [
                    "-c",
                    """
                    tar -C '\(directory.path)/root' -c . | docker -H 'unix://\(socket)' import \(options) - \(name)
                    """,
                ])
        }
    }
}
