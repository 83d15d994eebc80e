package import ConfigurationReading

/// What one container may use of the drone (table `agent.docker.limits`). By default only its log is limited: other limits would end backends on a drone of
/// an older installation.
package struct ContainerLimitsConfiguration: Hashable, Sendable {
    /// The bounds of one resource: what a request gets that asks for nothing, and the most that any request gets.
    package struct Bound: Hashable, Sendable {
        package var standard: UInt32?
        package var most: UInt32?

        package init(standard: UInt32? = nil, most: UInt32? = nil) {
            self.standard = standard
            self.most = most
        }
    }

    /// In MiB.
    package var memory = Bound()
    /// In percent of one processor.
    package var cpu = Bound()
    /// Size of the writable layer, in MiB.
    package var disk = Bound()
    /// How much of a container's output the engine keeps, in MiB; 0 leaves that to the engine.
    package var logMegabytes: UInt32 = 20
    /// How many lines of one backend's output are passed on per second, after a thousand at once; 0 for all.
    package var logLinesPerSecond: UInt32 = 100

    package init() {}
}

extension ContainerLimitsConfiguration: ConfigReadable {
    package init?(_ reader: inout ConfigReader) {
        self.init()
        self.memory = Self.bound(
            "memory_mb", &reader, "MiB of memory of a container whose request names no limit.", "Most MiB of memory that a request may ask for.")
        self.cpu = Self.bound(
            "cpu_percent", &reader, "Percent of one processor of a container whose request names no limit; 200 is two processors.",
            "Most percent of one processor that a request may ask for.")
        self.disk = Self.bound(
            "disk_mb", &reader, "MiB of a container's writable layer, where the storage driver can limit that (overlay2 on XFS with pquota).",
            "Most MiB of a writable layer that a request may ask for.")
        reader.read(
            "log_mb", .number(0...1_048_576), into: &self.logMegabytes,
            "MiB of a container's output that the engine keeps, in two files of which it drops the older; 0 leaves that to the engine's configuration.")
        reader.read(
            "log_lines_per_sec", .number(0...1_000_000), into: &self.logLinesPerSecond,
            "Lines of one backend's output passed on per second, after ten seconds' worth at once, each KiB a line; 0 for all.")
    }

    private static func bound(_ key: String, _ reader: inout ConfigReader, _ standard: String, _ most: String) -> Bound {
        var bound = Bound()
        bound.standard = reader.optional(key, .number(1...UInt32.max), "\(standard.dropLast()); no limit if not set.")
        bound.most = reader.optional("max_\(key)", .number(1...UInt32.max), "\(most.dropLast()); requests for more are refused, no bound if not set.")
        if let standard = bound.standard, let most = bound.most, standard > most {
            reader.mistake(key, found: "\(standard)", expectation: "at most max_\(key), which is \(most)")
        }
        return bound
    }
}
