import PlaneProtocol
import Testing

@testable import DroneCore

@Suite struct ExecQueuesTests {
    private static func input(_ offset: UInt64, _ bytes: [UInt8] = [], isLast: Bool = false, _ size: TerminalSize? = nil) throws -> ExecInput {
        ExecInput(
            cluster: .make(), drone: .make(), exec: try #require(ExecID(rawValue: "0123456789abcdef")), offset: offset, data: Base64Text(bytes),
            isLast: isLast, terminal: size)
    }

    @Test("input that is repeated is passed over, and input out of order is refused")
    func repeatedInput() throws {
        var queues = ExecQueues()
        #expect(try queues.take(Self.input(0, [1, 2, 3])) == 3)
        #expect(try queues.take(Self.input(0, [1, 2, 3])) == 3)
        #expect(try queues.take(Self.input(2, [3, 4])) == 4)
        #expect(throws: ErrorReply.self) { try queues.take(Self.input(5, [6])) }
        #expect(queues.nextInput() == .bytes([1, 2, 3, 4]))
        #expect(queues.nextInput() == nil)
        #expect(try queues.take(Self.input(4, isLast: true)) == 4)
        #expect(try queues.take(Self.input(4, isLast: true)) == 4)
        #expect(queues.nextInput() == .end)
        #expect(queues.nextInput() == nil)
        #expect(throws: ErrorReply.self) { try queues.take(Self.input(4, [5])) }
    }

    @Test("no more input is taken than there is room for, and the end counts only with the last byte")
    func inputLimit() throws {
        var queues = ExecQueues()
        let piece = [UInt8](repeating: 7, count: ExecInput.largestData)
        // The last piece does not fit whole, in whatever number of pieces the limit is reached.
        var offset = try #require(try queues.take(Self.input(0, [7])))
        while ExecQueues.inputLimit - Int(offset) >= piece.count { offset = try #require(try queues.take(Self.input(offset, piece))) }
        let room = ExecQueues.inputLimit - Int(offset)
        #expect(try queues.take(Self.input(offset, piece, isLast: true)) == UInt64(ExecQueues.inputLimit))
        #expect(try queues.take(Self.input(UInt64(ExecQueues.inputLimit), piece, isLast: true)) == nil)
        #expect(queues.nextInput() == .bytes([UInt8](repeating: 7, count: ExecQueues.inputLimit)))
        #expect(queues.nextInput() == nil)
        #expect(try queues.take(Self.input(offset, piece, isLast: true)) == offset + UInt64(piece.count))
        #expect(queues.nextInput() == .bytes([UInt8](repeating: 7, count: piece.count - room)))
        #expect(queues.nextInput() == .end)
    }

    @Test("sizes of the terminal come before bytes, and after the end of the input as well")
    func sizes() throws {
        var queues = ExecQueues()
        _ = try queues.take(Self.input(0, [1], isLast: true, TerminalSize(rows: 1, columns: 2)))
        #expect(queues.nextInput() == .resized(TerminalSize(rows: 1, columns: 2)))
        #expect(queues.nextInput() == .bytes([1]))
        #expect(queues.nextInput() == .end)
        _ = try queues.take(Self.input(0, TerminalSize(rows: 3, columns: 4)))
        #expect(queues.nextInput() == .resized(TerminalSize(rows: 3, columns: 4)))
    }

    private static func input(_ offset: UInt64, _ size: TerminalSize) throws -> ExecInput { try self.input(offset, [], size) }

    @Test("a piece of output is told again until the next one is asked for; small writes travel together, streams apart")
    func output() throws {
        var queues = ExecQueues()
        #expect(try queues.output(after: 0) == nil)
        queues.write([1], to: .stdout)
        queues.write([2], to: .stdout)
        queues.write([3], to: .stderr)
        let first = ExecOutput.piece(number: 1, .stdout, Base64Text([1, 2]))
        #expect(try queues.output(after: 0) == first)
        queues.write([4], to: .stdout)
        #expect(try queues.output(after: 0) == first)
        #expect(try queues.output(after: 1) == .piece(number: 2, .stderr, Base64Text([3])))
        #expect(throws: ErrorReply.self) { try queues.output(after: 0) }
        #expect(throws: ErrorReply.self) { try queues.output(after: 3) }
        #expect(throws: ErrorReply.self) { try queues.output(after: .max) }
        queues.finish(.exited(5))
        #expect(try queues.output(after: 2) == .piece(number: 3, .stdout, Base64Text([4])))
        #expect(try queues.output(after: 3) == .ended(number: 4, exitCode: 5))
        #expect(!queues.isOver)
        #expect(try queues.output(after: 4) == .ended(number: 4, exitCode: 5))
        #expect(queues.isOver)
    }

    @Test("output waits when there is too much of it, and pieces fit into a message")
    func outputLimit() throws {
        var queues = ExecQueues()
        queues.write([UInt8](repeating: 1, count: ExecQueues.outputLimit), to: .stdout)
        #expect(!queues.hasRoom)
        guard case .piece(_, _, let data)? = try queues.output(after: 0) else {
            Issue.record("there is no piece")
            return
        }
        #expect(data.bytes.count == ExecOutput.largestPiece && queues.hasRoom)
    }

    @Test("whoever is left alone at a terminal is interrupted, and without one finds the end of the input")
    func abandoned() {
        var terminal = ExecQueues()
        terminal.abandon(hasTerminal: true)
        #expect(terminal.nextInput() == .bytes([0x03, 0x04]))
        #expect(terminal.nextInput() == .end)
        var pipe = ExecQueues()
        pipe.abandon(hasTerminal: false)
        #expect(pipe.nextInput() == .end)
    }
}
