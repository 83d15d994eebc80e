import NIOCore

/// What libFuzzer calls with each input.
///
/// An input is a message from the network. Whatever it is: nothing traps; a question is answered, over UDP with no more than fits; the
/// answer can be read, is one, and has the question's id; and what can be read as a whole can be written and read again.
@_cdecl("LLVMFuzzerTestOneInput")
package func dnsFuzzerTestOneInput(_ bytes: UnsafePointer<UInt8>, _ count: Int) -> CInt {
    let message = Array(UnsafeBufferPointer(start: bytes, count: count))
    if let read = DNSMessage(message.span) {
        var buffer = ByteBuffer()
        read.write(to: &buffer)
        precondition(DNSMessage(buffer.readableBytesUInt8Span) == read, "read differently after writing")
    }
    for transport in [Transport.udp, .tcp] {
        guard FuzzedZone.responder.respond(to: message.span, over: transport, in: &answerBuffer) != nil else {
            precondition(count < Query.headerBytes || message[2] & 0x80 != 0, "a question was not answered")
            continue
        }
        var response = answerBuffer
        if transport == .tcp {
            precondition(response.readInteger(as: UInt16.self).map(Int.init) == response.readableBytes, "a wrong length")
        }
        precondition(transport == .tcp || response.readableBytes <= Transport.maximumUDPBytes, "larger than fits")
        let answer = DNSMessage(response.readableBytesUInt8Span)
        precondition(answer != nil, "an unreadable answer")
        precondition(answer?.id == UInt16(message[0]) << 8 | UInt16(message[1]), "another id")
        precondition(answer?.flags.contains(.response) == true, "a question for an answer")
    }
    return 0
}

/// Used again for every answer, as in a server. libFuzzer has one thread.
nonisolated(unsafe) private var answerBuffer = ByteBuffer()

/// The package manager gives an executable's entry this name, so libFuzzer's own `main` is not the one that is started.
@_cdecl("dns_fuzzer_main")
package func dnsFuzzerMain(_ count: CInt, _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?) -> CInt {
    var (count, arguments) = (count, arguments)
    return runDriver(&count, &arguments, dnsFuzzerTestOneInput)
}

/// Of libFuzzer (FuzzerInterface.h).
@_silgen_name("LLVMFuzzerRunDriver")
private func runDriver(
    _ count: UnsafeMutablePointer<CInt>, _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?>,
    _ test: @convention(c) (UnsafePointer<UInt8>, Int) -> CInt
) -> CInt

/// A zone with something of everything, and more challenges than fit into a datagram.
private enum FuzzedZone {
    static let responder = Responder(source: SharedZones(table()))

    private static func table() -> ZoneTable {
        var generator = SystemRandomNumberGenerator()
        var table = ZoneTable(using: &generator)
        guard let origin = DNSName("plane.test"), let server = origin.child("ns1"), let challenge = origin.child("_acme-challenge"),
            let host = origin.child("one"), let authority = CAAProperty("0 issue \"ca.example\"")
        else { preconditionFailure("these are names") }
        let soa = StartOfAuthority(primary: server, mailbox: origin, serial: 0, refresh: 1, retry: 1, expire: 1, minimum: 5)
        let glue = RecordSet([.a(0x7F00_0001), .aaaa(high: 0, low: 1)], timeToLive: 60)
        table.add(
            Zone(origin: origin, authority: soa, timeToLive: 60, glue: [(server, glue)]),
            fixed: [
                (origin, RecordSet([.ns(server), .caa(authority)], timeToLive: 60)), (server, glue),
                (challenge, RecordSet((0..<10).map { .txt(Array(repeating: UInt8($0), count: 300)) }, timeToLive: 1)),
            ])
        if let node = table.addNode(in: origin, glue) { table.bind(host, to: node) }
        return table
    }
}
