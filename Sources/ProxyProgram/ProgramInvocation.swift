import FoundationEssentials

#if canImport(Glibc)
import Glibc
#endif

/// How this process was started: a successor is started in the same way, and reads in it what its predecessor has left for it.
struct ProgramInvocation: Sendable {
    /// The path of the program's file.
    var path: String
    /// The arguments, with the program's name first.
    var arguments: [String]
    var environment: [String: String]
    var processID: pid_t
    var parentID: pid_t

    static var ofThisProcess: ProgramInvocation {
        ProgramInvocation(
            path: Self.currentPath(), arguments: CommandLine.arguments, environment: ProcessInfo.processInfo.environment,
            processID: getpid(), parentID: getppid())
    }

    /// The path of this program now. After an upgrade the running file is marked as deleted, and the new file has its name.
    private static func currentPath() -> String {
        var buffer = [CChar](repeating: 0, count: Int(PATH_MAX))
        let length = readlink("/proc/self/exe", &buffer, buffer.count - 1)
        guard length > 0 else { return CommandLine.arguments.first ?? "" }
        let path = String(decoding: buffer[..<length].map { UInt8(bitPattern: $0) }, as: UTF8.self)
        let mark = " (deleted)"
        return path.hasSuffix(mark) ? String(path.dropLast(mark.count)) : path
    }
}
