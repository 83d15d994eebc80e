package import ConfigurationReading

/// An image of which containers run already when backends are asked for (one of the tables `agent.parked`).
package struct ParkedImageConfiguration: Hashable, Sendable {
    /// As requests name it.
    package var image: String
    /// How many wait.
    package var count: UInt32 = 1
    /// The limits that requests for it name; what they leave open is left open here too.
    package var memoryMegabytes: UInt32?
    package var cpuPercent: UInt32?
    package var diskMegabytes: UInt32?

    package init(image: String) {
        self.image = image
    }
}

extension ParkedImageConfiguration: ConfigReadable {
    /// Each is an address, a container of Docker's, and some megabytes.
    private static let most: UInt32 = 1000
    /// What a request can ask for: a byte.
    private static let mostPercent: UInt32 = 255

    package init?(_ reader: inout ConfigReader) {
        let image = reader.required("image", .string, "Image of which containers run before they are asked for, as requests name it.")
        var draft = ParkedImageConfiguration(image: image ?? "")
        reader.read(
            "count", .number(0...Self.most), into: &draft.count,
            "How many of them wait, some MiB and an address of the backends' network each. They are replaced when they are used.")
        draft.memoryMegabytes = reader.optional(
            "memory_mb", .number(1...UInt32.max), "MiB of memory that requests for it ask for; what agent.docker.limits gives if not set.")
        draft.cpuPercent = reader.optional(
            "cpu_percent", .number(1...Self.mostPercent), "Percent of one processor that they ask for; what agent.docker.limits gives if not set.")
        draft.diskMegabytes = reader.optional(
            "disk_mb", .number(1...UInt32.max), "MiB of a writable layer that they ask for; what agent.docker.limits gives if not set.")
        guard image != nil else { return nil }
        self = draft
    }
}
