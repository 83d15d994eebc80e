package import NIOCore

/// Turns messages of clients into answers from a `RecordSource`. No IO: bytes in, bytes out.
///
/// A message is checked in this order, because each step relies on the one before:
/// 1. messages that must not be answered, or cannot be read (`QueryReading`);
/// 2. versions of EDNS that we do not speak;
/// 3. questions that are not about records: other classes, transfers, meta types;
/// 4. names outside of our zones, and names that cannot exist;
/// 5. the records of the name; the answer is empty if there are none of the type.
package struct Responder<Source: RecordSource>: Sendable {
    private let source: Source

    package init(source: Source) {
        self.source = source
    }

    /// The answer to one complete message; nil if it must not be answered.
    package func response(to message: ByteBuffer, over transport: Transport) -> Response? {
        var bytes = ByteBuffer()
        return self.respond(to: message.readableBytesUInt8Span, over: transport, in: &bytes).map { Response(bytes: bytes, outcome: $0) }
    }

    /// Writes the answer to one complete message into `buffer`, replacing what was there; nil if it must not be answered.
    package func respond(to message: Span<UInt8>, over transport: Transport, in buffer: inout ByteBuffer) -> Outcome? {
        switch QueryReading(message) {
        case .silence:
            return nil
        case .refusal(let id, let flags, let code, let edns):
            buffer.becomeBareHeader(id: id, flags: flags, code: code, edns: edns, leadingBytes: transport.leadingBytes)
            transport.fillLength(&buffer)
            return Outcome(code: code, isTruncated: false, subject: .failure, query: nil)
        case .query(let query):
            let outcome = self.answer(to: query, in: message, over: transport, &buffer)
            transport.fillLength(&buffer)
            return outcome
        }
    }

    /// Writes a truncated answer without records, after which the client asks over TCP.
    package func truncate(_ query: Query, in message: Span<UInt8>, _ buffer: inout ByteBuffer) {
        var writer = self.writer(to: query, in: message, over: .udp, &buffer)
        writer.truncate()
        buffer = writer.finish(.noError, isAuthoritative: true)
    }

    private func writer(to query: Query, in message: Span<UInt8>, over transport: Transport, _ buffer: inout ByteBuffer) -> AnswerWriter {
        // The buffer is moved out and back, so that it has only one owner and its memory is used again.
        var taken = ByteBuffer()
        swap(&taken, &buffer)
        return AnswerWriter(
            to: query, in: message, limit: transport.limit(for: query), leadingBytes: transport.leadingBytes, buffer: taken)
    }

    private func answer(to query: Query, in message: Span<UInt8>, over transport: Transport, _ buffer: inout ByteBuffer) -> Outcome {
        var writer = self.writer(to: query, in: message, over: transport, &buffer)
        if let code = Self.objection(to: query) {
            return Self.finish(writer, code, isAuthoritative: false, subject: .failure, query, &buffer)
        }
        let name = message.extracting(Query.nameStart..<(Query.nameStart + query.nameBytes))
        switch self.source.find(name) {
        case .unknown:
            return Self.finish(writer, .serverFailure, isAuthoritative: false, subject: .failure, query, &buffer)
        case .outside:
            return Self.finish(writer, .refused, isAuthoritative: false, subject: .failure, query, &buffer)
        case .impossible(let zone, let serial):
            writer.writeAbsence(of: query, in: zone, serial: serial)
            return Self.finish(writer, .nameError, isAuthoritative: true, subject: .absence(zone: zone.origin), query, &buffer)
        case .records(let records, let zone, let serial):
            writer.writeRecords(records, for: query, in: zone, serial: serial)
            guard writer.answers == 0, !writer.isTruncated else {
                return Self.finish(writer, .noError, isAuthoritative: true, subject: .name, query, &buffer)
            }
            writer.writeAbsence(of: query, in: zone, serial: serial)
            return Self.finish(writer, .noError, isAuthoritative: true, subject: .absence(zone: zone.origin), query, &buffer)
        }
    }

    /// Why a question is not looked up at all; nil if it is.
    private static func objection(to query: Query) -> ResponseCode? {
        if let edns = query.edns, edns.version > 0 { return .badVersion }
        // Zone transfers (`axfr`, `ixfr`) and other classes than Internet are refused.
        guard query.recordClass == Query.internetClass, query.type != .axfr, query.type != .ixfr else { return .refused }
        if query.type == .opt { return .formatError }
        return query.type.isMeta && query.type != .any ? .notImplemented : nil
    }

    private static func finish(
        _ writer: consuming AnswerWriter, _ code: ResponseCode, isAuthoritative: Bool, subject: Outcome.Subject, _ query: Query,
        _ buffer: inout ByteBuffer
    ) -> Outcome {
        let isTruncated = writer.isTruncated
        buffer = writer.finish(code, isAuthoritative: isAuthoritative)
        return Outcome(code: code, isTruncated: isTruncated, subject: subject, query: query)
    }
}

extension AnswerWriter {
    /// Writes the records of the requested type. Only the addresses of name servers are added without having been asked for.
    fileprivate mutating func writeRecords(_ records: RecordSet, for query: Query, in zone: Zone, serial: UInt32) {
        let isOrigin = query.nameBytes == zone.origin.wire.count
        if query.type == .soa {
            guard isOrigin else { return }
            self.write(zone.startOfAuthority(serial: serial), of: .question(suffixAt: 0), timeToLive: zone.timeToLive, in: .answer)
        } else if query.type == .any {
            // A question for all types is answered by one HINFO record that refers to RFC 8482 (§4.2 there).
            guard isOrigin || !records.data.isEmpty else { return }
            self.write(
                .hinfo(cpu: Array("RFC8482".utf8), system: []), of: .question(suffixAt: 0), timeToLive: zone.timeToLive, in: .answer)
        } else {
            for data in records.data where data.type == query.type {
                self.write(data, of: .question(suffixAt: 0), timeToLive: records.timeToLive, in: .answer)
            }
            if query.type == .ns, self.answers > 0 { self.writeGlue(of: zone) }
        }
    }

    private mutating func writeGlue(of zone: Zone) {
        for (server, addresses) in zone.glue {
            for data in addresses.data {
                self.write(data, of: .name(server), timeToLive: addresses.timeToLive, in: .additional)
            }
        }
    }

    /// Writes the SOA that says how long the absence may be remembered: its TTL is then its minimum (RFC 2308 §3).
    fileprivate mutating func writeAbsence(of query: Query, in zone: Zone, serial: UInt32) {
        let offset = query.nameBytes - zone.origin.wire.count
        self.write(
            zone.startOfAuthority(serial: serial), of: .question(suffixAt: offset),
            timeToLive: min(zone.timeToLive, zone.authority.minimum), in: .authority)
    }
}

extension Transport {
    /// Writes the length of a message into the bytes that were left free before it.
    fileprivate func fillLength(_ bytes: inout ByteBuffer) {
        guard self == .tcp else { return }
        bytes.setInteger(UInt16(truncatingIfNeeded: bytes.readableBytes - self.leadingBytes), at: bytes.readerIndex)
    }
}
