import Glibc

/// The name of the person at this command line in the histories of backends.
enum Requester {
    /// Such as `alice@bastion`; with sudo it is still the name of the person who uses it.
    static func name(_ environment: [String: String]) -> String {
        let user = ["SUDO_USER", "USER", "LOGNAME"].lazy.compactMap { environment[$0] }.first { !$0.isEmpty } ?? "uid \(getuid())"
        var host = [CChar](repeating: 0, count: 256)
        guard gethostname(&host, host.count - 1) == 0 else { return user }
        return "\(user)@\(String(decoding: host.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self))"
    }
}
