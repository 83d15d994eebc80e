import ConfigurationReading

/// What programs in containers may not do (in table `agent.docker`). The defaults suit a web server. Each can be switched off for images that need more, such
/// as ones that call sudo.
package struct ContainerPrivileges: Hashable, Sendable {
    /// Whether programs are kept from gaining rights through setuid, file capabilities and the like.
    package var noNewPrivileges = true
    /// Processes and threads of one container at most; 0 for no limit. Enough for a browser, and it stops a fork bomb.
    package var processLimit: UInt32 = 4096
    /// Capabilities removed from Docker's default set: they allow forging packets to neighbours on the bridge, making device nodes, and writing to the audit
    /// log.
    package var droppedCapabilities = ["NET_RAW", "MKNOD", "AUDIT_WRITE"]

    package init() {}

    mutating func read(_ reader: inout ConfigReader) {
        reader.read(
            "no_new_privileges", .boolean, into: &self.noNewPrivileges,
            "Keep programs in containers from gaining rights, as through sudo or a setuid sandbox.")
        reader.read("pids_limit", .count, into: &self.processLimit, "Most processes and threads of one container; 0 for no limit.")
        reader.read(
            "cap_drop", .capabilities, into: &self.droppedCapabilities,
            "Linux capabilities taken from the containers, beyond those Docker does not give; [] or \"NONE\" takes none, \"ALL\" takes all.")
    }
}

extension ConfigType where Value == [String] {
    /// Names of capabilities(7), with or without `CAP_`, in any case. An empty list is one too; a variable, which is not set if it is
    /// empty, says `NONE`.
    static var capabilities: ConfigType {
        var type = ConfigType.list(of: .capability, "a list of Linux capabilities such as NET_RAW", mayBeEmpty: true)
        let readNames = type.read
        type.read = { readNames($0)?.filter { $0 != "NONE" } }
        return type
    }
}

extension ConfigType where Value == String {
    fileprivate static var capability: ConfigType {
        var type = ConfigType.text("a Linux capability such as NET_RAW", Self.capability(named:), show: { $0 })
        type.advice = { value in
            guard let word = value.asString else { return nil }
            let written = Array(word.uppercased().utf8)
            let nearest = Self.known.map { ($0, NearestKey.editDistance(written, Array($0.utf8))) }.min { ($0.1, $0.0) < ($1.1, $1.0) }
            guard let nearest, nearest.1 <= 2 else { return nil }
            return "did you mean \(nearest.0)?"
        }
        return type
    }

    @Sendable private static func capability(named text: String) -> String? {
        let upper = text.uppercased()
        let name = upper.hasPrefix("CAP_") ? upper.dropFirst(4) : upper[...]
        return Self.known.contains(String(name)) ? String(name) : nil
    }

    /// The names of capabilities(7), and `ALL` and `NONE`.
    private static let known: Set<String> = [
        "ALL", "NONE", "AUDIT_CONTROL", "AUDIT_READ", "AUDIT_WRITE", "BLOCK_SUSPEND", "BPF", "CHECKPOINT_RESTORE", "CHOWN", "DAC_OVERRIDE",
        "DAC_READ_SEARCH", "FOWNER", "FSETID", "IPC_LOCK", "IPC_OWNER", "KILL", "LEASE", "LINUX_IMMUTABLE", "MAC_ADMIN", "MAC_OVERRIDE", "MKNOD",
        "NET_ADMIN", "NET_BIND_SERVICE", "NET_BROADCAST", "NET_RAW", "PERFMON", "SETFCAP", "SETGID", "SETPCAP", "SETUID", "SYS_ADMIN", "SYS_BOOT",
        "SYS_CHROOT", "SYS_MODULE", "SYS_NICE", "SYS_PACCT", "SYS_PTRACE", "SYS_RAWIO", "SYS_RESOURCE", "SYS_TIME", "SYS_TTY_CONFIG", "SYSLOG",
        "WAKE_ALARM",
    ]
}
