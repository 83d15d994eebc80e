import Dispatch
import FoundationEssentials
import Glibc

/// The program tar, which packs or unpacks at the pace of the other side.
///
/// Started by posix_spawn(3): Foundation's `Process` would bring ICU's tables into the program, which are more than half of its size.
final class TarProcess: Sendable {
    private static let pieceSize = 128 * 1024

    private let process: pid_t
    /// Our end of the pipe: of tar's standard output if it packs, of its standard input if it unpacks.
    private let descriptor: CInt
    private let queue = DispatchQueue(label: "tar")

    /// - Parameters:
    ///   - arguments: Without the name of the program, which is found by PATH.
    ///   - packs: Whether tar writes, and we read.
    init(_ arguments: [String], packs: Bool) throws(CommandError) {
        var ends: [CInt] = [0, 0]
        guard pipe(&ends) == 0 else { throw Self.failure(errno) }
        // tar would wait for ever for the end of an input whose other end it has itself.
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        let theirs = packs ? ends[1] : ends[0]
        self.descriptor = packs ? ends[0] : ends[1]
        defer { close(theirs) }

        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_adddup2(&actions, theirs, packs ? STDOUT_FILENO : STDIN_FILENO)
        // The library of NATS has this process ignore it; tar is to end when nobody reads.
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var signals = sigset_t()
        sigemptyset(&signals)
        sigaddset(&signals, SIGPIPE)
        posix_spawnattr_setsigdefault(&attributes, &signals)
        posix_spawnattr_setflags(&attributes, CShort(POSIX_SPAWN_SETSIGDEF))

        let words = Self.copies(["tar"] + arguments)
        let environment = Self.copies(ProcessInfo.processInfo.environment.map { "\($0.key)=\($0.value)" })
        defer { for text in words + environment { free(text) } }
        var process: pid_t = 0
        let status = posix_spawnp(&process, "tar", &actions, &attributes, words, environment)
        guard status == 0 else {
            close(self.descriptor)
            throw Self.failure(status)
        }
        self.process = process
    }

    private static func failure(_ code: CInt) -> CommandError {
        CommandError(.failed, "tar cannot be started: \(String(cString: strerror(code))).", advice: "cp packs and unpacks with it: is it installed here?")
    }

    /// C strings that the caller frees, and the end of their list.
    private static func copies(_ texts: [String]) -> [UnsafeMutablePointer<CChar>?] { texts.map { strdup($0) } + [nil] }

    /// The next bytes of the archive; empty at its end.
    func read() async -> [UInt8] {
        await self.onQueue {
            var bytes = [UInt8](repeating: 0, count: Self.pieceSize)
            var count: Int
            repeat { count = Glibc.read(self.descriptor, &bytes, bytes.count) } while count < 0 && errno == EINTR
            return Array(bytes.prefix(max(count, 0)))
        }
    }

    /// What tar does not take any more, because it has ended, is dropped; its status tells.
    func write(_ bytes: [UInt8]) async {
        await self.onQueue {
            var rest = bytes[...]
            while !rest.isEmpty {
                let count = rest.withUnsafeBytes { Glibc.write(self.descriptor, $0.baseAddress, $0.count) }
                if count < 0, errno == EINTR { continue }
                guard count > 0 else { return }
                rest = rest.dropFirst(count)
            }
        }
    }

    /// Waits for its end. Call it once, and nothing after it.
    ///
    /// - Returns: Its exit status; 128 and the number of the signal that ended it, as a shell says it.
    func end() async -> Int32 {
        await self.onQueue {
            close(self.descriptor)
            var status: CInt = 0
            while waitpid(self.process, &status, 0) < 0 { guard errno == EINTR else { return 1 } }
            let signal = status & 0x7f
            return signal == 0 ? (status >> 8) & 0xff : 128 + signal
        }
    }

    /// Waits for pipes and processes on a thread of its own.
    private func onQueue<Value: Sendable>(_ work: @escaping @Sendable () -> Value) async -> Value {
        await withCheckedContinuation { continuation in self.queue.async { continuation.resume(returning: work()) } }
    }
}
