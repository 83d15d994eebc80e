import FoundationEssentials

#if canImport(Glibc)
import Glibc
#endif

/// How a process was started, as far as a successor is started in the same way or reads what its predecessor left for it.
struct ProgramInvocation: Sendable {
    /// The program's file.
    var path: String
    /// The program's name first.
    var arguments: [String]
    var environment: [String: String]
    var processID: pid_t
    var parentID: pid_t

    static var ofThisProcess: ProgramInvocation {
        ProgramInvocation(
            path: Self.currentPath(), arguments: CommandLine.arguments, environment: ProcessInfo.processInfo.environment,
            processID: getpid(), parentID: getppid())
    }

    /// Where this program lies now. After an upgrade the running file is marked as deleted, and the new one has its name.
    private static func currentPath() -> String {
        var buffer = [CChar](repeating: 0, count: Int(PATH_MAX))
        let length = readlink("/proc/self/exe", &buffer, buffer.count - 1)
        guard length > 0 else { return CommandLine.arguments.first ?? "" }
        let path = String(decoding: buffer[..<length].map { UInt8(bitPattern: $0) }, as: UTF8.self)
        let mark = " (deleted)"
        return path.hasSuffix(mark) ? String(path.dropLast(mark.count)) : path
    }
}
