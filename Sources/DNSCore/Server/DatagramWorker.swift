import CDatagrams
import Glibc
import NIOCore
import Synchronization

/// Answers the datagrams of one socket, on a thread of its own. It reads up to 32 questions with one system call, answers them, and sends the answers
/// with another one. An answer costs no allocation and passes no queue.
final class DatagramWorker<Source: RecordSource> {
    /// How many datagrams one system call takes.
    private static var batch: Int { 32 }
    /// Room for one question, in bytes. No client sends a longer one; it would be cut off, and refused as malformed.
    private static var questionBytes: Int { 2048 }

    private let socket: DatagramSocket
    private let responder: Responder<Source>
    private let counters: ServerCounters
    private var limiter: ResponseRateLimiter?
    private let exchanges: UnsafeMutableBufferPointer<cdatagrams_exchange>
    private let questions: UnsafeMutableBufferPointer<UInt8>
    private let answers: UnsafeMutableBufferPointer<UInt8>
    private var buffer = ByteBuffer()

    init(socket: DatagramSocket, responder: Responder<Source>, limiter: ResponseRateLimiter?, counters: ServerCounters) {
        self.socket = socket
        self.responder = responder
        self.limiter = limiter
        self.counters = counters
        self.exchanges = .allocate(capacity: Self.batch)
        self.questions = .allocate(capacity: Self.batch * Self.questionBytes)
        self.answers = .allocate(capacity: Self.batch * Transport.maximumUDPBytes)
        self.exchanges.initialize(repeating: cdatagrams_exchange())
        self.questions.initialize(repeating: 0)
        self.answers.initialize(repeating: 0)
        for index in 0..<Self.batch {
            self.exchanges[index].question = self.questions.baseAddress.map { $0 + index * Self.questionBytes }
            self.exchanges[index].capacity = Self.questionBytes
            self.exchanges[index].answer = self.answers.baseAddress.map { UnsafePointer($0 + index * Transport.maximumUDPBytes) }
        }
    }

    deinit {
        self.exchanges.deallocate()
        self.questions.deallocate()
        self.answers.deallocate()
    }

    /// Answers questions until the socket is stopped, then closes it.
    func run() {
        defer { self.socket.close() }
        while !self.socket.isStopped {
            let count = Int(cdatagrams_receive(self.socket.descriptor, self.exchanges.baseAddress, CInt(Self.batch)))
            guard count > 0 else {
                self.pause(after: errno, failed: count < 0)
                continue
            }
            let milliseconds = self.limiter == nil ? 0 : NIODeadline.now().uptimeNanoseconds / 1_000_000
            for index in 0..<count { self.answer(index, at: milliseconds) }
            let dropped = cdatagrams_send(self.socket.descriptor, self.exchanges.baseAddress, CInt(count))
            if dropped > 0 { self.counters.congested.add(Int(dropped), ordering: .relaxed) }
        }
    }

    /// Called after a read without questions: returns at once if none had come for a while, and waits a moment if the kernel lacks a resource.
    private func pause(after error: CInt, failed: Bool) {
        guard failed, error != EAGAIN, error != EWOULDBLOCK, error != EINTR else { return }
        self.counters.failedReads.add(1, ordering: .relaxed)
        usleep(10_000)
    }

    private func answer(_ index: Int, at milliseconds: UInt64) {
        // Works in place, since an exchange is large and copying it would take time for every question.
        let message = UnsafeBufferPointer(start: self.exchanges[index].question, count: self.exchanges[index].count).span
        let addressBytes = Int(self.exchanges[index].client_bytes)
        let network = withUnsafePointer(to: &self.exchanges[index].client) { ClientNetwork.of($0, count: addressBytes) }
        guard let network, let outcome = self.responder.respond(to: message, over: .udp, in: &self.buffer) else {
            self.counters.ignored.add(1, ordering: .relaxed)
            return
        }
        self.counters.udpQuestions.add(1, ordering: .relaxed)
        switch self.verdict(on: outcome, to: message, network: network, at: milliseconds) {
        case .answer:
            self.counters.count(outcome.code)
            if outcome.isTruncated { self.counters.truncated.add(1, ordering: .relaxed) }
        case .truncate:
            self.counters.limited.add(1, ordering: .relaxed)
            guard let query = outcome.query else { return }
            self.responder.truncate(query, in: message, &self.buffer)
        case .drop:
            self.counters.limited.add(1, ordering: .relaxed)
            return
        }
        let start = index * Transport.maximumUDPBytes
        let room = UnsafeMutableRawBufferPointer(rebasing: UnsafeMutableRawBufferPointer(self.answers)[start..<(start + Transport.maximumUDPBytes)])
        // An answer over UDP is never longer than the room, so this cannot happen.
        guard self.buffer.readableBytes <= room.count else { return }
        self.buffer.withUnsafeReadableBytes { room.copyMemory(from: $0) }
        self.exchanges[index].answer_count = self.buffer.readableBytes
    }

    private func verdict(
        on outcome: Outcome, to message: Span<UInt8>, network: UInt64, at milliseconds: UInt64
    ) -> ResponseRateLimiter.Verdict {
        guard self.limiter != nil else { return .answer }
        let subject =
            switch outcome.subject {
            case .name: message.extracting(Query.nameStart..<(Query.nameStart + (outcome.query?.nameBytes ?? 0))).foldedHash(seed: 1)
            case .absence(let zone): zone.wire.span.foldedHash(seed: 2)
            case .failure: UInt64(3)
            }
        return self.limiter?.verdict(network: network, subject: subject, at: milliseconds) ?? .answer
    }
}
