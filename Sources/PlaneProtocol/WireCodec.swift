/// Decodes payloads into messages, and encodes messages into payloads.
package enum WireCodec {
    package static func encode(_ value: some JSONEncodable) -> [UInt8] {
        var writer = JSONWriter()
        value.write(to: &writer)
        return writer.bytes
    }

    /// Decodes a message, and checks that its subject is the one computed from its body.
    package static func decode<Message: PlaneMessage>(
        _: Message.Type = Message.self, from payload: [UInt8], subject: String
    ) throws(MessageError) -> Message {
        let message = try self.decode(Message.self, from: payload)
        let expected = message.subject
        guard expected == subject || self.isOldAssignment(expected) else {
            throw MessageError(expected: "a message for \(expected)", found: "it on \(MessageError.excerpt(subject))", code: .badRequest)
        }
        return message
    }

    /// Decodes a value without a subject, such as a reply or a stored document.
    package static func decode<Value: JSONDecodable>(_: Value.Type = Value.self, from payload: [UInt8]) throws(MessageError) -> Value {
        try Value(json: JSONDocument(payload).root)
    }

    /// Decodes the answer to a request. An error reply is thrown, unless the reply type has a case for it.
    package static func decodeReply<Request: PlaneRequest>(
        to _: Request.Type = Request.self, from payload: [UInt8]
    ) throws(ReplyError) -> Request.Reply {
        let answer: Result<Request.Reply, ErrorReply>
        do {
            answer = try self.answer(from: payload)
        } catch {
            throw .unreadable(error)
        }
        do {
            return try answer.get()
        } catch {
            throw .refused(error)
        }
    }

    private static func answer<Reply: JSONDecodable>(from payload: [UInt8]) throws(MessageError) -> Result<Reply, ErrorReply> {
        let root = try JSONDocument(payload).root
        let error = root.token.kind == .object ? try root.member("Error") : nil
        guard error != nil, !(Reply.self is any ErrorCarryingReply.Type) else { return .success(try Reply(json: root)) }
        return .failure(try ErrorReply(json: root))
    }

    /// Streams of older controllers contain assignments on `state.cluster.<C>.backend.<B>`, so the subject of an assignment is not compared.
    private static func isOldAssignment(_ subject: String) -> Bool {
        subject.hasPrefix("state.cluster.") && subject.hasSuffix(".assignment")
    }
}
