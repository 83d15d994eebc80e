package import NIOCore

/// Turns messages of clients into answers, from what a source knows. No IO: bytes in, bytes out.
///
/// In this order, because each step needs what the one before has made sure of:
/// 1. messages that must not be answered, or cannot be read (`QueryReading`);
/// 2. versions of EDNS that we do not speak;
/// 3. questions that are not about records: other classes, transfers, meta types;
/// 4. names outside of our zones, names that cannot be;
/// 5. records, or that there are none of that type.
package struct Responder<Source: RecordSource>: Sendable {
    private let source: Source
    private let allocator: ByteBufferAllocator

    package init(source: Source, allocator: ByteBufferAllocator = ByteBufferAllocator()) {
        self.source = source
        self.allocator = allocator
    }

    /// The answer to one whole message; nil if it is not to be answered.
    package func response(to message: ByteBuffer, over transport: Transport) -> Response? {
        switch QueryReading(message.readableBytesUInt8Span) {
        case .silence:
            return nil
        case .refusal(let id, let flags, let code):
            var bytes = ByteBuffer.bareHeader(
                id: id, flags: flags, code: code, leadingBytes: transport.leadingBytes, allocator: self.allocator)
            transport.fillLength(&bytes)
            return Response(bytes: bytes, code: code, isTruncated: false, subject: .failure, query: nil)
        case .query(let query):
            let answer = self.answer(to: query, in: message, over: transport)
            var response = answer
            transport.fillLength(&response.bytes)
            return response
        }
    }

    /// An answer without records that sends the client to TCP.
    package func truncated(_ query: Query, in message: ByteBuffer) -> ByteBuffer {
        var writer = self.writer(to: query, in: message, over: .udp)
        writer.truncate()
        return writer.finish(.noError, isAuthoritative: true)
    }

    private func writer(to query: Query, in message: ByteBuffer, over transport: Transport) -> AnswerWriter {
        AnswerWriter(
            to: query, in: message, limit: transport.limit(for: query), leadingBytes: transport.leadingBytes, allocator: self.allocator)
    }

    private func answer(to query: Query, in message: ByteBuffer, over transport: Transport) -> Response {
        var writer = self.writer(to: query, in: message, over: transport)
        if let code = Self.objection(to: query) {
            return Self.response(writer, code, isAuthoritative: false, subject: .failure, query)
        }
        let name = message.readableBytesUInt8Span.extracting(Query.nameStart..<(Query.nameStart + query.nameBytes))
        switch self.source.find(name) {
        case .unknown:
            return Self.response(writer, .serverFailure, isAuthoritative: false, subject: .failure, query)
        case .outside:
            return Self.response(writer, .refused, isAuthoritative: false, subject: .failure, query)
        case .impossible(let zone, let serial):
            writer.writeAbsence(of: query, in: zone, serial: serial)
            return Self.response(writer, .nameError, isAuthoritative: true, subject: .absence(zone: zone.origin), query)
        case .records(let records, let zone, let serial):
            writer.writeRecords(records, for: query, in: zone, serial: serial)
            guard writer.answers == 0, !writer.isTruncated else {
                return Self.response(writer, .noError, isAuthoritative: true, subject: .name, query)
            }
            writer.writeAbsence(of: query, in: zone, serial: serial)
            return Self.response(writer, .noError, isAuthoritative: true, subject: .absence(zone: zone.origin), query)
        }
    }

    /// Why a question is not looked up at all.
    private static func objection(to query: Query) -> ResponseCode? {
        if let edns = query.edns, edns.version > 0 { return .badVersion }
        // No transfers (`axfr`, `ixfr`): whoever may have the list of names reads it from where we do. No other classes either.
        guard query.recordClass == Query.internetClass, query.type != .axfr, query.type != .ixfr else { return .refused }
        if query.type == .opt { return .formatError }
        return query.type.isMeta && query.type != .any ? .notImplemented : nil
    }

    private static func response(
        _ writer: consuming AnswerWriter, _ code: ResponseCode, isAuthoritative: Bool, subject: Response.Subject, _ query: Query
    ) -> Response {
        let isTruncated = writer.isTruncated
        let bytes = writer.finish(code, isAuthoritative: isAuthoritative)
        return Response(bytes: bytes, code: code, isTruncated: isTruncated, subject: subject, query: query)
    }
}

extension AnswerWriter {
    /// The records of the type that is asked for. Nothing is added that was not asked for, but the addresses of name servers.
    fileprivate mutating func writeRecords(_ records: RecordSet, for query: Query, in zone: Zone, serial: UInt32) {
        let isOrigin = query.nameBytes == zone.origin.wire.count
        if query.type == .soa {
            guard isOrigin else { return }
            self.write(zone.startOfAuthority(serial: serial), of: .question(suffixAt: 0), timeToLive: zone.timeToLive, in: .answer)
        } else if query.type == .any {
            // Instead of all there is, one record that says where it is said that there will not be more (RFC 8482 §4.2).
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

    /// The SOA that says how long the absence may be remembered: its TTL is then its minimum (RFC 2308 §3).
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
