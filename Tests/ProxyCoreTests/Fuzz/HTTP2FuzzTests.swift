import Testing

@Suite("Fields of HTTP/2 beside a naive reading of the specification, mutated")
struct HTTP2FuzzTests {
    @Test("what we accept is well-formed, and is forwarded as one message with the fields that it had", arguments: 1...4)
    func agrees(seed: Int) throws {
        var fuzzer = HTTP2Fuzzer(seed: UInt64(seed))
        let count = 3000
        try fuzzer.run(count)
        // Every list that was good, and some of the others: one that was not changed, or in a harmless place.
        #expect(fuzzer.acceptedGood == count / HTTP2Fuzzer.goodShare)
        #expect(fuzzer.accepted > fuzzer.acceptedGood)
    }
}
