import PlaneTestSupport

/// A command line run to its end.
enum Shell {
    /// What it printed. Returned once it has ended, whatever its status.
    ///
    /// Not by Foundation's `Process`: among thousands of open descriptors it crashes now and then, in its own search for the highest one.
    static func run(_ script: String) async throws -> String {
        // A last line without an end is a line, too.
        let shell = try TestProcess("/bin/sh", ["-c", "exec </dev/null\n\(script)\necho"])
        await shell.ended()
        return shell.log.joined(separator: "\n")
    }
}
