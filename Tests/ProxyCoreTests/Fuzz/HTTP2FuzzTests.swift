import Testing

@Suite("Fields of HTTP/2 beside a naive reading of the specification, mutated")
struct HTTP2FuzzTests {
    @Test("what we accept is well-formed, and is forwarded as one message with the fields that it had", arguments: 1...4)
    func agrees(seed: Int) throws {
        var fuzzer = HTTP2Fuzzer(seed: UInt64(seed))
        try fuzzer.run(3000)
        // Many inputs are refused; if nearly all were, this would show nothing.
        #expect(fuzzer.accepted > 300)
    }
}
