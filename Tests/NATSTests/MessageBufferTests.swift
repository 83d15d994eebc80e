@testable import NATS
import Synchronization
import Testing

@Suite("The buffer between the library and a reader")
struct MessageBufferTests {
    @Test("keeps order, drops the newest beyond its number or its bytes, and counts them")
    func limits() async {
        let buffer = MessageBuffer<Int>(countLimit: 3, bytesLimit: 100)
        #expect(buffer.push(1, bytes: 60) == .kept)
        #expect(buffer.push(2, bytes: 60) == .dropped(total: 1))
        #expect(buffer.push(3, bytes: 20) == .kept)
        #expect(buffer.push(4, bytes: 20) == .kept)
        #expect(buffer.push(5, bytes: 0) == .dropped(total: 2))
        #expect(buffer.push(6, bytes: 1000, force: true) == .kept)
        buffer.finish()
        #expect(buffer.push(7, bytes: 1) == .finished)
        var read: [Int] = []
        while let element = await buffer.next() { read.append(element) }
        #expect(read == [1, 3, 4, 6])
        #expect(buffer.dropped == 2)
    }

    @Test("gives each of several waiting readers one element")
    func severalReaders() async {
        let buffer = MessageBuffer<Int>(countLimit: 10, bytesLimit: 10)
        await withTaskGroup(of: Int?.self) { group in
            for _ in 0..<3 { group.addTask { await buffer.next() } }
            for element in 1...3 { buffer.push(element, bytes: 1) }
            #expect(await group.reduce(0) { $0 + ($1 ?? 0) } == 6)
        }
    }

    @Test("a cancelled reader gets nil and takes nothing away from the next one", arguments: 0..<50)
    func cancellation(round: Int) async {
        let buffer = MessageBuffer<Int>(countLimit: 10, bytesLimit: 10)
        let reader = Task { await buffer.next() }
        if round % 2 == 0 { await Task.yield() }
        reader.cancel()
        #expect(await reader.value == nil)
        buffer.push(1, bytes: 1)
        #expect(await buffer.next() == 1)
    }

    @Test("tells when the last reader has left")
    func readers() {
        let buffer = MessageBuffer<Int>(countLimit: 1, bytesLimit: 1)
        let calls = Mutex(0)
        buffer.whenReadersLeft { calls.withLock { $0 += 1 } }
        #expect(calls.withLock { $0 } == 1)
        buffer.readerCame()
        buffer.readerCame()
        buffer.whenReadersLeft { calls.withLock { $0 += 1 } }
        buffer.readerLeft()
        #expect(calls.withLock { $0 } == 1)
        buffer.readerLeft()
        #expect(calls.withLock { $0 } == 2)
    }
}
